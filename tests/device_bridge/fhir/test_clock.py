"""DEV-18: what a device's clock showed becomes a coincident time stamp of the guide."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fhirserver_device_bridge.fhir import clock as clocks
from fhirserver_device_bridge.fhir import identity
from fhirserver_device_bridge.reading import (
    EUI64,
    MDC,
    ClockReading,
    Coding,
    Identifier,
    Level,
    Moment,
    Reading,
)
from tests.device_bridge.messages import converted, obx, oru

KIND = Coding(MDC, "67975", "MDC_ATTR_TIME_ABS")
AT = Moment("2026-03-14T10:30:00+01:00", "second")
SHOWN = Moment("2026-03-14T10:25:00+01:00", "second")
NTP = Coding(MDC, "532226", "MDC_TIME_SYNC_NTPV4")
GATEWAY = Identifier(EUI64, "FEEDABEEDEAD77C3")
PATH = (Level("mds", identifiers=(Identifier(EUI64, "1122334455667704"),)), Level("channel", "1"))


def told(clock: ClockReading) -> dict[str, Any]:
    reading = Reading("home", 1, (Coding(MDC, "150456"),), PATH, "1", None, clock=clock)
    return clocks.coincident_timestamp(reading, clock)


@pytest.mark.parametrize(
    ("clock", "elements"),
    [
        pytest.param(
            ClockReading(KIND, SHOWN, AT),
            {"effectiveDateTime": AT.text, "valueDateTime": SHOWN.text},
            id="wall-clock",
        ),
        pytest.param(
            ClockReading(KIND, SHOWN, None),
            {"valueDateTime": SHOWN.text},
            id="the-device-is-better-synchronised",
        ),
        pytest.param(
            ClockReading(KIND, Decimal(11_000_125), AT),
            {
                "effectiveDateTime": AT.text,
                "valueQuantity": {
                    "value": Decimal(11_000_125),
                    "unit": "us",
                    "system": "http://unitsofmeasure.org",
                    "code": "us",
                },
            },
            id="counter",
        ),
        pytest.param(
            ClockReading(KIND, None, AT),
            {
                "effectiveDateTime": AT.text,
                "dataAbsentReason": {
                    "coding": [
                        {
                            "system": "http://terminology.hl7.org/CodeSystem/data-absent-reason",
                            "code": "unknown",
                        }
                    ],
                    "text": "Time fault of the device",
                },
            },
            id="time-fault",
        ),
        pytest.param(
            ClockReading(KIND, SHOWN, None, method=NTP),
            {
                "valueDateTime": SHOWN.text,
                "component": [
                    {
                        "code": {
                            "coding": [
                                {
                                    "system": MDC,
                                    "code": "68220",
                                    "display": "MDC_TIME_SYNC_PROTOCOL",
                                }
                            ]
                        },
                        "valueCodeableConcept": {
                            "coding": [
                                {"system": MDC, "code": "532226", "display": "MDC_TIME_SYNC_NTPV4"}
                            ]
                        },
                    }
                ],
            },
            id="how-it-is-set",
        ),
    ],
)
def test_dev_18_elements(clock: ClockReading, elements: dict[str, Any]) -> None:
    made = told(clock)
    of_all = ("resourceType", "identifier", "status", "code", "subject", "device")
    assert {name: part for name, part in made.items() if name not in of_all} == elements
    assert made["status"] == "final"
    assert made["code"]["coding"] == [{"system": MDC, "code": KIND.code, "display": KIND.display}]
    system = identity.device(PATH[:1], "home")
    assert made["subject"] == {"reference": identity.full_url(system)}


@pytest.mark.parametrize(
    ("reader", "found_by"),
    [
        pytest.param(None, ("urn:fhirserver:device-bridge:source", "home"), id="the-bridge"),
        pytest.param(GATEWAY, (EUI64, "FE-ED-AB-EE-DE-AD-77-C3"), id="a-gateway"),
    ],
)
def test_dev_18_who_read_the_clock(reader: Identifier | None, found_by: tuple[str, str]) -> None:
    clock = ClockReading(KIND, SHOWN, AT, reader)
    device = clocks.gateway(clock, "home")
    (identifier,) = device["identifier"]
    assert (identifier["system"], identifier["value"]) == found_by
    assert device["type"]["coding"][0]["code"] == "531981"
    assert told(clock)["device"] == {"reference": identity.full_url(Identifier(*found_by))}


def test_dev_18_a_device_that_reads_its_own_clock_is_described_as_what_it_is() -> None:
    """MSH-3 is the device here, for no OBX-18 names another."""
    system = "OBX|1||69965^MDC_DEV_MON^MDC|1.0.0.0|||||||X"
    row = obx("67975^MDC_ATTR_TIME_ABS^MDC", "1.0.0.1", "20260504095500", kind="DTM", unit="")
    bundle = converted(oru(system, row, obx())).bundle
    assert bundle is not None
    made = [entry["resource"] for entry in bundle["entry"]]
    codes = [
        each["type"]["coding"][0]["code"]
        for each in made
        if each["resourceType"] == "Device" and "parent" not in each
    ]
    assert codes == ["69965"]


def test_dev_18_identity() -> None:
    """Each reading of a clock is another Observation, and the same one in every replay."""
    readings = [
        ClockReading(KIND, SHOWN, AT),
        ClockReading(KIND, AT, AT),
        ClockReading(KIND, None, AT),
        ClockReading(KIND, SHOWN, None),
        ClockReading(KIND, SHOWN, SHOWN),
        ClockReading(Coding(MDC, "68226"), SHOWN, AT),
        ClockReading(KIND, SHOWN, AT, GATEWAY),
    ]
    found = [told(each)["identifier"][0]["value"] for each in readings]
    assert len(set(found)) == len(readings)
    assert found == [told(each)["identifier"][0]["value"] for each in readings]


def test_dev_18_readings_refer_to_it_as_the_guide_s_example_does(test_data: Path) -> None:
    file = test_data / "devices/phd-ig/examples/temperature-observation.json"
    example = json.loads(file.read_bytes())["extension"][1]
    clock = ClockReading(KIND, SHOWN, AT)
    reading = Reading("home", 1, (Coding(MDC, "150456"),), PATH, "1", None, clock=clock)
    (written,) = clocks.reference(reading)
    assert (written["url"], written.keys()) == (example["url"], example.keys())
    assert written["valueReference"].keys() == example["valueReference"].keys()
