"""What a frame is, and what its sender is told; pure.

frame                             journal         told
a message                         received        accepted, once it is on the disk
undecodable, or beyond the limit  dead            rejected: it never will do
no MSH at its beginning           dead            nothing: there is nothing to echo
cut off by another frame          dead            nothing: its sender gave it up
no room on the disk               nothing         error: send it again
"""

from dataclasses import dataclass
from datetime import datetime

from fhirserver_device_bridge.framing.mllp import Frame
from fhirserver_device_bridge.journal.changes import Arrival
from fhirserver_device_bridge.protocols.hl7v2.ack import Outcome, acknowledge, wanted
from fhirserver_device_bridge.protocols.hl7v2.characters import decode
from fhirserver_device_bridge.protocols.hl7v2.errors import MessageError
from fhirserver_device_bridge.protocols.hl7v2.message import Segment, header_of
from fhirserver_device_bridge.source import Source

_FAULTS = {
    "too long": "longer than size_limit_bytes of its source: only its beginning is here",
    "cut off": "another frame began inside this one: its sender gave it up",
}


@dataclass(frozen=True, slots=True)
class Seen:
    """A frame that was looked at.

    Attributes:
        header: MSH; None where there is none, or nobody waits for an answer.
        control_id: MSH-10; empty where there is none.
        refused: why it can never be delivered.
    """

    header: Segment | None
    control_id: str
    refused: str | None = None


def look_at(frame: Frame, source: Source) -> Seen:
    """Tell what a frame is."""
    try:
        header = header_of(frame.content)
    except MessageError as error:
        return Seen(None, "", str(error))
    control_id = header.field(10)
    if frame.fault is not None:
        answered = header if frame.fault == "too long" else None
        return Seen(answered, control_id, _FAULTS[frame.fault])
    try:
        decode(frame.content, header.component(18), source.character_set)
    except MessageError as error:
        return Seen(header, control_id, str(error))
    return Seen(header, control_id)


def arrival(frame: Frame, seen: Seen, source: Source, peer: str, at: datetime) -> Arrival:
    """Tell the journal of a frame."""
    return Arrival(source.name, peer, at, seen.control_id, frame.content, seen.refused)


def answers(
    seen: Seen, source: Source, *, no_room: str | None, at: datetime, control_id: str
) -> list[bytes]:
    """Write the acknowledgements of a frame.

    Args:
        seen: what it is.
        source: may override what the message asks for.
        no_room: why the journal did not take it; None where it did.
        at: time of the acknowledgement.
        control_id: what acknowledgements are numbered by; a second one gets ".2" added.
    """
    if seen.header is None:
        return []
    outcome: Outcome = "accepted"
    if no_room is not None:
        outcome = "error"
    elif seen.refused is not None:
        outcome = "rejected"
    codes = wanted(seen.header, outcome, source)
    text = no_room or seen.refused or ""
    return [
        acknowledge(
            seen.header,
            code,
            at=at,
            control_id=control_id if not number else f"{control_id}.{number + 1}",
            text=text,
        )
        for number, code in enumerate(codes)
    ]
