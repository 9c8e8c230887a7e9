"""A recording becomes readings.

Spec: https://hl7.org/fhir/uv/phd (mapping of IEEE 11073 objects)

    device    one level (MDS): EUI-64, model, serial number, first specialisation as its code
    handle    of the object, with ".1", ".2" … for the parts of a compound and for bits
    time      on the manager's timeline (`clocks`); the device's own word stays in `device_time`,
              and how the one was made of the other in `clock` (`clock_readings`)
    person    an agent knows its users by number: identifier "<EUI-64>.<number>" of the system that
              the source calls "device-user", "<EUI-64>" where it tells no users apart
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from fhirserver_device_bridge.protocols.measurement_status import absence, status
from fhirserver_device_bridge.protocols.x20601 import apdu, attributes, reports, segments
from fhirserver_device_bridge.protocols.x20601.agent import Agent, learn
from fhirserver_device_bridge.protocols.x20601.apdu import ActionResult, Data, EventReport
from fhirserver_device_bridge.protocols.x20601.attributes import Production, SystemModel
from fhirserver_device_bridge.protocols.x20601.clock_readings import clock_reading
from fhirserver_device_bridge.protocols.x20601.clocks import (
    Coincidence,
    OffTimelineError,
    Placed,
    check_duration,
    goes_on,
    place,
)
from fhirserver_device_bridge.protocols.x20601.mder import MderError
from fhirserver_device_bridge.protocols.x20601.nomenclature import INFRASTRUCTURE, coding, eui64
from fhirserver_device_bridge.protocols.x20601.recording import Received, read
from fhirserver_device_bridge.protocols.x20601.reports import Observation
from fhirserver_device_bridge.protocols.x20601.times import NO_RELATIVE_TIME, RelativeTime
from fhirserver_device_bridge.protocols.x20601.values import Found, found_in, text
from fhirserver_device_bridge.reading import (
    EUI64,
    ClockReading,
    Coding,
    Flag,
    Identifier,
    Level,
    Reading,
    Rejected,
)
from fhirserver_device_bridge.source import DEVICE_USER, Source

_FLAGS: tuple[tuple[int, Flag], ...] = (
    (0x8000, "invalid"),
    (0x4000, "questionable"),
    (0x2000, "not-available"),
    (0x1000, "calibrating"),
    (0x0800, "test"),
    (0x0400, "demo"),
    (0x0080, "validated"),
    (0x0040, "early-estimate"),
    (0x0020, "ongoing"),
)
"""Bits of the measurement status."""
_SERIAL, _SOFTWARE, _FIRMWARE = 1, 4, 5


@dataclass(frozen=True, slots=True)
class _Around:
    """What all readings of a recording share."""

    source: Source
    sequence: int
    agent: Agent
    received: datetime
    level: Level
    clocks: Mapping[int, Coincidence]


def measurements(raw: bytes, source: Source, sequence: int) -> list[Reading | Rejected]:
    """Read a recording. Pure.

    Args:
        raw: as `recording.write` made it; its last APDU is the report.
        source: zone of wall clocks, systems.
        sequence: of the recording in the journal.

    Returns:
        Readings in the order they were sent; rejected where the time stamp is off the timeline.

    Raises:
        MderError: a part is badly structured, the agent's configuration is not known, or the report
            is about what it does not have.
    """
    *context, last = read(raw)
    agent = Agent()
    for part in context:
        agent = learn(agent, apdu.decode(part.raw), part.at)
    around = _Around(
        source,
        sequence,
        agent,
        last.at,
        level(agent),
        {**agent.clocks, **_event_clock(last, agent)},
    )
    found: list[Reading | Rejected] = []
    for observation in _observations(last, agent):
        found += _readings(observation, around)
    return found


def _event_clock(last: Received, agent: Agent) -> dict[int, Coincidence]:
    """The agent's relative time when it sent the report, where it is not as was to be expected."""
    message = _message(last)
    time = message.time if isinstance(message, EventReport) else 0
    if time in (0, NO_RELATIVE_TIME):
        return {}
    told = Coincidence(RelativeTime(time), last.at)
    known = agent.clocks.get(attributes.RELATIVE_STAMP)
    return {} if known and goes_on(known, told) else {attributes.RELATIVE_STAMP: told}


def _message(part: Received) -> Any:
    decoded = apdu.decode(part.raw)
    return decoded.message if isinstance(decoded, Data) else None


