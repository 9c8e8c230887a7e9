"""What an agent's clock showed when it was read: how the times of its readings were made.

Spec: https://hl7.org/fhir/uv/phd, PhdBaseObservation ("Timestamp: effective[x]") and
PhdCoincidentTimeStampObservation

    stamp          the agent's clock     told
    base offset    synchronised          nothing: the stamp holds as it is
    absolute       synchronised          what it showed, alone: its offset is the zone's
    these, else                          what it showed, and what the manager's showed
    relative                             the same, in microseconds
    any            not shown, or no time that it shows nothing: a time fault
    none                                 nothing: the time of reception holds

What is not from the clock's present timeline is not charted at all (`clocks`).
"""

from collections.abc import Mapping
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Any

from fhirserver_device_bridge.protocols.x20601 import attributes
from fhirserver_device_bridge.protocols.x20601.attributes import TimeInfo
from fhirserver_device_bridge.protocols.x20601.clocks import (
    Coincidence,
    Coincidences,
    instant_in,
    stamped,
    wall_clock,
)
from fhirserver_device_bridge.protocols.x20601.nomenclature import INFRASTRUCTURE, coding
from fhirserver_device_bridge.protocols.x20601.times import AbsoluteTime, BaseOffsetTime
from fhirserver_device_bridge.reading import MDC, ClockReading, Coding, Moment

_KINDS = {
    attributes.ABSOLUTE_STAMP: Coding(MDC, "67975", "MDC_ATTR_TIME_ABS"),
    attributes.BASE_OFFSET_STAMP: Coding(MDC, "68226", "MDC_ATTR_TIME_STAMP_BO"),
    attributes.RELATIVE_STAMP: Coding(MDC, "67983", "MDC_ATTR_TIME_REL"),
    attributes.HIGH_RESOLUTION_STAMP: Coding(MDC, "68072", "MDC_ATTR_TIME_REL_HI_RES"),
}
"""The guide's codes of clocks, by the attribute of their stamps."""

_MICROSECONDS = 1_000_000


def clock_reading(
    values: Mapping[int, Any],
    clocks: Coincidences,
    mds: Mapping[int, Any],
    asked: datetime,
    zone: tzinfo,
) -> ClockReading | None:
    """Tell what the clock showed by which an observation is stamped. Pure.

    Args:
        values: attributes of the observation.
        clocks: of this association.
        mds: attributes of the device.
        asked: when a clock that is not among `clocks` would have been read, aware.
        zone: of a wall clock without offset, and of the manager.

    Returns:
        None where there is no stamp, or one that holds as it is.
    """
    clock = stamped(values)
    if clock is None:
        return None
    coincidence = clocks.get(clock.stamp)
    shown = None if coincidence is None else _shown(coincidence, zone)
    believed = coincidence is not None and coincidence.synchronised and shown is not None
    if believed and clock.stamp == attributes.BASE_OFFSET_STAMP:
        return None
    at = coincidence.manager if coincidence else asked
    return ClockReading(
        kind=_KINDS[clock.stamp],
        shown=shown,
        at=None if believed and isinstance(shown, Moment) else instant_in(zone, at),
        method=_method(mds),
    )


def _shown(coincidence: Coincidence, zone: tzinfo) -> Moment | Decimal | None:
    device = coincidence.device
    if isinstance(device, AbsoluteTime):
        return None if device.local is None else wall_clock(device.local, zone)
    if isinstance(device, BaseOffsetTime):
        instant = device.instant
        return None if instant is None else instant_in(instant.tzinfo or zone, instant)
    return Decimal(device.ticks * _MICROSECONDS // device.ticks_per_s)


def _method(mds: Mapping[int, Any]) -> Coding | None:
    info = mds.get(attributes.TIME_INFO)
    if not isinstance(info, TimeInfo) or not info.protocol:
        return None
    return coding(INFRASTRUCTURE, info.protocol)
