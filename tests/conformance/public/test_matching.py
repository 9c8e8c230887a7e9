"""The plain reading of searches: what matches, and what does not.

Spec: https://hl7.org/fhir/R4/search.html
"""

from typing import Any

import pytest

from fhirserver_conformance.public.matching import UnreadError, matches, references

OBSERVATION: dict[str, Any] = {
    "resourceType": "Observation",
    "id": "o",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "1-8"}, {"code": "own"}]},
    "subject": {"reference": "Patient/85"},
    "effectivePeriod": {"start": "2020-01-02", "end": "2020-01-03"},
}
PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "85",
    "active": True,
    "birthDate": "1940-03",
    "name": [{"family": "Bosco882", "given": ["Ann"]}],
    "identifier": [{"system": "urn:x", "value": "1"}],
    "generalPractitioner": [{"reference": "Practitioner/9"}],
}


@pytest.mark.parametrize(
    ("resource", "name", "value", "expected"),
    [
        (PATIENT, "_id", "85", True),
        (PATIENT, "_id", "8,9", False),
        (PATIENT, "identifier", "1", True),
        (PATIENT, "identifier", "urn:x|1", True),
        (PATIENT, "identifier", "urn:x|", True),
        (PATIENT, "identifier", "|1", False),
        (PATIENT, "identifier", "urn:y|1", False),
        (PATIENT, "active", "true", True),
        (PATIENT, "active", "false", False),
        (PATIENT, "name", "bosco", True),
        (PATIENT, "name", "ANN", True),
        (PATIENT, "name", "osco", False),
        (PATIENT, "family", "ann", False),
        (PATIENT, "birthdate", "1940", True),
        (PATIENT, "birthdate", "1940-03-01", False),
        (PATIENT, "birthdate", "ge1940-03", True),
        (PATIENT, "birthdate", "gt1940-03", False),
        (PATIENT, "birthdate", "lt1940-03-02", True),
        (PATIENT, "birthdate", "sa1940-02", True),
        (PATIENT, "birthdate", "eb1940-03", False),
        (PATIENT, "birthdate", "ne1940", False),
        (PATIENT, "general-practitioner", "Practitioner/9", True),
        (OBSERVATION, "code", "own", True),
        (OBSERVATION, "code", "|own", True),
        (OBSERVATION, "code", "http://loinc.org|own", False),
        (OBSERVATION, "status", "amended,final", True),
        (OBSERVATION, "status", "amended", False),
        (OBSERVATION, "patient", "85", True),
        (OBSERVATION, "patient", "Patient/85", True),
        (OBSERVATION, "patient", "5", False),
        (OBSERVATION, "patient", "Group/85", False),
        (OBSERVATION, "date", "2020-01", True),
        (OBSERVATION, "date", "2020-01-02", False),
        (OBSERVATION, "date", "le2020-01-02", False),
        (OBSERVATION, "date", "le2020-01-03", True),
        (OBSERVATION, "date", "eb2020-01-04", True),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_parameter(resource: dict[str, Any], name: str, value: str, expected: bool) -> None:
    assert matches(resource, [(name, value)]) is expected


def test_all_parameters_must_hold() -> None:
    assert matches(OBSERVATION, [("patient", "85"), ("status", "final")])
    assert not matches(OBSERVATION, [("patient", "85"), ("status", "amended")])


@pytest.mark.parametrize("name", ["value-quantity", "subject:Patient", "subject.name", "unknown"])
def test_what_is_not_read_is_said(name: str) -> None:
    with pytest.raises(UnreadError, match="Observation"):
        matches(OBSERVATION, [(name, "x")])


def test_references_anywhere() -> None:
    nested = {"a": [{"reference": "A/1"}, {"b": {"reference": "B/2"}}], "reference": {"c": 1}}
    assert list(references(nested)) == ["A/1", "B/2"]
