"""FLOAT and SFLOAT: decimal numbers that keep the precision of the sensor.

Spec: IEEE 11073-20601, "Medical device encoding rules"; https://hl7.org/fhir/uv/phd/FLOATS.html

    FLOAT    exponent INT-I8,  mantissa INT-I24     value = mantissa * 10 ** exponent
    SFLOAT   exponent 4 bits,  mantissa 12 bits     (both two's complement)

    special value (exponent 0)   FLOAT       SFLOAT
    NaN                          0x007FFFFF  0x07FF
    NRes                         0x00800000  0x0800
    +INFINITY                    0x007FFFFE  0x07FE
    -INFINITY                    0x00800002  0x0802
    reserved                     0x00800001  0x0801

An exponent says how precise the number is: 0xF014 is 2.0 and not 2.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from fhirserver_device_bridge.reading import AbsentReason


class Special(Enum):
    """A FLOAT that is no number; the value is its code of data-absent-reason in FHIR."""

    NAN = "not-a-number"
    POSITIVE_INFINITY = "positive-infinity"
    NEGATIVE_INFINITY = "negative-infinity"
    NRES = "error:nres"
    RESERVED = "error:reserved"

    @property
    def absent_reason(self) -> AbsentReason:
        """The code of http://terminology.hl7.org/CodeSystem/data-absent-reason."""
        return _REASONS[self]


_REASONS: dict[Special, AbsentReason] = {
    Special.NAN: "not-a-number",
    Special.POSITIVE_INFINITY: "positive-infinity",
    Special.NEGATIVE_INFINITY: "negative-infinity",
    Special.NRES: "error",
    Special.RESERVED: "error",
}

Number = Decimal | Special


@dataclass(frozen=True, slots=True)
class Layout:
    """How wide the two parts of a number are."""

    exponent_bits: int
    mantissa_bits: int

    @property
    def specials(self) -> dict[int, Special]:
        """Mantissas that are no number, as unsigned integers."""
        top = 1 << (self.mantissa_bits - 1)
        return {
            top - 1: Special.NAN,
            top - 2: Special.POSITIVE_INFINITY,
            top: Special.NRES,
            top + 1: Special.RESERVED,
            top + 2: Special.NEGATIVE_INFINITY,
        }


FLOAT = Layout(8, 24)
SFLOAT = Layout(4, 12)
_SPECIALS = {layout: layout.specials for layout in (FLOAT, SFLOAT)}
_CODES = {
    layout: {special: code for code, special in specials.items()}
    for layout, specials in _SPECIALS.items()
}


def decode(raw: int, layout: Layout) -> Number:
    """Read a number; every bit pattern is one.

    Args:
        raw: the unsigned integer on the wire: 32 bits of a FLOAT, 16 of an SFLOAT.
        layout: FLOAT or SFLOAT.

    Returns:
        A Decimal with the sender's digits (0xFF000014 is 2.0, 0x01000002 is 20), or what is none.
    """
    exponent = _signed(raw >> layout.mantissa_bits, layout.exponent_bits)
    mantissa = raw & ((1 << layout.mantissa_bits) - 1)
    if exponent == 0 and mantissa in _SPECIALS[layout]:
        return _SPECIALS[layout][mantissa]
    signed = _signed(mantissa, layout.mantissa_bits)
    if exponent > 0:
        return Decimal(signed * 10**exponent)
    digits = tuple(int(digit) for digit in str(abs(signed)))
    return Decimal((int(signed < 0), digits, exponent))


def encode(number: Number, layout: Layout) -> int:
    """Write a number as the unsigned integer that goes on the wire.

    Raises:
        ValueError: the layout cannot hold the number at this precision.
    """
    if isinstance(number, Special):
        return _CODES[layout][number]
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int), "a NaN is written as a special value, not as a Decimal"
    mantissa = int("".join(map(str, digits)))
    mantissa, exponent = _fit(mantissa, exponent, layout)
    signed = -mantissa if sign else mantissa
    return (_unsigned(exponent, layout.exponent_bits) << layout.mantissa_bits) | _unsigned(
        signed, layout.mantissa_bits
    )


def _fit(mantissa: int, exponent: int, layout: Layout) -> tuple[int, int]:
    """Move trailing zeros of a number without decimals into its exponent until it fits."""
    largest = (1 << (layout.mantissa_bits - 1)) - 3
    while mantissa > largest and exponent >= 0 and mantissa % 10 == 0:
        mantissa, exponent = mantissa // 10, exponent + 1
    half = 1 << (layout.exponent_bits - 1)
    if mantissa > largest or not -half <= exponent < half:
        raise ValueError(f"{mantissa}E{exponent} does not fit {layout}")
    return mantissa, exponent


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value


def _unsigned(value: int, bits: int) -> int:
    return value & ((1 << bits) - 1)
