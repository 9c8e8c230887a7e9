"""The clinic that all sample patients visit: organisations, locations and practitioners."""

from fhirserver.model.json import JsonObject
from fhirserver.samples.chance import Chance
from fhirserver.samples.codes import HL7, SNOMED, concept, reference
from fhirserver.samples.names import FAMILY, GIVEN_FEMALE, GIVEN_MALE, STREETS, TOWNS

PRACTITIONERS = 12
_SPECIALTIES = (
    ("394814009", "General practice"),
    ("394579002", "Cardiology"),
    ("394583002", "Endocrinology"),
    ("394587001", "Psychiatry"),
)


class Clinic:
    """What patient records refer to.

    Attributes:
        organization: the clinic.
        insurer: who pays for the claims.
        locations: where encounters take place.
        practitioners: who sees patients.
        resources: all of them, each after what it refers to.
    """

    def __init__(self, seed: int) -> None:
        chance = Chance("clinic", seed)
        self.organization = _organization(chance, "Riverbend Community Clinic", "prov")
        self.insurer = _organization(chance, "Common Shield Insurance", "ins")
        self.locations = [
            _location(chance, name, self.organization)
            for name in ("Outpatient department", "Laboratory", "Emergency department")
        ]
        self.practitioners = [_practitioner(chance, number) for number in range(PRACTITIONERS)]
        roles = [
            _role(chance, practitioner, self.organization, number)
            for number, practitioner in enumerate(self.practitioners)
        ]
        self.resources: list[JsonObject] = [
            self.organization,
            self.insurer,
            *self.locations,
            *self.practitioners,
            *roles,
        ]


def _organization(chance: Chance, name: str, kind: str) -> JsonObject:
    return {
        "resourceType": "Organization",
        "id": chance.id(),
        "active": True,
        "type": [concept(f"{HL7}organization-type", kind)],
        "name": name,
        "telecom": [{"system": "phone", "value": f"555-01{chance.randrange(100):02d}"}],
        "address": [address(chance, "work")],
    }


def _location(chance: Chance, name: str, organization: JsonObject) -> JsonObject:
    return {
        "resourceType": "Location",
        "id": chance.id(),
        "status": "active",
        "name": name,
        "mode": "instance",
        "managingOrganization": reference(organization),
    }


def _practitioner(chance: Chance, number: int) -> JsonObject:
    female = chance.happens(0.5)
    given = chance.choice(GIVEN_FEMALE if female else GIVEN_MALE)
    return {
        "resourceType": "Practitioner",
        "id": chance.id(),
        "identifier": [{"system": "urn:fhirserver:sample:practitioner", "value": f"{number:05d}"}],
        "active": True,
        "name": [{"family": chance.choice(FAMILY), "given": [given], "prefix": ["Dr."]}],
        "gender": "female" if female else "male",
    }


def _role(
    chance: Chance, practitioner: JsonObject, organization: JsonObject, number: int
) -> JsonObject:
    code, text = _SPECIALTIES[number % len(_SPECIALTIES)]
    return {
        "resourceType": "PractitionerRole",
        "id": chance.id(),
        "active": True,
        "practitioner": reference(practitioner),
        "organization": reference(organization),
        "specialty": [concept(SNOMED, code, text)],
    }


def address(chance: Chance, use: str) -> JsonObject:
    """Draw a postal address; `use` is its AddressUse, e.g. "home"."""
    city, state, postal_code = chance.choice(TOWNS)
    return {
        "use": use,
        "line": [f"{chance.randrange(1, 400)} {chance.choice(STREETS)}"],
        "city": city,
        "state": state,
        "postalCode": postal_code,
        "country": "US",
    }
