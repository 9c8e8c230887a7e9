"""Whose readings they are by what was given to whom by hand. DEV-23."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from fhirserver_device_bridge.alarms import recording
from fhirserver_device_bridge.alarms.alarm import Alarm, Condition
from fhirserver_device_bridge.assignments import Assignment
from fhirserver_device_bridge.convert import convert
from fhirserver_device_bridge.reading import Identifier, Level, Location
from fhirserver_device_bridge.whereabouts import Whereabouts
from tests.device_bridge.admissions import (
    BED_1,
    BEDSIDE,
    NOW,
    ONE,
    TWO,
    adt,
    charted,
    hour,
    oru,
    told,
)

DEVICE = (Identifier("urn:fhirserver:device-bridge:source:icu", "M1"),)
BED = Location("ICU", "1", "A")


def day(hours: int) -> datetime:
    return NOW.replace(hour=hours)


def given(
    patient: str,
    start: int,
    end: int | None = None,
    devices: tuple[Identifier, ...] = DEVICE,
    place: Location | None = None,
) -> Assignment:
    until = None if end is None else day(end)
    return Assignment(Identifier("urn:hosp", patient), day(start), until, devices, place)


def knowing(
    *said: Assignment | tuple[Assignment, ...], messages: tuple[bytes, ...] = ()
) -> Whereabouts:
    """Give what is known once each was said, under keys of their own or, as a tuple, under one."""
    known = told(*messages)
    for number, each in enumerate(said):
        is_one = isinstance(each, Assignment)
        known.assignments.learn(str(number if is_one else "one"), (each,) if is_one else each)
    return known


ADMITTED = (adt("A01", 8, (TWO, BED_1)),)


@pytest.mark.parametrize(
    ("known", "at", "bed", "patient"),
    [
        pytest.param(knowing(given("1", 8)), 9, "", "1", id="given"),
        pytest.param(knowing(given("1", 8)), 7, "", "held", id="not-before"),
        pytest.param(knowing(given("1", 8, 10)), 9, "", "1", id="late-data-go-to-whoever-had-it"),
        pytest.param(knowing(given("1", 8, 10)), 10, "", "held", id="taken-back"),
        pytest.param(knowing(given("1", 8, 10), given("2", 10)), 11, "", "2", id="the-next"),
        pytest.param(knowing(given("1", 8), given("2", 9)), 10, "", "held",
                     id="two-are-never-chosen-from"),
        pytest.param(knowing(given("1", 8), given("1", 9)), 10, "", "1", id="the-same-said-twice"),
        pytest.param(knowing((given("1", 8),), (given("2", 8),)), 9, "", "2", id="corrected"),
        pytest.param(knowing((given("1", 8),), ()), 9, "", "held", id="never-been"),
        pytest.param(knowing(given("1", 8, devices=(Identifier("urn:x", "M1"),))), 9, "", "held",
                     id="another-system-is-another-device"),
        pytest.param(knowing(given("1", 8, devices=(Identifier(DEVICE[0].system, "M2"),))), 9, "",
                     "held", id="another-device"),
        pytest.param(knowing(given("1", 8), messages=ADMITTED), 9, BED_1, "1",
                     id="the-device-goes-before-the-bed"),
        pytest.param(knowing(given("1", 10), messages=ADMITTED), 9, BED_1, "2",
                     id="the-bed-where-the-device-was-nobody-s"),
        pytest.param(knowing(given("1", 8, devices=(), place=BED)), 9, BED_1, "1", id="a-bed"),
        pytest.param(knowing(given("1", 8, devices=(), place=BED), messages=ADMITTED), 9, BED_1,
                     "held", id="a-bed-of-which-ADT-says-another"),
        pytest.param(knowing(given("1", 8), messages=(adt("A40", 9, (TWO, ""), prior=ONE),)), 9,
                     "", "2", id="A40-the-record-s-heir"),
    ],
)  # fmt: skip
def test_of_whom_a_device_that_names_nobody_tells(
    known: Whereabouts, at: int, bed: str, patient: str
) -> None:
    assert charted(known, oru(hour(at), bed)) == patient


@pytest.mark.parametrize(
    ("patient", "expected"), [(TWO, "2"), ("2^^^OTHER^MR", "held"), ("7^^^DEVICE^X", "held")]
)
def test_an_identifier_of_a_person_is_always_obeyed(patient: str, expected: str) -> None:
    assert charted(knowing(given("1", 8)), oru(hour(9), "", patient)) == expected


@pytest.mark.parametrize(("start", "is_held"), [("01:00", True), ("00:00", False)])
def test_of_an_hour_that_comes_twice_both_have_to_agree(start: str, is_held: bool) -> None:
    """02:30 of that day in Berlin is 00:30 and 01:30 UTC."""
    source = replace(BEDSIDE, zone=ZoneInfo("Europe/Berlin"))
    since = datetime.fromisoformat(f"2026-10-25T{start}:00+00:00")
    known = knowing(Assignment(Identifier("urn:hosp", "1"), since, devices=DEVICE))
    found = convert(oru("20261025023000", ""), source, NOW, 9, known)
    assert (found.held is not None) == is_held


@pytest.mark.parametrize(
    ("known", "patients"),
    [
        pytest.param(knowing(given("1", 8)), ("Patient?identifier=urn:hosp|1",), id="whose-it-was"),
        pytest.param(knowing(given("1", 8, 9)), (), id="nobody-s-any-more"),
        pytest.param(knowing(), (), id="never-given"),
    ],
)
def test_an_alarm_of_a_device_that_names_nobody(
    known: Whereabouts, patients: tuple[str, ...]
) -> None:
    """It is charted in any case."""
    path = (Level("mds", "1", identifiers=DEVICE),)
    alarm = Alarm(
        id="0" * 64,
        source="icu",
        key="k",
        kind="device",
        said_us=0,
        entry=1,
        changed=NOW,
        condition=Condition(text="low battery", path=path),
        started=day(10).isoformat(),
    )
    found = convert(recording.write(alarm), BEDSIDE, NOW, 9, known)
    assert found.bundle is not None
    assert found.patients == patients
