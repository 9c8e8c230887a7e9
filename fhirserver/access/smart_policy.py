"""The policy of a server with authentication: scopes, role, and whom the user cares for.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html

Each scope is weighed by itself and grants what lies in a boundary of its own; a resource is in
reach if one scope grants it:

    patient/   the launch patient's, bounded by the user's role and relations where there is a user
    user/      what the role may, of patients that the user has a relation with
    system/    what the scope says; for clients without a user

What is not there equals nothing: without a launch patient `patient/` grants nothing, without a
role `user/` does not. What the role is not cleared for by its labels is in nobody's reach but where
the glass is broken (see `clearance`); elements that its role does not need are withheld under
whatever scopes (see `masks`); a client without a user is bound by no labels under
`system/`, and by all under `patient/`. Refused is whoever no scope lets do it to any resource of
the type; whoever may, but has no patient to do it to, is let in and finds nothing.

Pure: relations, broken glass and roles are in `Rights`, put together for each request.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

from fhirserver.access.boundary import READING, TYING, confined
from fhirserver.access.clearance import EVERY, ORDINARY, withheld
from fhirserver.access.context import AuthContext
from fhirserver.access.decide import EVERYTHING, Access, Decision, Grant
from fhirserver.access.masks import Masks, masks_of
from fhirserver.access.needs import NEEDS, Need
from fhirserver.access.rights import Rights
from fhirserver.access.roles import Role, effective_role
from fhirserver.access.scope import ANY_TYPE, LEVELS, NO_RIGHT, Right, Scope, letters_of
from fhirserver.access.scope_text import render

Weighed = tuple[Grant, ...] | str
"""What a scope grants, or why it does not."""
NAMES = {
    Right.CREATE: "create", Right.READ: "read", Right.UPDATE: "update", Right.DELETE: "delete",
    Right.SEARCH: "search",
}  # fmt: skip


def smart_policy(auth: AuthContext, access: Access) -> Decision:
    """Decide on one access. Pure."""
    need = NEEDS.get(access.interaction)
    if need is None:
        return _refused(f"no rule says who may {access.interaction}")
    if need.open:
        return Decision(allowed=True, reason="open to everybody")
    if auth.rights is None:
        return _refused("it needs an access token")
    if need.administers:
        return _as_administrator(auth.rights, need)
    if _is_own_resource(auth.rights, access):
        return Decision(allowed=True, reason="openid fhirUser")
    masks: Masks = {} if auth.rights.role is None else masks_of(auth.rights.role)
    decision = _granted(auth.rights, access, need.right, masks)
    return replace(decision, masks=masks) if masks else decision


def weigh(rights: Rights, role: Role | None, scope: Scope, right: Right, type_: str) -> Weighed:
    """Say what one scope grants of a type.

    Args:
        rights: of the caller.
        role: its role as it is in force.
        scope: one that is for the type.
        right: a single one, which the scope has.
        type_: resource type.
    """
    if scope.level == "patient":
        found = _of_launch_patient(rights, role, right, type_)
    elif scope.level == "user":
        found = _of_user(rights, role, right, type_)
    elif rights.user is not None or rights.role is not None:
        return "system/ scopes are for clients without a user"
    else:
        found = EVERYTHING
    if isinstance(found, str) or not scope.where:
        return found
    return tuple(replace(grant, where=(*grant.where, *scope.where)) for grant in found)


def covers(scope: Scope, right: Right, type_: str) -> bool:
    """Whether a scope is for a type and has a right, whatever its boundary."""
    return scope.type in (type_, ANY_TYPE) and right in scope.rights


def sufficient(rights: Rights, right: Right, type_: str) -> str:
    """Name a scope that would grant a right; "" where none would."""
    role = role_of(rights)
    for level in LEVELS:
        scope = Scope(level, type_, right)
        if not isinstance(weigh(rights, role, scope, right, type_), str):
            return render(scope)
    return ""


def role_of(rights: Rights) -> Role | None:
    """Give the caller's role as it is in force; None where there is none."""
    return None if rights.role is None else effective_role(rights.role, trained=rights.trained)


def _on_type(rights: Rights, right: Right, type_: str) -> Decision:
    grants: list[Grant] = []
    granting: list[Scope] = []
    refusals: list[str] = []
    role = role_of(rights)
    for scope in rights.scopes:
        if not covers(scope, right, type_):
            continue
        found = weigh(rights, role, scope, right, type_)
        if isinstance(found, str):
            refusals.append(found)
        else:
            granting.append(scope)
            grants += found
    if granting:
        told = " ".join(map(_written, granting))
        return Decision(allowed=True, reason=f"scope {told}", grants=_joined(grants))
    reason = refusals[0] if refusals else f"no scope grants {NAMES[right]} on {type_}"
    return _refused(reason, sufficient(rights, right, type_))


def _granted(rights: Rights, access: Access, right: Right | None, masks: Masks) -> Decision:
    """Decide by scopes; who sees a part of something does not replace the whole."""
    if right is None:
        return _at_gate(rights)
    if access.type is None:
        return _on_system(rights, right)
    if access.interaction == "update" and access.type in masks:
        return _refused(
            f"the role does not see {', '.join(masks[access.type])} of {access.type}, which an "
            "update would take away; a patch changes the rest"
        )
    return _on_type(rights, right, access.type)


