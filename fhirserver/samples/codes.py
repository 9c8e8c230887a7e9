"""Small builders for the datatypes and code systems that the sample uses."""

from decimal import Decimal

from fhirserver.model.json import JsonObject

LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
CVX = "http://hl7.org/fhir/sid/cvx"
UCUM = "http://unitsofmeasure.org"
HL7 = "http://terminology.hl7.org/CodeSystem/"


def coding(system: str, code: str, display: str | None = None) -> JsonObject:
    """Build a Coding."""
    found = {"system": system, "code": code}
    if display is not None:
        found["display"] = display
    return found


def concept(system: str, code: str, text: str | None = None) -> JsonObject:
    """Build a CodeableConcept of one coding; `text` is also its text."""
    found: JsonObject = {"coding": [coding(system, code)]}
    if text is not None:
        found["text"] = text
    return found


def quantity(value: Decimal, unit: str) -> JsonObject:
    """Build a Quantity in UCUM units."""
    return {"value": value, "unit": unit, "system": UCUM, "code": unit}


def reference(resource: JsonObject) -> JsonObject:
    """Build a literal reference to a resource of the sample."""
    return {"reference": f"{resource['resourceType']}/{resource['id']}"}
