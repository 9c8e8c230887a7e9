"""Scale functions of UCUM's special units, in both directions.

Spec: https://ucum.org/ucum#section-Special-Units-on-non-ratio-scales

`to_ratio` leads from the number on the special scale to the number of the unit that the table names
for it, `from_ratio` back:

    Cel        K            v + 273.15           degF   5/9 K      v + 459.67
    degRe      5/4 K        v + 218.52           pH     mol/l      10^-v
    ln         ratio        e^v                  lg     ratio      10^v
    lgTimes2   ratio        10^(v/2)             ld     ratio      2^v
    hpX C M Q  ratio        10, 100, 1000, 50000 ^-v
    sqrt       square       v * v                tan    angle      atan(v / 100)

Powers and logarithms are decimals to the context's precision; tangents are binary floats of 15
digits, which is more than anyone measures a slope to.
"""

import math
from collections.abc import Callable
from decimal import Context, Decimal, DivisionByZero, InvalidOperation, Overflow, Underflow
from typing import NamedTuple

CONTEXT = Context(
    prec=50, Emax=999, Emin=-999, traps=[DivisionByZero, InvalidOperation, Overflow, Underflow]
)
"""50 significant digits; a result beyond 1E+-999 is an error and never a wrong number."""

_Function = Callable[[Decimal], Decimal]


class ScaleFunction(NamedTuple):
    """Both directions of one special scale, and whether the ratio falls while the number rises."""

    to_ratio: _Function
    from_ratio: _Function
    falls: bool = False


def _offset(kelvin_zero: str) -> ScaleFunction:
    zero = Decimal(kelvin_zero)
    return ScaleFunction(
        lambda value: CONTEXT.add(value, zero), lambda ratio: CONTEXT.subtract(ratio, zero)
    )


def _logarithm(base: int, *, divided_by: int = 1) -> ScaleFunction:
    """Scale of logarithms; `divided_by` -1 for a falling one, 2 for a doubled one."""
    power = Decimal(base)
    return ScaleFunction(
        lambda value: CONTEXT.power(power, CONTEXT.divide(value, divided_by)),
        lambda ratio: CONTEXT.multiply(_log(ratio, power), divided_by),
        falls=divided_by < 0,
    )


def _log(ratio: Decimal, base: Decimal) -> Decimal:
    if base == 10:
        return CONTEXT.log10(ratio)
    return CONTEXT.divide(CONTEXT.ln(ratio), CONTEXT.ln(base))


def _angle(unit: Callable[[float], float], back: Callable[[float], float]) -> ScaleFunction:
    return ScaleFunction(
        lambda value: Decimal(repr(unit(math.atan(float(value) / 100)))),
        lambda ratio: Decimal(repr(100 * math.tan(back(float(ratio))))),
    )


SCALE_FUNCTIONS: dict[str, ScaleFunction] = {
    "Cel": _offset("273.15"),
    "degF": _offset("459.67"),
    "degRe": _offset("218.52"),
    "pH": _logarithm(10, divided_by=-1),
    "ln": ScaleFunction(CONTEXT.exp, CONTEXT.ln),
    "lg": _logarithm(10),
    "lgTimes2": _logarithm(10, divided_by=2),
    "ld": _logarithm(2),
    "hpX": _logarithm(10, divided_by=-1),
    "hpC": _logarithm(100, divided_by=-1),
    "hpM": _logarithm(1000, divided_by=-1),
    "hpQ": _logarithm(50000, divided_by=-1),
    "sqrt": ScaleFunction(lambda value: CONTEXT.multiply(value, value), CONTEXT.sqrt),
    "tanTimes100": _angle(float, float),
    "100tan": _angle(math.degrees, math.radians),
}
