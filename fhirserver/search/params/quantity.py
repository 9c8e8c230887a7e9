"""Quantity search values: `[prefix]number` or `[prefix]number|system|code`.

Spec: https://hl7.org/fhir/R4/search.html#quantity

    5.4                        any unit
    5.4||mg                    code or unit is mg
    5.4|http://acme.org|mg     that system and code
    5.4|http://acme.org|       any code of that system

UCUM units are compared by what they measure: 5.4|http://unitsofmeasure.org|mg finds 5400 ug.
Precision and prefixes are those of numbers, on the scale of the value's unit: a pH above 7 is a
concentration below 1E-7 mol/L.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal

from fhirserver_terminology import ucum

from fhirserver.search.conditions import (
    BY_CANONICAL_VALUE,
    BY_VALUE,
    Condition,
    Fragment,
    OrderKey,
    Rows,
    both,
)
from fhirserver.search.escape import escape, split, unescape
from fhirserver.search.keys import short_key, system_key
from fhirserver.search.params import number
from fhirserver.search.params.number import NumberValue
from fhirserver.search.params.prefix import Prefix

MODIFIERS: frozenset[str] = frozenset()
NOT_OFFERED: frozenset[str] = frozenset()
UCUM = "http://unitsofmeasure.org"

_TURNED: Mapping[Prefix, Prefix] = {
    "gt": "lt", "lt": "gt", "ge": "le", "le": "ge", "sa": "eb", "eb": "sa",
}  # fmt: skip
_NEIGHBOUR = Context(prec=60)
"""Canonical numbers have 50 digits at most, so none lies between one and its neighbour."""


@dataclass(frozen=True, slots=True)
class QuantityValue:
    """A quantity to compare with.

    Attributes:
        number: its number with prefix and precision.
        system: of the unit; "" where none is given.
        code: of the unit, or its name where no system is given; "" for any.
        bars: whether the value was written with bars.
    """

    number: NumberValue
    system: str = ""
    code: str = ""
    bars: bool = False

    def render(self) -> str:
        """Write it as in a URL."""
        if not self.bars:
            return self.number.render()
        return f"{self.number.render()}|{escape(self.system)}|{escape(self.code)}"


def parse(text: str, _modifier: str | None = None) -> QuantityValue:
    """Parse one value.

    Raises:
        ValueError: not a number, or one bar or more than two.
    """
    parts = split(text, "|")
    if len(parts) not in (1, 3):
        raise ValueError("write number, number||unit or number|system|code")
    value = number.parse(parts[0])
    if len(parts) == 1:
        return QuantityValue(value)
    return QuantityValue(value, unescape(parts[1]), unescape(parts[2]), bars=True)


def condition(sps: tuple[int, ...], values: Iterable[QuantityValue]) -> Condition:
    """Build the condition of one criterion; its values are alternatives."""
    tests: list[Fragment] = []
    orders: set[tuple[OrderKey, ...]] = set()
    for value in values:
        unit, prefix, bounds = _unit(value), value.number.prefix, value.number.bounds()
        low, high = "@.low", "@.high"
        canonical = _canonical(value, bounds)
        if canonical is not None:
            code, prefix, bounds = canonical
            unit = Fragment("@.c_unit = %s", (code,))
            low, high = "@.c_low", "@.c_high"
        orders.add(BY_VALUE if canonical is None else BY_CANONICAL_VALUE)
        found = number.alternatives(prefix, bounds, low, high)
        tests += [each if unit is None else both(unit, each) for each in found]
    return Rows("quantity", sps, tuple(tests), orders.pop() if len(orders) == 1 else ())


def _canonical(
    value: QuantityValue, bounds: tuple[Decimal, Decimal]
) -> tuple[str, Prefix | None, tuple[Decimal, Decimal]] | None:
    """Bring a comparison to the canonical unit; None if the unit is not one of UCUM's.

    Returns:
        Canonical unit, prefix and bounds; the other way round where the unit's scale falls.
    """
    if value.system != UCUM or not value.code:
        return None
    low, high = (ucum.canonical(bound, value.code) for bound in bounds)
    if low is None or high is None:
        return None
    code, prefix = low[1], value.number.prefix
    if not ucum.falls(value.code):
        return code, prefix, (low[0], high[0])
    if prefix in (None, "eq", "ne"):
        # Of these ends the lower belongs to the value's precision, and so must the one it becomes.
        return code, prefix, (high[0].next_plus(_NEIGHBOUR), low[0].next_plus(_NEIGHBOUR))
    return code, _TURNED.get(prefix, prefix), (high[0], low[0])


def _unit(value: QuantityValue) -> Fragment | None:
    """Test the unit as it was written; None if any will do."""
    system, code = value.system, value.code
    if system and code:
        return Fragment("@.system = %s AND @.code = %s", (system_key(system), short_key(code)))
    if system:
        return Fragment("@.system = %s", (system_key(system),))
    if code:
        return Fragment("(@.code = %s OR @.unit = %s)", (short_key(code),) * 2)
    return None
