"""Numbers: rounding, roots, powers.

Spec: http://hl7.org/fhirpath/N1/index.html#math-1
"""

from collections.abc import Callable
from decimal import (
    ROUND_CEILING,
    ROUND_DOWN,
    ROUND_FLOOR,
    ROUND_HALF_UP,
    Context,
    Decimal,
    DivisionByZero,
    InvalidOperation,
    Overflow,
)
from typing import Any

from fhirserver.fhirpath.errors import FhirPathError
from fhirserver.fhirpath.function_table import FunctionDef, need_integer, scalar
from fhirserver.fhirpath.values import MOST_DIGITS, Quantity, is_number, refuse_large, to_decimal

_MAX_EXPONENT = 10_000
_MAX_PLACES = 28
_TWENTY_DIGITS = Context(prec=20)
"""For quotients of logarithms, whose last digits are not exact."""


def _number(value: Any) -> Decimal:
    if not is_number(value):
        raise FhirPathError("expected a number")
    return to_decimal(value)


def _abs(value: Any) -> Any:
    if value.__class__ is Quantity:
        return Quantity(abs(value.value), value.unit, value.calendar)
    _number(value)
    return abs(value)


def _to_whole(rounding: str) -> Callable[[Any], int]:
    return lambda value: _whole(_number(value), rounding)


def _whole(number: Decimal, rounding: str) -> int:
    if number.adjusted() > MOST_DIGITS:
        raise FhirPathError("the number is too large to be made whole")
    return refuse_large(int(number.to_integral_value(rounding)))


def _round(value: Any, places: int = 0) -> Decimal:
    if not 0 <= need_integer(places) <= _MAX_PLACES:
        raise FhirPathError(f"round() takes 0 to {_MAX_PLACES} places")
    try:
        return _number(value).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    except InvalidOperation as error:
        raise FhirPathError("the number has too many digits to round") from error


def _power(base: Any, exponent: Any) -> Any:
    if abs(_number(exponent)) > _MAX_EXPONENT:
        raise FhirPathError("the exponent is too large")
    try:
        if base.__class__ is int and exponent.__class__ is int and exponent >= 0:
            return refuse_large(base**exponent) if abs(base) > 1 else base**exponent
        return _number(base) ** _number(exponent)
    except (InvalidOperation, DivisionByZero, Overflow):
        return None


def _log(value: Any, base: Any) -> Decimal | None:
    numerator, denominator = _ln(value), _ln(base)
    if numerator is None or not denominator:
        return None
    return _TWENTY_DIGITS.divide(numerator, denominator).normalize()


def _ln(value: Any) -> Decimal | None:
    number = _number(value)
    return number.ln() if number > 0 else None


def _exp(value: Any) -> Decimal:
    try:
        return _number(value).exp()
    except (Overflow, InvalidOperation) as error:
        raise FhirPathError("exp() is out of range") from error


def _sqrt(value: Any) -> Decimal | None:
    number = _number(value)
    return None if number < 0 else number.sqrt()


MATH_FUNCTIONS: dict[str, FunctionDef] = {
    "abs": scalar(_abs),
    "ceiling": scalar(_to_whole(ROUND_CEILING)),
    "exp": scalar(_exp),
    "floor": scalar(_to_whole(ROUND_FLOOR)),
    "ln": scalar(_ln),
    "log": scalar(_log, 1),
    "power": scalar(_power, 1),
    "round": scalar(_round, 0, 1),
    "sqrt": scalar(_sqrt),
    "truncate": scalar(_to_whole(ROUND_DOWN)),
}
