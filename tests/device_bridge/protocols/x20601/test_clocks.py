"""DEV-18: where a time stamp of an agent lies on the manager's timeline."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from fhirserver_device_bridge.protocols.x20601 import attributes
from fhirserver_device_bridge.protocols.x20601.attributes import TimeInfo
from fhirserver_device_bridge.protocols.x20601.clocks import (
    OffTimelineError,
    coincidences,
    place,
)
from fhirserver_device_bridge.protocols.x20601.times import (
    AbsoluteTime,
    BaseOffsetTime,
    DeviceTime,
    RelativeTime,
)

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 3, 14, 9, 30, tzinfo=UTC)
SINCE_1900 = int((NOW - datetime(1900, 1, 1, tzinfo=UTC)).total_seconds())
SYNCHRONISED = 0x00E4


def wall(digits: str) -> AbsoluteTime:
    return AbsoluteTime(bytes.fromhex(digits))


def based(seconds: int, fraction: int = 0, offset_min: int = 60) -> BaseOffsetTime:
    return BaseOffsetTime(SINCE_1900 + seconds, fraction, offset_min)


# Stamp, the clock now (None: not shown), whether synchronised -> moment, offset in s.
PLACED: dict[str, tuple[DeviceTime, DeviceTime | None, bool, str, float | None]] = {
    "absolute/right": (
        *(wall("2026031410265300"), wall("2026031410300000"), False),
        *("2026-03-14T10:26:53+01:00", 0),
    ),
    "absolute/with-hundredths": (
        *(wall("2026031410265325"), wall("2026031410300000"), False),
        *("2026-03-14T10:26:53.25+01:00", 0),
    ),
    "absolute/an-hour-behind-is-shifted": (
        *(wall("2026031409265300"), wall("2026031409300000"), False),
        *("2026-03-14T10:26:53+01:00", 3600),
    ),
    "absolute/years-behind-is-shifted": (
        *(wall("2000010100010000"), wall("2000010100030000"), False),
        *("2026-03-14T10:28:00+01:00", 826799220),
    ),
    "absolute/ahead-is-shifted-back": (
        *(wall("2026031410320000"), wall("2026031410400000"), False),
        *("2026-03-14T10:22:00+01:00", -600),
    ),
    "absolute/synchronised-is-believed": (
        *(wall("2026031409265300"), wall("2026031409300000"), True),
        *("2026-03-14T09:26:53+01:00", 0),
    ),
    "absolute/no-clock-shown-is-taken-as-sent": (
        *(wall("2010072115355300"), None, False),
        *("2010-07-21T15:35:53+02:00", None),
    ),
    "absolute/a-clock-that-shows-no-date-does-not-shift": (
        *(wall("2010072115355300"), wall("0000000000000000"), False),
        *("2010-07-21T15:35:53+02:00", None),
    ),
    "base-offset/right": (
        *(based(-187, 0x8000), based(0), False),
        *("2026-03-14T10:26:53.500+01:00", 0),
    ),
    "base-offset/keeps-the-offset-of-the-device": (
        *(based(-187, offset_min=-300), based(0, offset_min=-300), False),
        *("2026-03-14T04:26:53-05:00", 0),
    ),
    "base-offset/shifted": (
        *(based(-3787), based(-3600), False),
        *("2026-03-14T10:26:53+01:00", 3600),
    ),
    "base-offset/no-clock-shown": (based(-60), None, False, "2026-03-14T10:29:00+01:00", None),
    "relative/counts-back-from-now": (
        *(RelativeTime(8000), RelativeTime(88000), False),
        *("2026-03-14T10:29:50.000+01:00", None),
    ),
    "high-resolution/counts-back-from-now": (
        *(RelativeTime(1_500_000, 1_000_000), RelativeTime(3_000_000, 1_000_000), False),
        *("2026-03-14T10:29:58.500+01:00", None),
    ),
}


@pytest.mark.parametrize(
    ("stamp", "now", "synchronised", "text", "offset_s"),
    [pytest.param(*row, id=name) for name, row in PLACED.items()],
)
def test_a_stamp_is_placed(
    stamp: DeviceTime, now: DeviceTime | None, synchronised: bool, text: str, offset_s: float | None
) -> None:
    placed = place(observed(stamp), coincidences(mds(now, synchronised), NOW), NOW, BERLIN)
    assert placed is not None
    assert placed.moment.text == text
    assert placed.text == stamp.text
    assert (None if placed.offset is None else placed.offset.total_seconds()) == offset_s


OFF = {
    "later-than-the-clock": (wall("2026031410310000"), wall("2026031410300000"), "later than"),
    "later-than-the-clock/base-offset": (based(60), based(0), "later than"),
    "later-than-the-counter": (RelativeTime(160000), RelativeTime(80000), "later than"),
    "clock-never-set": (wall("0000000000000000"), None, "no date"),
    "no-decimal-digits": (wall("165f5f5f5f5f5f00"), wall("2026031410300000"), "no date"),
    "thirty-second-of-march": (wall("2026033210300000"), None, "no date"),
    "base-offset-never-set": (BaseOffsetTime(0, 0, 0), None, "is 0"),
    "before-the-calendar": (wall("0001010100000000"), wall("9999123100000000"), "calendar"),
    "counter-of-unknown-state": (RelativeTime(8000), None, "present relative time"),
}


@pytest.mark.parametrize(
    ("stamp", "now", "problem"), [pytest.param(*row, id=name) for name, row in OFF.items()]
)
def test_a_stamp_off_the_timeline_is_not_placed(
    stamp: DeviceTime, now: DeviceTime | None, problem: str
) -> None:
    with pytest.raises(OffTimelineError, match=problem):
        place(observed(stamp), coincidences(mds(now, False), NOW), NOW, BERLIN)


def test_a_clock_that_went_on_since_it_was_read_is_not_ahead() -> None:
    clocks = coincidences(mds(wall("2026031410300000"), False), NOW)
    later = NOW + timedelta(minutes=10)
    placed = place(observed(wall("2026031410395900")), clocks, later, BERLIN)
    assert placed is not None
    assert placed.moment.text == "2026-03-14T10:39:59+01:00"


def test_the_hour_that_exists_twice_is_flagged() -> None:
    placed = place(observed(wall("2026102502300000")), {}, NOW, BERLIN)
    assert placed is not None
    assert (placed.moment.ambiguous, placed.moment.latest) == (True, "2026-10-25T02:30:00+01:00")


def test_no_stamp_is_no_moment() -> None:
    assert place({}, {}, NOW, BERLIN) is None


_STAMPS: dict[Any, int] = {
    AbsoluteTime: attributes.ABSOLUTE_STAMP,
    BaseOffsetTime: attributes.BASE_OFFSET_STAMP,
}
_NOW = {
    attributes.ABSOLUTE_STAMP: attributes.ABSOLUTE_NOW,
    attributes.BASE_OFFSET_STAMP: attributes.BASE_OFFSET_NOW,
    attributes.RELATIVE_STAMP: attributes.RELATIVE_NOW,
    attributes.HIGH_RESOLUTION_STAMP: attributes.HIGH_RESOLUTION_NOW,
}


def stamp_id(time: DeviceTime) -> int:
    if isinstance(time, RelativeTime) and time.ticks_per_s == 1_000_000:
        return attributes.HIGH_RESOLUTION_STAMP
    return _STAMPS.get(type(time), attributes.RELATIVE_STAMP)


def observed(stamp: DeviceTime) -> dict[int, Any]:
    return {stamp_id(stamp): stamp}


def mds(now: DeviceTime | None, synchronised: bool) -> dict[int, Any]:
    info = TimeInfo(SYNCHRONISED if synchronised else 0, 0, 0, 0, 0, 0)
    shown = {} if now is None else {_NOW[stamp_id(now)]: now}
    return {attributes.TIME_INFO: info, **shown}
