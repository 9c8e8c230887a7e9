"""Number search values: `[prefix]decimal`.

Spec: https://hl7.org/fhir/R4/search.html#number

Equality is as wide as the value's precision: half a unit of its last digit either way, so 100 is
[99.5, 100.5) and 100.00 is [99.995, 100.005). 1e2 counts as 1.0e2, [95, 105), as R4's table has it.
The other prefixes compare with the value itself. v is the value, r the resource's [low, high],
which is one point but for ranges and comparators.

    eq  r inside v's precision    ne  not eq          ap  r overlaps v ± 10 %
    gt  r.high > v                ge  r.high >= v     sa  r.low > v
    lt  r.low < v                 le  r.low <= v      eb  r.high < v

Rows are ordered by `low` in their index, so `gt` and `ge` are asked in two parts: what lies above
as a whole, and the few rows that are wider than a point and reach above.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Context, Decimal

from fhirserver.search.conditions import BY_VALUE, Condition, Fragment, Rows
from fhirserver.search.escape import unescape
from fhirserver.search.params.prefix import Prefix, split_prefix

MODIFIERS: frozenset[str] = frozenset()
NOT_OFFERED: frozenset[str] = frozenset()
DIGITS_MAX = 50
EXPONENT_MAX = 100

_EXACT = Context(prec=DIGITS_MAX + 10)
"""Python's own context rounds to 28 digits."""

_NUMBER = re.compile(r"[+-]?(\d+(?:\.\d*)?|\.\d+)(?:[eE]([+-]?\d{1,4}))?", re.ASCII)
_POWER_OF_TEN = re.compile(r"^[+-]?\d+\.?[eE]")


@dataclass(frozen=True, slots=True)
class NumberValue:
    """A number to compare with.

    Attributes:
        text: the number as written, without its prefix; its digits are its precision.
        prefix: None where the value has none, which means `eq`.
    """

    text: str
    prefix: Prefix | None

    @property
    def value(self) -> Decimal:
        """The number itself."""
        return Decimal(self.text)

    def bounds(self) -> tuple[Decimal, Decimal]:
        """Give the ends that the prefix compares with; both are the value but for eq, ne, ap."""
        value = self.value
        if self.prefix in (None, "eq", "ne"):
            exponent = value.as_tuple().exponent
            assert isinstance(exponent, int)
            if _POWER_OF_TEN.search(self.text):
                exponent -= 1
            half = Decimal(5).scaleb(exponent - 1)
        elif self.prefix == "ap":
            half = _EXACT.divide(value.copy_abs(), Decimal(10))
        else:
            half = Decimal(0)
        return _EXACT.subtract(value, half), _EXACT.add(value, half)

    def render(self) -> str:
        """Write it as in a URL."""
        return (self.prefix or "") + self.text


def parse(text: str, _modifier: str | None = None) -> NumberValue:
    """Parse one value.

    Raises:
        ValueError: not a number, or one of too many digits.
    """
    prefix, number = split_prefix(unescape(text))
    match = _NUMBER.fullmatch(number)
    if match is None:
        raise ValueError("a decimal number is needed, e.g. 5.40 or ge1e-3")
    if len(match[1]) > DIGITS_MAX or abs(int(match[2] or 0)) > EXPONENT_MAX:
        raise ValueError(f"at most {DIGITS_MAX} digits and an exponent up to {EXPONENT_MAX}")
    return NumberValue(number, prefix)


def condition(sps: tuple[int, ...], values: Iterable[NumberValue]) -> Condition:
    """Build the condition of one criterion; its values are alternatives."""
    tests = [
        each
        for value in values
        for each in alternatives(value.prefix, value.bounds(), "@.low", "@.high")
    ]
    return Rows("quantity", sps, tuple(tests), BY_VALUE)


def alternatives(
    prefix: Prefix | None, bounds: tuple[Decimal, Decimal], low: str, high: str
) -> tuple[Fragment, ...]:
    """Compare the bounds of a value with columns.

    Args:
        prefix: how to compare.
        bounds: of `NumberValue.bounds`, maybe converted to another unit.
        low: SQL expression of the resource's lower end.
        high: SQL expression of its upper end, inclusive.

    Returns:
        Tests of which one must hold.
    """
    return tuple(
        Fragment(text.format(low=low, high=high), tuple(bounds[int(end)] for end in ends))
        for text, ends in _TESTS[prefix or "eq"]
    )


# SQL, and which bound each parameter is.
_TESTS: dict[Prefix, tuple[tuple[str, str], ...]] = {
    "eq": (("{low} >= %s AND {low} < %s AND {high} < %s", "011"),),
    "ne": (("{low} < %s", "0"), ("{low} >= %s AND {high} >= %s", "01")),
    "gt": (("{low} > %s", "0"), ("{low} < {high} AND {low} <= %s AND {high} > %s", "00")),
    "lt": (("{low} < %s", "0"),),
    "ge": (("{low} >= %s", "0"), ("{low} < {high} AND {low} < %s AND {high} >= %s", "00")),
    "le": (("{low} <= %s", "0"),),
    "sa": (("{low} > %s", "0"),),
    "eb": (("{low} < %s AND {high} < %s", "00"),),
    "ap": (("{low} <= %s AND {high} >= %s", "10"),),
}
