"""Values of an agent's metrics: numbers, codes, texts, bits and samples.

Spec: IEEE 11073-20601, clause 6.3.4 to 6.3.6; https://hl7.org/fhir/uv/phd

    attribute                 becomes
    numeric (3 forms)         one value
    compound numeric (3)      one value for each of its metrics, handle "1.1", "1.2" …
    code, text                one value
    bits (16, 32)             one value for each bit that is set, handle "8.3"; "0x0000" for none
    samples                   one value
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from fhirserver_device_bridge.protocols.x20601 import attributes
from fhirserver_device_bridge.protocols.x20601.attributes import (
    Bits,
    Code,
    Enumeration,
    Numeric,
    SampleSpecification,
    Scale,
    Text,
    Type,
)
from fhirserver_device_bridge.protocols.x20601.floats import Number, Special
from fhirserver_device_bridge.protocols.x20601.mder import MderError
from fhirserver_device_bridge.protocols.x20601.nomenclature import DIMENSIONS, coding
from fhirserver_device_bridge.reading import AbsentReason, Coded, Coding, Quantity, Samples, Value

BITS = "http://terminology.hl7.org/CodeSystem/ASN1ToHL7"
"""Bits of an enumeration: the MDC code, a dot and the number of the bit, e.g. "150604.4"."""
_SIGNED = 255


@dataclass(frozen=True, slots=True)
class Found:
    """One value of an observation.

    Attributes:
        value: None where there is none; then `absent` says why.
        part: added to the handle: "" for the only value, else "1", "2" …
        compound: the whole that it is a part of.
        status: bits of the measurement status that this value has of its own.
    """

    code: Coding
    value: Value | None
    absent: AbsentReason | None = None
    part: str = ""
    compound: Coding | None = None
    status: int = 0


Attributes = Mapping[int, Any]


def found_in(values: Attributes) -> list[Found]:
    """The values of one observation. Pure.

    Args:
        values: attributes of the object's configuration and of the observation.

    Returns:
        Empty where there is no attribute with a value.

    Raises:
        MderError: the object has no type, or its attributes do not fit each other.
    """
    for attribute, read in _READERS.items():
        if attribute in values:
            return read(values, values[attribute])
    return []


def _metric(values: Attributes, term: int = 0) -> Coding:
    """The code of a metric; `term` is its own where one is sent."""
    kind = values.get(attributes.TYPE)
    if not isinstance(kind, Type):
        raise MderError(0, "the object has no Type attribute")
    partition = values.get(attributes.METRIC_PARTITION, kind.partition)
    own = term or values.get(attributes.METRIC_ID, 0)
    if own and own != kind.code:
        return coding(partition, own)
    return coding(kind.partition, kind.code, label(values))


def label(values: Attributes) -> str | None:
    """The agent's own name of an object."""
    return text(values[attributes.LABEL]) or None if attributes.LABEL in values else None


def text(octets: bytes) -> str:
    """A text as a person reads it: the padding and what is no character are left out."""
    shown = octets.decode("utf-8", errors="replace")
    return "".join(letter for letter in shown if letter.isprintable()).strip()


def _number(values: Attributes, value: Number) -> list[Found]:
    return [_numeric(_metric(values), value, values.get(attributes.UNIT, 0))]


def _own_number(values: Attributes, value: Numeric) -> list[Found]:
    found = _numeric(_metric(values, value.metric), value.value, _unit(values, value))
    return [_with_status(found, value.status)]


def _unit(values: Attributes, value: Numeric) -> int:
    unit: int = value.unit or values.get(attributes.UNIT, 0)
    return unit


def _numeric(code: Coding, value: Number, unit: int) -> Found:
    if isinstance(value, Special):
        return Found(code, None, value.absent_reason)
    digits = format(value, "f")
    return Found(code, Quantity(value, digits, coding(DIMENSIONS, unit) if unit else None))


def _with_status(found: Found, status: int) -> Found:
    return Found(found.code, found.value, found.absent, found.part, found.compound, status)


def _numbers(values: Attributes, numbers: Sequence[Number]) -> list[Found]:
    metrics = values.get(attributes.METRIC_IDS, ())
    if len(metrics) != len(numbers):
        raise MderError(0, f"{len(numbers)} numbers for {len(metrics)} metrics of a compound")
    unit = values.get(attributes.UNIT, 0)
    return _parts(
        values,
        [
            _numeric(_metric(values, metric), value, unit)
            for metric, value in zip(metrics, numbers, strict=True)
        ],
    )


def _own_numbers(values: Attributes, numbers: Sequence[Numeric]) -> list[Found]:
    return _parts(values, [found for value in numbers for found in _own_number(values, value)])


