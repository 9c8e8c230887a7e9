"""What DeviceUseStatement and Encounter say of whose devices and beds are. DEV-23."""

from __future__ import annotations

from typing import Any

import pytest

from fhirserver_device_bridge.fhir.assigned import last_updated, said_by

MR = {"coding": [{"code": "MR"}]}
PATIENT = {
    "resourceType": "Patient",
    "id": "p",
    "identifier": [
        {"value": "no system"},
        {"system": "urn:old", "value": "0", "use": "old"},
        {"system": "urn:other", "value": "9"},
        {"system": "urn:hosp", "value": "1", "type": MR},
    ],
}
DEVICE = {
    "resourceType": "Device",
    "id": "d",
    "identifier": [{"system": "urn:eui", "value": "00-01"}, {"value": "M1"}],
}
BED = {
    "resourceType": "Location",
    "id": "b",
    "identifier": [{"system": "urn:beds", "value": "ICU^2^A^North"}, {"value": "not a bed"}],
}
START, END = "2026-05-04T08:00:00+02:00", "2026-05-04T09:00:00Z"
SHOWN = "urn:hosp|1 06:00-09:00"


def statement(**elements: Any) -> dict[str, Any]:
    return {
        "resourceType": "DeviceUseStatement",
        "id": "s",
        "meta": {"lastUpdated": "2026-05-04T10:00:00.123Z"},
        "status": "active",
        "subject": {"reference": "Patient/p"},
        "device": {"reference": "http://x.test/fhir/Device/d"},
        "timingPeriod": {"start": START, "end": END},
        **elements,
    }


def encounter(location: dict[str, Any] | None = None, **elements: Any) -> dict[str, Any]:
    place = {"location": {"reference": "Location/b"}, **(location or {})}
    return {
        "resourceType": "Encounter",
        "id": "e",
        "status": "in-progress",
        "class": {"code": "IMP"},
        "subject": {"reference": "Patient/p"},
        "period": {"start": START, "end": END},
        "location": [place],
        **elements,
    }


def said(resource: dict[str, Any]) -> list[str]:
    """Show what a resource says: whose, from when to when, and of what."""
    entries = [{"resource": each} for each in (resource, PATIENT, DEVICE, BED)]
    (found,) = said_by({"entry": entries}, resource["resourceType"]).values()
    return [
        f"{each.patient.system}|{each.patient.value} {each.start:%H:%M}-"
        f"{f'{each.end:%H:%M}' if each.end else ''} "
        + ", ".join(one.value for one in each.devices)
        + ("" if each.place is None else f"{each.place.room}/{each.place.bed}")
        for each in found
    ]


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        pytest.param({}, f"{SHOWN} 00-01", id="a-period"),
        pytest.param({"status": "completed"}, f"{SHOWN} 00-01", id="completed"),
        pytest.param({"timingPeriod": {"start": START}}, "urn:hosp|1 06:00- 00-01", id="open"),
        pytest.param({"timingPeriod": None, "timingDateTime": START},
                     "urn:hosp|1 06:00- 00-01", id="from-a-time-on"),
        pytest.param({"subject": {"type": "Patient", "identifier": PATIENT["identifier"][2]}},
                     "urn:other|9 06:00-09:00 00-01", id="a-patient-by-identifier"),
        pytest.param({"device": {"identifier": {"system": "urn:x", "value": "M7"}}},
                     f"{SHOWN} M7",
                     id="a-device-by-identifier"),
        pytest.param({"status": "entered-in-error"}, None, id="entered-in-error"),
        pytest.param({"status": "intended"}, None, id="intended"),
        pytest.param({"status": "completed", "timingPeriod": {"start": START}}, None,
                     id="over-since-nobody-knows-when"),
        pytest.param({"timingPeriod": {"start": "2026-05-04"}}, None, id="a-day-is-not-guessed-at"),
        pytest.param({"timingPeriod": {"start": START, "end": "2026-05-04"}}, None,
                     id="an-end-on-a-day"),
        pytest.param({"timingPeriod": {"end": END}}, None, id="no-start"),
        pytest.param({"timingPeriod": None, "timingTiming": {}}, None, id="a-schedule"),
        pytest.param({"subject": {"reference": "Group/p"}}, None, id="a-group"),
        pytest.param({"subject": {"reference": "Patient/unknown"}}, None, id="an-unknown-patient"),
        pytest.param({"device": {"identifier": {"value": "M7"}}}, None,
                     id="a-number-without-a-system-may-be-any-device"),
        pytest.param({"device": {"reference": "Device/unknown"}}, None, id="an-unknown-device"),
    ],
)  # fmt: skip
def test_device_use_statement(elements: dict[str, Any], expected: str | None) -> None:
    present = {name: each for name, each in statement(**elements).items() if each is not None}
    assert said(present) == ([] if expected is None else [expected])


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        pytest.param(encounter(), f"{SHOWN} 2/A", id="the-stay-s-own-period"),
        pytest.param(encounter({"period": {"end": "2026-05-04T07:00:00Z"}}),
                     "urn:hosp|1 06:00-07:00 2/A", id="the-bed-s-end"),
        pytest.param(encounter(period={"start": START}), "urn:hosp|1 06:00- 2/A", id="open"),
        pytest.param(encounter(status="finished"), f"{SHOWN} 2/A", id="finished"),
        pytest.param(encounter(status="finished", period={"start": START}), None,
                     id="over-since-nobody-knows-when"),
        pytest.param(encounter({"status": "completed"}, period={"start": START}), None,
                     id="left-nobody-knows-when"),
        pytest.param(encounter({"status": "reserved"}), None, id="reserved"),
        pytest.param(encounter(status="cancelled"), None, id="cancelled"),
        pytest.param(encounter(status="planned"), None, id="planned"),
        pytest.param(encounter({"location": {"reference": "Location/x"}}), None, id="no-bed"),
    ],
)  # fmt: skip
def test_encounter(resource: dict[str, Any], expected: str | None) -> None:
    assert said(resource) == ([] if expected is None else [expected])


def test_what_was_updated_last_is_known_of_its_type_alone() -> None:
    entries = [{"resource": statement()}, {"resource": {**DEVICE, "meta": {"lastUpdated": END}}}]
    last = last_updated({"entry": entries}, "DeviceUseStatement")
    assert last is not None
    assert last.isoformat() == "2026-05-04T10:00:00.123000+00:00"
    assert last_updated({}, "DeviceUseStatement") is None
