"""What a device said, whatever protocol it spoke: the form between decoders and FHIR.

    Reading     one value of one metric, with where it was measured, when and on whom
    Rejected    a reading that must not be charted, with its reason
    ClockReading    what the clock of its device showed, by which its time is understood

They are msgspec's structures: made, compared and hashed in a third of a dataclass's time, which is
most of what a message costs.

Nothing here is guessed: a number keeps the digits that were sent and a time its precision, codes
are the sender's own, what was not said is None. LOINC, UCUM, profiles come later, by `mapping`.
"""

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Literal

from msgspec import Struct

MDC = "urn:iso:std:iso:11073:10101"
"""The code system of IEEE 11073 nomenclature in FHIR."""

UCUM = "http://unitsofmeasure.org"

Precision = Literal["year", "month", "day", "minute", "second", "fraction"]
Status = Literal[
    "registered",
    "preliminary",
    "final",
    "corrected",
    "amended",
    "cancelled",
    "entered-in-error",
    "unknown",
]
Flag = Literal[
    "test",
    "demo",
    "invalid",
    "questionable",
    "not-available",
    "calibrating",
    "validated",
    "early-estimate",
    "ongoing",
    "alarm",
    "alarm-inhibited",
    "manual",
]
Comparator = Literal["<", "<=", ">=", ">"]
AbsentReason = Literal[
    "unknown",
    "not-asked",
    "temp-unknown",
    "error",
    "unsupported",
    "not-applicable",
    "not-a-number",
    "negative-infinity",
    "positive-infinity",
    "not-performed",
    "as-text",
]
"""Codes of http://terminology.hl7.org/CodeSystem/data-absent-reason."""


EUI64 = "urn:oid:1.2.840.10004.1.1.1.0.0.1.0.0.1.2680"
"""The system of EUI-64 identifiers of devices in FHIR."""


class Coding(Struct, frozen=True):
    """A code as sent.

    Attributes:
        system: URI where the sender's system has one (`MDC`), else `urn:oid:…` or a name as sent
            ("99MNDRY"); "" where none was given.
        code: decimal for MDC codes, e.g. "150456".
        display: the sender's name, for MDC the reference id, e.g. "MDC_PULS_OXIM_SAT_O2".
    """

    system: str
    code: str
    display: str | None = None


class Identifier(Struct, frozen=True):
    """A business identifier as sent.

    Attributes:
        system: URI, or the assigning authority's name as sent; "" where none was given.
        value: not empty.
        type: code of HL7 table 0203, e.g. "MR"; None where none was given.
    """

    system: str
    value: str
    type: str | None = None


_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+")
_PREFERRED = {"MR": 0, "PI": 1}
_OF_A_VISIT = ("VN", "AN")
"""Types of table 0203."""


def is_uri(name: str) -> bool:
    """Tell whether a system's name is a URI."""
    return _SCHEME.fullmatch(name) is not None


def persons(identifiers: Iterable[Identifier]) -> list[Identifier]:
    """Leave out identifiers of visits."""
    return [each for each in identifiers if each.type not in _OF_A_VISIT]


def record_number(identifiers: Iterable[Identifier]) -> Identifier | None:
    """Choose the identifier to find a person by: of those with a URI a record number first."""
    usable = [given for given in persons(identifiers) if is_uri(given.system)]
    return min(
        usable, key=lambda given: _PREFERRED.get(given.type or "", len(_PREFERRED)), default=None
    )


class Moment(Struct, frozen=True):
    """A time at the precision that was sent.

    Attributes:
        text: a FHIR dateTime, e.g. "2011-06-02T04:58:42+00:00" or "2011-06"; finer than a day it
            always has an offset, the sender's or that of the source's zone.
        precision: the last part that was sent.
        offset_known: False where the offset is the source's zone and not the sender's word.
        ambiguous: the hour of a clock change that exists twice, and no offset was sent; `text` is
            the earlier of the two instants and `latest` the later.
    """

    text: str
    precision: Precision
    offset_known: bool = True
    ambiguous: bool = False
    latest: str | None = None


class Quantity(Struct, frozen=True):
    """A number with its unit.

    Attributes:
        value: equals `text`, with its trailing zeros: 2.0 is not 2.
        text: as sent.
        unit: the sender's, of MDC ("266016") or of UCUM ("mm[Hg]"); None where none was sent.
        comparator: of FHIR (<, <=, >=, >); None for an exact value.
    """

    value: Decimal
    text: str
    unit: Coding | None = None
    comparator: Comparator | None = None


