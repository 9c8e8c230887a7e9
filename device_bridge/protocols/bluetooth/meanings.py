"""What the fields of a characteristic say.

    Figure   a number with its unit; the flags choose between two units, a field between codes
    Choice   a number that stands for a concept
    Bits     each bit that is set is a concept of its own, "150604.4" as in 20601
    Doubt    what a field says of all numbers beside it: questionable, for testing …

What the specification reserves is not guessed: the reading is found with its fault.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from fhirserver_device_bridge.protocols.bluetooth.fields import FLAGS, Layout, Raw, Values
from fhirserver_device_bridge.protocols.x20601.floats import Special
from fhirserver_device_bridge.protocols.x20601.times import AbsoluteTime
from fhirserver_device_bridge.protocols.x20601.values import BITS
from fhirserver_device_bridge.reading import (
    UCUM,
    AbsentReason,
    Coded,
    Coding,
    Flag,
    Quantity,
    Value,
)


@dataclass(frozen=True, slots=True)
class Part:
    """A field, or some bits of it."""

    field: str
    shift: int = 0
    mask: int = 0xFFFFFF

    def of(self, values: Values) -> int | None:
        """Give its number; None where the field is not there."""
        number = values.integer(self.field)
        return None if number is None else number >> self.shift & self.mask


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of UCUM, and what a number is to be multiplied by to be in it: digits stay."""

    ucum: str
    scale: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True)
class Codes:
    """The code of a figure: one, or that which a part chooses (`other` where it is not there)."""

    other: Coding
    by: Part | None = None
    options: Mapping[int, Coding] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Figure:
    """A number.

    Attributes:
        units: one, or the unit without and with `unit_flag`.
        none: raw numbers that mean "no value".
        compound: the whole that it is a part of.
        supplemental: types that tell it from another of the same code.
        duration: field with the seconds that it took.
    """

    field: str
    codes: Codes
    units: tuple[Unit, ...]
    unit_flag: int = 0
    none: frozenset[int] = frozenset()
    compound: Coding | None = None
    supplemental: tuple[Coding, ...] = ()
    duration: Part | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """A concept; an option that is None says nothing ("not available")."""

    part: Part
    code: Coding
    options: Mapping[int, Coding | None]


@dataclass(frozen=True, slots=True)
class Bits:
    """Concepts by bit: `numbers` are those of the code in IEEE 11073, by the bit here."""

    part: Part
    code: Coding
    numbers: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Doubt:
    """A flag of all figures where a part has this number."""

    part: Part
    equals: int
    flag: Flag


Meaning = Figure | Choice | Bits | Doubt


@dataclass(frozen=True, slots=True)
class Characteristic:
    """A characteristic.

    Attributes:
        number: assigned by Bluetooth SIG, e.g. 0x2A35.
        service: of the service that it belongs to.
        device: what has it.
        clock_fault: not 0 where the device says that its clock is wrong.
        dated_by: characteristic of the same `sequence` that has the time.
    """

    number: int
    service: int
    device: Coding
    layout: Layout
    meanings: tuple[Meaning, ...]
    clock_fault: Part | None = None
    dated_by: int | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """One value.

    Attributes:
        place: of the value in its characteristic, e.g. "systolic", "status.2".
        value: None where there is none; then `absent` or `fault` says why.
        fault: why it must not be charted.
        is_figure: what the device doubts is meant of it.
    """

    place: str
    code: Coding
    value: Value | None = None
    absent: AbsentReason | None = None
    fault: str | None = None
    compound: Coding | None = None
    supplemental: tuple[Coding, ...] = ()
    duration_s: Decimal | None = None
    is_figure: bool = False


def doubts(values: Values, characteristic: Characteristic) -> frozenset[Flag]:
    """Give what the device says of its figures. Pure."""
    return frozenset(
        each.flag
        for each in characteristic.meanings
        if isinstance(each, Doubt) and each.part.of(values) == each.equals
    )


def found_in(values: Values, characteristic: Characteristic) -> Iterator[Found]:
    """Give what the fields say, in the order of the table. Pure."""
    for meaning in characteristic.meanings:
        match meaning:
            case Figure():
                yield from _figures(values, meaning)
            case Choice():
                yield from _chosen(values, meaning)
            case Bits():
                yield from _set(values, meaning)
            case Doubt():
                continue  # is of the figures, and no value


def _figures(values: Values, meaning: Figure) -> Iterator[Found]:
    raw = values.all(meaning.field)
    for number, each in enumerate(raw, 1):
        place = meaning.field if len(raw) == 1 else f"{meaning.field}.{number}"
        code, fault = _code(values, meaning.codes)
        value, absent = _quantity(each, meaning, values)
        yield Found(
            place,
            code,
            value,
            absent,
            fault,
            meaning.compound,
            meaning.supplemental,
            _duration(values, meaning.duration),
            is_figure=True,
        )


def _code(values: Values, codes: Codes) -> tuple[Coding, str | None]:
    """Give a figure's code, and why it is not known."""
    chosen = codes.by.of(values) if codes.by else None
    if chosen is None:
        return codes.other, None
    code = codes.options.get(chosen)
    return (codes.other, _reserved(codes.by)) if code is None else (code, None)


def _reserved(part: Part | None) -> str:
    return f"the number of {part.field if part else ''!r} is reserved: nobody knows what it means"


def _quantity(
    raw: Raw, meaning: Figure, values: Values
) -> tuple[Quantity | None, AbsentReason | None]:
    if isinstance(raw, Special):
        return None, raw.absent_reason
    assert not isinstance(raw, AbsoluteTime), "the tables make no figure of a time"
    if raw in meaning.none:
        return None, "unknown"
    flags = values.integer(FLAGS) or 0
    unit = meaning.units[-1 if flags & meaning.unit_flag else 0]
    text = format(raw * unit.scale, "f")
    return Quantity(Decimal(text), text, Coding(UCUM, unit.ucum)), None


_OVERRUN_S = 0xFFFF


def _duration(values: Values, part: Part | None) -> Decimal | None:
    seconds = part.of(values) if part else None
    return None if seconds in (None, _OVERRUN_S) else Decimal(seconds or 0)


def _chosen(values: Values, meaning: Choice) -> Iterator[Found]:
    number = meaning.part.of(values)
    if number is None:
        return
    place = meaning.code.display or meaning.part.field
    if number not in meaning.options:
        yield Found(place, meaning.code, fault=_reserved(meaning.part))
        return
    concept = meaning.options[number]
    if concept is not None:
        yield Found(place, meaning.code, Coded((concept,)))


def _set(values: Values, meaning: Bits) -> Iterator[Found]:
    bits = meaning.part.of(values) or 0
    for bit in range(bits.bit_length()):
        if not bits >> bit & 1:
            continue
        place = f"{meaning.part.field}.{bit}"
        number = meaning.numbers.get(bit)
        if number is None:
            yield Found(
                place, meaning.code, fault=f"bit {bit} of {meaning.part.field!r} is reserved"
            )
        else:
            concept = Coding(BITS, f"{meaning.code.code}.{number}")
            yield Found(place, meaning.code, Coded((concept,)))
