"""A poll becomes readings; which device they are of is told by `device`.

time      of the poll, by the bridge's clock: registers have none
"""

import math
from collections.abc import Iterator
from decimal import Decimal

from fhirserver_device_bridge.protocols.modbus import recording
from fhirserver_device_bridge.protocols.modbus.device import handle_of, path_of, patient_of
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
    Moment,
    Quantity,
    Reading,
    Rejected,
    Value,
)
from fhirserver_device_bridge.source import Source

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
        self._path = path_of(source, layout)
        at = polled.at.isoformat(timespec="milliseconds")
        self._time = Moment(at, "fraction")
        self._patient = patient_of(source)

    def readings(self, measure: Measure) -> Iterator[Reading | Rejected]:
        """Give what a measure says: one reading, or one for each of its bits, of alarms none."""
        handle = handle_of(measure)
        registers = find(self._polled.blocks, measure.table, measure.address, measure.width)
        for number, code in measure.bits.items():
            bit = None if registers is None else bits_of(registers, measure) >> number & 1
            yield self._reading(code, f"{handle}.{number}", *_answered(bit))
        if measure.bits or measure.alarms:
            return
        if registers is None:
            yield self._reading(measure.code, handle, None, "error")
            return
        value, absent, fault = _value(bits_of(registers, measure), measure)
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
