"""Literal references with their FHIRPath locations, wherever they stand.

Spec: https://hl7.org/fhir/R4/references.html#literal
"""

from typing import Any

import pytest

from fhirserver.definitions import r4
from fhirserver.search.extract import extract

PATIENT = {"reference": "Patient/p"}
EXTENSION = {"url": "http://e", "valueReference": PATIENT}


@pytest.mark.parametrize(
    ("resource", "paths"),
    [
        pytest.param(
            {"resourceType": "Observation", "subject": PATIENT},
            ["Observation.subject"],
            id="element",
        ),
        pytest.param(
            {"resourceType": "Encounter", "participant": [{}, {"individual": PATIENT}]},
            ["Encounter.participant[1].individual"],
            id="list",
        ),
        pytest.param(
            {"resourceType": "MedicationRequest", "medicationReference": PATIENT},
            ["MedicationRequest.medication"],
            id="choice",
        ),
        pytest.param(
            {"resourceType": "ServiceRequest", "locationReference": [PATIENT]},
            ["ServiceRequest.locationReference[0]"],
            id="looks-like-a-choice",
        ),
        pytest.param(
            {"resourceType": "Patient", "extension": [EXTENSION]},
            ["Patient.extension[0].value"],
            id="extension",
        ),
        pytest.param(
            {"resourceType": "Patient", "_birthDate": {"extension": [EXTENSION]}},
            ["Patient.birthDate.extension[0].value"],
            id="extension-of-a-primitive",
        ),
        pytest.param(
            {"resourceType": "Patient", "name": [{"_given": [None, {"extension": [EXTENSION]}]}]},
            ["Patient.name[0].given[1].extension[0].value"],
            id="extension-of-a-primitive-in-a-list",
        ),
        pytest.param(
            {
                "resourceType": "Observation",
                "contained": [{"resourceType": "Device", "patient": PATIENT}],
                "focus": [PATIENT],
            },
            ["Observation.focus[0]", "Observation.contained[0].patient"],
            id="contained",
        ),
        pytest.param(
            {"resourceType": "List", "entry": [{"item": PATIENT}]},
            ["List.entry[0].item"],
            id="entry",
        ),
        pytest.param(
            {
                "resourceType": "Bundle",
                "entry": [{"resource": {"resourceType": "Observation", "subject": PATIENT}}],
            },
            [],
            id="bundle-entries-mean-the-bundle",
        ),
        pytest.param(
            {"resourceType": "Immunization", "education": [{"reference": "Patient/p"}]},
            [],
            id="a-uri-called-reference",
        ),
        pytest.param(
            {"resourceType": "Observation", "subject": {"reference": "#p"}}, [], id="fragment"
        ),
        pytest.param(
            {"resourceType": "Observation", "subject": {"reference": "urn:uuid:1"}}, [], id="urn"
        ),
        pytest.param(
            {"resourceType": "Observation", "subject": {"reference": "http://x/Patient/p"}},
            [],
            id="external",
        ),
    ],
)
def test_locations(resource: dict[str, Any], paths: list[str]) -> None:
    found = extract(resource, definitions=r4(), base_url="http://here/fhir").references
    assert found == [(path, "Patient", "p", None) for path in paths]


@pytest.mark.parametrize(
    ("literal", "version"),
    [
        pytest.param("Patient/p/_history/2", "2", id="version"),
        pytest.param("http://here/fhir/Patient/p", None, id="own-absolute"),
        pytest.param("http://here/fhir/Patient/p/_history/2", "2", id="own-absolute-version"),
    ],
)
def test_forms(literal: str, version: str | None) -> None:
    resource = {"resourceType": "Observation", "subject": {"reference": literal}}
    found = extract(resource, definitions=r4(), base_url="http://here/fhir").references
    assert found == [("Observation.subject", "Patient", "p", version)]


@pytest.mark.parametrize(
    ("resource", "found"),
    [
        pytest.param(
            {"resourceType": "Media", "content": {"url": "Binary/1"}},
            [("Media.content.url", "1", None)],
            id="datatypes.html#Attachment",
        ),
        pytest.param(
            {
                "resourceType": "DocumentReference",
                "content": [{}, {"attachment": {"url": "http://here/fhir/Binary/1/_history/2"}}],
                "extension": [{"url": "http://e", "valueAttachment": {"url": "Binary/2"}}],
            },
            [
                ("DocumentReference.content[1].attachment.url", "1", "2"),
                ("DocumentReference.extension[0].value.url", "2", None),
            ],
            id="anywhere",
        ),
        pytest.param({"resourceType": "Media", "content": {"url": "Media/1"}}, [], id="no-binary"),
        pytest.param(
            {"resourceType": "Media", "content": {"url": "http://here/fhir/Binary/1/x"}},
            [],
            id="elsewhere-below-the-base",
        ),
        pytest.param({"resourceType": "Library", "url": "Binary/1"}, [], id="no-attachment"),
    ],
)
def test_attachments_refer_to_binaries(
    resource: dict[str, Any], found: list[tuple[str, str, str | None]]
) -> None:
    rows = extract(resource, definitions=r4(), base_url="http://here/fhir")
    expected = [(path, "Binary", id_, version) for path, id_, version in found]
    assert rows.references == expected
    assert rows.stray == []
