"""Numbers and quantities as R4 compares them.

Spec: https://hl7.org/fhir/R4/search.html#number and https://hl7.org/fhir/R4/search.html#quantity

A search value is as wide as its precision for eq and ne, "treated as if they have arbitrarily high
precision" with the other prefixes. The precision of what is stored plays no part.
"""

from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

UCUM = "http://unitsofmeasure.org"
INFINITY = float("inf")

UNITS: dict[str, tuple[str, Fraction, Fraction]] = {
    "kg": ("mass", Fraction(1000), Fraction(0)),
    "g": ("mass", Fraction(1), Fraction(0)),
    "mg": ("mass", Fraction(1, 1000), Fraction(0)),
    "ug": ("mass", Fraction(1, 1_000_000), Fraction(0)),
    "m": ("length", Fraction(1), Fraction(0)),
    "cm": ("length", Fraction(1, 100), Fraction(0)),
    "[in_i]": ("length", Fraction(254, 10_000), Fraction(0)),
    "mm[Hg]": ("pressure", Fraction(133_322, 1000), Fraction(0)),
    "kPa": ("pressure", Fraction(1000), Fraction(0)),
    "K": ("temperature", Fraction(1), Fraction(0)),
    "Cel": ("temperature", Fraction(1), Fraction(27_315, 100)),
    "min": ("time", Fraction(60), Fraction(0)),
    "h": ("time", Fraction(3600), Fraction(0)),
    "a": ("time", Fraction(31_557_600), Fraction(0)),
}
"""What a unit measures, and the factor and offset to that quantity's base unit."""


class Span(NamedTuple):
    """What a stored value covers; an end that is open does not belong to it."""

    low: Fraction | float
    high: Fraction | float
    low_open: bool = False
    high_open: bool = False


class Amount(NamedTuple):
    """A stored quantity: its span, and its unit as stored."""

    span: Span
    system: str | None
    code: str | None
    unit: str | None


def numbers(value: Any, datatype: str) -> list[Span]:
    """Give the span of a stored number or of a Range without regard to its unit."""
    if datatype == "Range":
        ends = [value.get(end, {}).get("value") for end in ("low", "high")]
        return [] if ends == [None, None] else [_between(*ends)]
    return [_between(value, value)]


def amounts(value: Any, datatype: str) -> list[Amount]:
    """Give a stored quantity; none where it has no value."""
    if datatype == "Range":
        end = value.get("low") or value.get("high") or {}
        return [_amount(span, end) for span in numbers(value, datatype)]
    if "value" not in value:
        return []
    if datatype == "Money":
        span = _between(value["value"], value["value"])
        return [Amount(span, "urn:iso:std:iso:4217", value.get("currency"), None)]
    number = Fraction(value["value"])
    span = {
        "<": Span(-INFINITY, number, high_open=True),
        "<=": Span(-INFINITY, number),
        ">": Span(number, INFINITY, low_open=True),
        ">=": Span(number, INFINITY),
    }.get(value.get("comparator"), Span(number, number))
    return [_amount(span, value)]


def compare_quantity(prefix: str, text: str, amount: Amount) -> bool:
    """Compare a search value, `number`, `number||unit` or `number|system|code`."""
    number, _, unit = text.partition("|")
    if unit in ("", "|"):
        return compare(prefix, number, amount.span)
    system, _, code = unit.partition("|")
    scale = _scales(system, code, amount)
    if scale is not None:
        return compare(prefix, number, _scaled(amount.span, scale[1]), scale[0])
    if system and code:
        same = amount.system == system and amount.code == code
        known = system == UCUM and code in UNITS
        return same and not known and compare(prefix, number, amount.span)
    if system:
        return amount.system == system and compare(prefix, number, amount.span)
    return code in (amount.code, amount.unit) and compare(prefix, number, amount.span)


def compare(
    prefix: str,
    text: str,
    span: Span,
    scale: tuple[Fraction, Fraction] = (Fraction(1), Fraction(0)),
) -> bool:
    """Compare a search value with a span; `scale` brings the value to the span's unit."""
    value = Fraction(text)
    if prefix in ("eq", "ne"):
        half = Fraction(1, 2) * Fraction(10) ** Decimal(text).as_tuple().exponent
        low, high = _convert(value - half, scale), _convert(value + half, scale)
        inside = span.low >= low and span.high < high
        return inside if prefix == "eq" else not inside
    point = _convert(value, scale)
    match prefix:
        case "gt":
            return span.high > point
        case "lt":
            return span.low < point
        case "ge":
            return span.high > point or (span.high == point and not span.high_open)
        case "le":
            return span.low < point or (span.low == point and not span.low_open)
        case "sa":
            return span.low > point or (span.low == point and span.low_open)
        case "eb":
            return span.high < point or (span.high == point and span.high_open)
    assert prefix == "ap"
    tenth = abs(value) / 10
    low, high = _convert(value - tenth, scale), _convert(value + tenth, scale)
    above = span.high > low or (span.high == low and not span.high_open)
    return above and (span.low < high or (span.low == high and not span.low_open))


def _between(low: Any, high: Any) -> Span:
    return Span(
        -INFINITY if low is None else Fraction(low), INFINITY if high is None else Fraction(high)
    )


def _amount(span: Span, unit: Any) -> Amount:
    return Amount(span, unit.get("system"), unit.get("code"), unit.get("unit"))


def _scales(
    system: str, code: str, amount: Amount
) -> tuple[tuple[Fraction, Fraction], tuple[Fraction, Fraction]] | None:
    """Give the scales of query and stored value where both are UCUM and measure the same."""
    if system != UCUM or amount.system != UCUM or code not in UNITS or amount.code not in UNITS:
        return None
    (asked, *query_scale), (stored, *stored_scale) = UNITS[code], UNITS[amount.code]
    if asked != stored:
        return None
    return (query_scale[0], query_scale[1]), (stored_scale[0], stored_scale[1])


def _scaled(span: Span, scale: tuple[Fraction, Fraction]) -> Span:
    return span._replace(low=_convert(span.low, scale), high=_convert(span.high, scale))


def _convert(number: Fraction | float, scale: tuple[Fraction, Fraction]) -> Fraction | float:
    return number if number in (INFINITY, -INFINITY) else number * scale[0] + scale[1]
