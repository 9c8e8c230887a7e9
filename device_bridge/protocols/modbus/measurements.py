"""A poll becomes readings.

device    one level (MDS): the source's `device`, and what its layout says of it
handle    table and address, e.g. "holding.40"; of a bit "holding.40.3"
time      of the poll, by the bridge's clock: registers have none
patient   a device knows nobody: its own identifier stands for its patient, in the system that
          the source calls "device-user", as with personal health devices
"""

import math
from collections.abc import Iterator
from decimal import Decimal

from fhirserver_device_bridge.protocols.modbus import recording
from fhirserver_device_bridge.protocols.modbus.layout import Layout, Measure
from fhirserver_device_bridge.protocols.modbus.layouts import layout_named
from fhirserver_device_bridge.protocols.modbus.recording import Recording
from fhirserver_device_bridge.protocols.modbus.staleness import find
from fhirserver_device_bridge.protocols.modbus.values import bits_of, number_of
from fhirserver_device_bridge.reading import (
    UCUM,
    AbsentReason,
    Coded,
    Coding,
    Identifier,
    Level,
    Moment,
    Quantity,
    Reading,
    Rejected,
    Value,
)
from fhirserver_device_bridge.source import DEVICE_USER, Source

_YES_NO = "http://terminology.hl7.org/CodeSystem/v2-0136"
_ANSWERS = (Coded((Coding(_YES_NO, "N", "No"),)), Coded((Coding(_YES_NO, "Y", "Yes"),)))
_NOT_A_NUMBER: dict[bool, AbsentReason] = {True: "positive-infinity", False: "negative-infinity"}


def measurements(raw: bytes, source: Source, sequence: int) -> list[Reading | Rejected]:
    """Read a recording. Pure, but for the layout, which is read once.

    Args:
        raw: as `recording.write` made it.
        source: its device and layout.
        sequence: of the recording in the journal.

    Raises:
        ModbusError: it is no recording, or its source has no layout.
    """
    layout = layout_named(source.registers)
    poll = _Poll(recording.read(raw), source, sequence, layout)
    return [found for measure in layout.measures for found in poll.readings(measure)]


class _Poll:
    """What the readings of one poll have in common."""

    def __init__(self, polled: Recording, source: Source, sequence: int, layout: Layout) -> None:
        self._polled = polled
        self._source = source
        self._sequence = sequence
        named = Identifier(*source.device)
        self._path = (
            Level(
                "mds",
                code=layout.kind,
                identifiers=(named,),
                model=layout.model,
                manufacturer=layout.manufacturer,
            ),
        )
        at = polled.at.isoformat(timespec="milliseconds")
        self._time = Moment(at, "fraction")
        user = dict(source.systems).get(DEVICE_USER, DEVICE_USER)
        self._patient = (Identifier(user, named.value),)

    def readings(self, measure: Measure) -> Iterator[Reading | Rejected]:
        """Give what a measure says: one reading, or one for each of its bits."""
        handle = f"{measure.table}.{measure.address}"
        registers = find(self._polled.blocks, measure.table, measure.address, measure.width)
        for number, code in measure.bits.items():
            bit = None if registers is None else bits_of(registers, measure) >> number & 1
            yield self._reading(code, f"{handle}.{number}", *_answered(bit))
        if measure.bits:
            return
        if registers is None:
            yield self._reading(measure.code, handle, None, "error")
            return
        bits = registers[0] if measure.type == "bool" else bits_of(registers, measure)
        value, absent, fault = _value(bits, measure)
        reading = self._reading(measure.code, handle, value, absent)
        yield reading if fault is None else Rejected(reading, fault)

    def _reading(
        self, code: Coding, handle: str, value: Value | None, absent: AbsentReason | None
    ) -> Reading:
        if self._polled.stale:
            value, absent = None, "temp-unknown"
        return Reading(
            source=self._source.name,
            sequence=self._sequence,
            codes=(code,),
            path=self._path,
            handle=handle,
            value=value,
            absent=absent,
            time=self._time,
            sent=self._time,
            patient=self._patient,
        )


_Found = tuple[Value | None, AbsentReason | None, str | None]


def _answered(bit: int | None) -> tuple[Value | None, AbsentReason | None]:
    return (None, "error") if bit is None else (_ANSWERS[bit], None)


def _value(bits: int, measure: Measure) -> _Found:
    """Give the value, or why there is none, and why it must not be charted."""
    if bits in measure.absent:
        return None, "unknown", None
    if measure.type == "bool":
        return *_answered(bits), None
    if measure.states:
        meant = measure.states.get(bits)
        if meant is None:
            return None, "unknown", "a state that the map does not name: add it to `states`"
        return Coded((meant,)), None, None
    number = number_of(bits, measure)
    if not isinstance(number, Decimal):
        infinite = _NOT_A_NUMBER[number > 0]
        return None, "not-a-number" if math.isnan(number) else infinite, None
    unit = Coding(UCUM, measure.unit) if measure.unit else None
    return Quantity(number, format(number, "f"), unit), None, None
