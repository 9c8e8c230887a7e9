"""precision(), lowBoundary() and highBoundary(): the interval that an imprecise value stands for.

Spec: https://build.fhir.org/ig/HL7/FHIRPath/#boundary

    1.587          [1.5865, 1.5875]             to 8 places unless told
    @2014          [2014-01, 2014-12]           to the precision told, in digits: 4 6 8 10 12 14 17
    @T10:30        [10:30:00.000, 10:30:59.999]; an hour alone is its first minute
    DateTime       a missing offset widens by the extremes, +14:00 and -12:00
"""

from calendar import monthrange
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from fhirserver.fhirpath.errors import FhirPathError
from fhirserver.fhirpath.function_table import FunctionDef, eager, need_integer, scalar
from fhirserver.fhirpath.temporal import Component, Temporal
from fhirserver.fhirpath.values import (
    Collection,
    Quantity,
    decimal_places,
    is_number,
    single,
    to_decimal,
)

_DATE_DIGITS = (4, 6, 8, 10, 12, 17)
_TIME_DIGITS = (2, 4, 9)
_DEFAULT_PLACES = 8
_MAX_PLACES = 28
_EARLIEST_OFFSET, _LATEST_OFFSET = 14 * 60, -12 * 60


def _precision(value: Any) -> int | None:
    if is_number(value):
        return decimal_places(value)
    if value.__class__ is Quantity:
        return decimal_places(value.value)
    if value.__class__ is Temporal:
        digits = _TIME_DIGITS if value.kind == "time" else _DATE_DIGITS
        return (
            digits[len(value.parts) - 1]
            if not _lacks_milliseconds(value)
            else (digits[len(value.parts) - 1] - 3)
        )
    return None


def _lacks_milliseconds(value: Temporal) -> bool:
    full = 3 if value.kind == "time" else 6
    return len(value.parts) == full and decimal_places(value.parts[-1]) == 0


def _boundary(high: bool, items: Collection, precision: Collection | None) -> Collection:
    value = single(items)
    wanted = need_integer(single(precision)) if precision else None
    if value is None:
        return []
    found: Any
    if is_number(value):
        found = _decimal_boundary(to_decimal(value), wanted, high)
    elif value.__class__ is Quantity:
        amount = _decimal_boundary(value.value, wanted, high)
        found = None if amount is None else Quantity(amount, value.unit, value.calendar)
    elif value.__class__ is Temporal:
        found = _temporal_boundary(value, wanted, high)
    else:
        raise FhirPathError("this value has no boundaries")
    return [] if found is None else [found]


def _decimal_boundary(value: Decimal, places: int | None, high: bool) -> Decimal | None:
    places = _DEFAULT_PLACES if places is None else places
    if not 0 <= places <= _MAX_PLACES:
        return None
    half = Decimal(5).scaleb(-decimal_places(value) - 1)
    edge = value + half if high else value - half
    found = edge.quantize(Decimal(1).scaleb(-places), ROUND_CEILING if high else ROUND_FLOOR)
    return found or abs(found)


def _temporal_boundary(value: Temporal, wanted: int | None, high: bool) -> Temporal | None:
    if value.kind == "time":
        if wanted is not None and wanted not in _TIME_DIGITS:
            return None
        parts = _fill_clock(value.parts, high)
        return Temporal("time", parts[: _length(_TIME_DIGITS, wanted)])
    default = 8 if value.kind == "date" else 17
    wanted = default if wanted is None else wanted
    if wanted not in _DATE_DIGITS:
        return None
    length = _length(_DATE_DIGITS, wanted)
    parts = _fill_date(value.parts, high)[:length]
    if length <= 3:
        return Temporal("date", parts)
    offset = value.offset
    if offset is None:
        offset = _LATEST_OFFSET if high else _EARLIEST_OFFSET
    return Temporal("dateTime", parts, offset)


def _length(digits: tuple[int, ...], wanted: int | None) -> int:
    return len(digits) if wanted is None else digits.index(wanted) + 1


def _fill_date(parts: tuple[Component, ...], high: bool) -> tuple[Component, ...]:
    year = int(parts[0])
    month = int(parts[1]) if len(parts) > 1 else (12 if high else 1)
    day = int(parts[2]) if len(parts) > 2 else (monthrange(year, month)[1] if high else 1)
    return (year, month, day, *_fill_clock(parts[3:], high))


def _fill_clock(parts: tuple[Component, ...], high: bool) -> tuple[Component, ...]:
    hour = int(parts[0]) if parts else (23 if high else 0)
    minute = int(parts[1]) if len(parts) > 1 else (59 if high and not parts else 0)
    second = Decimal(parts[2]) if len(parts) > 2 else Decimal(59 if high else 0)
    if decimal_places(second) == 0:
        second += Decimal("0.999") if high else Decimal("0.000")
    return (hour, minute, second)


def _low(items: Collection, precision: Collection | None = None) -> Collection:
    return _boundary(False, items, precision)


def _high(items: Collection, precision: Collection | None = None) -> Collection:
    return _boundary(True, items, precision)


BOUNDARY_FUNCTIONS: dict[str, FunctionDef] = {
    "highBoundary": eager(_high, 0, 1),
    "lowBoundary": eager(_low, 0, 1),
    "precision": scalar(_precision),
}
