"""A message as it was received becomes readings and the transaction that charts them. Pure.

    raw -> Message -> readings -> gate -> pieces -> measurements -> Bundle
                   -> resources, by a mapping of the source -> Bundle
    recording of an alarm -> Bundle

`Conversion` says what becomes of it: charted (`bundle`), held until it can be charted (`held`), or
kept without being charted (`rejected`). Of its readings some may be rejected alone; their message
is charted.

Before a Bundle is sent the server is asked what it has already: what is older than the message is
updated, as `fhir.precedence` tells.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from fhirserver_device_bridge.alarms import recording as alarm_recording
from fhirserver_device_bridge.alarms.alarm import Alarm, Report
from fhirserver_device_bridge.association import (
    UnknownPatientError,
    is_about_somebody,
    patient_of,
    specimen_of,
)
from fhirserver_device_bridge.fhir import identity
from fhirserver_device_bridge.fhir.alarm import alarm_transaction
from fhirserver_device_bridge.fhir.bundle import transaction
from fhirserver_device_bridge.fhir.json_text import JsonObject
from fhirserver_device_bridge.fhir.observation import Circumstances
from fhirserver_device_bridge.hearing import RECORDINGS, UNREADABLE, reports_of
from fhirserver_device_bridge.mapping.files import mapping_named
from fhirserver_device_bridge.mapping.gate import gate
from fhirserver_device_bridge.mapping.grouping import Measurement, group
from fhirserver_device_bridge.mapping.pieces import pieces
from fhirserver_device_bridge.mapping.table import Table
from fhirserver_device_bridge.movement import Movement
from fhirserver_device_bridge.protocols.hl7v2.adt import movements
from fhirserver_device_bridge.protocols.hl7v2.message import Message, parse
from fhirserver_device_bridge.protocols.hl7v2.pcd01 import decode, message_type
from fhirserver_device_bridge.protocols.hl7v2.pcd04 import decode_alarms
from fhirserver_device_bridge.reading import Coding, Identifier, Moment, Reading, Rejected
from fhirserver_device_bridge.source import Source
from fhirserver_device_bridge.v2fhir.files import Mapped, mapping_of
from fhirserver_device_bridge.v2fhir.transactions import Sent
from fhirserver_device_bridge.v2fhir.transactions import transaction as transaction_of
from fhirserver_device_bridge.whereabouts import Whereabouts

__all__ = ["Conversion", "convert"]


@dataclass(frozen=True, slots=True)
class Conversion:
    """What became of a message.

    Attributes:
        readings: what is charted, or would be but for `held`.
        quarantined: readings that must not be charted, with their reasons.
        patients: searches that find its patients, e.g. "Patient?identifier=urn:x|1".
        bundle: transaction; None if nothing is charted now.
        rejected: why the message as a whole can never be charted as it is.
        held: why it cannot be charted yet.
        movements: what it says of who lies where.
        reports: what it says of alarms; they are charted by the entries that
            `journal.alarms` makes.
        unmapped: codes that have no row in the mapping; those of metrics are charted all the same.
        omitted: resources that a mapping would make, with what is missing for them.
    """

    readings: tuple[Reading, ...] = ()
    quarantined: tuple[Rejected, ...] = ()
    patients: tuple[str, ...] = ()
    bundle: JsonObject | None = None
    rejected: str | None = None
    held: str | None = None
    unmapped: tuple[Coding, ...] = ()
    movements: tuple[Movement, ...] = ()
    reports: tuple[Report, ...] = ()
    omitted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Receipt:
    """A message as the journal has it; attributes as the arguments of `convert`."""

    raw: bytes
    source: Source
    at: datetime
    sequence: int
    whereabouts: Whereabouts


def convert(
    raw: bytes,
    source: Source,
    received: datetime,
    sequence: int,
    whereabouts: Whereabouts | None = None,
) -> Conversion:
    """Convert one message.

    Args:
        raw: without framing.
        source: what the message does not say of its sender.
        received: aware; of the journal, so that a replay gives the same.
        sequence: number in the journal.
        whereabouts: who lies where; None where nothing is known of it.
    """
    receipt = Receipt(raw, source, received, sequence, whereabouts or Whereabouts())
    chosen = mapping_named(source.mapping)
    try:
        if raw.startswith(alarm_recording.MAGIC):
            return _of_alarm(alarm_recording.read(raw), receipt)
        for magic, measurements in RECORDINGS.items():
            if raw.startswith(magic):
                made = _converted(measurements(raw, source, sequence), receipt, chosen)
                return replace(made, reports=tuple(reports_of(raw, source)))
        message = parse(raw, source.character_set)
        return _of_message(message, receipt, chosen)
    except (*UNREADABLE, alarm_recording.RecordingError) as error:
        return Conversion(rejected=str(error))


def _of_message(message: Message, received: Receipt, table: Table) -> Conversion:
    kind = message_type(message)
    said: tuple[Movement, ...] = ()
    if kind[0] == "ADT" and received.source.admissions:
        said = tuple(movements(message, received.source))
    mapped = mapping_of(received.source, *kind)
    if mapped is not None:
        return replace(_mapped(message, received, mapped), movements=said)
    if kind[0] == "ADT" and received.source.admissions:
        return Conversion(movements=said)
    if kind == ("ORU", "R40"):
        return Conversion(reports=tuple(decode_alarms(message, received.source, received.at)))
    if kind != ("ORU", "R01"):
        return Conversion(
            rejected="MSH-9 is neither ORU^R01 nor ORU^R40, and none of the source's mappings"
            " reads it: add one to its messages"
        )
    decoded = decode(message, received.source, received.sequence)
    return _converted(decoded, received, table)


def _mapped(message: Message, received: Receipt, mapped: Mapped) -> Conversion:
    """Make resources of a message by a mapping; it is held until its patient is known."""
    sent = Sent(received.raw, message, received.source, received.at, received.sequence)
    try:
        made = transaction_of(sent, mapped)
    except UnknownPatientError as unknown:
        return Conversion(held=str(unknown))
    nothing = "; ".join(("nothing of the message is charted", *made.omitted))
    return Conversion(
        patients=made.patients,
        bundle=made.bundle,
        rejected=nothing if made.bundle is None else None,
        unmapped=made.unmapped,
        omitted=made.omitted,
    )


def _of_alarm(alarm: Alarm, received: Receipt) -> Conversion:
    """Chart an alarm; one about nobody is charted without a patient, one about somebody is not."""
    condition = alarm.condition
    about = Reading(
        source=alarm.source,
        sequence=received.sequence,
        codes=condition.codes,
        path=condition.path,
        handle="",
        value=None,
        time=Moment(alarm.started or alarm.ended or "", "second"),
        patient=condition.patient,
        location=condition.location,
        specimen=condition.specimen,
    )
    subject = None
    known = (about, received.source, received.whereabouts, received.at)
    if alarm.kind != "silence" and is_about_somebody(*known):
        try:
            subject = _subject(about, received)
        except UnknownPatientError as unknown:
            return Conversion(held=str(unknown))
    bundle = alarm_transaction(alarm, subject, received.sequence)
    return Conversion(patients=(subject,) if subject else (), bundle=bundle)


def _converted(
    decoded: Iterable[Reading | Rejected], received: Receipt, table: Table
) -> Conversion:
    length_s = received.source.waveform_s
    read = [part for found in decoded for part in _checked(found, table, length_s)]
    measurements, repeated = _distinct(
        group((found for found in read if isinstance(found, Reading)), table)
    )
    readings = tuple(part for found in measurements.values() for part in found.parts)
    conversion = Conversion(
        readings=readings,
        quarantined=(*(found for found in read if isinstance(found, Rejected)), *repeated),
        unmapped=tuple(
            reading.codes[0] for reading in readings if table.metric(reading.codes) is None
        ),
    )
    return _charted(conversion, measurements, received, table)


def _checked(
    found: Reading | Rejected, table: Table, length_s: Decimal
) -> list[Reading | Rejected]:
    """Hold a reading against what can be, and divide a waveform that is longer than `length_s`."""
    passed = gate(found, table) if isinstance(found, Reading) else found
    return pieces(passed, length_s) if isinstance(passed, Reading) else [passed]


def _distinct(
    measurements: list[Measurement],
) -> tuple[dict[Identifier, Measurement], list[Rejected]]:
    """Part what has an identity of its own from what repeats one of the same message."""
    distinct: dict[Identifier, Measurement] = {}
    repeated: list[Rejected] = []
    for measurement in measurements:
        if distinct.setdefault(identity.observation(measurement), measurement) is not measurement:
            repeated.extend(Rejected(part, _REPEATED) for part in measurement.parts)
    return distinct, repeated


_REPEATED = (
    "an OBX above has the same OBX-3, OBX-4 and time, and a metric has one value at a time: "
    "give the second another sub-id or time"
)


def _charted(
    conversion: Conversion,
    measurements: dict[Identifier, Measurement],
    received: Receipt,
    table: Table,
) -> Conversion:
    if not measurements:
        return replace(conversion, rejected=_NOTHING if conversion.quarantined else None)
    try:
        subjects = {
            found_by: _subject(measurement.parts[0], received)
            for found_by, measurement in measurements.items()
        }
    except UnknownPatientError as unknown:
        return replace(conversion, held=str(unknown))
    around = Circumstances(table, subjects, received.at)
    bundle = transaction(measurements, around, hashlib.sha256(received.raw).hexdigest())
    return replace(conversion, patients=tuple(dict.fromkeys(subjects.values())), bundle=bundle)


_NOTHING = "none of the message's readings may be charted"


def _subject(reading: Reading, received: Receipt) -> str:
    """Give the search that finds the patient: by an identifier, or by the specimen's."""
    specimen = specimen_of(reading)
    if specimen is not None:
        return f"Patient?_has:Specimen:patient:{identity.condition(specimen)}"
    patient = patient_of(reading, received.source, received.whereabouts, received.at)
    return f"Patient?{identity.condition(patient)}"
