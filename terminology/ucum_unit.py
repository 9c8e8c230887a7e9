"""UCUM expressions, parsed to a factor and a dimension.

Spec: https://ucum.org/ucum#section-The-Terms-of-the-Unified-Code

    main       = [ "/" ] term
    term       = component *( ( "." / "/" ) component )       from left to right: a/b.c = (a/b).c
    component  = ( simple / "(" main ")" ) [ annotation ]  /  annotation
    simple     = symbol [ exponent ]  /  positive integer
    symbol     = [ prefix ] unit atom
    exponent   = [ "+" / "-" ] digits
    annotation = "{" *( printable ASCII without braces ) "}"

An annotation has no meaning and counts as 1. Factors are exact fractions. A special unit alone,
with a prefix or with plain numbers is a scale; multiplied with other units, divided by or raised to
a power it means nothing that could be computed: such an expression is valid and not convertible.
"""

import re
from fractions import Fraction
from functools import cache
from typing import NamedTuple

from fhirserver_terminology.ucum_table import ucum_table

MAX_LENGTH = 256
"""Longest code that is read."""
_MAX_EXPONENT = 99
_MAX_DEPTH = 16
_MAX_BITS = 3000

_TOKEN = re.compile(
    r"(?P<operator>[./()])"
    r"|(?P<annotation>\{[!-z|~]*\})"
    r"|(?P<symbol>(?:\[[!-Z\\^-z|~]*\]|[!-'*+,\-0-Z\\^-z|~])+)"
)
_NUMBER = re.compile(r"[0-9]+", re.ASCII)
_POWER = re.compile(r"(.*[^0-9+\-])([+-]?[0-9]+)", re.ASCII)


class UcumError(ValueError):
    """The code is not UCUM, or a conversion has no meaning; the message names what is wrong."""


class Scale(NamedTuple):
    """What leads from a special unit to its ratio scale: `function(value * factor)`."""

    function: str
    factor: Fraction


class Unit(NamedTuple):
    """What an expression means.

    Attributes:
        factor: number of canonical units that one of this unit is.
        dimension: exponents by base or arbitrary unit, sorted by code, none of them 0.
        scale: of a special unit, else None.
        mixed: a special unit stands among other units, so there is nothing to convert.
    """

    factor: Fraction
    dimension: tuple[tuple[str, int], ...] = ()
    scale: Scale | None = None
    mixed: bool = False

    def times(self, other: "Unit", sign: int) -> "Unit":
        """Multiply by the other unit, or divide where `sign` is -1."""
        exponents = dict(self.dimension)
        for code, exponent in other.dimension:
            exponents[code] = exponents.get(code, 0) + sign * exponent
        dimension = tuple(sorted((code, n) for code, n in exponents.items() if n))
        if self.scale is None and other.scale is None:
            factor = self.factor * other.factor if sign > 0 else self.factor / other.factor
            return Unit(_bounded(factor), dimension, None, self.mixed or other.mixed)
        special, number = (self, other) if self.scale is not None else (other, self)
        if special.scale is None or number.scale or number.dimension or (sign < 0 and other.scale):
            return Unit(Fraction(1), dimension, None, mixed=True)
        factor = number.factor if sign > 0 else 1 / number.factor
        scale = Scale(special.scale.function, _bounded(special.scale.factor * factor))
        return Unit(special.factor, dimension, scale, special.mixed or number.mixed)

    def power(self, exponent: int) -> "Unit":
        """Raise to an integer power."""
        if exponent == 1:
            return self
        dimension = tuple((code, n * exponent) for code, n in self.dimension if exponent)
        factor = _bounded(self.factor**exponent)
        return Unit(factor, dimension, None, self.mixed or self.scale is not None)

    @property
    def canonical_code(self) -> str:
        """The unit that `factor` counts, as UCUM, e.g. "g.m-1.s-2"; "1" for a pure number."""
        return ".".join(code if n == 1 else f"{code}{n}" for code, n in self.dimension) or "1"


_ONE = Unit(Fraction(1))


