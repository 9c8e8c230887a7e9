"""What vaccinations, appointments, documents and orders become. DEV-31."""

from typing import Any

import pytest

from tests.device_bridge.v2fhir.feed import element, made, message, resources
from tests.device_bridge.v2fhir.samples import OTHERS, PATIENT

CVX = "http://hl7.org/fhir/sid/cvx"
LETTER = "RGVhciBjb2xsZWFndWUsCmdvb2RieWUu"
MADE_OF = {
    "Immunization": "VXU^V04",
    "Appointment": "SIU^S12",
    "DocumentReference": "MDM^T02",
    "ServiceRequest": "ORM^O01",
}


@pytest.mark.parametrize(
    ("made_of", "path", "expected"),
    [
        pytest.param("Immunization", "vaccineCode.coding.0.system", CVX, id="RXA-5"),
        pytest.param("Immunization", "occurrenceDateTime", "2026-05-04", id="RXA-3"),
        pytest.param("Immunization", "doseQuantity.code", "mL", id="RXA-7"),
        pytest.param("Immunization", "primarySource", True, id="RXA-9"),
        pytest.param("Immunization", "performer.0.actor.display", "Ned Nurse", id="RXA-10"),
        pytest.param("Immunization", "location.display", "Clinic", id="RXA-11"),
        pytest.param("Immunization", "lotNumber", "L77", id="RXA-15"),
        pytest.param("Immunization", "expirationDate", "2027-01-01", id="RXA-16"),
        pytest.param("Immunization", "manufacturer.display", "GSK", id="RXA-17"),
        pytest.param("Immunization", "status", "completed", id="RXA-20"),
        pytest.param("Immunization", "route.coding.0.code", "IM", id="RXR-1"),
        pytest.param("Immunization", "programEligibility.0.coding.0.code", "V01", id="OBX-64994-7"),
        pytest.param("Immunization", "fundingSource.coding.0.code", "PHC70", id="OBX-30963-3"),
        pytest.param("Appointment", "status", "booked", id="SCH-25"),
        pytest.param("Appointment", "start", "2026-06-01T09:30:00+02:00", id="AIS-4"),
        pytest.param("Appointment", "end", "2026-06-01T10:15:00+02:00", id="AIS-7"),
        pytest.param("Appointment", "minutesDuration", 45, id="AIS-7-minutes"),
        pytest.param("Appointment", "comment", "Bring glasses\nNo food", id="NTE-3"),
        pytest.param("Appointment", "serviceType.0.coding.0.code", "99", id="AIS-3"),
        pytest.param("Appointment", "participant.0.actor.reference", PATIENT, id="PID"),
        pytest.param("Appointment", "participant.1.actor.display", "Iris Eye", id="AIP-3"),
        pytest.param("Appointment", "participant.2.actor.display", "EYE, 3", id="AIL-3"),
        pytest.param("DocumentReference", "masterIdentifier.value", "D1", id="TXA-12"),
        pytest.param("DocumentReference", "docStatus", "final", id="TXA-17"),
        pytest.param(
            "DocumentReference",
            "content.0.attachment.data",
            LETTER,
            id="OBX-5",
        ),
        pytest.param("DocumentReference", "relatesTo.0.code", "appends", id="TXA-13"),
        pytest.param("DocumentReference", "securityLabel.0.coding.0.code", "R", id="TXA-18"),
        pytest.param("DocumentReference", "context.encounter.0.identifier.value", "V1", id="PV1"),
        pytest.param("ServiceRequest", "status", "active", id="ORC-1"),
        pytest.param("ServiceRequest", "priority", "stat", id="OBR-5"),
        pytest.param("ServiceRequest", "requester.display", "Olga Ord", id="ORC-12"),
        pytest.param("ServiceRequest", "note.0.text", "please hurry", id="NTE-3-of-the-order"),
        pytest.param("ServiceRequest", "reasonCode.0.coding.0.code", "E10", id="DG1-3"),
    ],
)
def test_others(made_of: str, path: str, expected: Any) -> None:
    kind = MADE_OF[made_of]
    (found,) = resources(made(message(kind, *OTHERS[kind])), made_of)
    assert element(found, path) == expected


@pytest.mark.parametrize(
    ("kind", "old", "new", "path", "expected"),
    [
        pytest.param("VXU^V04", "|CP|A", "|CP|D", "status", "entered-in-error", id="RXA-21-D"),
        pytest.param("VXU^V04", "|CP|A", "|RE|A", "status", "not-done", id="RXA-20-refused"),
        pytest.param("SIU^S12", "SIU^S12", "SIU^S15", "status", "cancelled", id="S15-cancels"),
        pytest.param("SIU^S12", "SIU^S12", "SIU^S26", "status", "noshow", id="S26-no-show"),
        pytest.param("MDM^T02", "MDM^T02", "MDM^T11", "status", "entered-in-error", id="T11"),
        pytest.param("MDM^T02", "MDM^T02", "MDM^T10", "relatesTo.0.code", "replaces", id="T10"),
        pytest.param("ORM^O01", "ORC|NW", "ORC|CR", "status", "revoked", id="ORC-1-cancelled"),
    ],
)
def test_events_and_actions(kind: str, old: str, new: str, path: str, expected: str) -> None:
    raw = message(kind, *OTHERS[kind]).replace(old.encode(), new.encode())
    conversion = made(raw)
    assert conversion.bundle is not None
    found = conversion.bundle["entry"][-2]["resource"]
    assert element(found, path) == expected
