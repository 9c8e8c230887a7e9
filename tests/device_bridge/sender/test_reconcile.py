"""What is left of a transaction once it is known what the server has. DEV-23, DEV-24."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from fhirserver_device_bridge.sender.lookup import Resource
from fhirserver_device_bridge.sender.reconcile import (
    AMBIGUOUS,
    UNKNOWN,
    Held,
    draft,
    held,
    reconcile,
)

PATIENT = "Patient?identifier=urn:p|1"
DEVICE = "Device?identifier=urn:d|1"
OBSERVATION = "Observation?identifier=urn:o|1"
SEQUENCE = "urn:fhirserver:device-bridge:sequence"


def observation(second: int, value: int, device: str = "urn:uuid:d") -> Resource:
    return {
        "resourceType": "Observation",
        "extension": [
            {
                "url": SEQUENCE,
                "extension": [
                    {"url": "sent", "valueDateTime": f"2026-01-01T00:00:{second:02}+00:00"},
                    {"url": "journal", "valueDecimal": 1},
                ],
            }
        ],
        "identifier": [{"system": "urn:fhirserver:device-bridge:observation", "value": "o-1"}],
        "status": "final",
        "subject": {"reference": PATIENT},
        "device": {"reference": device},
        "valueQuantity": {"value": value},
    }


def stored_observation(second: int, value: int) -> Resource:
    return {
        **observation(second, value, "Device/7"),
        "subject": {"reference": "Patient/3"},
        "id": "5",
        "meta": {"versionId": "4"},
    }


def bundle() -> dict[str, Any]:
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {
                "fullUrl": "urn:uuid:d",
                "resource": {"resourceType": "Device"},
                "request": {"method": "POST", "url": "Device", "ifNoneExist": DEVICE[7:]},
            },
            {
                "fullUrl": "urn:uuid:o",
                "resource": observation(10, 70),
                "request": {"method": "PUT", "url": OBSERVATION},
            },
            {
                "resource": {"resourceType": "Provenance", "target": [{"reference": "urn:uuid:o"}]},
                "request": {"method": "POST", "url": "Provenance"},
            },
        ],
    }


NEW = {"ifNoneMatch": "*"}
DEVICES = ({"resourceType": "Device", "id": "7"},)
PATIENTS = ({"resourceType": "Patient", "id": "3"},)


def test_conditions_are_those_of_entries_and_of_references() -> None:
    wanted = draft(bundle())
    assert (wanted.patients, wanted.devices, wanted.updated) == (
        {PATIENT},
        {DEVICE},
        {OBSERVATION},
    )


@pytest.mark.parametrize(
    ("devices", "observations", "types", "preconditions", "target"),
    [
        pytest.param((), (), ["Device", "Observation", "Provenance"], NEW, "urn:uuid:o", id="new"),
        pytest.param(DEVICES, (), ["Observation", "Provenance"], NEW, "urn:uuid:o", id="device"),
        pytest.param(
            DEVICES,
            (stored_observation(9, 69),),
            ["Observation", "Provenance"],
            {"ifMatch": 'W/"4"'},
            "Observation/5",
            id="older: replaced under If-Match",
        ),
        pytest.param(DEVICES, (stored_observation(10, 70),), None, {}, "", id="the same: nothing"),
        pytest.param(DEVICES, (stored_observation(9, 70),), None, {}, "", id="says the same"),
        pytest.param(DEVICES, (stored_observation(11, 99),), None, {}, "", id="newer: nothing"),
        pytest.param(
            (), (stored_observation(11, 99),), ["Device"], {}, "", id="nothing told, nothing proven"
        ),
    ],
)
def test_what_is_left(
    devices: tuple[Resource, ...],
    observations: tuple[Resource, ...],
    types: list[str] | None,
    preconditions: dict[str, str],
    target: str,
) -> None:
    given = bundle()
    stored = {PATIENT: PATIENTS, DEVICE: devices, OBSERVATION: observations}
    left = reconcile(draft(given), stored)
    assert given == bundle(), "what was given stays as it is"
    if types is None:
        assert left is None
        return
    assert left is not None
    by_type = {entry["resource"]["resourceType"]: entry for entry in left["entry"]}
    assert list(by_type) == types
    if "Observation" in types:
        entry = copy.deepcopy(by_type["Observation"])
        assert entry["resource"]["subject"] == {"reference": "Patient/3"}
        device = "Device/7" if devices else "urn:uuid:d"
        assert entry["resource"]["device"] == {"reference": device}
        url = "Observation/5" if observations else OBSERVATION
        assert entry["request"] == {"method": "PUT", "url": url, **preconditions}
        assert by_type["Provenance"]["resource"]["target"] == [{"reference": target}]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param((), UNKNOWN, id="none"),
        pytest.param(PATIENTS, None, id="one"),
        pytest.param(PATIENTS * 2, AMBIGUOUS, id="several are never chosen from"),
    ],
)
def test_patients(found: tuple[Resource, ...], expected: Held | None) -> None:
    assert held(draft(bundle()), {PATIENT: found}) == expected


def test_a_server_that_takes_ids_gets_one_for_what_is_new() -> None:
    """Then nobody has to search for it, and two bridges that race meet at the id."""
    stored = {PATIENT: PATIENTS, DEVICE: DEVICES}
    left = reconcile(draft(bundle()), stored, by_id=True)
    assert left is not None
    entry = left["entry"][0]
    assert entry["request"] == {"method": "PUT", "url": "Observation/o-1", **NEW}
    assert entry["resource"]["id"] == "o-1"
    updated = reconcile(
        draft(bundle()), {**stored, OBSERVATION: (stored_observation(9, 1),)}, by_id=True
    )
    assert updated is not None
    assert updated["entry"][0]["request"]["url"] == "Observation/5"


def test_a_number_that_others_gave_is_no_id() -> None:
    """Two hospitals may both have a patient 1."""
    given = bundle()
    entry = next(each for each in given["entry"] if each["request"]["url"] == OBSERVATION)
    entry["resource"]["identifier"][0]["system"] = "urn:oid:1.2.3"
    left = reconcile(draft(given), {PATIENT: PATIENTS, DEVICE: DEVICES}, by_id=True)
    assert left is not None
    assert left["entry"][0]["request"] == {"method": "PUT", "url": OBSERVATION, **NEW}
