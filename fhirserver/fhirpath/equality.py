"""Equality, equivalence and order of items and collections.

Spec: http://hl7.org/fhirpath/N1/index.html#equality and #comparison

    =   same items in the same order; empty if a side is empty or the precision does not tell
    ~   same items in any order; text without case and width of blanks, numbers to the lesser
        precision; never empty
    <   one item each side, of comparable types
"""

from collections.abc import Hashable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from fhirserver.fhirpath import quantities
from fhirserver.fhirpath.errors import FhirPathError
from fhirserver.fhirpath.temporal import Temporal, compare, in_utc, parse_temporal
from fhirserver.fhirpath.values import (
    Collection,
    ElementNode,
    Quantity,
    decimal_places,
    is_number,
    single,
    to_decimal,
    to_system,
)

_TO_THE_SECOND = len("2015-02-04T14:34:28")


def equal_collections(left: Collection, right: Collection) -> bool | None:
    """Evaluate `=`."""
    if not left or not right:
        return None
    if len(left) != len(right):
        return False
    unknown = False
    for one, other in zip(left, right, strict=True):
        same = equal(one, other)
        if same is False:
            return False
        unknown = unknown or same is None
    return None if unknown else True


def equal(left: Any, right: Any) -> bool | None:
    """Compare two items; None where the precision or the unit does not tell."""
    left, right = to_system(left), to_system(right)
    kind, other = left.__class__, right.__class__
    if kind is other:
        if kind is Temporal:
            return _equal_temporals(left, right)
        if kind is Quantity:
            return quantities.equal(left, right)
        if kind is ElementNode:
            return _same_json(left.value, right.value)
        return bool(left == right)
    if kind is Temporal or other is Temporal:
        return _equal_mixed_temporals(left, right)
    if kind is Quantity and is_number(right):
        return quantities.equal(left, Quantity(to_decimal(right), "1"))
    if other is Quantity and is_number(left):
        return quantities.equal(Quantity(to_decimal(left), "1"), right)
    return bool(left == right) if is_number(left) and is_number(right) else False


def equivalent_collections(left: Collection, right: Collection) -> bool:
    """Evaluate `~`."""
    if len(left) != len(right):
        return False
    rest = list(right)
    for one in left:
        for position, other in enumerate(rest):
            if equivalent(one, other):
                del rest[position]
                break
        else:
            return False
    return True


def equivalent(left: Any, right: Any) -> bool:
    """Compare two items for equivalence."""
    left, right = to_system(left), to_system(right)
    if left.__class__ is str and right.__class__ is str:
        return _folded(left) == _folded(right)
    if is_number(left) and is_number(right):
        return _equivalent_numbers(left, right)
    if left.__class__ is Temporal and right.__class__ is Temporal:
        same_kind = (left.kind == "time") == (right.kind == "time")
        return same_kind and in_utc(left) == in_utc(right)
    if left.__class__ is Quantity and right.__class__ is Quantity:
        return _equivalent_quantities(left, right)
    if left.__class__ is ElementNode and right.__class__ is ElementNode:
        return _equivalent_json(left.value, right.value)
    return equal(left, right) is True


def order(left: Collection, right: Collection) -> int | None:
    """Compare two single items to -1, 0 or 1; None if a side is empty or nothing tells.

    Raises:
        FhirPathError: the types have no order, or a side has several items.
    """
    if len(left) == 1 and len(right) == 1 and _are_alike_instants(left[0], right[0]):
        one, other = left[0].value, right[0].value
        return int(one > other) - int(one < other)
    one, other = single(left), single(right)
    if one is None or other is None:
        return None
    if one.__class__ is Temporal and other.__class__ is Temporal:
        return compare(one, other)
    if one.__class__ is Quantity or other.__class__ is Quantity:
        values = quantities.aligned(_as_quantity(one), _as_quantity(other))
        if values is None:
            return None
        one, other = values
    elif not (
        (is_number(one) and is_number(other)) or (one.__class__ is str and other.__class__ is str)
    ):
        raise FhirPathError("these two values have no order")
    return int(one > other) - int(one < other)


