"""IHE PCD-01: ORU^R01 of medical devices become readings.

Spec: IHE Devices Technical Framework volume 2, section 3.1 and appendix B

    MSH             who sent it and when
    PID-3 PV1-3     on whom and where, as sent; a further PID begins another patient
    OBR-7           when, for the OBX below that have no OBX-14; without either, MSH-7
    OBX             a device (OBX-4 ends in zeros), its clock, a metric, or a facet of one
    NTE             a note on the OBX above

Rows of devices make no readings. A row that cannot be read becomes `Rejected`, and the rest of its
message is unharmed. Facets that no waveform takes up are readings of their own: nothing is dropped.
"""

from collections.abc import Mapping, Sequence

from fhirserver_device_bridge.protocols.hl7v2.containment import application, authority
from fhirserver_device_bridge.protocols.hl7v2.groups import groups
from fhirserver_device_bridge.protocols.hl7v2.message import Message, Segment, components
from fhirserver_device_bridge.protocols.hl7v2.observation import Frame, Observations
from fhirserver_device_bridge.protocols.hl7v2.times import parse_time
from fhirserver_device_bridge.reading import Identifier, Level, Location, Reading, Rejected
from fhirserver_device_bridge.source import Source


def message_type(message: Message) -> tuple[str, str]:
    """Give MSH-9 as type and event, e.g. ("ORU", "R01")."""
    return message.header.component(9), message.header.component(9, 2)


def decode(message: Message, source: Source, sequence: int) -> list[Reading | Rejected]:
    """Read every metric of a message. Pure.

    Args:
        message: ORU^R01.
        source: what the message does not say of its sender.
        sequence: number of the message in the journal.

    Returns:
        Readings in the order of the OBX segments, with what must not be charted among them.

    Raises:
        MessageError: MSH-7 is no time.
    """
    found: list[Reading | Rejected] = []
    for part in message.by_patient():
        frame = frame_of(part, source, sequence)
        for group in groups(part):
            found.extend(Observations(group, frame).readings())
    return found


def devices(message: Message, source: Source) -> set[tuple[Level, ...]]:
    """Give the devices whose metrics a message tells, each with those around it."""
    sender, systems = application(message.header.components(3)), dict(source.systems)
    found: set[tuple[Level, ...]] = set()
    for group in groups(message):
        placed = group.containment(sender, systems)
        places = {row.place for row in group.rows if row.place and row.place.metric}
        found |= {placed.path(place) for place in places}
    return found


def frame_of(message: Message, source: Source, sequence: int) -> Frame:
    """Read what all readings of a patient's part share; arguments as those of `decode`.

    Raises:
        MessageError: MSH-7 is no time.
    """
    header = message.header
    sent = header.component(7)
    return Frame(
        source=source,
        sequence=sequence,
        sent=parse_time(sent, source.zone, "MSH-7") if sent else None,
        patient=identifiers(message.first("PID"), 3, dict(source.systems)),
        location=location(message.first("PV1")),
        sender=application(header.components(3)),
    )


def identifiers(
    segment: Segment | None, number: int, systems: Mapping[str, str]
) -> tuple[Identifier, ...]:
    """Read a field of CX, such as PID-3; repetitions without a number are none."""
    if segment is None:
        return ()
    found = (components(text, segment.separators) for text in segment.repetitions(number))
    return tuple(_identifier(parts, segment, systems) for parts in found if parts[0])


def _identifier(parts: Sequence[str], segment: Segment, systems: Mapping[str, str]) -> Identifier:
    """Read a CX: number, (check digit, its scheme,) assigning authority, type."""
    number, _, _, assigner, kind = [*parts, *[""] * 5][:5]
    names = assigner.split(segment.separators.subcomponent or "&")
    return Identifier(authority(names, systems), number, kind or None)


def location(segment: Segment | None) -> Location | None:
    """Read PV1-3, a PL: point of care, room, bed, facility."""
    if segment is None:
        return None
    parts = [part or None for part in [*segment.components(3), *[""] * 4][:4]]
    return Location(*parts) if any(parts) else None
