"""DEV-18: the Personal Health Device guide's table of time stamps, row by row.

Its columns: type of time, of the current timeline, synchronised, with offset; then what becomes of
the stamp, and whether the Observation of a coincident time stamp is needed. An agent of 20601 has
no UTC without an offset and no local time with one, and says of its clock alone that it is
synchronised: a stamp that is not from the clock's timeline is therefore never believed.
"""

from decimal import Decimal
from pathlib import Path

import pytest

from fhirserver_device_bridge.protocols.x20601 import attributes
from fhirserver_device_bridge.protocols.x20601.attributes import TimeInfo
from fhirserver_device_bridge.protocols.x20601.clock_readings import clock_reading
from fhirserver_device_bridge.protocols.x20601.clocks import OffTimelineError, coincidences, place
from fhirserver_device_bridge.protocols.x20601.nomenclature import names
from fhirserver_device_bridge.protocols.x20601.times import BaseOffsetTime, DeviceTime, RelativeTime
from fhirserver_device_bridge.reading import ClockReading, Moment, Reading
from tests.device_bridge.protocols.x20601.test_clocks import (
    BERLIN,
    NOW,
    based,
    mds,
    observed,
    wall,
)
from tests.device_bridge.protocols.x20601.test_measurements import EXCHANGES, read
from tests.device_bridge.running.test_agents import ASSOCIATE, DESCRIBE, REPORT

READ = "2026-03-14T10:30:00+01:00"
"""What the manager's clock showed, in its zone."""
ABSOLUTE, BASE_OFFSET, RELATIVE, HIGH_RESOLUTION = "67975", "68226", "67983", "68072"
NEVER_SET = wall("0000000000000000")

Told = tuple[str, str | None, str | None] | None
"""Kind of clock, what it showed and when; None for no Observation."""

# Stamp, the clock now, synchronised -> effective time (None: thrown away), what is told.
TIMESTAMPS: dict[str, tuple[DeviceTime | None, DeviceTime | None, bool, str | None, Told]] = {
    "UTC/current/synced/offset/keep": (
        *(based(-187), based(0), True),
        *("2026-03-14T10:26:53+01:00", None),
    ),
    "UTC/current/not-synced/offset/map": (
        *(based(-3787), based(-3600), False),
        *("2026-03-14T10:26:53+01:00", (BASE_OFFSET, "2026-03-14T09:30:00+01:00", READ)),
    ),
    "UTC/current/not-synced/offset/the-device-keeps-its-own": (
        *(based(-3787, offset_min=-300), based(-3600, offset_min=-300), False),
        *("2026-03-14T10:26:53+01:00", (BASE_OFFSET, "2026-03-14T03:30:00-05:00", READ)),
    ),
    "UTC/not-current/synced/offset/throw-away": (based(60), based(0), True, None, None),
    "UTC/not-current/not-synced/offset/throw-away": (based(60), based(0), False, None, None),
    "local/current/synced/no-offset/map": (
        *(wall("2026031409265300"), wall("2026031409300000"), True),
        *("2026-03-14T09:26:53+01:00", (ABSOLUTE, "2026-03-14T09:30:00+01:00", None)),
    ),
    "local/current/not-synced/no-offset/map": (
        *(wall("2026031409265300"), wall("2026031409300050"), False),
        *("2026-03-14T10:26:52+01:00", (ABSOLUTE, "2026-03-14T09:30:00.50+01:00", READ)),
    ),
    "local/current/not-synced/no-offset/within-a-second": (
        *(wall("2026031410265300"), wall("2026031410295900"), False),
        *("2026-03-14T10:26:53+01:00", (ABSOLUTE, "2026-03-14T10:29:59+01:00", READ)),
    ),
    "local/not-current/synced/no-offset/throw-away": (
        *(wall("2026031410310000"), wall("2026031410300000"), True),
        *(None, None),
    ),
    "local/not-current/not-synced/no-offset/throw-away": (
        *(wall("2026031410310000"), wall("2026031410300000"), False),
        *(None, None),
    ),
    "tick-counter/current/map": (
        *(RelativeTime(8000), RelativeTime(88001), False),
        *("2026-03-14T10:29:49.999+01:00", (RELATIVE, "11000125", READ)),
    ),
    "tick-counter/current/synced-or-not": (
        *(RelativeTime(8000), RelativeTime(88000), True),
        *("2026-03-14T10:29:50.000+01:00", (RELATIVE, "11000000", READ)),
    ),
    "tick-counter/current/microseconds": (
        *(RelativeTime(1_500_000, 1_000_000), RelativeTime(3_000_000, 1_000_000), False),
        *("2026-03-14T10:29:58.500+01:00", (HIGH_RESOLUTION, "3000000", READ)),
    ),
    "tick-counter/not-current/throw-away": (
        *(RelativeTime(160_000), RelativeTime(80_000), False),
        *(None, None),
    ),
    "tick-counter/the-clock-is-not-shown/throw-away": (
        *(RelativeTime(8000), None, False),
        *(None, None),
    ),
    "local/the-clock-is-not-shown/time-fault": (
        *(wall("2026031410265300"), None, False),
        *("2026-03-14T10:26:53+01:00", (ABSOLUTE, None, READ)),
    ),
    "local/the-clock-shows-no-date/time-fault": (
        *(wall("2026031410265300"), NEVER_SET, True),
        *("2026-03-14T10:26:53+01:00", (ABSOLUTE, None, READ)),
    ),
    "UTC/the-clock-is-not-shown/time-fault": (
        *(based(-187), None, True),
        *("2026-03-14T10:26:53+01:00", (BASE_OFFSET, None, READ)),
    ),
    "UTC/the-clock-was-never-set/time-fault": (
        *(based(-187), BaseOffsetTime(0, 0, 0), True),
        *("2026-03-14T10:26:53+01:00", (BASE_OFFSET, None, READ)),
    ),
    "no-stamp/time-of-reception": (None, wall("2026031409300000"), False, None, None),
}


