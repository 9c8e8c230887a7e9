"""Time stamps of an agent become moments on the manager's timeline.

Spec: https://hl7.org/fhir/uv/phd/DIMtoFHIRMapping.html#time-stamps; IEEE 11073-20601, "Time"

An agent's clock is read once in an association, and the manager's with it: a coincidence. Then

    clock          synchronised, or within a second     otherwise
    absolute       as sent, in the zone of the source   shifted by the measured offset
    base offset    as sent, with its offset             shifted by the measured offset
    relative       (never an instant by itself)         the coincidence less what has elapsed

Off the timeline, and not charted: a stamp later than the clock itself shows, a clock never set, and
a counter whose present count is not known. A stamp without coincidence is taken as it was sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any

from fhirserver_device_bridge.moments import in_zone
from fhirserver_device_bridge.protocols.x20601 import attributes
from fhirserver_device_bridge.protocols.x20601.attributes import TimeInfo
from fhirserver_device_bridge.protocols.x20601.times import (
    AbsoluteTime,
    BaseOffsetTime,
    DeviceTime,
    RelativeTime,
)
from fhirserver_device_bridge.reading import Moment

KEPT_OFFSET = timedelta(seconds=1)
"""A clock that is off by no more keeps the digits it sent."""
_STEADY = timedelta(milliseconds=500)
"""How far a counter may be from where it was expected: reports take their time."""
_AHEAD = timedelta(seconds=5)
"""How far a stamp may be ahead of its clock: the transfer takes its time, and clocks drift."""


class OffTimelineError(ValueError):
    """A time stamp that cannot be placed; says why."""


@dataclass(frozen=True, slots=True)
class Clock:
    """One clock: its attribute of the MDS, of a time stamp, and its bit when synchronised."""

    now: int
    stamp: int
    synchronised_bit: int


CLOCKS = (
    Clock(attributes.BASE_OFFSET_NOW, attributes.BASE_OFFSET_STAMP, 0x0004),
    Clock(attributes.ABSOLUTE_NOW, attributes.ABSOLUTE_STAMP, 0x0080),
    Clock(attributes.HIGH_RESOLUTION_NOW, attributes.HIGH_RESOLUTION_STAMP, 0x0020),
    Clock(attributes.RELATIVE_NOW, attributes.RELATIVE_STAMP, 0x0040),
)
"""The clocks, the one that says most first."""


@dataclass(frozen=True, slots=True)
class Coincidence:
    """What a clock of the agent showed when the manager's showed `manager`.

    Attributes:
        manager: aware.
        synchronised: the agent says that its clock follows a time server.
    """

    device: DeviceTime
    manager: datetime
    synchronised: bool = False


Coincidences = Mapping[int, Coincidence]
"""By the attribute id of the clock's time stamps."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A time stamp on the manager's timeline.

    Attributes:
        text: the stamp as the agent's clock has it; for identifiers.
        offset: what was added to the agent's time; None where the clock has no instants.
    """

    moment: Moment
    text: str
    offset: timedelta | None = None


def coincidences(mds: Mapping[int, Any], at: datetime) -> dict[int, Coincidence]:
    """The clocks that the attributes of the MDS show, read at `at`. Pure."""
    info = mds.get(attributes.TIME_INFO)
    bits = info.capabilities if isinstance(info, TimeInfo) else 0
    return {
        clock.stamp: Coincidence(mds[clock.now], at, bool(bits & clock.synchronised_bit))
        for clock in CLOCKS
        if clock.now in mds
    }


def offset_of(clocks: Coincidences, zone: tzinfo) -> timedelta | None:
    """How far the agent's wall clock is behind the manager's; None where it shows none. Pure."""
    for coincidence in clocks.values():
        device = coincidence.device
        now = device.instant if isinstance(device, BaseOffsetTime) else None
        if isinstance(device, AbsoluteTime) and device.local is not None:
            now = device.local.replace(tzinfo=zone)
        if now is not None:
            return coincidence.manager - now
    return None


def goes_on(known: Coincidence, told: Coincidence) -> bool:
    """Whether a counter went on, since it was read, as the manager's clock did. Pure."""
    before, now = known.device, told.device
    if not isinstance(before, RelativeTime) or not isinstance(now, RelativeTime):
        return False
    drift = told.manager - known.manager - _seconds(now.seconds - before.seconds)
    return abs(drift) <= _STEADY


def stamped(values: Mapping[int, Any]) -> Clock | None:
    """The clock by which an observation is stamped; None where it is not. Pure."""
    return next((clock for clock in CLOCKS if clock.stamp in values), None)


