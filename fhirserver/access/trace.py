"""How a decision came about, for people: administrators, and developers with a token at hand.

Spec: none; the trace weighs scopes by the same functions as the policy.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from fhirserver.access.clearance import told_withheld
from fhirserver.access.context import AuthContext
from fhirserver.access.decide import Access, Decision, Grant, Policy
from fhirserver.access.needs import NEEDS
from fhirserver.access.rights import Rights
from fhirserver.access.scope import Right, letters_of
from fhirserver.access.scope_text import render
from fhirserver.access.smart_policy import covers, role_of, smart_policy, weigh


@dataclass(frozen=True, slots=True)
class Weighing:
    """One scope of the token, weighed for one access.

    Attributes:
        scope: as written.
        verdict: in words, why it grants or does not.
        grants: what it grants.
    """

    scope: str
    verdict: str
    grants: tuple[Grant, ...] = ()


@dataclass(frozen=True, slots=True)
class Trace:
    """One decision with all that led to it.

    Attributes:
        access: what was wanted.
        needs: in words, e.g. "r on Observation".
        role: name and whether it is confined, in words; "" where there is none.
        weighings: each scope of the token; none where the interaction needs no right on a type.
        decision: as the policy gives it; its `scope` is what would have been enough.
    """

    access: Access
    needs: str
    role: str
    weighings: tuple[Weighing, ...]
    decision: Decision


def trace(auth: AuthContext, access: Access, policy: Policy = smart_policy) -> Trace:
    """Decide on an access and tell how. Pure.

    Args:
        auth: the caller.
        access: what it wants.
        policy: that decides; scopes are weighed as the one of access tokens does.
    """
    need = NEEDS.get(access.interaction)
    right = None if need is None else need.right
    weighings: tuple[Weighing, ...] = ()
    if auth.rights is not None and right is not None and access.type is not None:
        weighings = tuple(_weighings(auth.rights, right, access.type))
    letter = "nothing on a type" if right is None else letters_of(right)
    needs = letter if access.type is None or right is None else f"{letter} on {access.type}"
    return Trace(access, needs, _told_role(auth.rights), weighings, policy(auth, access))


def told(grant: Grant) -> str:
    """Tell a grant in words; of patients only how many, for whoever may not see who they are."""
    parts = []
    if grant.patients is not None:
        parts.append(f"in the compartments of {len(grant.patients)} patients")
    names = ", ".join(name for name, _ in grant.where)
    if names:
        parts.append(f"where {names} fits")
    labels = told_withheld(grant.withheld)
    if labels:
        parts.append(labels)
    return " and ".join(parts) or "every resource"


def _weighings(rights: Rights, right: Right, type_: str) -> Iterator[Weighing]:
    for scope in rights.scopes:
        if not covers(scope, right, type_):
            of = "does not have the right" if right not in scope.rights else "is for another type"
            yield Weighing(render(scope), of)
            continue
        found = weigh(rights, role_of(rights), scope, right, type_)
        if isinstance(found, str):
            yield Weighing(render(scope), found)
        else:
            verdict = "; or ".join(map(told, found)) or "no patient is in reach"
            yield Weighing(render(scope), verdict, found)


def _told_role(rights: Rights | None) -> str:
    role = None if rights is None else role_of(rights)
    if role is None:
        return ""
    return f"{role.name}, {'confined to related patients' if role.confined else 'not confined'}"
