"""What an entry of the journal says of alarms: itself (PCD-04), or by a reading that is critical.

    raw ──> reports of alarms
       └──> readings ──> gate ──> measurements ──> limits ──> reports of critical values
                                              └──> devices that were heard

Pure. It happens before and beside delivery: what the server does, or whether it is there, is of no
importance here.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from fhirserver_device_bridge.alarms.alarm import Condition, Evidence, Phase, Report
from fhirserver_device_bridge.alarms.recording import MAGIC
from fhirserver_device_bridge.config.alarm_settings import Limit
from fhirserver_device_bridge.fhir import identity
from fhirserver_device_bridge.framing.astm import STX
from fhirserver_device_bridge.mapping.files import mapping_named
from fhirserver_device_bridge.mapping.gate import gate
from fhirserver_device_bridge.mapping.grouping import Measurement, group
from fhirserver_device_bridge.mapping.limits import Finding, findings
from fhirserver_device_bridge.mapping.table import Table
from fhirserver_device_bridge.moments import first_instant
from fhirserver_device_bridge.protocols.astm import results as astm
from fhirserver_device_bridge.protocols.astm.records import AstmError
from fhirserver_device_bridge.protocols.bluetooth import measurements as bluetooth
from fhirserver_device_bridge.protocols.bluetooth import notification
from fhirserver_device_bridge.protocols.bluetooth.errors import BluetoothError
from fhirserver_device_bridge.protocols.hl7v2.errors import MessageError
from fhirserver_device_bridge.protocols.hl7v2.laboratory import results
from fhirserver_device_bridge.protocols.hl7v2.message import Message, parse
from fhirserver_device_bridge.protocols.hl7v2.pcd01 import decode, devices, frame_of, message_type
from fhirserver_device_bridge.protocols.hl7v2.pcd04 import decode_alarms
from fhirserver_device_bridge.protocols.modbus import alarms as modbus_alarms
from fhirserver_device_bridge.protocols.modbus import measurements as modbus
from fhirserver_device_bridge.protocols.modbus import recording as modbus_recording
from fhirserver_device_bridge.protocols.modbus.errors import ModbusError
from fhirserver_device_bridge.protocols.sdc import measurements as sdc
from fhirserver_device_bridge.protocols.sdc import update
from fhirserver_device_bridge.protocols.sdc.errors import SdcError
from fhirserver_device_bridge.protocols.spoken import lines, nonin
from fhirserver_device_bridge.protocols.spoken import recording as spoken_recording
from fhirserver_device_bridge.protocols.spoken.recording import SpokenError
from fhirserver_device_bridge.protocols.x20601 import measurements as x20601
from fhirserver_device_bridge.protocols.x20601 import recording as x20601_recording
from fhirserver_device_bridge.protocols.x20601.mder import MderError
from fhirserver_device_bridge.reading import Coding, Identifier, Level, Quantity, Reading, Rejected
from fhirserver_device_bridge.source import Source
from fhirserver_device_bridge.v2fhir.files import mapping_of

Decoder = Callable[[bytes, Source, int], list[Reading | Rejected]]

RECORDINGS: dict[bytes, Decoder] = {
    x20601_recording.MAGIC: x20601.measurements,
    modbus_recording.MAGIC: modbus.measurements,
    notification.MAGIC: bluetooth.measurements,
    update.MAGIC: sdc.measurements,
    STX: astm.measurements,
    spoken_recording.NONIN: nonin.measurements,
    spoken_recording.LINE: lines.measurements,
}
"""What is journaled of other protocols than HL7 v2, by how it begins."""

REPORTS: dict[bytes, Callable[[bytes, Source], list[Report]]] = {
    modbus_recording.MAGIC: modbus_alarms.reports,
}
"""What tells, beside its readings, whether each of its alarms is there."""

UNREADABLE = (
    AstmError,
    BluetoothError,
    MessageError,
    MderError,
    ModbusError,
    SdcError,
    SpokenError,
)
"""What readers raise for an entry that cannot be read."""

_INTERPRETATION = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
_CODES = {
    "low": Coding(_INTERPRETATION, "LL", "Critical low"),
    "high": Coding(_INTERPRETATION, "HH", "Critical high"),
}
_WORDS = {"low": "below", "high": "above"}
_DAY_S = 86400.0


@dataclass(frozen=True, slots=True)
class Receipt:
    """An entry as the journal has it."""

    raw: bytes
    source: Source
    received: datetime
    number: int


@dataclass(slots=True)
class Heard:
    """What an entry says.

    Attributes:
        reports: of alarms, in order.
        devices: that were heard.
        unchecked: readings whose unit does not tell whether they are critical.
    """

    reports: list[Report] = field(default_factory=list)
    devices: set[Identifier] = field(default_factory=set)
    unchecked: int = 0

    def add(self, other: "Heard") -> None:
        """Take in what another part of the entry says."""
        self.reports += other.reports
        self.devices |= other.devices
        self.unchecked += other.unchecked


def hear(receipt: Receipt, limits: tuple[Limit, ...], open_: set[str]) -> Heard:
    """Read an entry.

    Args:
        receipt: the entry.
        limits: that could hold for its source.
        open_: keys of the alarms of the source that may be open; those that begin are added, and
            those that end of which only a change is told are taken away.

    Raises:
        one of UNREADABLE: it cannot be read.
    """
    raw, source = receipt.raw, receipt.source
    if raw.startswith(MAGIC):
        return Heard()
    read = _Readings(receipt, limits, open_)
    for magic, measurements in RECORDINGS.items():
        if raw.startswith(magic):
            heard = read.checked(measurements(raw, source, receipt.number), None)
            told = reports_of(raw, source)
            heard.devices.update(_systems((each.condition.path for each in told), source.name))
            heard.reports += _changes(told, open_)
            return heard
    message = parse(raw, source.character_set)
    kind = message_type(message)
    is_mapped = mapping_of(source, *kind) is not None
    if kind == ("ORU", "R40") and not is_mapped:
        reports = decode_alarms(message, source, receipt.received)
        return Heard(reports, set(_systems((each.condition.path for each in reports), source.name)))
    if kind != ("ORU", "R01"):
        return Heard()
    if not limits:
        return Heard(
            devices=set() if is_mapped else set(_systems(devices(message, source), source.name))
        )
    if is_mapped:
        read = _Readings(receipt, limits, open_, are_observations=False)
    heard = Heard()
    for part in message.by_patient():
        if is_mapped:
            decoded = results(part, frame_of(part, source, receipt.number))
        else:
            decoded = decode(part, source, receipt.number)
        heard.add(read.checked(decoded, _born(part)))
    return heard


def reports_of(raw: bytes, source: Source) -> list[Report]:
    """Read what a recording says of alarms: of each that it is there, or is not.

    Raises:
        one of UNREADABLE: it cannot be read.
    """
    return [
        report
        for magic, reports in REPORTS.items()
        if raw.startswith(magic)
        for report in reports(raw, source)
    ]


def _changes(told: Iterable[Report], open_: set[str]) -> Iterator[Report]:
    """Give the starts of what is not open, and the ends of what may be."""
    for report in told:
        if report.phase == "start" and report.key not in open_:
            open_.add(report.key)
            yield report
        elif report.phase == "end" and report.key in open_:
            open_.discard(report.key)
            yield report


def limits_of(source: Source, limits: Iterable[Limit]) -> tuple[Limit, ...]:
    """Give the limits that could hold for readings of a source."""
    return tuple(each for each in limits if not each.sources or source.name in each.sources)


def _systems(paths: Iterable[tuple[Level, ...]], source: str) -> Iterator[Identifier]:
    """Give the outermost device of each path that has an identifier of its own."""
    for path in paths:
        if path and path[0].identifiers:
            yield identity.business(path[0].identifiers[0], source)


def _born(message: Message) -> datetime | None:
    """Give the day of birth of PID-7; None for one that is not known to the day."""
    person = message.first("PID")
    text = person.component(7)[:8] if person is not None else ""
    try:
        return datetime.strptime(text, "%Y%m%d").replace(tzinfo=UTC) if len(text) == 8 else None
    except ValueError:
        return None


class _Readings:
    """Holds the readings of one entry against the limits.

    What a mapping makes of them has identifiers of its own, and is not named as evidence.
    """

    def __init__(
        self,
        receipt: Receipt,
        limits: tuple[Limit, ...],
        open_: set[str],
        *,
        are_observations: bool = True,
    ) -> None:
        self._receipt = receipt
        self._limits = limits
        self._open = open_
        self._are_observations = are_observations
        self._table: Table = mapping_named(receipt.source.mapping)

    def checked(self, decoded: Iterable[Reading | Rejected], born: datetime | None) -> Heard:
        """Tell of what is critical, of what is so no more, and of whom it was heard."""
        read = [each for each in decoded if isinstance(each, Reading)]
        heard = Heard(
            devices=set(_systems((each.path for each in read), self._receipt.source.name))
        )
        passed = (gate(each, self._table) for each in read)
        meant = (each for each in passed if isinstance(each, Reading))
        for measurement in group(meant, self._table) if self._limits else ():
            for part in measurement.parts:
                for finding in findings(
                    part, self._limits, self._age_days(part, born), self._table
                ):
                    heard.unchecked += not finding.checked
                    heard.reports += self._reports(finding, part, measurement)
        return heard

    def _age_days(self, reading: Reading, born: datetime | None) -> float | None:
        if born is None:
            return None
        return (self._at(reading) - born).total_seconds() / _DAY_S

    def _at(self, reading: Reading) -> datetime:
        return first_instant(reading.time.text) if reading.time else self._receipt.received

    def _reports(
        self, finding: Finding, reading: Reading, measurement: Measurement
    ) -> Iterator[Report]:
        """Begin what is critical, and end what may be open and is so no more."""
        for side in _WORDS if finding.checked else ():
            key = _key(finding.limit, side, reading)
            found_by = identity.observation(measurement) if self._are_observations else None
            condition = _condition(finding.limit, side, reading, found_by)
            if side == finding.side:
                self._open.add(key)
                yield self._report(key, "start", reading, condition)
            elif key in self._open:
                yield self._report(key, "end", reading, condition)

    def _report(self, key: str, phase: Phase, reading: Reading, condition: Condition) -> Report:
        received = self._receipt.received.isoformat(timespec="milliseconds")
        return Report(
            key=key,
            kind="critical",
            phase=phase,
            said_us=round(self._at(reading).timestamp() * 1_000_000),
            at=reading.time.text if reading.time else received,
            condition=condition,
        )


def _key(limit: Limit, side: str, reading: Reading) -> str:
    """Give what tells critical values apart: the limit, on whom, and where it is measured."""
    of_specimen = (reading.specimen,) if reading.specimen else ()
    persons = [f"{each.system}|{each.value}" for each in (*reading.patient, *of_specimen)]
    devices = [f"{each.system}|{each.value}" for one in reading.path for each in one.identifiers]
    return identity.digest(
        "critical", limit.name, side, *persons, *devices, reading.handle, reading.codes[0].code
    )


def _condition(
    limit: Limit, side: str, reading: Reading, observation: Identifier | None
) -> Condition:
    value = reading.value
    assert isinstance(value, Quantity)
    name = reading.codes[0].display or reading.codes[0].code
    unit = (value.unit.display or value.unit.code) if value.unit else ""
    bound = limit.low if side == "low" else limit.high
    shown = f"{value.comparator or ''}{value.text} {unit}".rstrip()
    return Condition(
        codes=(_CODES[side],),
        text=f"{name} {shown} is {_WORDS[side]} {bound} {limit.unit}",
        priority=limit.priority,
        path=reading.path,
        patient=reading.patient,
        location=reading.location,
        specimen=reading.specimen,
        evidence=Evidence(reading.codes, shown, observation=observation),
        limit=limit.name,
        reference=limit.reference,
    )
