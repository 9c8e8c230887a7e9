"""Clocks of devices, as a gateway read them: coincident time stamps in PCD-01.

Spec: IHE Devices Technical Framework volume 2, appendix B (time stamps and synchronisation);
the Personal Health Device guide's coincident time stamp

    1.0.0.1  DTM  67975^MDC_ATTR_TIME_ABS   OBX-5 the device's clock, OBX-14 the gateway's
    1.0.0.1  NM   67983^MDC_ATTR_TIME_REL   OBX-5 its counter, OBX-6 microseconds, OBX-14 as above

The gateway has put the times of the device's metrics on its own timeline by this. Without OBX-14
the device's clock is the better one, without OBX-5 it shows nothing that is a time.
"""

from collections.abc import Mapping
from datetime import tzinfo
from decimal import Decimal

from fhirserver_device_bridge.protocols.hl7v2.containment import Place
from fhirserver_device_bridge.protocols.hl7v2.errors import MessageError
from fhirserver_device_bridge.protocols.hl7v2.message import Segment
from fhirserver_device_bridge.protocols.hl7v2.times import parse_time
from fhirserver_device_bridge.protocols.hl7v2.values import read_number, unit
from fhirserver_device_bridge.reading import MDC, ClockReading, Coding, Identifier, Moment

_ABSOLUTE = Coding(MDC, "67975", "MDC_ATTR_TIME_ABS")
_BASE_OFFSET = Coding(MDC, "68226", "MDC_ATTR_TIME_STAMP_BO")
_RELATIVE = Coding(MDC, "67983", "MDC_ATTR_TIME_REL")
_HIGH_RESOLUTION = Coding(MDC, "68072", "MDC_ATTR_TIME_REL_HI_RES")
_KINDS = {
    **dict.fromkeys(("67975", "MDC_ATTR_TIME_ABS"), _ABSOLUTE),
    **dict.fromkeys(("68225", "MDC_ATTR_TIME_BO"), _BASE_OFFSET),
    **dict.fromkeys(("68226", "MDC_ATTR_TIME_STAMP_BO"), _BASE_OFFSET),
    **dict.fromkeys(("67983", "MDC_ATTR_TIME_REL"), _RELATIVE),
    **dict.fromkeys(("68072", "MDC_ATTR_TIME_REL_HI_RES"), _HIGH_RESOLUTION),
}
"""Kinds of clocks, by code and by reference id."""

_MICROSECONDS = {"264339": 1, "264338": 1000, "264320": 1_000_000}
"""MDC_DIM_MICRO_SEC, MDC_DIM_MILLI_SEC and MDC_DIM_SEC."""


def is_clock(obx: Segment, place: Place | None) -> bool:
    """Tell whether a row holds the clock of a whole device (MDS)."""
    return place is not None and len(place.devices) == 1 and _kind(obx) is not None


def _kind(obx: Segment) -> Coding | None:
    if obx.component(3, 3) != "MDC":
        return None
    return _KINDS.get(obx.component(3)) or _KINDS.get(obx.component(3, 2))


def read_clock(
    obx: Segment, zone: tzinfo, reader: Identifier | None, systems: Mapping[str, str]
) -> ClockReading:
    """Read a row that `is_clock`.

    Args:
        obx: the row.
        zone: of times without an offset.
        reader: the gateway; None where the message does not name it.
        systems: URIs by the names that this sender uses.

    Raises:
        MessageError: OBX-5 or OBX-14 is no time, or a counter has no unit of time.
    """
    kind, at = _kind(obx), obx.component(14)
    assert kind is not None
    return ClockReading(
        kind=kind,
        shown=_shown(obx, zone, systems),
        at=parse_time(at, zone, "OBX-14") if at else None,
        reader=reader,
    )


def _shown(obx: Segment, zone: tzinfo, systems: Mapping[str, str]) -> Moment | Decimal | None:
    text = obx.component(5)
    if not text:
        return None
    if obx.field(2) != "NM":
        return parse_time(text, zone, "OBX-5")
    sent = unit(obx, systems)
    size = _MICROSECONDS.get(sent.code) if sent else None
    if size is None:
        raise MessageError("OBX-6 of a device's counter is no unit of time: send MDC_DIM_MICRO_SEC")
    return read_number(text) * size
