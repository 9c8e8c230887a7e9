"""How long an appointment takes: a number and its unit beside its start.

Spec: HL7 v2.6 chapter 10, SCH-9 to SCH-11 and AIS-4 to AIS-8
"""

from datetime import datetime, timedelta

from fhirserver_device_bridge.protocols.hl7v2.errors import MessageError
from fhirserver_device_bridge.protocols.hl7v2.message import Segment
from fhirserver_device_bridge.protocols.hl7v2.values import read_number
from fhirserver_device_bridge.v2fhir.datatypes import Around, instant
from fhirserver_device_bridge.v2fhir.pieces import Piece

_DURATION = {"AIS": 7, "SCH": 9}
"""The field of a segment that holds a duration; its unit stands in the next."""

_SECONDS = {"s": 1, "sec": 1, "min": 60, "m": 60, "h": 3600, "hr": 3600, "d": 86400}


def minutes(piece: Piece, _: Around) -> int | None:
    """Read a duration in whole minutes; None for less than one, or a unit that is not known.

    Raises:
        MessageError: it is no number, or no calendar is so long.
    """
    lasting = _lasting(piece.segment)
    return int(lasting.total_seconds() // 60) or None if lasting else None


def end(piece: Piece, around: Around) -> str | None:
    """Give when that ends which begins at a piece; None if nothing tells how long it takes.

    Raises:
        MessageError: as of `minutes`.
    """
    start, lasting = instant(piece, around), _lasting(piece.segment)
    if start is None or lasting is None:
        return None
    try:
        return (datetime.fromisoformat(start) + lasting).isoformat()
    except OverflowError:
        raise _too_long(piece.segment) from None


def _lasting(segment: Segment) -> timedelta | None:
    field = _DURATION[segment.name]
    number, unit = segment.component(field), segment.component(field + 1).lower()
    if not number or unit not in _SECONDS:
        return None
    seconds = float(read_number(number, f"{segment.name}-{field}")) * _SECONDS[unit]
    try:
        return timedelta(seconds=seconds)
    except OverflowError:
        raise _too_long(segment) from None


def _too_long(segment: Segment) -> MessageError:
    place = f"{segment.name}-{_DURATION[segment.name]}"
    return MessageError(f"{place} is longer than the calendar, which ends with 9999: correct it")
