"""Roles of users: what each may do at most, whatever scopes its apps have.

Rights are per group of types (see `type_groups`), in the letters of scopes; what is not listed is
refused. They hold for `user/` and for `patient/` scopes. Which elements of a type are withheld from
a role, `masks` says. What is labelled as more than ordinary is for those roles that are cleared for
the label (see `clearance`).

A confined role reaches, of what is about people, only patients that it has a relation with: of
care, as the patient or a proxy. The others are narrowed by types alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from fhirserver.access.clearance import CARE, EVERY, ORDINARY
from fhirserver.access.scope import NO_RIGHT, Level, Right, Scope, rights_of
from fhirserver.access.type_groups import GROUPS

_OF_USERS: tuple[Level, ...] = ("patient", "user")
"""Levels of scopes that a role bounds."""
_ALL = rights_of("cruds")
_READ_ONLY = rights_of("rs")
_LOOKED_UP = {"directory": "rs", "substances": "rs", "definitions": "rs"}
_CARE = _LOOKED_UP | {
    "people": "rus", "diagnoses": "crus", "chart": "crus", "answers": "crus", "orders": "crus",
    "visits": "crus", "appointments": "crus", "slots": "rs", "documents": "crus",
    "messages": "crus", "tasks": "crus", "devices": "crus", "consents": "crs", "provenance": "crs",
    "coverage": "rs", "cohorts": "rs", "knowledge": "rs",
}  # fmt: skip
_OWN = _LOOKED_UP | {
    "people": "rs", "diagnoses": "rs", "chart": "rs", "answers": "crus", "orders": "rs",
    "visits": "rs", "appointments": "rs", "slots": "rs", "documents": "rs", "messages": "crs",
    "tasks": "rs", "devices": "rs", "consents": "rs", "provenance": "rs", "audit": "rs",
    "coverage": "rs", "billing": "rs", "cohorts": "rs", "knowledge": "rs",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Role:
    """What the users of one role may do.

    Attributes:
        name: in accounts and tokens.
        title: for a person.
        rights: per type; no entry for a type that it may do nothing with.
        confined: whether it reaches only patients that it has a relation with.
        breaks_glass: whether it may reach others in an emergency.
        administers: accounts, clients, test runs, how searches are run.
        cleared: security labels, beyond the ordinary, that it may see on what is in its reach.
        untrained: which of its rights remain once its training has expired.
    """

    name: str
    title: str
    rights: Mapping[str, Right]
    confined: bool = True
    breaks_glass: bool = False
    administers: bool = False
    cleared: frozenset[str] = ORDINARY
    untrained: Right = _READ_ONLY


def _by_type(groups: Mapping[str, str]) -> dict[str, Right]:
    return {
        type_: rights_of(letters) for group, letters in groups.items() for type_ in GROUPS[group]
    }


_PATIENT = Role("patient", "Patient", _by_type(_OWN), cleared=EVERY, untrained=_ALL)

ROLES = {
    role.name: role
    for role in (
        Role("physician", "Physician", _by_type(_CARE), breaks_glass=True, cleared=CARE),
        Role(
            "nurse",
            "Nurse",
            _by_type(_CARE | {"orders": "rs"}),
            breaks_glass=True,
            cleared=CARE,
        ),
        Role(
            "billing",
            "Billing",
            _by_type(
                _LOOKED_UP
                | {"people": "rs", "diagnoses": "rs", "visits": "rs", "appointments": "rs"}
                | {"coverage": "crus", "billing": "crus"}
            ),
            confined=False,
            untrained=NO_RIGHT,
        ),
        Role(
            "front-desk",
            "Front desk",
            _by_type(
                _LOOKED_UP
                | {"people": "crus", "visits": "crus", "appointments": "crus", "slots": "crus"}
                | {"coverage": "crus", "consents": "crs"}
            ),
            confined=False,
            untrained=NO_RIGHT,
        ),
        Role(
            "researcher",
            "Researcher",
            _by_type(
                _LOOKED_UP
                | {"diagnoses": "rs", "chart": "rs", "answers": "rs", "orders": "rs"}
                | {"visits": "rs", "cohorts": "rs", "knowledge": "rs"}
            ),
            untrained=NO_RIGHT,
        ),
        _PATIENT,
        replace(_PATIENT, name="proxy", title="Proxy of a patient", cleared=ORDINARY),
        Role(
            "administrator",
            "Administrator",
            _by_type(
                dict.fromkeys(("directory", "substances", "definitions", "knowledge"), "cruds")
                | {"slots": "rs", "system": "cruds"}
            ),
            confined=False,
            administers=True,
            cleared=EVERY,
        ),
        Role(
            "auditor",
            "Auditor",
            _by_type(_LOOKED_UP | {"audit": "rs", "provenance": "rs"}),
            confined=False,
            cleared=EVERY,
        ),
    )
}
"""All there are, by name."""


@lru_cache(maxsize=64)
def effective_role(name: str, *, trained: bool) -> Role | None:
    """Give a role as it is in force.

    Args:
        name: of the role.
        trained: whether the user's training is up to date.

    Returns:
        None where there is no such role; it may do nothing.
    """
    role = ROLES.get(name)
    if role is None or trained or role.untrained == _ALL:
        return role
    kept = {type_: rights & role.untrained for type_, rights in role.rights.items()}
    rights = {type_: left for type_, left in kept.items() if left != NO_RIGHT}
    return replace(role, rights=rights, breaks_glass=False, administers=False)


@lru_cache(maxsize=64)
def role_scopes(name: str, *, trained: bool) -> tuple[Scope, ...]:
    """Give what a role allows as scopes, to intersect with what an app asks for."""
    role = effective_role(name, trained=trained)
    rights = {} if role is None else role.rights
    return tuple(
        Scope(level, type_, allowed) for level in _OF_USERS for type_, allowed in rights.items()
    )
