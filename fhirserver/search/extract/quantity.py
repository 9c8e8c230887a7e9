"""Quantity rows by datatype.

Spec: https://hl7.org/fhir/R4/search.html#quantity

    Quantity and its kinds   one point; comparator < and <= open it downwards, > and >= upwards;
                             of < and > the end is the next number, of 60 digits, that counts
    Money                    one point in a currency, system urn:iso:std:iso:4217
    Range                    low to high, open where one is missing
    SampledData              nothing: it is no single quantity

A value stands as it was written and, for UCUM units, in the canonical unit. The precision of the
stored value plays no part; that of the search value does. Numbers are cut to 1,000 digits, and
beyond 1E+-999 they are infinite or nothing, as no database column holds them.
"""

from collections.abc import Mapping
from decimal import Context, Decimal
from functools import lru_cache

from fhirserver_terminology import ucum

from fhirserver.model.json import JsonObject
from fhirserver.search.extract.rows import Emit, Sink, Target
from fhirserver.search.keys import short_key, system_key

UCUM = "http://unitsofmeasure.org"
CURRENCY = "urn:iso:std:iso:4217"
INFINITY = Decimal("Infinity")

_COLUMN = Context(prec=1000, Emax=999, Emin=-999, traps=[])
_NEIGHBOUR = Context(prec=60, Emax=999, Emin=-99, traps=[])

Canonical = tuple[str, Decimal, Decimal] | None
"""Canonical unit, low and high."""


def column_number(value: Decimal | int) -> Decimal:
    """Give a number that a numeric column can hold; equal ones have the same digits."""
    return _COLUMN.normalize(Decimal(value))


def number_text(value: Decimal | int) -> str:
    """Write a number so that equal numbers are equal texts."""
    return str(column_number(value))


def quantity(value: JsonObject, sink: Sink, target: Target) -> None:
    """Emit a quantity, with its comparator."""
    number = value.get("value")
    if number is None:
        return
    point = column_number(number)
    canonical = _canonical(value, point, point)
    comparator = value.get("comparator")
    ends = (point, point)
    if comparator in _OPENED:
        ends = _opened(point, *_OPENED[comparator])
        if canonical is not None:
            canonical = _opened_canonical(canonical, value)
    _emit(value, ends, canonical, sink, target)


def money(value: JsonObject, sink: Sink, target: Target) -> None:
    """Emit an amount of money."""
    number = value.get("value")
    if number is not None:
        point = column_number(number)
        unit = {"system": CURRENCY, "code": value.get("currency")}
        _emit(unit, (point, point), None, sink, target)


def range_of(value: JsonObject, sink: Sink, target: Target) -> None:
    """Emit a range; its unit is that of the end it has."""
    low, high = value.get("low") or {}, value.get("high") or {}
    if "value" not in low and "value" not in high:
        return
    unit = low if "value" in low else high
    ends = (
        column_number(low["value"]) if "value" in low else -INFINITY,
        column_number(high["value"]) if "value" in high else INFINITY,
    )
    _emit(unit, ends, _canonical(unit, *ends), sink, target)


def no_rows(_value: JsonObject, _sink: Sink, _target: Target) -> None:
    """Emit nothing: the element counts as present, but has no value to compare."""


EMITTERS: Mapping[str, Emit] = {
    **dict.fromkeys(
        ("Quantity", "Age", "Count", "Distance", "Duration", "SimpleQuantity", "MoneyQuantity"),
        quantity,
    ),
    "Money": money,
    "Range": range_of,
    "SampledData": no_rows,
}


_OPENED = {"<": (True, True), "<=": (True, False), ">": (False, True), ">=": (False, False)}
"""By comparator: whether it opens downwards, and whether it leaves the value itself out."""


def _opened(point: Decimal, downwards: bool, exclusive: bool) -> tuple[Decimal, Decimal]:
    """Give the range below or above a point."""
    if downwards:
        return -INFINITY, point.next_minus(_NEIGHBOUR) if exclusive else point
    return point.next_plus(_NEIGHBOUR) if exclusive else point, INFINITY


def _canonical(unit: JsonObject, low: Decimal, high: Decimal) -> Canonical:
    """Bring both ends to the canonical unit; an open end stays open."""
    if unit.get("system") != UCUM or "code" not in unit:
        return None
    ends, name, falls = [], None, ucum.falls(unit["code"])
    for end in (low,) if low is high else (low, high):
        if end.is_infinite():
            ends.append(-end if falls else end)
            continue
        found = _canonical_point(end, unit["code"])
        if found is None:
            return None
        name, point = found
        ends.append(point)
    if falls:
        ends.reverse()
    return None if name is None else (name, ends[0], ends[-1])


def _canonical_point(point: Decimal, code: str) -> tuple[str, Decimal] | None:
    text = str(point)
    find = _canonical_again if len(text) + len(code) <= _CACHED_CHARS else _find_canonical
    return find(text, code)


def _find_canonical(number: str, code: str) -> tuple[str, Decimal] | None:
    found = ucum.canonical(Decimal(number), code)
    return None if found is None else (found[1], column_number(found[0]))


_CACHED_CHARS = 40
_canonical_again = lru_cache(maxsize=8192)(_find_canonical)
"""A value of a composite comes twice, and common measurements again and again."""


def _opened_canonical(
    canonical: tuple[str, Decimal, Decimal], value: JsonObject
) -> tuple[str, Decimal, Decimal]:
    """Open a canonical point as the comparator says; scales like [pH] run the other way."""
    name, there, _ = canonical
    downwards, exclusive = _OPENED[value["comparator"]]
    return (name, *_opened(there, downwards != ucum.falls(value["code"]), exclusive))


def _emit(
    unit: JsonObject,
    ends: tuple[Decimal, Decimal],
    canonical: Canonical,
    sink: Sink,
    target: Target,
) -> None:
    system = system_key(unit.get("system"))
    code, name = short_key(unit.get("code") or ""), short_key(unit.get("unit") or "")
    for sp in target.sps:
        sink.quantity.append((sp, system, code, name, *ends, *(canonical or (None, None, None))))