def _of_launch_patient(rights: Rights, role: Role | None, right: Right, type_: str) -> Weighed:
    if rights.patient is None:
        return "patient/ scopes need a launch patient"
    patients: tuple[str, ...] = (rights.patient,)
    if rights.role is not None or rights.user is not None:
        if not _role_has(role, right, type_):
            return _role_lacks(rights, role, right, type_)
        if role is not None and role.confined and rights.patient not in (rights.patients or ()):
            patients = ()
    cleared = ORDINARY if role is None else role.cleared
    found = _within(confined("patient", type_, right, patients), "patient/", type_, right)
    return found if isinstance(found, str) else _labelled(found, cleared)


def _of_user(rights: Rights, role: Role | None, right: Right, type_: str) -> Weighed:
    if role is None or not _role_has(role, right, type_):
        return _role_lacks(rights, role, right, type_)
    if not role.confined:
        return _labelled(EVERYTHING, role.cleared)
    opened = _opened(rights, role, right, type_)
    # That `patients` is None says nothing for a role that is confined, so here it means nobody.
    patients = tuple(dict.fromkeys((*(rights.patients or ()), *opened)))
    found = _within(confined("user", type_, right, patients), "user/", type_, right)
    if isinstance(found, str):
        return found
    return (*_labelled(found, role.cleared), *_labelled(_about(opened, right, type_), EVERY))


def _labelled(grants: tuple[Grant, ...], cleared: frozenset[str]) -> tuple[Grant, ...]:
    """Keep from grants what is labelled beyond what somebody is cleared for."""
    labels = withheld(cleared)
    return tuple(replace(each, withheld=labels) for each in grants) if labels else grants


def _about(patients: tuple[str, ...], right: Right, type_: str) -> tuple[Grant, ...]:
    """Give what is about patients and not in reach without them."""
    anyway = confined("user", type_, right, ()) or ()
    found = confined("user", type_, right, patients) or ()
    return tuple(each for each in found if each not in anyway)


def _within(found: tuple[Grant, ...] | None, level: str, type_: str, right: Right) -> Weighed:
    if found is not None:
        return found
    return f"{level} scopes do not reach {type_} to {NAMES[right]}: it is in no compartment"


def _role_has(role: Role | None, right: Right, type_: str) -> bool:
    return role is not None and right in role.rights.get(type_, NO_RIGHT)


def _role_lacks(rights: Rights, role: Role | None, right: Right, type_: str) -> str:
    if role is None:
        return "the user has no role that is known here"
    expired = "" if rights.trained else " since the training expired"
    return f"the role {role.name} has no right to {NAMES[right]} {type_}{expired}"


def _opened(rights: Rights, role: Role, right: Right, type_: str) -> tuple[str, ...]:
    """Give the patients for whom the glass is broken to make use of a right on a type."""
    if not role.breaks_glass or (type_ in TYING and right not in READING):
        return ()
    return rights.broken_glass


def _joined(grants: Sequence[Grant]) -> tuple[Grant, ...]:
    """Leave out doubled grants, and all others where one grants everything."""
    found = tuple(grants) if len(grants) == 1 else tuple(dict.fromkeys(grants))
    return EVERYTHING if EVERYTHING[0] in found else found


def _is_own_resource(rights: Rights, access: Access) -> bool:
    return (
        rights.reads_user
        and access.interaction == "read"
        and access.id is not None
        and rights.user == f"{access.type}/{access.id}"
    )


def _on_system(rights: Rights, right: Right) -> Decision:
    """Let in whoever may do it to some type; which resources, each type is asked for."""
    if not any(right in scope.rights for scope in rights.scopes):
        return _refused(f"no scope grants {NAMES[right]}", f"user/*.{letters_of(right)}")
    grants = EVERYTHING if _is_unbounded(rights, right) else ()
    return Decision(allowed=True, reason="each type is decided on by itself", grants=grants)


def _is_unbounded(rights: Rights, right: Right) -> bool:
    """Whether every resource of every type is in reach."""
    role = role_of(rights)
    return any(
        scope.type == ANY_TYPE
        and right in scope.rights
        and weigh(rights, role, scope, right, ANY_TYPE) == EVERYTHING
        for scope in rights.scopes
    )


def _at_gate(rights: Rights) -> Decision:
    if not rights.scopes:
        return _refused("the access token has no scopes for resources")
    return Decision(allowed=True, reason="what it touches is decided on by itself")


def _as_administrator(rights: Rights, need: Need) -> Decision:
    """Let administrators in, and clients that may do it to everything anyway."""
    role = role_of(rights)
    if role is not None and role.administers and any(_of_users(rights)):
        return Decision(allowed=True, reason=f"the role {role.name}")
    if need.right is not None and _is_unbounded(rights, need.right):
        return Decision(allowed=True, reason="every resource is in reach")
    return _refused("it is for administrators")


def _of_users(rights: Rights) -> Iterator[Scope]:
    return (scope for scope in rights.scopes if scope.level == "user")


def _refused(reason: str, scope: str = "") -> Decision:
    return Decision(allowed=False, reason=reason, grants=(), scope=scope)


@lru_cache(maxsize=4096)
def _written(scope: Scope) -> str:
    return render(scope)