def _parts(values: Attributes, found: Sequence[Found]) -> list[Found]:
    whole = _metric({attributes.TYPE: values.get(attributes.TYPE), **_labelled(values)})
    return [
        Found(each.code, each.value, each.absent, str(number), whole, each.status)
        for number, each in enumerate(found, 1)
    ]


def _labelled(values: Attributes) -> Attributes:
    return {key: values[key] for key in (attributes.LABEL,) if key in values}


def _enumeration(values: Attributes, value: Enumeration) -> list[Found]:
    code = _metric(values, value.metric)
    return [_with_status(found, value.status) for found in _enumerated(values, value.value, code)]


def _simple_enumeration(values: Attributes, value: Code | Text | Bits) -> list[Found]:
    return _enumerated(values, value, _metric(values))


def _enumerated(values: Attributes, value: Code | Text | Bits, code: Coding) -> list[Found]:
    if isinstance(value, Text):
        return [Found(code, text(value.text))]
    if isinstance(value, Code):
        kind = values[attributes.TYPE]
        partition = values.get(attributes.ENUMERATION_PARTITION, kind.partition)
        return [Found(code, Coded((coding(partition, value.code),)))]
    return _set_bits(code, value)


def _set_bits(code: Coding, value: Bits) -> list[Found]:
    numbers = [bit for bit in range(value.width) if value.bits >> (value.width - 1 - bit) & 1]
    if not numbers:
        return [Found(code, f"0x{value.bits:0{value.width // 4}x}")]
    return [
        Found(code, Coded((Coding(BITS, f"{code.code}.{bit}"),)), part=str(bit)) for bit in numbers
    ]


def _samples(values: Attributes, octets: bytes) -> list[Found]:
    specification = values.get(attributes.SAMPLE_SPECIFICATION)
    period = values.get(attributes.SAMPLE_PERIOD)
    if not isinstance(specification, SampleSpecification) or period is None or not period.ticks:
        raise MderError(0, "samples need a sample specification and a sample period above 0")
    unpacked = _unpack(octets, specification)
    factor, offset, lower, upper = _line(values, specification)
    unit = values.get(attributes.UNIT, 0)
    samples = Samples(
        period_ms=Decimal(period.ticks * 1000) / period.ticks_per_s,
        values=tuple(map(Decimal, unpacked)),
        unit=coding(DIMENSIONS, unit) if unit else None,
        factor=factor,
        offset=offset,
        lower=lower,
        upper=upper,
    )
    return [Found(_metric(values), samples)]


def _unpack(octets: bytes, specification: SampleSpecification) -> list[int]:
    size, rest = divmod(specification.sample_bits, 8)
    if rest or size not in (1, 2, 4) or len(octets) % size:
        raise MderError(
            0, f"{len(octets)} octets are no samples of {specification.sample_bits} bits"
        )
    signed = specification.significant_bits == _SIGNED
    mask = -1 if signed else (1 << min(specification.significant_bits, 8 * size)) - 1
    return [
        int.from_bytes(octets[at : at + size], "big", signed=signed) & mask
        for at in range(0, len(octets), size)
    ]


def _line(
    values: Attributes, specification: SampleSpecification
) -> tuple[Decimal, Decimal, Decimal | None, Decimal | None]:
    """Factor, offset and range of samples by the two points of their scale."""
    found = (values[key] for key in _SCALES if key in values)
    scale: Scale | None = next(found, None)
    if scale is None:
        return Decimal(1), Decimal(0), None, None
    low, high = scale.lower_scaled, scale.upper_scaled
    if specification.significant_bits == _SIGNED:
        low, high = (_signed(point, specification.sample_bits) for point in (low, high))
    if isinstance(scale.lower, Special) or isinstance(scale.upper, Special) or low == high:
        raise MderError(0, "the scale of samples has no two points")
    factor = (scale.upper - scale.lower) / (high - low)
    return factor, scale.lower - factor * low, Decimal(low), Decimal(high)


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) & 1 else value


_SCALES = (attributes.SCALE_16, attributes.SCALE_8, attributes.SCALE_32)
_READERS: dict[int, Callable[[Attributes, Any], list[Found]]] = {
    attributes.NUMERIC_SIMPLE: _number,
    attributes.NUMERIC_BASIC: _number,
    attributes.NUMERIC: _own_number,
    attributes.COMPOUND_BASIC: _numbers,
    attributes.COMPOUND_SIMPLE: _numbers,
    attributes.COMPOUND: _own_numbers,
    attributes.ENUMERATION: _enumeration,
    attributes.ENUMERATION_CODE: _simple_enumeration,
    attributes.ENUMERATION_TEXT: _simple_enumeration,
    attributes.ENUMERATION_BITS_16: _simple_enumeration,
    attributes.ENUMERATION_BITS_32: _simple_enumeration,
    attributes.SAMPLES: _samples,
}
