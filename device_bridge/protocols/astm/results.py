"""Result records of an analyzer become readings.

Spec: ASTM E1394-97, chapters 6 to 11

    H.5          the analyzer's name; H.14 when the message was made
    P.4 P.3 P.5  identifiers of the patient: the laboratory's, the practice's, a third
    O.3 O.4      the specimen, by its own number, else the analyzer's
    R.3          the test: the analyzer's own code in components 4 and on, a universal one in 1
    R.4 R.5      value and unit
    R.7 R.9      abnormal flags, status; where R.9 is empty, O.26 of the order
    R.13 R.12    when it was completed, else started; without either H.14
    C.4          a comment on the result above, or on all results of the order or patient above

Names that `systems` of the source may give URIs: `tests` (its own codes), `universal`, `specimens`,
and `laboratory`, `practice` and `patient` for P.4, P.3 and P.5.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import cast

from fhirserver_device_bridge.protocols.astm.records import AstmError, Record, records
from fhirserver_device_bridge.protocols.hl7v2.errors import MessageError
from fhirserver_device_bridge.protocols.hl7v2.statuses import INTERPRETATION
from fhirserver_device_bridge.protocols.hl7v2.times import parse_time
from fhirserver_device_bridge.reading import (
    AbsentReason,
    Coding,
    Comparator,
    Identifier,
    Level,
    Moment,
    Quantity,
    Reading,
    Rejected,
    Status,
    Value,
)
from fhirserver_device_bridge.source import Source

_NUMBER = re.compile(r"(<=|>=|<|>)?\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,2})?)")
_LONGEST_NUMBER = 40
_PERSONS = ((4, "laboratory"), (3, "practice"), (5, "patient"))
_FLAGS = frozenset({"L", "H", "LL", "HH", "<", ">", "N", "A", "U", "D", "B", "W"})
_ON_RESULTS = frozenset({"C", "M", "S"})
"""Records that say more of the result above."""

_NO_TIME = "is no time: YYYYMMDD or YYYYMMDDHHMMSS"
_REQUEST = "a request for orders (Q): the bridge has none to give"
_NO_RESULT = "no result record (R)"

_STATUSES: dict[str, Status] = {
    "C": "corrected",
    "P": "preliminary",
    "F": "final",
    "X": "cancelled",
    "I": "registered",
    "S": "preliminary",
    "M": "final",
    "R": "final",
    "V": "final",
}
"""R.9 -> Observation.status; any other code is "unknown"."""

_OF_ORDER: dict[str, Status] = {
    "C": "corrected",
    "P": "preliminary",
    "F": "final",
    "X": "cancelled",
    "I": "registered",
    "Y": "registered",
    "Z": "unknown",
}
"""O.26 -> Observation.status."""


def measurements(raw: bytes, source: Source, sequence: int) -> list[Reading | Rejected]:
    """Read the results of a message. Pure.

    Args:
        raw: as it was journaled.
        source: its character set, zone, device, sentinels and systems.
        sequence: of the message in the journal.

    Raises:
        AstmError: it cannot be read, or holds no result.
    """
    context = _Context(source, sequence)
    found: list[Reading | Rejected] = []
    kinds = set()
    for record, below in _with_comments(list(records(raw, source.character_set))):
        kinds.add(record.type)
        if record.type == "R":
            found.append(context.reading(record, below))
        else:
            context.take(record)
    if not found:
        raise AstmError(_REQUEST if "Q" in kinds else _NO_RESULT)
    return found


def _with_comments(sent: list[Record]) -> Iterator[tuple[Record, tuple[str, ...]]]:
    """Give records with the comments that stand right below a result; other comments stay alone."""
    position = 0
    while position < len(sent):
        record, position = sent[position], position + 1
        below: list[str] = []
        while record.type == "R" and position < len(sent) and sent[position].type in _ON_RESULTS:
            below += _comment(sent[position]) if sent[position].type == "C" else ()
            position += 1
        yield record, tuple(below)


@dataclass(slots=True)
class _Context:
    """What stands above a result: the message, the patient, the order, and comments on them."""

    source: Source
    sequence: int
    path: tuple[Level, ...] = ()
    sent: Moment | None = None
    patient: Record | None = None
    order: Record | None = None
    of_patient: tuple[str, ...] = ()
    of_order: tuple[str, ...] = ()

    def take(self, record: Record) -> None:
        """Take a record that is no result; a header begins anew."""
        if record.type == "H":
            self.path = (_analyzer(record, self.source),)
            self.sent = _sent(record, self.source)
            self.patient = self.order = None
            self.of_patient = self.of_order = ()
        elif record.type == "P":
            self.patient, self.order = record, None
            self.of_patient = self.of_order = ()
        elif record.type == "O":
            self.order, self.of_order = record, self.of_patient
        elif record.type == "C" and self.order is None:
            self.of_patient = self.of_order = (*self.of_patient, *_comment(record))
        elif record.type == "C":
            self.of_order = (*self.of_order, *_comment(record))

    def reading(self, record: Record, own: tuple[str, ...]) -> Reading | Rejected:
        """Read a result.

        Args:
            record: R.
            own: comments below it.
        """
        status = _status(record, self.order)
        value, absent = _value(record, self.source.sentinels)
        time, fault = _time(record, self.source)
        codes = _codes(record, dict(self.source.systems))
        reading = Reading(
            source=self.source.name,
            sequence=self.sequence,
            codes=codes,
            path=self.path,
            handle="^".join(record.components(3)),
            value=value,
            absent="not-performed" if absent and status == "cancelled" else absent,
            status=status,
            time=time or self.sent,
            sent=self.sent,
            timed_by_message=time is None,
            patient=_persons(self.patient, dict(self.source.systems)),
            specimen=_specimen(self.order, self.source),
            range=record.text(6) or None,
            interpretation=_flags(record),
            notes=(*self.of_order, *own),
            laboratory=True,
        )
        if not codes[0].code:
            fault = "R.3 holds no code: a reading needs one"
        return reading if fault is None else Rejected(reading, fault)


def _analyzer(header: Record, source: Source) -> Level:
    known = (Identifier(*source.device),) if source.device[1] else ()
    return Level("mds", identifiers=known, model=header.components(5)[0] or None)


def _sent(header: Record, source: Source) -> Moment | None:
    text = header.components(14)[0]
    if not text:
        return None
    try:
        return parse_time(text, source.zone, "H.14")
    except MessageError:
        raise AstmError(f"H.14 {_NO_TIME}") from None


def _time(record: Record, source: Source) -> tuple[Moment | None, str | None]:
    """Give R.13, else R.12, or what is wrong with it."""
    for number in (13, 12):
        text = record.components(number)[0]
        if text:
            try:
                return parse_time(text, source.zone, f"R.{number}"), None
            except MessageError:
                return None, f"R.{number} {_NO_TIME}"
    return None, None


def _codes(record: Record, systems: Mapping[str, str]) -> tuple[Coding, ...]:
    """Give the universal code, then the analyzer's own: the first of its components from 4 on."""
    universal, name, _, *rest = [*record.components(3), "", "", ""]
    own = next((part for part in rest if part), "")
    found = [(systems.get("universal", "universal"), universal)] if universal else []
    if own or not found:
        found.append((systems.get("tests", "tests"), own))
    return tuple(Coding(system, code, name or None) for system, code in found)


