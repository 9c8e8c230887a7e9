"""ADT: who lies where, from when on.

Spec: HL7 v2.6 chapter 3, sections 3.3.1 to 3.3.40

    A01 admit   A02 transfer   A03 discharge   A08 update   A17 swap   A40 merge
    A11 cancels A01            A12 cancels A02              A13 cancels A03

    EVN-6, else EVN-2, else MSH-7   when it happened
    PID-3                           on whom; of several the record number (MR), then PI
    PV1-3                           where to: point of care, room, bed, facility
    MRG-1                           whose record is now that of PID-3 (A40)

A swap has two PID, each with its PV1. Other events say nothing of places, and are passed over.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from fhirserver_device_bridge.movement import EVENTS, Movement
from fhirserver_device_bridge.protocols.hl7v2.errors import MessageError
from fhirserver_device_bridge.protocols.hl7v2.message import Message, Segment
from fhirserver_device_bridge.protocols.hl7v2.pcd01 import identifiers, location
from fhirserver_device_bridge.protocols.hl7v2.times import parse_time
from fhirserver_device_bridge.reading import Identifier, record_number
from fhirserver_device_bridge.source import Source

_PLACED = ("A01", "A02", "A17")


def movements(message: Message, source: Source) -> list[Movement]:
    """Read what an ADT message says of places and records. Pure.

    Raises:
        MessageError: no time, no identifier with a URI, or no place where the event needs one.
    """
    event = message.header.component(9, 2)
    if event not in EVENTS:
        return []
    at = _when(message, source)
    systems = dict(source.systems)
    merged = message.first("MRG") if event == "A40" else None
    prior = _record(merged, 1, systems, "MRG-1") if merged else None
    found = [
        Movement(event, at, _record(pid, 3, systems, "PID-3"), location(visit), prior)
        for pid, visit in _persons(message)
    ]
    if event == "A40" and prior is None:
        raise MessageError("MRG-1 is missing: a merge names the record that ends")
    if event in _PLACED and not all(each.place for each in found):
        raise MessageError(f"PV1-3 is empty: {event} says where the patient lies")
    return found


def _persons(message: Message) -> Iterator[tuple[Segment, Segment | None]]:
    """Give each PID with the PV1 that follows it."""
    pid: Segment | None = None
    visit: Segment | None = None
    for segment in message.segments:
        if segment.name == "PID":
            if pid is not None:
                yield pid, visit
            pid, visit = segment, None
        elif segment.name == "PV1" and visit is None:
            visit = segment
    if pid is None:
        raise MessageError("PID is missing: an ADT message names a patient")
    yield pid, visit


def _record(segment: Segment, number: int, systems: Mapping[str, str], field: str) -> Identifier:
    found = record_number(identifiers(segment, number, systems))
    if found is None:
        raise MessageError(
            f"{field} holds no identifier of a person whose authority has a URI: give it one in "
            "the source's systems"
        )
    return found


def _when(message: Message, source: Source) -> datetime:
    event = message.first("EVN")
    sent = message.header.component(7)
    text = (event and (event.component(6) or event.component(2))) or sent
    if not text:
        raise MessageError("EVN-6, EVN-2 and MSH-7 are empty: nothing tells when it happened")
    moment = parse_time(text, source.zone, "EVN-6, EVN-2 or MSH-7")
    if moment.precision not in ("minute", "second", "fraction"):
        raise MessageError("EVN-6, EVN-2 or MSH-7 tells only the day: minutes are needed")
    return datetime.fromisoformat(moment.text).astimezone(UTC)