class Samples(Struct, frozen=True):
    """A waveform.

    Attributes:
        period_ms: between two samples, > 0.
        values: samples as sent, before scaling; None for a gap.
        factor: sample * factor + offset is in `unit`.
        lower, upper: the range that samples can have; None where not sent.
    """

    period_ms: Decimal
    values: tuple[Decimal | None, ...]
    unit: Coding | None = None
    factor: Decimal = Decimal(1)
    offset: Decimal = Decimal(0)
    lower: Decimal | None = None
    upper: Decimal | None = None


class Coded(Struct, frozen=True):
    """A coded value: one concept in one or more systems, the sender's first; `text` as sent."""

    codings: tuple[Coding, ...]
    text: str | None = None


Value = Quantity | Coded | str | Samples


class Level(Struct, frozen=True):
    """One device of the containment tree: medical device system, virtual device or channel.

    Attributes:
        kind: of IEEE 11073-10201.
        number: its place in its parent as sent, e.g. "1"; "" for a device that is not numbered.
        code: what it is, e.g. MDC 69965; None where the sender only numbers it.
        identifiers: EUI-64 and other identifiers that the sender gives this device.
        model, manufacturer, serial_number, version: as sent; None where not.
    """

    kind: Literal["mds", "vmd", "channel"]
    number: str = ""
    code: Coding | None = None
    identifiers: tuple[Identifier, ...] = ()
    model: str | None = None
    manufacturer: str | None = None
    serial_number: str | None = None
    version: str | None = None


class Location(Struct, frozen=True):
    """Where the patient lies as sent (PV1-3); None for what was not said."""

    point_of_care: str | None = None
    room: str | None = None
    bed: str | None = None
    facility: str | None = None


class ClockReading(Struct, frozen=True):
    """What the clock of a device showed when another was read, the one that times are told by.

    Attributes:
        kind: of clock, by MDC: absolute, base offset, relative, high resolution.
        shown: a wall clock's time, or a counter in microseconds; None for no time at all.
        at: what the other clock showed; None where the device's is the better one.
        reader: whose clock `at` is; None for the bridge's.
        method: how the device's clock is set, by MDC; None where that is not said.
    """

    kind: Coding
    shown: Moment | Decimal | None
    at: Moment | None
    reader: Identifier | None = None
    method: Coding | None = None


class Reading(Struct, frozen=True):
    """One value of one metric.

    Attributes:
        source: name of the source.
        sequence: number of the message in the journal; grows.
        codes: the metric, the sender's codings; the MDC one first where there is one.
        path: its devices, the outermost first.
        handle: the metric's own place: OBX-4 in full ("1.1.1.1"), or the handle of 20601.
        value: None where there is none; then `absent` says why.
        status: of FHIR.
        time: when it was measured; None where no time was sent (then the time of receipt, by
            `fhir`).
        sent: when the message was made, by the sender's clock.
        timed_by_message: `time` is only `sent`: it does not tell two measurements apart.
        duration_s: of a measurement that took time, from `time` on.
        compound: the measurement that this is a part of, where the protocol says so.
        device_time: `time` as the device's own clock has it, where the two could differ: it stands
            in identifiers, for a clock's offset is measured anew every time.
        clock: what its device's clock showed, where `time` was made of that.
        supplemental: types that tell two measurements of one code apart (20601).
        patient: the identifiers that the message gives, as sent; empty where it gives none.
        specimen: what was examined, by its number as sent; None where it is not said.
        range: reference or alarm range as sent, e.g. "50-120".
        laboratory: it is a laboratory's result: `range` is then what is normal.
    """

    source: str
    sequence: int
    codes: tuple[Coding, ...]
    path: tuple[Level, ...]
    handle: str
    value: Value | None
    absent: AbsentReason | None = None
    status: Status = "final"
    flags: frozenset[Flag] = frozenset()
    time: Moment | None = None
    sent: Moment | None = None
    timed_by_message: bool = False
    duration_s: Decimal | None = None
    compound: Coding | None = None
    supplemental: tuple[Coding, ...] = ()
    device_time: str | None = None
    clock: ClockReading | None = None
    patient: tuple[Identifier, ...] = ()
    location: Location | None = None
    method: Coding | None = None
    body_site: Coding | None = None
    range: str | None = None
    interpretation: tuple[Coding, ...] = ()
    notes: tuple[str, ...] = ()
    specimen: Identifier | None = None
    laboratory: bool = False


class Rejected(Struct, frozen=True):
    """A reading that is kept but never charted.

    Attributes:
        reason: names the element, the rule and the remedy; no value of the patient.
    """

    reading: Reading
    reason: str
