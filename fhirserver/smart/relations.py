"""Which patients a person has a relation with: of care, as a proxy, or as the patient.

Spec: 45 CFR 164.502(b), minimum necessary; what makes a relation of care is in
`fhirserver.store.care_relation`
"""

from __future__ import annotations

from fhirserver.access import ROLES
from fhirserver.definitions import Definitions
from fhirserver.store.care_relation import related_patients
from fhirserver.store.statement import StoreConnection

GRACE_US = 30 * 86_400 * 1_000_000
"""How long a relation of care outlives the encounter, team or appointment that made it."""
_CLINICIANS = ("Practitioner", "PractitionerRole")


def patients_in_reach(
    connection: StoreConnection,
    definitions: Definitions,
    user: str | None,
    role: str | None,
    listed: tuple[str, ...],
    now_us: int,
) -> tuple[str, ...] | None:
    """Give the patients that somebody has a relation with, by logical id.

    Args:
        connection: in any transaction state.
        definitions: number types and search parameters.
        user: relative reference of the person; None for nobody of whom there is a resource.
        role: of the person; None for a client of its own.
        listed: patients that the account lists, for a proxy.
        now_us: epoch microseconds.

    Returns:
        None where the role is confined to none.
    """
    known = ROLES.get(role or "")
    if known is None:
        return ()
    if not known.confined:
        return None
    type_, _, id_ = (user or "").partition("/")
    found: tuple[str, ...] = ()
    if type_ == "Patient":
        found = (id_,)
    elif type_ in _CLINICIANS:
        found = related_patients(
            connection, definitions, (type_, id_), now_us=now_us, grace_us=GRACE_US
        )
    return tuple(dict.fromkeys((*found, *listed)))
