"""Which patients a person has a relation with: of care, as a proxy, or as the patient.

Spec: 45 CFR 164.502(b), minimum necessary; what makes a relation of care is in
`fhirserver.store.care_relation`
"""

from __future__ import annotations

from collections.abc import Sequence

from fhirserver.access import ROLES
from fhirserver.definitions import Definitions
from fhirserver.store.care_relation import related_patients
from fhirserver.store.statement import StoreConnection

GRACE_US = 30 * 86_400 * 1_000_000
"""How long a relation of care outlives the encounter, team or appointment that made it."""
CONFINED = tuple(sorted(role.name for role in ROLES.values() if role.confined))
_CLINICIANS = ("Practitioner", "PractitionerRole")


def clinician_of(user: str | None, role: str | None) -> tuple[str, str] | None:
    """Give type and id of a person who is confined to those whom it treats; None for others.

    Args:
        user: relative reference of the person; None for nobody of whom there is a resource.
        role: of the person; None for a client of its own.
    """
    type_, _, id_ = (user or "").partition("/")
    return (type_, id_) if role in CONFINED and type_ in _CLINICIANS else None


def treated(
    connection: StoreConnection,
    definitions: Definitions,
    user: str | None,
    role: str | None,
    now_us: int,
) -> tuple[str, ...]:
    """Give the patients that a person treats, by logical id; none for who is not confined to them.

    Args:
        connection: in any transaction state.
        definitions: number types and search parameters.
        user: see `clinician_of`.
        role: see `clinician_of`.
        now_us: epoch microseconds.
    """
    clinician = clinician_of(user, role)
    if clinician is None:
        return ()
    return related_patients(connection, definitions, clinician, now_us=now_us, grace_us=GRACE_US)


def patients_in_reach(
    user: str | None, role: str | None, treated: Sequence[str], listed: Sequence[str]
) -> tuple[str, ...] | None:
    """Give the patients that somebody has a relation with, by logical id. Pure.

    Args:
        user: see `clinician_of`.
        role: see `clinician_of`.
        treated: patients that the person treats.
        listed: patients that the account lists, for a proxy.

    Returns:
        None where the role is confined to none.
    """
    if role not in ROLES:
        return ()
    if role not in CONFINED:
        return None
    kind, _, id_ = (user or "").partition("/")
    own = (id_,) if kind == "Patient" else ()
    return tuple(dict.fromkeys((*own, *treated, *listed)))
