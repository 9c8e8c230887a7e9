"""All rows of a few resources, written out; parameters by code."""

from decimal import Decimal
from typing import Any

from fhirserver.definitions import r4
from fhirserver.model.instant import interval_us
from fhirserver.search.extract import LocalReference, extract
from fhirserver.search.keys import system_key

LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
STATUS = "http://hl7.org/fhir/observation-status"
GENDER = "http://hl7.org/fhir/administrative-gender"

BODY_HEIGHT = {
    "resourceType": "Observation",
    "id": "height",
    "meta": {"profile": ["http://hl7.org/fhir/StructureDefinition/bodyheight"]},
    "status": "final",
    "category": [{"coding": [{"system": CATEGORY, "code": "vital-signs"}]}],
    "code": {
        "coding": [{"system": LOINC, "code": "8302-2", "display": "Body Height"}],
        "text": "Body Height",
    },
    "subject": {"reference": "Patient/eve"},
    "encounter": {"reference": "Encounter/e1"},
    "effectiveDateTime": "2010-09-16T12:21:06+02:00",
    "valueQuantity": {"value": Decimal("167.7"), "unit": "cm", "system": UCUM, "code": "cm"},
}

EVE = {
    "resourceType": "Patient",
    "id": "eve",
    "identifier": [{"system": "http://mrn", "value": "12"}],
    "active": True,
    "name": [{"family": "Ó Néill", "given": ["Eve"]}],
    "telecom": [{"system": "phone", "value": "555-1"}],
    "gender": "female",
    "birthDate": "1980-02-29",
    "address": [{"city": "Reno", "country": "US"}],
    "managingOrganization": {"reference": "Organization/o"},
}


def golden(resource: dict[str, Any]) -> dict[str, set[tuple[Any, ...]]]:
    """Rows by table, with the code in place of the number."""
    rows = extract(resource, definitions=r4(), base_url=None)
    code = {
        each.id: each.code for each in r4().search_parameters(resource["resourceType"]).values()
    }
    tables = ("token", "string", "date", "reference", "quantity", "composite")
    named = {table: {(code[row[0]], *row[1:]) for row in getattr(rows, table)} for table in tables}
    return named | {"present": {(code[sp],) for sp in rows.present}}


def test_an_observation() -> None:
    centimetres = (system_key(UCUM), "cm", "cm", Decimal("167.7"), Decimal("167.7"))
    metres = ("m", Decimal("1.677"), Decimal("1.677"))
    texts = (str(system_key(UCUM)), "cm", "cm", "167.7", "167.7", "m", "1.677", "1.677")
    paired = ("code-value-quantity", system_key(LOINC), "8302-2", None, None, *texts, *[None] * 6)
    assert golden(BODY_HEIGHT) == {
        "token": {
            ("_profile", 0, "http://hl7.org/fhir/StructureDefinition/bodyheight"),
            ("status", system_key(STATUS), "final"),
            ("category", system_key(CATEGORY), "vital-signs"),
            ("code", system_key(LOINC), "8302-2"),
            ("combo-code", system_key(LOINC), "8302-2"),
        },
        "string": {
            ("code", "body height", "Body Height"),
            ("combo-code", "body height", "Body Height"),
        },
        "date": {("date", *interval_us("2010-09-16T10:21:06Z"))},
        "reference": {("subject", "Patient", "eve"), ("encounter", "Encounter", "e1")},
        "quantity": {
            ("value-quantity", *centimetres, *metres),
            ("combo-value-quantity", *centimetres, *metres),
        },
        "composite": {paired},
        "present": {
            ("_profile",), ("status",), ("category",), ("code",), ("combo-code",), ("date",),
            ("subject",), ("patient",), ("encounter",), ("value-quantity",),
            ("combo-value-quantity",), ("code-value-quantity",),
        },
    }  # fmt: skip
    rows = extract(BODY_HEIGHT, definitions=r4(), base_url=None)
    assert rows.patients == [("Patient", "eve")]
    assert rows.references == [
        LocalReference("Observation.subject", "Patient", "eve", None),
        LocalReference("Observation.encounter", "Encounter", "e1", None),
    ]
    assert rows.main_date == interval_us("2010-09-16T10:21:06Z")[0]


def test_a_patient() -> None:
    assert golden(EVE) == {
        "token": {
            ("identifier", system_key("http://mrn"), "12"),
            ("active", 0, "true"),
            ("telecom", 0, "555-1"),
            ("phone", 0, "555-1"),
            ("gender", system_key(GENDER), "female"),
            ("deceased", 0, "false"),
        },
        "string": {
            ("name", "o neill", "Ó Néill"),
            ("name", "eve", "Eve"),
            ("family", "o neill", "Ó Néill"),
            ("given", "eve", "Eve"),
            ("address", "reno", "Reno"),
            ("address", "us", "US"),
            ("address-city", "reno", "Reno"),
            ("address-country", "us", "US"),
        },
        "date": {("birthdate", *interval_us("1980-02-29"))},
        "reference": {("organization", "Organization", "o")},
        "quantity": set(),
        "composite": set(),
        "present": {
            ("identifier",), ("active",), ("telecom",), ("phone",), ("gender",), ("deceased",),
            ("name",), ("family",), ("given",), ("address",), ("address-city",),
            ("address-country",), ("birthdate",), ("organization",),
        },
    }  # fmt: skip
