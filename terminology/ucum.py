"""UCUM: validate units, bring quantities to canonical form, convert them.

Spec: https://ucum.org/ucum and https://hl7.org/fhir/R4/search.html#quantity

    canonical(Decimal("98.6"), "[degF]")   (Decimal("310.15"), "K")
    convert(Decimal("98.6"), "[degF]", "Cel")   Decimal("37")
    commensurable("mm[Hg]", "kPa")   True

The canonical unit is written with base and arbitrary units alone, sorted by code: `g.m-1.s-2`, `1`.
Results are exact where a decimal of 50 digits can be; a third is rounded there. `mol` is a pure
number in UCUM, so `mmol/L` and `10*3/uL` are commensurable.
"""

from decimal import Decimal, DecimalException
from functools import lru_cache
from typing import NamedTuple

from fhirserver_terminology.ucum_special import CONTEXT, SCALE_FUNCTIONS, ScaleFunction
from fhirserver_terminology.ucum_unit import UcumError, Unit, parse_unit

__all__ = ["UcumError", "canonical", "commensurable", "convert", "explain", "falls", "validate"]


class _Conversion(NamedTuple):
    """A unit as numbers: canonical = function(value * scale) * numerator / denominator."""

    numerator: Decimal
    denominator: Decimal | None
    code: str
    function: ScaleFunction | None
    scale: Decimal
    scale_divisor: Decimal
    mixed: bool


def validate(code: str) -> bool:
    """Whether a code is UCUM, case sensitive."""
    return _conversion(code) is not None


def explain(code: str) -> str | None:
    """Say what is wrong with a code; None when it is UCUM."""
    try:
        parse_unit(code)
    except UcumError as error:
        return str(error)
    return None


def canonical(value: Decimal, code: str) -> tuple[Decimal, str] | None:
    """Bring a quantity to its canonical unit.

    Returns:
        (value, canonical unit); None when the code is not UCUM, has no canonical form (a special
        unit among others), or the result is beyond 1E+-999.
    """
    unit = _conversion(code)
    if unit is None or unit.mixed:
        return None
    try:
        return _to_canonical(value, unit), unit.code
    except (DecimalException, OverflowError):
        return None


def falls(code: str) -> bool:
    """Whether a greater number of a unit is a lesser one of its canonical unit, as of pH."""
    unit = _conversion(code)
    return unit is not None and unit.function is not None and unit.function.falls


def commensurable(source: str, target: str) -> bool:
    """Whether quantities in the two units can be compared."""
    one, other = _conversion(source), _conversion(target)
    if one is None or other is None or one.mixed or other.mixed:
        return False
    return one.code == other.code


def convert(value: Decimal, source: str, target: str) -> Decimal:
    """Convert a value from one unit to another.

    Raises:
        UcumError: a code is not UCUM, the units are not commensurable, or the result is not a
            number (a logarithm of nothing) or beyond 1E+-999.
    """
    for code in (source, target):
        problem = explain(code)
        if problem is not None:
            raise UcumError(problem)
    if not commensurable(source, target):
        raise UcumError(f"{source} cannot be converted to {target}: they measure different things")
    try:
        result = _convert(value, source, target)
    except (DecimalException, OverflowError):
        result = Decimal("NaN")
    if not result.is_finite():
        raise UcumError(f"{value} {source} has no value in {target}")
    return result


def _convert(value: Decimal, source: str, target: str) -> Decimal:
    one, other = _known(source), _known(target)
    if one.function is None and other.function is None:
        factor = parse_unit(source).factor / parse_unit(target).factor
        return CONTEXT.divide(CONTEXT.multiply(value, factor.numerator), factor.denominator)
    base = _to_canonical(value, one)
    ratio = CONTEXT.divide(CONTEXT.multiply(base, other.denominator or 1), other.numerator)
    if other.function is None:
        return ratio
    return CONTEXT.divide(
        CONTEXT.multiply(other.function.from_ratio(ratio), other.scale_divisor), other.scale
    )


def _to_canonical(value: Decimal, unit: _Conversion) -> Decimal:
    if unit.function is not None:
        scaled = CONTEXT.divide(CONTEXT.multiply(value, unit.scale), unit.scale_divisor)
        value = unit.function.to_ratio(scaled)
    value = CONTEXT.multiply(value, unit.numerator)
    return value if unit.denominator is None else CONTEXT.divide(value, unit.denominator)


def _known(code: str) -> _Conversion:
    unit = _conversion(code)
    assert unit is not None
    return unit


@lru_cache(maxsize=4096)
def _conversion(code: str) -> _Conversion | None:
    """What a code means, as decimals; None when it is not UCUM. Kept per code."""
    try:
        unit = parse_unit(code)
    except UcumError:
        return None
    numerator, denominator = _decimals(unit)
    scale = unit.scale
    return _Conversion(
        numerator,
        denominator,
        unit.canonical_code,
        None if scale is None else SCALE_FUNCTIONS[scale.function],
        Decimal(1 if scale is None else scale.factor.numerator),
        Decimal(1 if scale is None else scale.factor.denominator),
        unit.mixed,
    )


def _decimals(unit: Unit) -> tuple[Decimal, Decimal | None]:
    """The factor as one decimal where that is exact, else as a fraction of two."""
    numerator, denominator = unit.factor.numerator, unit.factor.denominator
    rest, tens = denominator, 0
    for prime, complement in ((2, 5), (5, 2)):
        while rest % prime == 0:
            rest, numerator, tens = rest // prime, numerator * complement, tens + 1
    if rest == 1:
        return CONTEXT.scaleb(Decimal(numerator), -tens), None
    return Decimal(unit.factor.numerator), Decimal(denominator)
