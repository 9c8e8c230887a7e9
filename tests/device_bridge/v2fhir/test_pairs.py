"""Published messages with what another converter makes of them: alike, but for what is told.

The differences are explained in docs/v2-messages.md.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from fhirserver.model.json import parse_json
from fhirserver.validation import validate
from fhirserver_device_bridge.convert import Conversion
from fhirserver_device_bridge.fhir.json_text import decode, encode
from fhirserver_device_bridge.source import MESSAGES, Source
from tests.device_bridge.v2fhir.feed import element, made, message, resources
from tests.device_bridge.v2fhir.samples import FULL, LAB, OTHERS

PAIRS = "devices/v2-converter-pairs"
SOURCE = Source(
    "pairs",
    messages=MESSAGES,
    systems=(("test", "urn:oid:1.1"), ("BCBS", "urn:oid:1.2"), ("", "urn:oid:1.3")),
)
ADT = (1, 2, 3, 4, 5, 6, 7, 8, 11, 13, 14, 28, 31, 40)
READ = {
    **{f"ADT-A{number:02}": "Patient" for number in ADT},
    **{f"SIU-S{number}": "Appointment" for number in (12, 13, 14, 15, 16, 17, 26)},
    **{f"MDM-T{number:02}": "DocumentReference" for number in (1, 2, 5, 6, 9, 10)},
    "ORU-R01": "DiagnosticReport",
    "VXU-V04": "Immunization",
    "ORM-O01": "ServiceRequest",
    "OML-O21": "ServiceRequest",
    "OMG-O19": "Specimen",
}  # fmt: skip


def published(folder: Path, name: str) -> Conversion:
    raw = (folder / PAIRS / f"{name}-01.hl7").read_bytes().removeprefix(b"\xef\xbb\xbf")
    return made(raw.replace(b"\r\n", b"\r").replace(b"\n", b"\r"), SOURCE)


def theirs(folder: Path, name: str, kind: str) -> list[dict[str, Any]]:
    bundle = decode((folder / PAIRS / f"{name}-01-expected.json").read_bytes())
    found = (entry["resource"] for entry in bundle["entry"])
    return [each for each in found if each["resourceType"] == kind]


def faults(conversion: Conversion) -> list[tuple[str, str]]:
    """Give what the server's own validation finds wrong."""
    assert conversion.bundle is not None, (conversion.rejected, conversion.held)
    entries = conversion.bundle["entry"]
    types = {each.get("fullUrl", ""): each["resource"]["resourceType"] for each in entries}
    return [
        (str(issue.expression), str(issue.diagnostics))
        for each in entries
        for issue in validate(parse_json(encode(each["resource"])), entry_types=types)
        if issue.severity in ("error", "fatal")
    ]


@pytest.mark.parametrize("name", READ)
def test_published_messages_become_valid_resources(test_data: Path, name: str) -> None:
    conversion = published(test_data, name)
    assert faults(conversion) == []
    assert resources(conversion, READ[name])


@pytest.mark.parametrize(
    ("kind", "segments"),
    [
        pytest.param("ADT^A01", FULL, id="ADT"),
        pytest.param("ORU^R01", LAB, id="ORU"),
        *(pytest.param(kind, rows, id=kind[:3]) for kind, rows in OTHERS.items()),
    ],
)
def test_our_own_messages_become_valid_resources(kind: str, segments: tuple[str, ...]) -> None:
    assert faults(made(message(kind, *segments))) == []


