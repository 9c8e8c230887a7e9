"""Quantities across units: UCUM for codes, FHIRPath's own rules for calendar durations.

Spec: http://hl7.org/fhirpath/N1/index.html#quantity and #time-valued-quantities

Calendar weeks and shorter are the same as UCUM's; a calendar year is not comparable with `a`.
"""

from decimal import Decimal

from fhirserver.fhirpath.values import Quantity

CALENDAR_CODES = {
    "week": "wk",
    "day": "d",
    "hour": "h",
    "minute": "min",
    "second": "s",
    "millisecond": "ms",
}
"""UCUM code by calendar word; years and months have none."""

_RELATIVE = Decimal("1e-12")


def canonical(quantity: Quantity) -> tuple[Decimal, str] | None:
    """Bring a quantity to its canonical unit; None where the unit is unknown."""
    from fhirserver_terminology import ucum

    unit = quantity.unit
    if quantity.calendar:
        if unit not in CALENDAR_CODES:
            months = 12 if unit == "year" else 1
            return quantity.value * months, "calendar month"
        unit = CALENDAR_CODES[unit]
    return ucum.canonical(quantity.value, unit)


def aligned(left: Quantity, right: Quantity) -> tuple[Decimal, Decimal] | None:
    """Give two quantities' values in one unit; None where their dimensions differ."""
    if left.unit == right.unit and left.calendar == right.calendar:
        return left.value, right.value
    one, other = canonical(left), canonical(right)
    if one is None or other is None or one[1] != other[1]:
        return None
    return one[0], other[0]


def equal(left: Quantity, right: Quantity) -> bool | None:
    """Compare for equality; None where the dimensions differ."""
    values = aligned(left, right)
    if values is None:
        return None
    one, other = values
    return one == other or abs(one - other) <= abs(one) * _RELATIVE


def multiply(left: Quantity, right: Quantity) -> Quantity | None:
    """Multiply; the unit is the canonical one unless a factor has none."""
    if right.unit == "1":
        return Quantity(left.value * right.value, left.unit, left.calendar)
    if left.unit == "1":
        return Quantity(left.value * right.value, right.unit, right.calendar)
    return _combined(left, right, left.value * right.value, ".")


def divide(left: Quantity, right: Quantity) -> Quantity | None:
    """Divide; None by zero."""
    if right.value == 0:
        return None
    if right.unit == "1":
        return Quantity(left.value / right.value, left.unit, left.calendar)
    if left.unit == right.unit:
        return Quantity(left.value / right.value, "1")
    return _combined(left, right, left.value / right.value, "/")


def add(left: Quantity, right: Quantity, sign: int) -> Quantity | None:
    """Add, or subtract with sign -1, in the left unit where the two are the same."""
    if left.unit == right.unit and left.calendar == right.calendar:
        return Quantity(left.value + sign * right.value, left.unit, left.calendar)
    one, other = canonical(left), canonical(right)
    if one is None or other is None or one[1] != other[1]:
        return None
    return Quantity(one[0] + sign * other[0], one[1])


def _combined(left: Quantity, right: Quantity, value: Decimal, operator: str) -> Quantity | None:
    from fhirserver_terminology import ucum

    units = [CALENDAR_CODES.get(item.unit, item.unit) if item.calendar else item.unit
             for item in (left, right)]  # fmt: skip
    found = ucum.canonical(value, f"({units[0]}){operator}({units[1]})")
    return None if found is None else Quantity(found[0], found[1])
