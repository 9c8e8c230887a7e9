"""Conditional interactions: a search that must select one resource, safe against races.

Spec: https://hl7.org/fhir/R4/http.html#ccreate, #cond-update and #cdelete

The lock on the normalised query comes first, as a statement of its own; then the search; then the
write. Of many callers with the same condition one creates and the others find what it created.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from fhirserver.access import AuthContext
from fhirserver.errors import InvalidRequestError, MultipleMatchesError
from fhirserver.interactions.permit import confine, permit
from fhirserver.interactions.request_url import Pairs, parse_pairs
from fhirserver.interactions.searching import parse_search
from fhirserver.interactions.session_database import SessionDatabase
from fhirserver.interactions.types import Services
from fhirserver.store.search import find_matches
from fhirserver.store.write import WriteSession

_CONTROL = frozenset(
    {
        "_count", "_sort", "_summary", "_elements", "_total", "_include", "_revinclude", "_page",
        "_contained", "_containedType",
    }
)  # fmt: skip


class Condition(NamedTuple):
    """A search that selects the resource to change.

    Attributes:
        type: resource type.
        pairs: parameters, decoded.
    """

    type: str
    pairs: Pairs

    @property
    def lock_key(self) -> str:
        """The normalised query: equal for conditions that differ in order or escapes only."""
        return f"{self.type}?{sorted(self.pairs)!r}"


def condition(type_: str, pairs: Sequence[tuple[str, str]]) -> Condition:
    """Check the parameters of a condition.

    Raises:
        InvalidRequestError: there are none, or one that selects nothing.
    """
    if not pairs:
        raise InvalidRequestError(
            f"The condition is empty; name the {type_} by parameters, e.g. identifier=system|value."
        )
    for name, _ in pairs:
        if name.partition(":")[0] in _CONTROL:
            raise InvalidRequestError(
                f"{name} does not select resources and cannot stand in a condition."
            )
    return Condition(type_, tuple(pairs))


def condition_text(type_: str, query: str) -> Condition:
    """Read a condition from a query string, as If-None-Exist carries it.

    Raises:
        InvalidRequestError: malformed, empty, or with a parameter that selects nothing.
    """
    return condition(type_, parse_pairs(query.strip().removeprefix("?")))


def matching_ids(
    services: Services, auth: AuthContext, session: WriteSession, wanted: Condition
) -> list[str]:
    """Find what a condition selects, as far as the caller may know of it.

    Returns:
        Logical ids; two at most, which is enough to know that it is not one.
    """
    permit(services, auth, "search-type", wanted.type)
    inside = replace(services, database=SessionDatabase(services.database, session))
    parsed, context = parse_search(inside, auth, wanted.pairs, (wanted.type,))
    found = find_matches(session.connection, parsed, context, confine(services, auth))
    return [id_ for _, id_ in found]


def only_match(
    services: Services, auth: AuthContext, session: WriteSession, wanted: Condition
) -> str | None:
    """Find the one resource that a condition selects; None where it selects none.

    Raises:
        MultipleMatchesError: it selects several.
    """
    found = matching_ids(services, auth, session, wanted)
    if len(found) > 1:
        raise MultipleMatchesError(
            f"The condition selects several {wanted.type} resources; make it select one."
        )
    return found[0] if found else None