@pytest.mark.parametrize(
    ("stamp", "now", "synchronised", "effective", "told"),
    [pytest.param(*row, id=name) for name, row in TIMESTAMPS.items()],
)
def test_dev_18_the_guide_s_table_of_time_stamps(
    stamp: DeviceTime | None,
    now: DeviceTime | None,
    synchronised: bool,
    effective: str | None,
    told: Told,
) -> None:
    values = observed(stamp) if stamp else {}
    shown = mds(now, synchronised)
    clocks = coincidences(shown, NOW)
    try:
        placed = place(values, clocks, NOW, BERLIN)
    except OffTimelineError:
        placed = None
    assert (placed and placed.moment.text) == effective
    if placed is not None or stamp is None:
        assert written(clock_reading(values, clocks, shown, NOW, BERLIN)) == told


def written(reading: ClockReading | None) -> Told:
    if reading is None:
        return None
    shown = reading.shown.text if isinstance(reading.shown, Moment) else reading.shown
    return (
        reading.kind.code,
        str(shown) if isinstance(shown, Decimal) else shown,
        reading.at.text if reading.at else None,
    )


@pytest.mark.parametrize(
    ("protocol", "told"),
    [
        pytest.param(0, None, id="nothing-said"),
        pytest.param(7936, ("532224", "MDC_TIME_SYNC_NONE"), id="none"),
        pytest.param(7938, ("532226", "MDC_TIME_SYNC_NTPV4"), id="NTP"),
        pytest.param(0xF001, ("585729", None), id="private"),
    ],
)
def test_dev_18_how_the_clock_is_set(protocol: int, told: tuple[str, str | None] | None) -> None:
    shown = mds(wall("2026031409300000"), False)
    shown[attributes.TIME_INFO] = TimeInfo(0, protocol, 0, 0, 0, 0)
    values = observed(wall("2026031409265300"))
    reading = clock_reading(values, coincidences(shown, NOW), shown, NOW, BERLIN)
    assert reading is not None
    method = reading.method
    assert (None if method is None else (method.code, method.display)) == told


@pytest.mark.parametrize(
    ("step_s", "microseconds", "at_s"),
    [
        pytest.param(1, 10_000_000, 2, id="it-went-on-as-expected"),
        pytest.param(0, 11_000_000, 0, id="it-did-not-and-the-report-tells-it-anew"),
    ],
)
def test_dev_18_a_counter_is_read_anew_only_where_it_went_astray(
    step_s: int, microseconds: int, at_s: int
) -> None:
    """The report is sent a second later than the description, by the agent's counter."""
    [scanner] = [each for each in EXCHANGES if each["name"] == "ECG, grouped report of a scanner"]
    rate = read([bytes.fromhex(each) for each in scanner["apdus"]], NOW, step_s)[1]
    assert isinstance(rate, Reading)
    assert rate.clock is not None
    assert rate.clock.shown == microseconds
    assert rate.clock.at is not None
    assert rate.clock.at.text == f"2026-03-14T09:30:0{at_s}+00:00"


@pytest.mark.parametrize(
    ("apdus", "at_s"),
    [
        pytest.param([ASSOCIATE, DESCRIBE, REPORT], 1, id="when-it-described-itself"),
        pytest.param([ASSOCIATE, REPORT], 1, id="when-it-reported"),
        pytest.param([ASSOCIATE, DESCRIBE, REPORT, REPORT], 1, id="once-for-all-reports"),
    ],
)
def test_dev_18_when_a_clock_was_not_shown(apdus: list[str], at_s: int) -> None:
    found = read([bytes.fromhex(each.replace("{id}", "0054")) for each in apdus], NOW, 1)
    assert len(found) == 4
    for each in found:
        assert isinstance(each, Reading)
        assert each.clock is not None
        assert each.clock.shown is None
        assert each.clock.at is not None
        assert each.clock.at.text == f"2026-03-14T09:30:0{at_s}+00:00"


def test_dev_18_codes_are_those_of_the_guide(test_data: Path) -> None:
    def codes(name: str) -> dict[str, str]:
        """Codes of a value set, with what is said of them."""
        text = (test_data / f"devices/phd-ig/fsh/ValueSet.{name}.fsh").read_text("utf-8")
        rows = (line[len("* $Mdc#") :] for line in text.splitlines() if line.startswith("* $Mdc#"))
        return {code.strip(): note.split("(")[0].strip() for code, _, note in
                (row.partition("//") for row in rows)}  # fmt: skip

    kinds = {told[0] for *_, told in TIMESTAMPS.values() if told}
    assert kinds == set(codes("MDCClockTypes"))
    assert {code: names().get(code) for code in codes("MDCTimeSyncMethods")} == codes(
        "MDCTimeSyncMethods"
    )
