"""Whose readings they are: by identifier, else by the bed at the time of measurement. DEV-23."""

from __future__ import annotations

import pytest

from fhirserver_device_bridge.convert import Conversion, convert
from fhirserver_device_bridge.reading import Location
from fhirserver_device_bridge.source import Source
from tests.device_bridge.admissions import (
    BED_1,
    BED_2,
    BEDSIDE,
    FEED,
    NOW,
    ONE,
    SYSTEMS,
    TWO,
    adt,
    charted,
    hour,
    oru,
    told,
)

A01, A02, A03 = (
    adt("A01", 8, (ONE, BED_1)),
    adt("A02", 10, (ONE, BED_2)),
    adt("A03", 12, (ONE, BED_2)),
)


@pytest.mark.parametrize(
    ("messages", "bed", "at", "patient"),
    [
        pytest.param((), BED_1, 9, "held", id="nothing is known"),
        pytest.param((A01,), BED_1, 9, "1", id="A01: admitted"),
        pytest.param((A01,), BED_1, 7, "held", id="A01: not before"),
        pytest.param((A01,), BED_2, 9, "held", id="A01: in no other bed"),
        pytest.param((A01, A02), BED_2, 11, "1", id="A02: moved"),
        pytest.param((A01, A02), BED_1, 11, "held", id="A02: no longer there"),
        pytest.param((A01, A02), BED_1, 9, "1", id="A02: late data go to the earlier bed"),
        pytest.param((A02, A01), BED_2, 11, "1", id="what happened counts, not what came first"),
        pytest.param((A01, A02, A03), BED_2, 13, "held", id="A03: discharged"),
        pytest.param((A01, A02, A03), BED_2, 11, "1", id="A03: late data"),
        pytest.param((A01, adt("A11", 9, (ONE, ""))), BED_1, 11, "held", id="A11 takes A01 back"),
        pytest.param(
            (A01, A02, adt("A12", 11, (ONE, BED_1))), BED_1, 11, "1", id="A12 takes A02 back"
        ),
        pytest.param(
            (A01, A02, A03, adt("A13", 13, (ONE, BED_2))), BED_2, 14, "1", id="A13 takes A03 back"
        ),
        pytest.param((adt("A08", 8, (ONE, BED_1)),), BED_1, 9, "1", id="A08: first word of them"),
        pytest.param(
            (A01, adt("A08", 9, (ONE, BED_2))), BED_1, 10, "1", id="A08 moves nobody who is known"
        ),
        pytest.param(
            (A01, adt("A01", 9, (TWO, BED_1))), BED_1, 10, "held", id="two are never chosen from"
        ),
        pytest.param(
            (A01, A02, adt("A01", 11, (TWO, BED_1))), BED_1, 12, "2", id="the next in the bed"
        ),
        pytest.param(
            (A01, A02, adt("A01", 11, (TWO, BED_1))), BED_1, 9, "1", id="the one before, late"
        ),
        pytest.param(
            (
                A01,
                adt("A01", 8, (TWO, BED_2)),
                adt("A17", 9, (ONE, BED_2), (TWO, BED_1)),
            ),
            BED_1,
            10,
            "2",
            id="A17: swapped",
        ),
        pytest.param(
            (A01, adt("A40", 9, (TWO, ""), prior=ONE)), BED_1, 10, "2", id="A40: the record's heir"
        ),
        pytest.param(
            (A01, adt("A40", 9, (TWO, ""), prior=ONE), adt("A40", 9, (ONE, ""), prior=TWO)),
            BED_1,
            10,
            "2",
            id="A40: a circle ends",
        ),
        pytest.param(
            (adt("A01", 8, (ONE, f"{BED_1}^North")),), BED_1, 9, "1", id="a facility left out"
        ),
        pytest.param(
            (adt("A01", 8, (ONE, f"{BED_1}^North")),),
            f"{BED_1}^South",
            9,
            "held",
            id="the same bed elsewhere",
        ),
    ],
)
def test_by_bed(messages: tuple[bytes, ...], bed: str, at: int, patient: str) -> None:
    assert charted(told(*messages), oru(hour(at), bed)) == patient


@pytest.mark.parametrize(
    ("raw", "source", "patient"),
    [
        pytest.param(oru(hour(9), patient=TWO), BEDSIDE, "2", id="a named patient comes first"),
        pytest.param(
            oru(hour(9), patient="7^^^NOWHERE^MR"), BEDSIDE, "held", id="named, but by nobody known"
        ),
        pytest.param(oru(hour(9), patient="V1^^^HOSP^VN"), BEDSIDE, "1", id="a visit names nobody"),
        pytest.param(oru(hour(9), bed=""), BEDSIDE, "held", id="neither"),
        pytest.param(
            oru(hour(9), bed=""),
            Source("icu", systems=SYSTEMS, beds=(("M1", Location("ICU", "1", "A")),)),
            "1",
            id="the source knows the device's bed",
        ),
        pytest.param(oru("20260504"), BEDSIDE, "held", id="only a day"),
    ],
)
def test_what_else_may_tell(raw: bytes, source: Source, patient: str) -> None:
    assert charted(told(A01), raw, source) == patient


def test_an_hour_that_exists_twice_must_have_one_patient_both_times() -> None:
    from zoneinfo import ZoneInfo

    local = Source("icu", systems=SYSTEMS, zone=ZoneInfo("Europe/Berlin"))
    admitted = adt("A01", 8, (ONE, BED_1))
    between = b"20261025004500+0000"
    moved = adt("A02", 10, (ONE, BED_2)).replace(b"20260504100000+0000", between)
    assert charted(told(admitted), oru("20261025023000"), local) == "1"
    assert charted(told(admitted, moved), oru("20261025023000"), local) == "held"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        pytest.param(adt("A01", 8, (ONE, "")), "PV1-3 is empty", id="no place"),
        pytest.param(adt("A01", 8, ("7^^^X^MR", BED_1)), "PID-3", id="no authority"),
        pytest.param(adt("A01", 8), "PID is missing", id="nobody"),
        pytest.param(adt("A40", 8, (ONE, "")), "MRG-1 is missing", id="no prior record"),
        pytest.param(
            adt("A01", 8, (ONE, BED_1)).replace(b"20260504080000+0000", b"20260504"),
            "only the day",
            id="no hour",
        ),
    ],
)
def test_a_message_that_cannot_be_used_is_a_dead_letter(raw: bytes, reason: str) -> None:
    rejected = convert(raw, FEED, NOW, 1).rejected
    assert rejected is not None
    assert reason in rejected


def test_only_a_source_that_may_says_who_lies_where() -> None:
    assert convert(A01, BEDSIDE, NOW, 1).rejected is not None
    assert convert(adt("A05", 8, (ONE, BED_1)), FEED, NOW, 1) == Conversion()
