"""One OBX with what it inherits: a reading, or a reading that must not be charted."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from msgspec.structs import replace

from fhirserver_device_bridge.protocols.hl7v2.clocks import read_clock
from fhirserver_device_bridge.protocols.hl7v2.containment import Containment, read_place
from fhirserver_device_bridge.protocols.hl7v2.errors import MessageError
from fhirserver_device_bridge.protocols.hl7v2.groups import Group, Row
from fhirserver_device_bridge.protocols.hl7v2.message import Segment, components
from fhirserver_device_bridge.protocols.hl7v2.statuses import STATUSES, Abnormal, abnormal
from fhirserver_device_bridge.protocols.hl7v2.times import parse_time
from fhirserver_device_bridge.protocols.hl7v2.values import codings, read_number, read_value
from fhirserver_device_bridge.protocols.hl7v2.waveforms import Facets, read_samples
from fhirserver_device_bridge.reading import (
    MDC,
    AbsentReason,
    ClockReading,
    Coding,
    Identifier,
    Location,
    Moment,
    Quantity,
    Reading,
    Rejected,
    Value,
)
from fhirserver_device_bridge.source import Source


@dataclass(frozen=True, slots=True)
class Frame:
    """What every reading of a message shares; attributes as those of `Reading`."""

    source: Source
    sequence: int
    sent: Moment | None
    patient: tuple[Identifier, ...]
    location: Location | None
    sender: Identifier | None

    @property
    def systems(self) -> Mapping[str, str]:
        """URIs by the names that this sender uses."""
        return dict(self.source.systems)


class Observations:
    """Reads the rows of one order group."""

    def __init__(self, group: Group, frame: Frame) -> None:
        self._frame = frame
        self._systems = frame.systems
        self._order = group.order
        self._containment: Containment = group.containment(frame.sender, self._systems)
        self._waveforms = group.waveforms()
        self._metrics = list(group.metrics())
        self._clocks: dict[str, ClockReading] = {}
        self._faults: list[Rejected] = []
        for row, place in group.clocks():
            self._note(row, place.devices[0])

    def _note(self, row: Row, device: str) -> None:
        """Keep what a device's clock showed."""
        zone, sender = self._frame.source.zone, self._frame.sender
        try:
            self._clocks[device] = read_clock(row.obx, zone, sender, self._systems)
        except MessageError as error:
            self._faults.append(Rejected(self._bare(row), str(error)))

    def readings(self) -> list[Reading | Rejected]:
        """Read every row of a metric, in order; before them what is no clock's time."""
        return [*self._faults, *(self._read(row) for row in self._metrics)]

    def _read(self, row: Row) -> Reading | Rejected:
        """Read one row."""
        bare = self._bare(row)
        try:
            return self._filled(row, bare)
        except MessageError as error:
            return Rejected(bare, str(error))

    def _bare(self, row: Row) -> Reading:
        """Give what needs no reading that could fail."""
        obx, frame = row.obx, self._frame
        return Reading(
            source=frame.source.name,
            sequence=frame.sequence,
            codes=_metric_codes(obx, self._systems),
            path=self._containment.path(row.place) if row.place else (),
            handle=obx.component(4),
            value=None,
            status=STATUSES.get(obx.field(11), "unknown"),
            sent=frame.sent,
            patient=frame.patient,
            location=frame.location,
            method=_first(obx, 17, self._systems),
            body_site=_first(obx, 20, self._systems),
            range=obx.component(7) or None,
            notes=tuple(row.notes),
        )

    def _filled(self, row: Row, bare: Reading) -> Reading:
        if row.place is None:
            read_place(row.obx.component(4))
        if not bare.codes:
            raise MessageError("OBX-3 holds no code: a reading needs one")
        said = abnormal(_flags(row.obx))
        value, absent = self._value(row, said, bare.status == "cancelled")
        time, by_message = self._time(row.obx)
        return replace(
            bare,
            value=value,
            absent=absent,
            flags=said.flags,
            interpretation=said.interpretation,
            time=time,
            timed_by_message=by_message,
            clock=None if by_message else self._clock(row),
        )

    def _clock(self, row: Row) -> ClockReading | None:
        """Give the clock of the system that a row belongs to."""
        return self._clocks.get(row.place.devices[0]) if row.place else None

    def _value(
        self, row: Row, said: Abnormal, cancelled: bool
    ) -> tuple[Value | None, AbsentReason | None]:
        """Read the value; one that OBX-8 calls invalid or not available is not given on."""
        if said.absent:
            return None, said.absent
        value = self._sent_value(row, said)
        if isinstance(value, Quantity) and _is_sentinel(value.value, self._frame.source.sentinels):
            value = None
        if value is None:
            return None, "not-performed" if cancelled else "unknown"
        return value, None

    def _sent_value(self, row: Row, said: Abnormal) -> Value | None:
        if row.obx.field(2) == "NA" and row.metric and row.obx.field(5):
            return read_samples(row.obx, self._waveforms.get(row.metric, Facets({})), self._systems)
        value = read_value(row.obx, self._systems)
        return _beyond_scale(value, said) if isinstance(value, Quantity) else value

    def _time(self, obx: Segment) -> tuple[Moment | None, bool]:
        """Give OBX-14, else OBR-7, else MSH-7, and whether it is only that."""
        zone = self._frame.source.zone
        if obx.component(14):
            return parse_time(obx.component(14), zone, "OBX-14"), False
        if self._order and self._order.component(7):
            return parse_time(self._order.component(7), zone, "OBR-7"), False
        return self._frame.sent, True


def _metric_codes(obx: Segment, systems: Mapping[str, str]) -> tuple[Coding, ...]:
    """Read OBX-3, the MDC coding first, wherever it was sent."""
    found = codings(obx.components(3), systems)
    return tuple(sorted(found, key=lambda coding: coding.system != MDC))


def _flags(obx: Segment) -> tuple[str, ...]:
    """Read OBX-8: the codes of its repetitions, of whatever type a version gives them."""
    codes = (components(text, obx.separators)[0] for text in obx.repetitions(8))
    return tuple(" ".join(code.split()) for code in codes if code)


def _first(obx: Segment, number: int, systems: Mapping[str, str]) -> Coding | None:
    """Read one coded field; a text alone becomes a coding without a code."""
    parts = obx.components(number)
    found = codings(parts, systems)
    if found:
        return found[0]
    return Coding("", "", parts[1]) if len(parts) > 1 and parts[1] else None


def _is_sentinel(value: Decimal, sentinels: frozenset[str]) -> bool:
    return any(value == read_number(sentinel, "sentinels") for sentinel in sentinels)


def _beyond_scale(value: Quantity, said: Abnormal) -> Quantity:
    """Give a number at the end of the instrument's scale the comparator of OBX-8."""
    codes = {coding.code for coding in said.interpretation}
    if "<" in codes:
        return replace(value, comparator="<")
    return replace(value, comparator=">") if ">" in codes else value
