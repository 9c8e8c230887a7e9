"""PM-store: measurements that an agent stored, in segments, and how they are fetched.

Spec: IEEE 11073-20601, "PM-store", annex A.11.6

    manager: action 3085, all segments       agent: for each its number and attributes (the layout)
    manager: action 3100, segment number     agent: result 0
    agent:   confirmed event reports 3361 of the PM-store, so many entries each, the last one marked
    manager: confirms each with the same description and the bit "manager confirms"

    entry    header: absolute, relative, high-resolution, base-offset time as the bits of the map
             say, then the objects of the map, each laid out by its attribute value map

Nothing is cleared on the agent: it is for the agent's user to say when its memory may go.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from fhirserver_device_bridge.protocols.x20601 import attributes
from fhirserver_device_bridge.protocols.x20601.apdu import ATTRIBUTES, Attribute
from fhirserver_device_bridge.protocols.x20601.attributes import SegmentMap, Values
from fhirserver_device_bridge.protocols.x20601.mder import (
    OCTETS,
    U16,
    U32,
    Codec,
    Cursor,
    MderError,
    record,
    sequence_of,
)
from fhirserver_device_bridge.protocols.x20601.reports import Observation
from fhirserver_device_bridge.protocols.x20601.times import (
    ABSOLUTE_TIME,
    BASE_OFFSET_TIME,
    HIGH_RESOLUTION_TIME,
    RELATIVE_TIME,
)

SEGMENT_DATA = 3361
GET_SEGMENT_INFO, TRIGGER_TRANSFER = 3085, 3100
ALL_SEGMENTS = b"\x00\x01\x00\x02\x00\x00"
"""A selection of segments that is all of them."""
MANAGER_CONFIRMS = 0x0080

_HEADER: tuple[tuple[int, int, Codec[Any]], ...] = (
    (0x8000, attributes.ABSOLUTE_STAMP, ABSOLUTE_TIME),
    (0x4000, attributes.RELATIVE_STAMP, RELATIVE_TIME),
    (0x2000, attributes.HIGH_RESOLUTION_STAMP, HIGH_RESOLUTION_TIME),
    (0x1000, attributes.BASE_OFFSET_STAMP, BASE_OFFSET_TIME),
)


@dataclass(frozen=True, slots=True)
class SegmentInfo:
    """One segment of a PM-store."""

    number: int
    attributes: tuple[Attribute, ...]


@dataclass(frozen=True, slots=True)
class Description:
    """Which entries of a segment a report holds; `status` has bits for the first and the last."""

    segment: int
    first_entry: int
    entries: int
    status: int


@dataclass(frozen=True, slots=True)
class SegmentData:
    """The event information of a report with stored entries."""

    description: Description
    octets: bytes


SEGMENTS = sequence_of(record(SegmentInfo, number=U16, attributes=ATTRIBUTES))
DESCRIPTION = record(Description, segment=U16, first_entry=U32, entries=U32, status=U16)
DATA = record(SegmentData, description=DESCRIPTION, octets=OCTETS)


def confirmation(data: SegmentData) -> bytes:
    """The reply that confirms a report with stored entries. Pure."""
    description = data.description
    return DESCRIPTION.write(replace(description, status=description.status | MANAGER_CONFIRMS))


def observations(data: SegmentData, segment: Mapping[int, Any]) -> list[Observation]:
    """Understand stored entries. Pure.

    Args:
        data: as reported.
        segment: attributes of the segment (`attributes.Values`), its map among them.

    Returns:
        For each entry the observations of its objects, in the order they were sent; the time stamps
        of the entry's header stand in each.

    Raises:
        MderError: the segment has no map, or the octets do not fit it.
    """
    layout = segment.get(attributes.SEGMENT_MAP)
    if layout is None:
        raise MderError(0, f"segment {data.description.segment} has no map of its entries")
    person = segment.get(attributes.SEGMENT_PERSON)
    cursor = Cursor(data.octets)
    found: list[Observation] = []
    for _ in range(data.description.entries):
        if not cursor.left:
            raise MderError(cursor.at, "fewer entries than the report announces")
        found += _entry(cursor, layout, person)
    cursor.finish()
    return found


def _entry(cursor: Cursor, layout: SegmentMap, person: int | None) -> list[Observation]:
    header: Values = {
        attribute: codec.read(cursor) for bit, attribute, codec in _HEADER if layout.header & bit
    }
    found = []
    for entry in layout.entries:
        values = {item.id: _value(item, cursor) for item in entry.values}
        found.append(Observation(entry.handle, header | values, person))
    return found


def _value(item: attributes.MapEntry, cursor: Cursor) -> Any:
    return attributes.decode_one(Attribute(item.id, cursor.take(item.size)))
