"""`+ - * / div mod` over numbers, text, quantities and dates.

Spec: http://hl7.org/fhirpath/N1/index.html#math and #datetime-arithmetic

A quantity finer than a date's precision is first brought to that precision, rounded towards zero:
@1974 + 30 days is @1974. Months keep the day of the month, or end on the month's last day.
"""

from calendar import monthrange
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation, Overflow
from typing import Any

from fhirserver.fhirpath import quantities
from fhirserver.fhirpath.errors import FhirPathError
from fhirserver.fhirpath.temporal import Component, Temporal
from fhirserver.fhirpath.values import Quantity, decimal_places, is_number, refuse_large, to_decimal

_SECONDS: dict[str, int | Decimal] = {
    "week": 604800, "wk": 604800, "day": 86400, "d": 86400, "hour": 3600, "h": 3600,
    "minute": 60, "min": 60, "second": 1, "s": 1,
    "millisecond": Decimal("0.001"), "ms": Decimal("0.001"),
}  # fmt: skip


def calculate(operator: str, left: Any, right: Any) -> Any:
    """Apply an operator to two System values.

    Returns:
        None where there is no result, as after a division by zero.

    Raises:
        FhirPathError: the operator does not take such values, or the result is out of range.
    """
    try:
        if left.__class__ is Temporal:
            return _shift(operator, left, right)
        if left.__class__ is Quantity or right.__class__ is Quantity:
            return _with_quantities(operator, left, right)
        if operator == "+" and left.__class__ is str and right.__class__ is str:
            return left + right
        if is_number(left) and is_number(right):
            result = _NUMERIC[operator](left, right)
            return refuse_large(result) if result.__class__ is int else result
    except (InvalidOperation, Overflow, OverflowError, ValueError) as error:
        raise FhirPathError(f"{operator} has no result here") from error
    raise FhirPathError(f"{operator} does not take these values")


def _divide(left: Any, right: Any) -> Any:
    return None if right == 0 else to_decimal(left) / to_decimal(right)


def _whole(left: Any, right: Any) -> Any:
    if right == 0:
        return None
    if left.__class__ is int and right.__class__ is int:
        quotient = abs(left) // abs(right)
        return quotient if (left < 0) == (right < 0) else -quotient
    return int(to_decimal(left) // to_decimal(right))


def _modulo(left: Any, right: Any) -> Any:
    quotient = _whole(left, right)
    return None if quotient is None else left - right * quotient


_NUMERIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": _divide,
    "div": _whole,
    "mod": _modulo,
}


def _with_quantities(operator: str, left: Any, right: Any) -> Quantity | None:
    both = left.__class__ is Quantity and right.__class__ is Quantity
    if operator in ("+", "-") and both:
        return quantities.add(left, right, 1 if operator == "+" else -1)
    if operator in ("*", "/"):
        one, other = _as_quantity(left), _as_quantity(right)
        return quantities.multiply(one, other) if operator == "*" else quantities.divide(one, other)
    raise FhirPathError(f"{operator} does not take these values")


def _as_quantity(value: Any) -> Quantity:
    if isinstance(value, Quantity):
        return value
    if not is_number(value):
        raise FhirPathError("a quantity can be multiplied by a number only")
    return Quantity(to_decimal(value), "1")


def _shift(operator: str, moment: Temporal, amount: Any) -> Temporal:
    if operator not in ("+", "-") or amount.__class__ is not Quantity:
        raise FhirPathError(f"{operator} does not take these values")
    value = amount.value if operator == "+" else -amount.value
    if amount.unit in ("year", "month") and amount.calendar and moment.kind != "time":
        return _shift_months(moment, int(value) * (12 if amount.unit == "year" else 1))
    if amount.unit not in _SECONDS:
        raise FhirPathError(f"a date or time cannot be moved by {amount}")
    if amount.unit not in ("second", "s", "millisecond", "ms"):
        value = Decimal(int(value))
    seconds = value * _SECONDS[amount.unit]
    return _shift_clock(moment, seconds) if moment.kind == "time" else _shift_time(moment, seconds)


def _shift_months(moment: Temporal, months: int) -> Temporal:
    parts = moment.parts
    if len(parts) == 1:
        return Temporal(moment.kind, (_year(int(parts[0]) + int(months / 12)),), moment.offset)
    year, month = divmod(int(parts[0]) * 12 + int(parts[1]) - 1 + months, 12)
    year, month = _year(year), month + 1
    day = tuple(min(int(part), monthrange(year, month)[1]) for part in parts[2:3])
    return Temporal(moment.kind, (year, month, *day, *parts[3:]), moment.offset)


def _year(year: int) -> int:
    if not 1 <= year <= 9999:
        raise FhirPathError("the year would be out of range")
    return year


def _shift_time(moment: Temporal, seconds: Decimal) -> Temporal:
    precision = len(moment.parts)
    if precision < 3:
        days = int(seconds / 86400)
        return _shift_months(moment, int(days / 365) * 12 if precision == 1 else int(days / 30))
    year, month, day, hour, minute = (*map(int, moment.parts[:5]), 0, 0)[:5]
    second = to_decimal(moment.parts[5]) if precision == 6 else Decimal(0)
    unit = (86400, 3600, 60, 1)[precision - 3]
    whole = seconds if precision == 6 else Decimal(int(seconds / unit) * unit)
    total = second + whole
    start = datetime(year, month, day, hour, minute)  # noqa: DTZ001 - the offset stays as it is
    minutes = total // 60 if total >= 0 or total % 60 == 0 else total // 60 - 1
    moved = start + timedelta(minutes=int(minutes))
    full: tuple[Component, ...] = (
        moved.year, moved.month, moved.day, moved.hour, moved.minute,
        _tidy_second(total - minutes * 60, second, seconds),
    )  # fmt: skip
    return Temporal(moment.kind, full[:precision], moment.offset)


def _shift_clock(moment: Temporal, seconds: Decimal) -> Temporal:
    hour, minute, second = (*moment.parts, 0, 0)[:3]
    total = (Decimal(hour) * 3600 + Decimal(minute) * 60 + Decimal(second) + seconds) % 86400
    total = total + 86400 if total < 0 else total
    full: tuple[Component, ...] = (
        int(total // 3600),
        int(total % 3600 // 60),
        _tidy_second(total % 60, second, seconds),
    )
    return Temporal("time", full[: len(moment.parts)])


def _tidy_second(value: Decimal, before: Any, added: Decimal) -> Decimal:
    """Keep milliseconds where either side had a fraction."""
    has_fraction = decimal_places(before) > 0 or added != added.to_integral_value()
    return value.quantize(Decimal("0.001") if has_fraction else Decimal(1))
