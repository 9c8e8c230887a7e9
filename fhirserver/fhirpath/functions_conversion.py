"""Conversions between System types: toX() and convertsToX().

Spec: http://hl7.org/fhirpath/N1/index.html#conversion
"""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from fhirserver.fhirpath.function_table import FunctionDef, eager, heavy, need_text, scalar, whole
from fhirserver.fhirpath.quantities import aligned, canonical
from fhirserver.fhirpath.temporal import Kind, Temporal, parse_temporal
from fhirserver.fhirpath.values import (
    CALENDAR_UNITS,
    Collection,
    Quantity,
    format_number,
    is_number,
    single,
    to_decimal,
)

Convert = Callable[[Any], Any]

_INTEGER = re.compile(r"[+-]?\d{1,10}", re.ASCII)
_DECIMAL = re.compile(r"[+-]?\d+(\.\d+)?", re.ASCII)
_QUANTITY = re.compile(r"([+-]?\d+(?:\.\d+)?)\s*(?:'([^']+)'|([a-zA-Z]+))?", re.ASCII)
_BOOLEANS = {
    **dict.fromkeys(("true", "t", "yes", "y", "1", "1.0"), True),
    **dict.fromkeys(("false", "f", "no", "n", "0", "0.0"), False),
}


def _to_boolean(value: Any) -> bool | None:
    if value.__class__ is bool:
        return bool(value)
    if value.__class__ is str:
        return _BOOLEANS.get(value.lower())
    if is_number(value) and value in (0, 1):
        return bool(value)
    return None


def _to_integer(value: Any) -> int | None:
    if value.__class__ in (bool, int):
        return int(value)
    if value.__class__ is str and _INTEGER.fullmatch(value):
        return int(value) if -(2**31) <= int(value) < 2**31 else None
    return None


def _to_decimal(value: Any) -> Decimal | None:
    if value.__class__ is bool or is_number(value):
        return to_decimal(value)
    if value.__class__ is str and _DECIMAL.fullmatch(value):
        return Decimal(value)
    return None


def to_text(value: Any) -> str | None:
    """Write a System value as text; None for elements that have no text."""
    if value.__class__ is str:
        return need_text(value)
    if value.__class__ is bool:
        return "true" if value else "false"
    if is_number(value):
        return format_number(value)
    return str(value) if isinstance(value, Temporal | Quantity) else None


def _to_temporal(kind: Kind) -> Convert:
    def convert(value: Any) -> Temporal | None:
        if value.__class__ is str:
            found = parse_temporal(value, None if kind == "date" else kind)
            return _as_date(found) if kind == "date" and found else found
        if value.__class__ is not Temporal or (value.kind == "time") != (kind == "time"):
            return None
        return _as_date(value) if kind == "date" else Temporal(kind, value.parts, value.offset)

    return convert


def _as_date(value: Temporal) -> Temporal:
    return Temporal("date", value.parts[:3])


def _to_quantity(value: Any) -> Quantity | None:
    if isinstance(value, Quantity):
        return value
    if value.__class__ is bool or is_number(value):
        return Quantity(to_decimal(value), "1")
    match = _QUANTITY.fullmatch(value) if value.__class__ is str else None
    if match is None:
        return None
    number, code, word = match.groups()
    if word is not None:
        unit = CALENDAR_UNITS.get(word)
        return None if unit is None else Quantity(Decimal(number), unit, calendar=True)
    return Quantity(Decimal(number), code or "1")


def _quantity_in(items: Collection, unit: Collection | None = None) -> Collection:
    value = single(items)
    quantity = None if value is None else _to_quantity(value)
    if quantity is None:
        return []
    if not unit:
        return [quantity]
    wanted = Quantity(Decimal(1), need_text(single(unit)))
    values = aligned(quantity, wanted)
    return [] if values is None else [Quantity(values[0] / values[1], wanted.unit)]


def _converts(convert: Convert) -> FunctionDef:
    return scalar(lambda value: convert(value) is not None)


def _converts_to_quantity(items: Collection, unit: Collection | None = None) -> Collection:
    return [bool(_quantity_in(items, unit))] if items else []


def _not(items: Collection) -> Collection:
    value = single(items)
    if value is None:
        return []
    return [not value] if value.__class__ is bool else [False]


def _comparable(items: Collection, other: Collection) -> Collection:
    left, right = single(items), single(other)
    if left.__class__ is not Quantity or right.__class__ is not Quantity:
        return []
    one, two = canonical(left), canonical(right)
    return [one is not None and two is not None and one[1] == two[1]]


CONVERSION_FUNCTIONS: dict[str, FunctionDef] = {
    "comparable": eager(_comparable, 1),
    "convertsToBoolean": _converts(_to_boolean),
    "convertsToDate": _converts(_to_temporal("date")),
    "convertsToDateTime": _converts(_to_temporal("dateTime")),
    "convertsToDecimal": _converts(_to_decimal),
    "convertsToInteger": _converts(_to_integer),
    "convertsToQuantity": heavy(_converts_to_quantity, 0, 1),
    "convertsToString": _converts(to_text),
    "convertsToTime": _converts(_to_temporal("time")),
    "not": whole(_not),
    "toBoolean": scalar(_to_boolean),
    "toDate": scalar(_to_temporal("date")),
    "toDateTime": scalar(_to_temporal("dateTime")),
    "toDecimal": scalar(_to_decimal),
    "toInteger": scalar(_to_integer),
    "toQuantity": heavy(_quantity_in, 0, 1),
    "toString": scalar(to_text),
    "toTime": scalar(_to_temporal("time")),
}
