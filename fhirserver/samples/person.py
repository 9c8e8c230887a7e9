"""A sample patient and what runs through the whole record."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from fhirserver.model.json import JsonObject
from fhirserver.samples.chance import EPOCH, Chance, day
from fhirserver.samples.clinic import Clinic, address
from fhirserver.samples.codes import HL7, coding, reference
from fhirserver.samples.names import FAMILY, GIVEN_FEMALE, GIVEN_MALE


@dataclass(slots=True)
class Person:
    """One patient while the record is being written.

    Attributes:
        chance: the patient's own stream of random numbers.
        clinic: where the record is kept.
        patient: the Patient resource.
        born: date of birth.
        since: when the record starts.
        conditions: keys of `conditions.CONDITIONS` that the patient lives with.
        resources: the record so far, each after what it refers to.
    """

    chance: Chance
    clinic: Clinic
    patient: JsonObject
    born: datetime
    since: datetime
    conditions: list[str] = field(default_factory=list)
    resources: list[JsonObject] = field(default_factory=list)

    @property
    def subject(self) -> JsonObject:
        """A reference to the patient."""
        return reference(self.patient)

    def add(self, resource_type: str, **elements: object) -> JsonObject:
        """Add a resource with an id of its own and give it back."""
        resource: JsonObject = {"resourceType": resource_type, "id": self.chance.id(), **elements}
        self.resources.append(resource)
        return resource


def new_person(clinic: Clinic, seed: int, number: int) -> Person:
    """Draw a patient: anything from an infant to ninety-five, two to ten years of record."""
    chance = Chance("patient", seed, number)
    born = EPOCH - timedelta(days=chance.randrange(200, 95 * 365))
    since = max(born, EPOCH - timedelta(days=chance.randrange(2 * 365, 10 * 365)))
    patient = _patient(chance, clinic, number, born)
    person = Person(chance, clinic, patient, born, since)
    person.resources.append(patient)
    return person


def _patient(chance: Chance, clinic: Clinic, number: int, born: datetime) -> JsonObject:
    female = chance.happens(0.51)
    names = GIVEN_FEMALE if female else GIVEN_MALE
    patient: JsonObject = {
        "resourceType": "Patient",
        "id": chance.id(),
        "identifier": [
            {
                "use": "usual",
                "type": {"coding": [coding(f"{HL7}v2-0203", "MR")]},
                "system": "urn:fhirserver:sample:mrn",
                "value": f"MRN{number:07d}",
            }
        ],
        "active": True,
        "name": [
            {
                "use": "official",
                "family": chance.choice(FAMILY),
                "given": [chance.choice(names), chance.choice(names)],
            }
        ],
        "telecom": [
            {"system": "phone", "value": f"555-{chance.randrange(10**7):07d}", "use": "mobile"}
        ],
        "gender": "female" if female else "male",
        "birthDate": day(born),
    }
    if EPOCH - born > timedelta(days=70 * 365) and chance.happens(0.15):
        patient["deceasedDateTime"] = day(EPOCH)
    patient["address"] = [address(chance, "home")]
    patient["generalPractitioner"] = [reference(chance.choice(clinic.practitioners))]
    patient["managingOrganization"] = reference(clinic.organization)
    return patient
