"""Quantity rows by datatype.

Spec: https://hl7.org/fhir/R4/search.html#quantity

    Quantity and its kinds   one point; comparator < and <= open it downwards, > and >= upwards
    Money                    one point in a currency, system urn:iso:std:iso:4217
    Range                    low to high, open where one is missing
    SampledData              nothing: it is no single quantity

A value stands as it was written and, for UCUM units, in the canonical unit. The precision of the
stored value plays no part; that of the search value does. Numbers are cut to 1,000 digits, and
beyond 1E+-999 they are infinite or nothing, as no database column holds them.
"""

from collections.abc import Mapping
from decimal import Context, Decimal

from fhirserver_terminology import ucum

from fhirserver.model.json import JsonObject
from fhirserver.search.extract.rows import Emit, Sink, Target
from fhirserver.search.keys import short_key, system_key

UCUM = "http://unitsofmeasure.org"
CURRENCY = "urn:iso:std:iso:4217"
INFINITY = Decimal("Infinity")

_COLUMN = Context(prec=1000, Emax=999, Emin=-999, traps=[])

Canonical = tuple[str, Decimal, Decimal] | None
"""Canonical unit, low and high."""


def column_number(value: Decimal | int) -> Decimal:
    """Give a number that a numeric column can hold."""
    return _COLUMN.plus(Decimal(value))


def quantity(value: JsonObject, sink: Sink, target: Target) -> None:
    """Emit a quantity, with its comparator."""
    number = value.get("value")
    if number is None:
        return
    point = column_number(number)
    low, high = _ends(point, value.get("comparator"))
    canonical = _canonical(value, point, point)
    if low != high and canonical is not None:
        canonical = _opened(canonical, value, point)
    _emit(value, (low, high), canonical, sink, target)


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


def _ends(point: Decimal, comparator: str | None) -> tuple[Decimal, Decimal]:
    if comparator in ("<", "<="):
        return -INFINITY, point
    if comparator in (">", ">="):
        return point, INFINITY
    return point, point


def _canonical(unit: JsonObject, low: Decimal, high: Decimal) -> Canonical:
    """Bring both ends to the canonical unit; an open end stays open."""
    if unit.get("system") != UCUM or "code" not in unit:
        return None
    ends, name = [], None
    for end in (low, high):
        if end.is_infinite():
            ends.append(end)
            continue
        found = ucum.canonical(end, unit["code"])
        if found is None:
            return None
        ends.append(column_number(found[0]))
        name = found[1]
    return None if name is None else (name, ends[0], ends[1])


def _opened(
    canonical: tuple[str, Decimal, Decimal], value: JsonObject, point: Decimal
) -> Canonical:
    """Open a canonical point as the comparator says; scales like [pH] run the other way."""
    name, there, _ = canonical
    beyond = _canonical(value, point + 1, point + 1)
    falling = beyond is not None and beyond[1] < there
    downwards = value["comparator"] in ("<", "<=")
    return (name, -INFINITY, there) if downwards != falling else (name, there, INFINITY)


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