def distinct(items: Collection) -> Collection:
    """Leave out items that equal an earlier one."""
    if len(items) < 2:
        return items
    seen: set[Hashable] = set()
    found = []
    for item in items:
        key = identity(item)
        if key not in seen:
            seen.add(key)
            found.append(item)
    return found


def identity(item: Any) -> Hashable:
    """Give a key that is the same for equal items."""
    value = to_system(item)
    kind = value.__class__
    if kind is ElementNode:
        return ("element", _frozen(value.value if value.value is not None else value.sibling))
    if kind is Temporal:
        return ("time" if value.kind == "time" else "date", in_utc(value), value.offset is None)
    if kind is Quantity:
        return ("quantity", quantities.canonical(value) or (value.value, value.unit))
    if kind is bool:
        return ("boolean", value)
    found: Hashable = value
    return found


def _are_alike_instants(left: Any, right: Any) -> bool:
    """Tell whether two dateTimes have seconds and one offset, so that they order as their text."""
    if left.__class__ is not ElementNode or right.__class__ is not ElementNode:
        return False
    one, other = left.value, right.value
    return (
        left.path == right.path == "dateTime"
        and one.__class__ is str
        and other.__class__ is str
        and len(one) == len(other) >= _TO_THE_SECOND
        and one[_TO_THE_SECOND:] == other[_TO_THE_SECOND:]
    )


def _equal_temporals(left: Temporal, right: Temporal) -> bool | None:
    if (left.kind == "time") != (right.kind == "time"):
        return False
    result = compare(left, right)
    return None if result is None else result == 0


def _equal_mixed_temporals(left: Any, right: Any) -> bool | None:
    one = parse_temporal(left) if left.__class__ is str else left
    other = parse_temporal(right) if right.__class__ is str else right
    if one.__class__ is Temporal and other.__class__ is Temporal:
        return _equal_temporals(one, other)
    return False


def _equivalent_numbers(left: Any, right: Any) -> bool:
    places = Decimal(1).scaleb(-min(decimal_places(left), decimal_places(right)))
    one = to_decimal(left).quantize(places, ROUND_HALF_UP)
    return one == to_decimal(right).quantize(places, ROUND_HALF_UP)


def _equivalent_quantities(left: Quantity, right: Quantity) -> bool:
    values = quantities.aligned(left, right)
    if values is None:
        return False
    if left.unit == right.unit:
        return _equivalent_numbers(*values)
    one, other = values
    return abs(one - other) <= max(abs(one), abs(other)) * Decimal("0.02")


def _as_quantity(value: Any) -> Quantity:
    if isinstance(value, Quantity):
        return value
    if not is_number(value):
        raise FhirPathError("these two values have no order")
    return Quantity(to_decimal(value), "1")


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


def _same_json(left: Any, right: Any) -> bool:
    if left.__class__ is float or right.__class__ is float:
        return str(left) == str(right)
    return bool(left == right)


def _equivalent_json(left: Any, right: Any) -> bool:
    if isinstance(left, dict) and isinstance(right, dict):
        mine, theirs = left.keys() - {"id"}, right.keys() - {"id"}
        return mine == theirs and all(_equivalent_json(left[key], right[key]) for key in mine)
    if isinstance(left, list) and isinstance(right, list):
        rest = list(right)
        for item in left:
            match = next((other for other in rest if _equivalent_json(item, other)), None)
            if match is None:
                return False
            rest.remove(match)
        return not rest
    if isinstance(left, str) and isinstance(right, str):
        return _folded(left) == _folded(right)
    return bool(left == right)


def _frozen(value: Any) -> Hashable:
    if isinstance(value, dict):
        return frozenset((key, _frozen(item)) for key, item in value.items())
    if isinstance(value, list):
        return tuple(_frozen(item) for item in value)
    return ("boolean", value) if isinstance(value, bool) else value
