"""Attributes of an agent's objects: their ids and the types of their values.

Spec: IEEE 11073-20601, clause 6 (the object classes) and annex A.2 to A.7

What is not in the table stays octets: it is kept and not understood.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from fhirserver_device_bridge.protocols.x20601.apdu import Attribute
from fhirserver_device_bridge.protocols.x20601.floats import Number
from fhirserver_device_bridge.protocols.x20601.mder import (
    FLOAT,
    OCTETS,
    REST,
    SFLOAT,
    U8,
    U16,
    U32,
    Codec,
    Cursor,
    MderError,
    choice,
    record,
    sequence_of,
)
from fhirserver_device_bridge.protocols.x20601.times import (
    ABSOLUTE_TIME,
    BASE_OFFSET_TIME,
    HIGH_RESOLUTION_TIME,
    RELATIVE_TIME,
)

# Of the agent itself, the medical device system (MDS).
SYSTEM_MODEL, PRODUCTION_SPECIFICATION, SYSTEM_ID, SYSTEM_TYPE = 2344, 2349, 2436, 2438
ABSOLUTE_NOW, RELATIVE_NOW, HIGH_RESOLUTION_NOW, BASE_OFFSET_NOW = 2439, 2447, 2536, 2689
TIME_INFO, SPECIALISATIONS, CONFIGURATION_ID = 2629, 2650, 2628
# Of a metric.
METRIC_ID, TYPE, LABEL, SPECIFICATION, STRUCTURE = 2347, 2351, 2343, 2630, 2675
METRIC_IDS, METRIC_PARTITION, UNIT, VALUE_MAP = 2678, 2655, 2454, 2645
STATUS, SUPPLEMENTAL_TYPES, DURATION = 2375, 2657, 2649
ABSOLUTE_STAMP, RELATIVE_STAMP, HIGH_RESOLUTION_STAMP, BASE_OFFSET_STAMP = 2448, 2449, 2537, 2690
NUMERIC, NUMERIC_SIMPLE, NUMERIC_BASIC = 2384, 2646, 2636
COMPOUND, COMPOUND_SIMPLE, COMPOUND_BASIC = 2379, 2676, 2677
ENUMERATION, ENUMERATION_CODE, ENUMERATION_TEXT = 2462, 2633, 2634
ENUMERATION_BITS_32, ENUMERATION_BITS_16, ENUMERATION_PARTITION = 2661, 2662, 2656
SAMPLES, SAMPLE_SPECIFICATION, SAMPLE_PERIOD = 2632, 2413, 2445
SCALE_16, SCALE_32, SCALE_8 = 2415, 2416, 2417
# Of a scanner and of a PM-store.
SCAN_VALUE_MAP, SEGMENT_MAP, SEGMENT_PERSON = 2643, 2638, 2639
SEGMENT_DATA = 2641

# Object classes.
CLASS_ENUMERATION, CLASS_NUMERIC, CLASS_SAMPLES = 5, 6, 9
CLASS_EPISODIC_SCANNER, CLASS_PERIODIC_SCANNER = 18, 19
CLASS_PM_STORE, CLASS_PM_SEGMENT = 61, 62


@dataclass(frozen=True, slots=True)
class Type:
    """A term with its partition of the nomenclature."""

    partition: int
    code: int


@dataclass(frozen=True, slots=True)
class TypeVersion:
    """A specialisation that the agent follows, e.g. 4103 (blood pressure) version 1."""

    type: int
    version: int


@dataclass(frozen=True, slots=True)
class SystemModel:
    """Manufacturer and model as sent; padded with NUL."""

    manufacturer: bytes
    model: bytes


@dataclass(frozen=True, slots=True)
class Production:
    """One entry of the production specification.

    Attributes:
        kind: 1 serial number, 2 part number, 3 hardware, 4 software, 5 firmware, 6 protocol,
            7 GMDN.
    """

    kind: int
    component: int
    text: bytes


@dataclass(frozen=True, slots=True)
class TimeInfo:
    """What the agent's clocks can do and whether they are synchronised.

    Attributes:
        capabilities: bits; 8, 9, 10 and 13 from the left say that a clock is synchronised.
        protocol: how, an MDC code of the infrastructure partition.
        accuracy: of the synchronisation, in 1/8 ms.
    """

    capabilities: int
    protocol: int
    accuracy: int
    absolute_resolution: int
    relative_resolution: int
    high_resolution: int


@dataclass(frozen=True, slots=True)
class MapEntry:
    """One attribute of a fixed-format report and its size in octets."""

    id: int
    size: int


@dataclass(frozen=True, slots=True)
class HandleMap:
    """What a grouped report holds of one object."""

    handle: int
    values: tuple[MapEntry, ...]


@dataclass(frozen=True, slots=True)
class Structure:
    """How many numbers a metric holds; `kind` 0 simple, 1 compound, 3 compound fixed."""

    kind: int
    count: int


@dataclass(frozen=True, slots=True)
class Numeric:
    """A number with its own metric, status and unit."""

    metric: int
    status: int
    unit: int
    value: Number


@dataclass(frozen=True, slots=True)
class Enumeration:
    """A coded value with its own metric and status: `Code`, `Text` or `Bits`."""

    metric: int
    status: int
    value: Any


@dataclass(frozen=True, slots=True)
class Code:
    """A coded value."""

    code: int


@dataclass(frozen=True, slots=True)
class Text:
    """A text."""

    text: bytes


@dataclass(frozen=True, slots=True)
class Bits:
    """A set of bits, the first the highest."""

    bits: int
    width: int = 32


@dataclass(frozen=True, slots=True)
class SampleSpecification:
    """How samples are packed; `significant_bits` 255 says that they are signed."""

    array_size: int
    sample_bits: int
    significant_bits: int
    flags: int


@dataclass(frozen=True, slots=True)
class Scale:
    """Two points of the line from samples to values."""

    lower: Number
    upper: Number
    lower_scaled: int
    upper_scaled: int


@dataclass(frozen=True, slots=True)
class SegmentEntry:
    """What every entry of a stored segment holds of one object."""

    class_id: int
    type: Type
    handle: int
    values: tuple[MapEntry, ...]


@dataclass(frozen=True, slots=True)
class SegmentMap:
    """The layout of a stored segment: header bits (time stamps of the entry) and objects."""

    header: int
    entries: tuple[SegmentEntry, ...]


def _bits(width: int) -> Codec[Bits]:
    raw = U16 if width == 16 else U32
    return Codec(lambda c: Bits(raw.read(c), width), lambda value: raw.write(value.bits))


_TYPE: Codec[Type] = record(Type, partition=U16, code=U16)
VALUE_MAP_CODEC = sequence_of(record(MapEntry, id=U16, size=U16))
_NUMERIC: Codec[Numeric] = record(Numeric, metric=U16, status=U16, unit=U16, value=FLOAT)
_ENUMERATION_VALUE = choice(
    "an enumeration",
    {
        0x0001: (Code, record(Code, code=U16)),
        0x0002: (Text, record(Text, text=OCTETS)),
        0x0010: (Bits, _bits(32)),
    },
)


def _scale(raw: Codec[int]) -> Codec[Scale]:
    return record(Scale, lower=FLOAT, upper=FLOAT, lower_scaled=raw, upper_scaled=raw)


CODECS: dict[int, Codec[Any]] = {
    SYSTEM_MODEL: record(SystemModel, manufacturer=OCTETS, model=OCTETS),
    PRODUCTION_SPECIFICATION: sequence_of(record(Production, kind=U16, component=U16, text=OCTETS)),
    SYSTEM_ID: OCTETS,
    SYSTEM_TYPE: _TYPE,
    SPECIALISATIONS: sequence_of(record(TypeVersion, type=U16, version=U16)),
    CONFIGURATION_ID: U16,
    TIME_INFO: record(
        TimeInfo,
        capabilities=U16,
        protocol=U16,
        accuracy=U32,
        absolute_resolution=U16,
        relative_resolution=U16,
        high_resolution=U32,
    ),
    METRIC_ID: U16,
    TYPE: _TYPE,
    LABEL: OCTETS,
    SPECIFICATION: U16,
    STRUCTURE: record(Structure, kind=U8, count=U8),
    METRIC_IDS: sequence_of(U16),
    METRIC_PARTITION: U16,
    UNIT: U16,
    VALUE_MAP: VALUE_MAP_CODEC,
    STATUS: U16,
    SUPPLEMENTAL_TYPES: sequence_of(_TYPE),
    DURATION: FLOAT,
    **dict.fromkeys((ABSOLUTE_NOW, ABSOLUTE_STAMP), ABSOLUTE_TIME),
    **dict.fromkeys((RELATIVE_NOW, RELATIVE_STAMP), RELATIVE_TIME),
    **dict.fromkeys((HIGH_RESOLUTION_NOW, HIGH_RESOLUTION_STAMP), HIGH_RESOLUTION_TIME),
    **dict.fromkeys((BASE_OFFSET_NOW, BASE_OFFSET_STAMP), BASE_OFFSET_TIME),
    NUMERIC: _NUMERIC,
    NUMERIC_SIMPLE: FLOAT,
    NUMERIC_BASIC: SFLOAT,
    COMPOUND: sequence_of(_NUMERIC),
    COMPOUND_SIMPLE: sequence_of(FLOAT),
    COMPOUND_BASIC: sequence_of(SFLOAT),
    ENUMERATION: record(Enumeration, metric=U16, status=U16, value=_ENUMERATION_VALUE),
    ENUMERATION_CODE: record(Code, code=U16),
    ENUMERATION_TEXT: record(Text, text=OCTETS),
    ENUMERATION_BITS_32: _bits(32),
    ENUMERATION_BITS_16: _bits(16),
    ENUMERATION_PARTITION: U16,
    SAMPLES: OCTETS,
    SAMPLE_SPECIFICATION: record(
        SampleSpecification, array_size=U16, sample_bits=U8, significant_bits=U8, flags=U16
    ),
    SAMPLE_PERIOD: RELATIVE_TIME,
    SCALE_8: _scale(U8),
    SCALE_16: _scale(U16),
    SCALE_32: _scale(U32),
    SCAN_VALUE_MAP: sequence_of(record(HandleMap, handle=U16, values=VALUE_MAP_CODEC)),
    SEGMENT_MAP: record(
        SegmentMap,
        header=U16,
        entries=sequence_of(
            record(SegmentEntry, class_id=U16, type=_TYPE, handle=U16, values=VALUE_MAP_CODEC)
        ),
    ),
    SEGMENT_PERSON: U16,
}

Values = dict[int, Any]


def decode(attributes: Iterable[Attribute]) -> Values:
    """Understand attributes: id -> value; octets where the id is not known. Pure.

    Raises:
        MderError: a value is not of its attribute's type; says which.
    """
    return {attribute.id: decode_one(attribute) for attribute in attributes}


def decode_one(attribute: Attribute) -> Any:
    """Understand one attribute.

    Raises:
        MderError: the value is not of the attribute's type.
    """
    try:
        return CODECS.get(attribute.id, REST).decode(attribute.value)
    except MderError as error:
        raise MderError(error.at, f"attribute {attribute.id}: {error}") from None


def take(values: Iterable[MapEntry], cursor: Cursor) -> Values:
    """Read the attributes of a fixed-format report in the order of its map.

    A report may leave out the last ones: some agents send no time stamp though the map has one.

    Raises:
        MderError: an attribute is cut, or not of its type.
    """
    taken: Values = {}
    for entry in values:
        if not cursor.left:
            break
        taken[entry.id] = decode_one(Attribute(entry.id, cursor.take(entry.size)))
    return taken