SAME = [
    ("ADT-A01", "Patient", "gender"),
    ("ADT-A01", "Patient", "birthDate"),
    ("ADT-A01", "Patient", "multipleBirthInteger"),
    ("ADT-A01", "Patient", "maritalStatus.coding.0.code"),
    ("ADT-A01", "Patient", "name.0.family"),
    ("ADT-A01", "Patient", "name.0.prefix"),
    ("ADT-A01", "Patient", "name.0.use"),
    ("ADT-A01", "Patient", "name.0.period"),
    ("ADT-A01", "Patient", "name.1"),
    ("ADT-A01", "Patient", "address.0.state"),
    ("ADT-A01", "Patient", "address.0.postalCode"),
    ("ADT-A01", "Patient", "address.0.type"),
    ("ADT-A01", "Encounter", "class.code"),
    ("ADT-A01", "Encounter", "status"),
    ("ADT-A01", "Encounter", "type.0.coding.0.code"),
    ("ADT-A01", "Encounter", "hospitalization.preAdmissionIdentifier.value"),
    ("ADT-A01", "Encounter", "hospitalization.reAdmission.coding.0.code"),
    ("ADT-A01", "Encounter", "hospitalization.dietPreference.0.coding.0.code"),
    ("ADT-A01", "Encounter", "serviceType.coding.0.code"),
    ("ADT-A01", "Encounter", "participant.0.type.0.coding.0.code"),
    ("ADT-A01", "Encounter", "participant.3.type.0.coding.0.code"),
    ("ADT-A01", "AllergyIntolerance", "code.coding.0.code"),
    ("ADT-A01", "AllergyIntolerance", "category"),
    ("ADT-A01", "AllergyIntolerance", "type"),
    ("ADT-A01", "AllergyIntolerance", "clinicalStatus.coding.0.code"),
    ("ORU-R01", "Observation", "status"),
    ("ORU-R01", "Observation", "code.coding.0.code"),
    ("ORU-R01", "Observation", "code.text"),
    ("ORU-R01", "Observation", "valueCodeableConcept"),
    ("ORU-R01", "Observation", "effectiveDateTime"),
    ("ORU-R01", "Observation", "method"),
    ("ORU-R01", "Observation", "interpretation.0.coding.0.code"),
    ("ORU-R01", "Observation", "referenceRange.0.text"),
    ("VXU-V04", "Immunization", "vaccineCode"),
    ("VXU-V04", "Immunization", "occurrenceDateTime"),
    ("VXU-V04", "Immunization", "doseQuantity"),
    ("VXU-V04", "Immunization", "primarySource"),
    ("VXU-V04", "Immunization", "lotNumber"),
    ("VXU-V04", "Immunization", "expirationDate"),
    ("VXU-V04", "Immunization", "status"),
    ("SIU-S12", "Appointment", "status"),
    ("SIU-S12", "Appointment", "appointmentType.coding.0.code"),
    ("SIU-S12", "Appointment", "comment"),
    ("SIU-S12", "Appointment", "participant.0.status"),
    ("MDM-T02", "DocumentReference", "masterIdentifier.value"),
    ("MDM-T02", "DocumentReference", "status"),
    ("MDM-T02", "DocumentReference", "type.coding.0.code"),
]
"""What both say alike."""


@pytest.mark.parametrize(("name", "kind", "path"), SAME)
def test_both_say_the_same(test_data: Path, name: str, kind: str, path: str) -> None:
    ours = element(resources(published(test_data, name), kind)[0], path)
    expected = element(theirs(test_data, name, kind)[0], path)
    assert ours is not None
    assert json.loads(encode({"": ours})) == json.loads(encode({"": expected}))


DIFFERENT = [
    pytest.param("ADT-A01", "Patient", "address.0.line", id="a-street's-parts-are-one-line"),
    pytest.param("ADT-A01", "Patient", "identifier.#", id="GT1-DB1-IN2-are-not-the-patient's"),
    pytest.param("ADT-A01", "Patient", "telecom.#", id="nor-are-their-telephones"),
    pytest.param("ADT-A01", "AllergyIntolerance", "onsetDateTime", id="AL1-6-is-read"),
    pytest.param("MDM-T02", "DocumentReference", "docStatus", id="AU-is-authenticated"),
    pytest.param("ADT-A40", "Linkage", "", id="a-merge-is-Patient.link"),
    pytest.param("ORU-R01", "DiagnosticReport", "extension", id="notes-of-the-order"),
    pytest.param("SIU-S12", "Appointment", "start", id="the-offset-that-was-sent"),
    pytest.param("SIU-S12", "Appointment", "minutesDuration", id="of-the-service"),
    pytest.param("VXU-V04", "Immunization", "encounter", id="an-encounter-is-named-not-made"),
]


@pytest.mark.parametrize(("name", "kind", "path"), DIFFERENT)
def test_differences_that_are_told_are_there(
    test_data: Path, name: str, kind: str, path: str
) -> None:
    ours = resources(published(test_data, name), kind)
    assert [element(each, path) for each in ours[:1] if path] != [
        element(each, path) if path else kind for each in theirs(test_data, name, kind)[:1]
    ]
