"""Registers become numbers, and numbers registers; pure."""

import math
import struct
from collections.abc import Sequence
from decimal import Decimal

from fhirserver_device_bridge.protocols.modbus.layout import Measure, Type

_FLOATS: dict[Type, str] = {"float32": ">f", "float64": ">d"}
_SIGNED: frozenset[Type] = frozenset({"int16", "int32", "int64"})


def bits_of(registers: Sequence[int], measure: Measure) -> int:
    """Put registers together as one number without sign; of coils and inputs it is the bit."""
    if measure.type == "bool":
        return registers[0]
    ordered = registers if measure.words == "big" else tuple(reversed(registers))
    told = b"".join(each.to_bytes(2, measure.bytes) for each in ordered)
    return int.from_bytes(told, "big")


def number_of(bits: int, measure: Measure) -> Decimal | float:
    """Give the number: a Decimal with the digits of the scale, a float for what is no number.

    Floats keep the fewest digits that tell them from their neighbours.
    """
    if measure.type in _FLOATS:
        value = struct.unpack(_FLOATS[measure.type], bits.to_bytes(2 * measure.width, "big"))[0]
        if not math.isfinite(value):
            return float(value)
        digits = Decimal(repr(value) if measure.type == "float64" else _short(value))
        return digits if measure.scale == 1 else digits * measure.scale + measure.offset
    size = 16 * measure.width
    if measure.type in _SIGNED and bits >> (size - 1):
        bits -= 1 << size
    return bits * measure.scale + measure.offset


def registers_of(bits: int, measure: Measure) -> tuple[int, ...]:
    """Lay a number without sign into registers; what `bits_of` puts together."""
    told = bits.to_bytes(2 * measure.width, "big")
    words = [int.from_bytes(told[at : at + 2], measure.bytes) for at in range(0, len(told), 2)]
    return tuple(words if measure.words == "big" else reversed(words))


def bits_for(number: Decimal, measure: Measure) -> int:
    """Write the number nearest to this one that its type can hold; what `number_of` reads.

    Args:
        number: as measured, e.g. 36.6.
        measure: its type, scale and offset.
    """
    raw = (number - measure.offset) / measure.scale
    size = 16 * measure.width
    if measure.type in _FLOATS:
        return int.from_bytes(struct.pack(_FLOATS[measure.type], float(raw)), "big")
    lowest = -(1 << (size - 1)) if measure.type in _SIGNED else 0
    whole = min(lowest + (1 << size) - 1, max(lowest, round(raw)))
    return whole % (1 << size)


def _short(value: float) -> str:
    """Write a number of 32 bits with as few digits as tell it from its neighbours."""
    for digits in range(1, 10):
        text = f"{value:.{digits}g}"
        if struct.pack(">f", float(text)) == struct.pack(">f", value):
            return text
    raise AssertionError(value)
