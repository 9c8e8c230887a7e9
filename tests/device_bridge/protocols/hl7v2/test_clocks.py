"""DEV-18: clocks of devices as gateways tell them in PCD-01."""

from decimal import Decimal

import pytest

from fhirserver_device_bridge.protocols.hl7v2.message import parse
from fhirserver_device_bridge.protocols.hl7v2.pcd01 import decode
from fhirserver_device_bridge.reading import EUI64, Identifier, Moment, Reading, Rejected
from tests.device_bridge.messages import WARD, obx, oru

ABSOLUTE = "67975^MDC_ATTR_TIME_ABS^MDC"
RELATIVE = "67983^MDC_ATTR_TIME_REL^MDC"
MICROSECONDS = "264339^MDC_DIM_MICRO_SEC^MDC"
AT = "20260504100000+0000"
OWN = obx(place="1.0.0.2", f14="20260504095959+0000")


def clock(
    code: str = ABSOLUTE, value: str = "20260504095500", *, place: str = "1.0.0.1", unit: str = "",
    kind: str = "DTM", at: str = AT,
) -> str:  # fmt: skip
    return obx(code, place, value, kind=kind, unit=unit, f14=at)


def read(*rows: str, **message: str) -> list[Reading | Rejected]:
    return decode(parse(oru(*rows, **message)), WARD, 7)


SHOWN = "2026-05-04T09:55:00+00:00"
READ = "2026-05-04T10:00:00+00:00"


@pytest.mark.parametrize(
    ("row", "told"),
    [
        pytest.param(clock(), ("67975", SHOWN, READ), id="wall-clock"),
        pytest.param(clock(place="1.0.0.0.1"), ("67975", SHOWN, READ), id="as-a-facet"),
        pytest.param(
            clock("0^MDC_ATTR_TIME_BO^MDC", "20260504045500-0500"),
            ("68226", "2026-05-04T04:55:00-05:00", READ),
            id="with-an-offset-by-name",
        ),
        pytest.param(
            clock("68225^MDC_ATTR_TIME_BO^MDC"), ("68226", SHOWN, READ), id="the-other-code-of-it"
        ),
        pytest.param(clock(at=""), ("67975", SHOWN, None), id="the-device-is-better-synchronised"),
        pytest.param(clock(value=""), ("67975", None, READ), id="time-fault"),
        pytest.param(
            clock(RELATIVE, "3723456000", kind="NM", unit=MICROSECONDS),
            ("67983", Decimal(3723456000), READ),
            id="counter",
        ),
        pytest.param(
            clock(
                *("68072^MDC_ATTR_TIME_REL_HI_RES^MDC", "1.5"),
                kind="NM",
                unit="264320^MDC_DIM_SEC^MDC",
            ),
            ("68072", Decimal("1500000.0"), READ),
            id="counter-in-seconds",
        ),
    ],
)
def test_dev_18_a_clock_is_of_the_readings_of_its_device(
    row: str, told: tuple[str, str | Decimal | None, str | None]
) -> None:
    before, after = read(obx(place="1.5.1.1"), row, OWN)
    assert isinstance(before, Reading)
    assert isinstance(after, Reading)
    found = after.clock
    assert found is not None
    assert before.clock == found
    shown = found.shown.text if isinstance(found.shown, Moment) else found.shown
    assert (found.kind.code, shown, found.at.text if found.at else None) == told
    assert found.reader == Identifier(EUI64, "0011223344556677")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        pytest.param([clock(place="2.0.0.1"), OWN], {}, id="another-device"),
        pytest.param([clock(), obx()], {"observed": ""}, id="no-time-of-its-own"),
        pytest.param([OWN], {}, id="no-clock"),
    ],
)
def test_dev_18_readings_without_a_clock(rows: list[str], message: dict[str, str]) -> None:
    (reading,) = read(*rows, **message)
    assert isinstance(reading, Reading)
    assert reading.clock is None


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        pytest.param(clock(value="noon"), "OBX-5 is no HL7 time", id="no-time"),
        pytest.param(clock(at="noon"), "OBX-14 is no HL7 time", id="no-time-of-the-gateway"),
        pytest.param(clock(RELATIVE, "7", kind="NM"), "MDC_DIM_MICRO_SEC", id="no-unit"),
        pytest.param(
            clock(RELATIVE, "x", kind="NM", unit=MICROSECONDS), "OBX-5 is no number", id="no-number"
        ),
    ],
)
def test_dev_18_a_clock_that_cannot_be_read_is_quarantined(row: str, reason: str) -> None:
    rejected, reading = read(row, OWN)
    assert isinstance(rejected, Rejected)
    assert reason in rejected.reason
    assert isinstance(reading, Reading)
    assert reading.clock is None


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(clock(place="1.5.1.3"), id="of-a-metric"),
        pytest.param(clock("67975^Own test^99L"), id="a-private-code"),
    ],
)
def test_dev_18_what_is_no_clock_of_a_device_stays_a_reading(row: str) -> None:
    found = read(row)
    assert [isinstance(each, Reading) and each.value for each in found] == ["20260504095500"]
