"""One patient's whole record."""

from fhirserver.model.json import JsonObject
from fhirserver.samples.clinic import Clinic
from fhirserver.samples.conditions import add_allergy, add_conditions
from fhirserver.samples.person import new_person
from fhirserver.samples.visits import add_visits


def patient_record(clinic: Clinic, seed: int, number: int) -> list[JsonObject]:
    """Write the record of patient `number`.

    Returns:
        Resources, each after those it refers to; the Patient first.
    """
    person = new_person(clinic, seed, number)
    add_conditions(person)
    add_allergy(person)
    add_visits(person)
    return person.resources