def place(
    values: Mapping[int, Any], clocks: Coincidences, received: datetime, zone: tzinfo
) -> Placed | None:
    """Place the time stamp of an observation. Pure.

    Args:
        values: attributes of the observation.
        clocks: of this association.
        received: when the report came.
        zone: of a wall clock without offset.

    Returns:
        None where there is no time stamp.

    Raises:
        OffTimelineError: not on the timeline that the clock is on now.
    """
    clock = stamped(values)
    if clock is None:
        return None
    stamp, coincidence = values[clock.stamp], clocks.get(clock.stamp)
    try:
        if isinstance(stamp, AbsoluteTime):
            return _absolute(stamp, coincidence, received, zone)
        if isinstance(stamp, BaseOffsetTime):
            return _base_offset(stamp, coincidence, received, zone)
        return _relative(stamp, coincidence, received, zone)
    except OverflowError:
        raise OffTimelineError("the time stamp is outside the calendar") from None


def _absolute(
    stamp: AbsoluteTime, coincidence: Coincidence | None, received: datetime, zone: tzinfo
) -> Placed:
    local = stamp.local
    if local is None:
        raise OffTimelineError("the absolute time stamp is no date: set the clock of the device")
    device = coincidence.device if coincidence else None
    now = device.local if isinstance(device, AbsoluteTime) else None
    if coincidence is None or now is None:
        return Placed(wall_clock(local, zone), stamp.text)
    _not_ahead(local - now, received - coincidence.manager)
    offset = coincidence.manager - now.replace(tzinfo=zone)
    if coincidence.synchronised or abs(offset) <= KEPT_OFFSET:
        return Placed(wall_clock(local, zone), stamp.text, timedelta())
    shifted = coincidence.manager - (now - local)
    return Placed(_instant(shifted, zone, local.microsecond), stamp.text, offset)


def _base_offset(
    stamp: BaseOffsetTime, coincidence: Coincidence | None, received: datetime, zone: tzinfo
) -> Placed:
    instant = stamp.instant
    if instant is None:
        raise OffTimelineError("the base-offset time stamp is 0: set the clock of the device")
    sent = instant_in(instant.tzinfo or UTC, instant)
    device = coincidence.device if coincidence else None
    now = device.instant if isinstance(device, BaseOffsetTime) else None
    if coincidence is None or now is None:
        return Placed(sent, stamp.text)
    _not_ahead(instant - now, received - coincidence.manager)
    offset = coincidence.manager - now
    if coincidence.synchronised or abs(offset) <= KEPT_OFFSET:
        return Placed(sent, stamp.text, timedelta())
    return Placed(_instant(instant + offset, zone, instant.microsecond), stamp.text, offset)


def _relative(
    stamp: RelativeTime, coincidence: Coincidence | None, received: datetime, zone: tzinfo
) -> Placed:
    if coincidence is None or not isinstance(coincidence.device, RelativeTime):
        raise OffTimelineError(
            "a relative time stamp, and the device does not say its present relative time"
        )
    elapsed = _seconds(coincidence.device.seconds - stamp.seconds)
    _not_ahead(-elapsed, received - coincidence.manager)
    return Placed(_instant(coincidence.manager - elapsed, zone, 1), stamp.text)


def _seconds(seconds: Decimal) -> timedelta:
    return timedelta(microseconds=int(seconds * 1_000_000))


def _not_ahead(ahead: timedelta, since: timedelta) -> None:
    if ahead > since + _AHEAD:
        raise OffTimelineError("the time stamp is later than the clock of the device shows")


def wall_clock(local: datetime, zone: tzinfo) -> Moment:
    """A wall clock's time in its zone, with the digits it has."""
    fraction = local.microsecond
    text = local.isoformat(timespec="milliseconds")[:-1] if fraction else local.isoformat()
    return in_zone(text, local, "fraction" if fraction else "second", zone)


def instant_in(zone: tzinfo, instant: datetime) -> Moment:
    """An instant in a zone, to the millisecond where it has a fraction."""
    return _instant(instant, zone, instant.microsecond)


def _instant(instant: datetime, zone: tzinfo, fraction: int) -> Moment:
    """An instant in a zone, to the millisecond where its stamp had a fraction."""
    shown = instant.astimezone(zone)
    if fraction:
        return Moment(shown.isoformat(timespec="milliseconds"), "fraction")
    return Moment(shown.isoformat(timespec="seconds"), "second")


def check_duration(duration: Decimal | None, placed: Placed | None) -> None:
    """Raise OffTimelineError for a measurement that ends before it begins, or after all time."""
    if duration is None:
        return
    start = datetime.fromisoformat(placed.moment.text if placed else "2000-01-01")
    try:
        ends = start + timedelta(seconds=float(duration))
    except OverflowError:
        ends = None
    if ends is None or ends < start:
        raise OffTimelineError("the measurement's duration is negative or beyond the calendar")