def _observations(last: Received, agent: Agent) -> list[Observation]:
    message = _message(last)
    if isinstance(message, ActionResult) and message.type == reports.DATA_REQUEST:
        response = reports.DATA_RESPONSE.decode(message.info)
        message = EventReport(message.handle, response.time, response.type, response.info)
    if not isinstance(message, EventReport):
        raise MderError(0, "the last APDU of the recording is no report")
    if agent.objects is None:
        raise MderError(0, f"configuration {agent.config_id:#06x} of the device is not known")
    if message.type == segments.SEGMENT_DATA:
        return _stored(message, agent)
    if message.type not in reports.REPORTS:
        raise MderError(0, f"event {message.type} is no report of measurements")
    return reports.observations(message, agent.objects)


def _stored(message: EventReport, agent: Agent) -> list[Observation]:
    data = segments.DATA.decode(message.info)
    segment = agent.segments.get((message.handle, data.description.segment), {})
    return segments.observations(data, segment)


def _readings(observation: Observation, around: _Around) -> Iterable[Reading | Rejected]:
    assert around.agent.objects is not None
    known = around.agent.objects.get(observation.handle)
    values = {**(known.values if known else {}), **observation.values}
    try:
        placed, fault = place(values, around.clocks, around.received, around.source.zone), None
        check_duration(_duration(values), placed)
    except OffTimelineError as error:
        placed, fault = None, str(error)
    for found in found_in(values):
        reading = _reading(found, observation, values, placed, around)
        yield reading if fault is None else Rejected(reading, fault)


def _reading(
    found: Found,
    observation: Observation,
    values: Mapping[int, Any],
    placed: Placed | None,
    around: _Around,
) -> Reading:
    flags = _flags(found.status | values.get(attributes.STATUS, 0))
    absent = found.absent or absence(flags)
    return Reading(
        source=around.source.name,
        sequence=around.sequence,
        codes=(found.code,),
        path=(around.level,),
        handle=f"{observation.handle}.{found.part}" if found.part else str(observation.handle),
        value=None if absent else found.value,
        absent=absent,
        status=status(flags),
        flags=flags,
        time=placed.moment if placed else None,
        device_time=placed.text if placed else None,
        clock=_clock(values, around) if placed else None,
        duration_s=_duration(values),
        compound=found.compound,
        supplemental=_supplemental(values),
        patient=(_user(observation, around),),
    )


def _clock(values: Mapping[int, Any], around: _Around) -> ClockReading | None:
    agent = around.agent
    asked = agent.described or around.received
    return clock_reading(values, around.clocks, agent.mds, asked, around.source.zone)


def _flags(bits: int) -> frozenset[Flag]:
    return frozenset(flag for bit, flag in _FLAGS if bits & bit)


def _duration(values: Mapping[int, Any]) -> Decimal | None:
    duration = values.get(attributes.DURATION)
    return duration if isinstance(duration, Decimal) else None


def _supplemental(values: Mapping[int, Any]) -> tuple[Coding, ...]:
    return tuple(
        coding(kind.partition, kind.code) for kind in values.get(attributes.SUPPLEMENTAL_TYPES, ())
    )


def _user(observation: Observation, around: _Around) -> Identifier:
    system = dict(around.source.systems).get(DEVICE_USER, DEVICE_USER)
    device = eui64(around.agent.system_id)
    person = observation.person
    return Identifier(system, device if person is None else f"{device}.{person}")


def level(agent: Agent) -> Level:
    """The device as readings show it."""
    model = agent.mds.get(attributes.SYSTEM_MODEL, SystemModel(b"", b""))
    production = agent.mds.get(attributes.PRODUCTION_SPECIFICATION, ())
    return Level(
        kind="mds",
        code=_kind(agent),
        identifiers=(Identifier(EUI64, eui64(agent.system_id)),),
        model=text(model.model) or None,
        manufacturer=text(model.manufacturer) or None,
        serial_number=_production(production, _SERIAL),
        version=_production(production, _FIRMWARE) or _production(production, _SOFTWARE),
    )


def _kind(agent: Agent) -> Coding | None:
    specialisations = agent.mds.get(attributes.SPECIALISATIONS, ())
    if specialisations:
        return coding(INFRASTRUCTURE, specialisations[0].type)
    kind = agent.mds.get(attributes.SYSTEM_TYPE)
    return coding(kind.partition, kind.code) if kind and kind.code else None


def _production(entries: Iterable[Production], kind: int) -> str | None:
    return next((text(entry.text) for entry in entries if entry.kind == kind), None) or None
