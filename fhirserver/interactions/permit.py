"""Ask the policy: for one access, or for each type that a search touches."""

from collections.abc import Sequence

from fhirserver.access import Access, AuthContext, Decision
from fhirserver.errors import ForbiddenError
from fhirserver.interactions.grants import granted_of
from fhirserver.interactions.types import Services
from fhirserver.search.granted import Confine, Granted


def permit(
    services: Services,
    auth: AuthContext,
    interaction: str,
    type_: str | None,
    id_: str | None = None,
) -> Decision:
    """Ask the policy for one access.

    Raises:
        ForbiddenError: refused; the reason is the policy's.
    """
    decision = services.policy(auth, Access(interaction, type_, id_))
    if not decision.allowed:
        place = type_ or "the system"
        raise ForbiddenError(
            f"The caller may not {interaction} on {place}: {decision.reason}.",
            headers=_challenge(auth, decision),
        )
    return decision


def confine(services: Services, auth: AuthContext, interaction: str = "search-type") -> Confine:
    """Give what a search asks for each type it touches, as match, include or link of a chain.

    Args:
        services: know the policy, which is asked once for each type.
        auth: the caller.
        interaction: that asks.

    Returns:
        A function of a type: what of it is in reach, () where it is refused. It raises
        ForbiddenError where that cannot be told.
    """
    known: dict[str, tuple[Granted, ...]] = {}

    def granted(type_: str) -> tuple[Granted, ...]:
        found = known.get(type_)
        if found is None:
            decision = services.policy(auth, Access(interaction, type_))
            found = known[type_] = granted_of(services, type_, decision)
        return found

    return granted


def _challenge(auth: AuthContext, decision: Decision) -> Sequence[tuple[str, str]]:
    """Say as RFC 6750 does that the token is not enough, and which scope would be."""
    if auth.rights is None:
        return ()
    scope = f', scope="{decision.scope}"' if decision.scope else ""
    return (("WWW-Authenticate", f'Bearer realm="fhir", error="insufficient_scope"{scope}'),)
