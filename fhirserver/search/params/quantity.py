"""Quantity search values: `[prefix]number` or `[prefix]number|system|code`.

Spec: https://hl7.org/fhir/R4/search.html#quantity

    5.4                        any unit
    5.4||mg                    code or unit is mg
    5.4|http://acme.org|mg     that system and code
    5.4|http://acme.org|       any code of that system

UCUM units are compared by what they measure: 5.4|http://unitsofmeasure.org|mg finds 5400 ug.
Precision and prefixes are those of numbers.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from fhirserver_terminology import ucum

from fhirserver.search.conditions import Condition, Fragment, Rows, both
from fhirserver.search.escape import escape, split, unescape
from fhirserver.search.keys import short_key, system_key
from fhirserver.search.params import number
from fhirserver.search.params.number import NumberValue

MODIFIERS: frozenset[str] = frozenset()
NOT_OFFERED: frozenset[str] = frozenset()
UCUM = "http://unitsofmeasure.org"


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
    return Rows("quantity", sps, tuple(map(_test, values)))


def _test(value: QuantityValue) -> Fragment:
    bounds = value.number.bounds()
    if value.system == UCUM and value.code:
        low, high = (ucum.canonical(bound, value.code) for bound in bounds)
        if low is not None and high is not None:
            unit = Fragment("@.c_unit = %s", (low[1],))
            ends = (low[0], high[0])
            return both(unit, number.test(value.number.prefix, ends, "@.c_low", "@.c_high"))
    plain = number.test(value.number.prefix, bounds, "@.low", "@.high")
    if value.system and value.code:
        unit = Fragment(
            "@.system = %s AND @.code = %s", (system_key(value.system), short_key(value.code))
        )
    elif value.system:
        unit = Fragment("@.system = %s", (system_key(value.system),))
    elif value.code:
        unit = Fragment("(@.code = %s OR @.unit = %s)", (short_key(value.code),) * 2)
    else:
        return plain
    return both(unit, plain)