def _persons(patient: Record | None, systems: Mapping[str, str]) -> tuple[Identifier, ...]:
    if patient is None:
        return ()
    given = ((patient.components(number)[0], name) for number, name in _PERSONS)
    return tuple(Identifier(systems.get(name, name), value) for value, name in given if value)


def _specimen(order: Record | None, source: Source) -> Identifier | None:
    """Give O.3, else O.4; of several components the one that the source is told to be the number.

    Others are racks, positions and kinds, in an order of each maker's own.
    """
    if order is None:
        return None
    parts = order.components(3) if order.text(3) else order.components(4)
    if source.specimen_component:
        value = parts[source.specimen_component - 1 : source.specimen_component]
    else:
        value = tuple(part for part in parts if part)
    system = dict(source.systems).get("specimens", "specimens")
    return Identifier(system, value[0]) if len(value) == 1 and value[0] else None


def _status(record: Record, order: Record | None) -> Status:
    said = record.text(9)
    if said or order is None:
        return _STATUSES.get(said, "unknown")
    return _OF_ORDER.get(order.text(26), "unknown")


def _value(record: Record, sentinels: frozenset[str]) -> tuple[Value | None, AbsentReason | None]:
    text = " ".join(part for part in record.components(4) if part)
    if not text:
        return None, "unknown"
    number = _NUMBER.fullmatch(text)
    if number is None or len(text) > _LONGEST_NUMBER:
        return text, None
    comparator, digits = cast("Comparator | None", number[1]), number[2]
    if comparator is None and any(Decimal(digits) == Decimal(each) for each in sentinels):
        return None, "unknown"
    unit = record.components(5)[0]
    return Quantity(Decimal(digits), digits, Coding("", unit) if unit else None, comparator), None


def _flags(record: Record) -> tuple[Coding, ...]:
    """Read R.7; what is no code of FHIR's is kept as it was sent."""
    codes = record.text(7).split(record.separators.repetition)
    return tuple(
        Coding(INTERPRETATION if code in _FLAGS else "", code)
        for code in (each.strip() for each in codes)
        if code
    )


def _comment(record: Record) -> tuple[str, ...]:
    text = " ".join(part for part in record.components(4) if part)
    return (text,) if text else ()
