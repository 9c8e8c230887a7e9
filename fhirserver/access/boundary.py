"""What of a type is about certain patients, or about nobody: the boundary of confined access.

Spec: https://hl7.org/fhir/R4/compartmentdefinition-patient.html

    type                           patient/ scopes              user/ scopes of a confined role
    member of the compartment      the patient's compartment    those of the patients related with
    Binary                         by its securityContext       likewise
    in LINKED                      what fulfils its criteria    likewise
    in SHARED                      read and searched            as the role may
    in IMPERSONAL, not SHARED      refused                      as the role may
    any other                      refused                      refused

Membership of the compartment is R4's: only the parameters that its CompartmentDefinition names
make it, so that an Observation is in that of its subject and not of its focus. A resource in the
compartments of several patients is in reach only if all of them are granted.
"""

from functools import lru_cache

from fhirserver.access.decide import Grant
from fhirserver.access.scope import Level, Right, Where, rights_of
from fhirserver.access.type_groups import IMPERSONAL, SHARED
from fhirserver.definitions import r4

PATIENTS = "{patients}"
"""Stands in criteria for the patients, as references."""

LINKED: dict[str, tuple[Where, ...]] = {
    "Device": ((("patient", PATIENTS),), (("patient:missing", "true"),)),
    "Task": ((("patient", PATIENTS),),),
}
"""Types outside the compartment that are about patients nevertheless: criteria, one of which must
hold. One that names no patient is for reading and searching only."""

READING = rights_of("rs")
TYING = frozenset({"Appointment", "CareTeam", "Encounter", "EpisodeOfCare", "Patient"})
"""Types that give relations of care: not for broken glass to write, as they outlast its hour."""


@lru_cache(maxsize=1)
def compartment_types() -> frozenset[str]:
    """Give the types whose resources may lie in a patient's compartment."""
    members = r4().compartment("Patient")
    return frozenset(type_ for type_, parameters in members.items() if parameters)


def confined(
    level: Level, type_: str, right: Right, patients: tuple[str, ...]
) -> tuple[Grant, ...] | None:
    """Say what of a type is in reach of someone who is confined to patients.

    Args:
        level: "patient" or "user", of the scope.
        type_: resource type.
        right: one, that is to be made use of.
        patients: logical ids.

    Returns:
        Grants; none where there are no patients to reach. None where the type is refused.
    """
    if type_ in compartment_types() or type_ == "Binary":
        return (Grant(patients=patients),) if patients else ()
    if type_ in LINKED:
        return tuple(
            Grant(where=_filled(criteria, patients))
            for criteria in LINKED[type_]
            if (patients if _names_patients(criteria) else right in READING)
        )
    if level == "patient":
        return (Grant(),) if type_ in SHARED and right in READING else None
    return (Grant(),) if type_ in IMPERSONAL else None


def _names_patients(criteria: Where) -> bool:
    return any(value == PATIENTS for _, value in criteria)


def _filled(criteria: Where, patients: tuple[str, ...]) -> Where:
    references = ",".join(f"Patient/{id_}" for id_ in patients)
    return tuple((name, references if value == PATIENTS else value) for name, value in criteria)