def parse_unit(code: str) -> Unit:
    """Parse a UCUM expression, case sensitive.

    Raises:
        UcumError: not UCUM, or longer, deeper or larger than anything one measures.
    """
    if not code:
        raise UcumError("a unit must not be empty; a pure number has the unit 1")
    if len(code) > MAX_LENGTH:
        raise UcumError(f"a unit is at most {MAX_LENGTH} characters long")
    tokens = _tokens(code)
    unit, end = _main(tokens, 0, 0)
    if end != len(tokens):
        raise UcumError(f"{tokens[end]!r} is out of place in the unit {code!r}")
    return unit


def _tokens(code: str) -> list[str]:
    tokens: list[str] = []
    position = 0
    while position < len(code):
        match = _TOKEN.match(code, position)
        if match is None:
            raise UcumError(f"{code[position]!r} cannot stand in the unit {code!r}")
        tokens.append(match[0])
        position = match.end()
    return tokens


def _main(tokens: list[str], at: int, depth: int) -> tuple[Unit, int]:
    if depth > _MAX_DEPTH:
        raise UcumError(f"parentheses nest deeper than {_MAX_DEPTH} levels")
    unit = _ONE
    sign = 1
    if at < len(tokens) and tokens[at] == "/":
        sign, at = -1, at + 1
    while True:
        component, at = _component(tokens, at, depth)
        unit = unit.times(component, sign)
        if at == len(tokens) or tokens[at] not in ("/", "."):
            return unit, at
        sign, at = (-1 if tokens[at] == "/" else 1), at + 1


def _component(tokens: list[str], at: int, depth: int) -> tuple[Unit, int]:
    if at == len(tokens) or tokens[at] in (".", "/", ")"):
        raise UcumError("a unit is missing after an operator or parenthesis")
    part = tokens[at]
    if part[0] == "{":
        return _ONE, at + 1
    if part == "(":
        unit, at = _main(tokens, at + 1, depth + 1)
        if at == len(tokens) or tokens[at] != ")":
            raise UcumError("a parenthesis is not closed")
    else:
        unit = _simple(part)
    at += 1
    return unit, at + 1 if at < len(tokens) and tokens[at][0] == "{" else at


def _simple(text: str) -> Unit:
    if _NUMBER.fullmatch(text):
        if text[0] == "0":
            raise UcumError(f"{text} is not a positive integer")
        return Unit(_bounded(Fraction(int(text))))
    unit = _symbol(text)
    if unit is not None:
        return unit
    power = _POWER.fullmatch(text)
    unit = _symbol(power[1]) if power else None
    if power is None or unit is None:
        raise UcumError(f"{text!r} is not a UCUM unit")
    exponent = int(power[2])
    if abs(exponent) > _MAX_EXPONENT:
        raise UcumError(f"exponents go to {_MAX_EXPONENT}")
    return unit.power(exponent)


def _symbol(symbol: str) -> Unit | None:
    found = ucum_table().find(symbol)
    if found is None:
        return None
    prefix, code = found
    unit = _atom(code)
    if not prefix:
        return unit
    factor = Fraction(ucum_table().prefixes[prefix])
    if unit.scale is not None:
        return unit._replace(scale=Scale(unit.scale.function, unit.scale.factor * factor))
    return unit._replace(factor=unit.factor * factor)


@cache
def _atom(code: str) -> Unit:
    atom = ucum_table().units[code]
    if atom.kind == "base" or (atom.kind == "arbitrary" and atom.unit == "1"):
        return Unit(Fraction(1), ((code, 1),))
    base = parse_unit(atom.unit)
    factor = Fraction(atom.value) * base.factor
    scale = Scale(atom.function, Fraction(1)) if atom.function else None
    return Unit(factor, base.dimension, scale)


def _bounded(factor: Fraction) -> Fraction:
    if factor.numerator.bit_length() > _MAX_BITS or factor.denominator.bit_length() > _MAX_BITS:
        raise UcumError("the unit is larger or smaller than anything one measures")
    return factor
