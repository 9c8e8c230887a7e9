"""Binary operators as closures over their operands.

Spec: http://hl7.org/fhirpath/N1/index.html#operations

Operators with a Boolean result are compiled to tests, which give True, False or None without
building a collection; the truth tables are those of three-valued logic.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from fhirserver.fhirpath.arithmetic import calculate
from fhirserver.fhirpath.context import Context
from fhirserver.fhirpath.cost import spend_on_result, weight
from fhirserver.fhirpath.equality import (
    distinct,
    equal,
    equal_collections,
    equivalent_collections,
    order,
)
from fhirserver.fhirpath.errors import FhirPathError
from fhirserver.fhirpath.function_table import Run, Test, need_text
from fhirserver.fhirpath.values import Collection, ElementNode, single


def _and(left: Test, right: Test) -> Test:
    def test(this: Collection, context: Context) -> bool | None:
        one = left(this, context)
        if one is False:
            return False
        other = right(this, context)
        if other is False:
            return False
        return True if one and other else None

    return test


def _or(left: Test, right: Test) -> Test:
    def test(this: Collection, context: Context) -> bool | None:
        one = left(this, context)
        if one is True:
            return True
        other = right(this, context)
        if other is True:
            return True
        return False if one is False and other is False else None

    return test


def _xor(left: Test, right: Test) -> Test:
    def test(this: Collection, context: Context) -> bool | None:
        one, other = left(this, context), right(this, context)
        return None if one is None or other is None else one is not other

    return test


def _implies(left: Test, right: Test) -> Test:
    def test(this: Collection, context: Context) -> bool | None:
        one = left(this, context)
        if one is False:
            return True
        other = right(this, context)
        if other is True:
            return True
        return None if one is None or other is None else False

    return test


LOGIC: dict[str, Callable[[Test, Test], Test]] = {
    "and": _and,
    "or": _or,
    "xor": _xor,
    "implies": _implies,
}
"""Operators whose operands are tests too."""


def _equals(left: Run, right: Run) -> Test:
    def test(this: Collection, context: Context) -> bool | None:
        one, other = left(this, context), right(this, context)
        context.spend(weight(one) + weight(other))
        return equal_collections(one, other)

    return test


def equals_text(left: Run, text: str, *, negated: bool) -> Test:
    """Compile `left = 'text'` or `left != 'text'`, the commonest comparison of all."""

    def test(this: Collection, context: Context) -> bool | None:
        items = left(this, context)
        if len(items) == 1:
            item = items[0]
            if item.__class__ is ElementNode and item.value.__class__ is str:
                same: bool | None = item.value == text or equal(item, text)
            else:
                same = equal(item, text)
        else:
            same = False if items else None
        return same if same is None else same is not negated

    return test


def _differs(left: Run, right: Run) -> Test:
    equals = _equals(left, right)

    def test(this: Collection, context: Context) -> bool | None:
        same = equals(this, context)
        return None if same is None else not same

    return test


def _equivalent(left: Run, right: Run) -> Test:
    def test(this: Collection, context: Context) -> bool:
        one, other = left(this, context), right(this, context)
        # Whatever stands in no order is looked for everywhere.
        context.spend(weight(one) * weight(other))
        return equivalent_collections(one, other)

    return test


def _not_equivalent(left: Run, right: Run) -> Test:
    equivalent = _equivalent(left, right)
    return lambda this, context: not equivalent(this, context)


def _ordered(accepted: tuple[int, ...]) -> Callable[[Run, Run], Test]:
    def build(left: Run, right: Run) -> Test:
        def test(this: Collection, context: Context) -> bool | None:
            one, other = left(this, context), right(this, context)
            context.spend(weight(one) + weight(other))
            result = order(one, other)
            return None if result is None else result in accepted

        return test

    return build


def _in(left: Run, right: Run) -> Test:
    def test(this: Collection, context: Context) -> bool | None:
        items = left(this, context)
        if not items:
            return None
        if len(items) > 1:
            raise FhirPathError("in and contains take one item on the side of the element")
        others = right(this, context)
        context.spend(weight(others))
        return any(equal(items[0], other) is True for other in others)

    return test


COMPARISONS: dict[str, Callable[[Run, Run], Test]] = {
    "=": _equals,
    "!=": _differs,
    "~": _equivalent,
    "!~": _not_equivalent,
    "<": _ordered((-1,)),
    "<=": _ordered((-1, 0)),
    ">": _ordered((1,)),
    ">=": _ordered((0, 1)),
    "in": _in,
    "contains": lambda left, right: _in(right, left),
}
"""Operators with a Boolean result whose operands are collections."""


def _union(left: Run, right: Run) -> Run:
    def run(this: Collection, context: Context) -> Collection:
        one, other = left(this, context), right(this, context)
        context.spend(weight(one) + weight(other))
        return distinct([*one, *other])

    return run


def _concatenate(left: Run, right: Run) -> Run:
    def run(this: Collection, context: Context) -> Collection:
        one, other = single(left(this, context)), single(right(this, context))
        text = ("" if one is None else need_text(one)) + ("" if other is None else need_text(other))
        spend_on_result(text, context)
        return [text]

    return run


def _arithmetic(operator: str) -> Callable[[Run, Run], Run]:
    def build(left: Run, right: Run) -> Run:
        def run(this: Collection, context: Context) -> Collection:
            one, other = single(left(this, context)), single(right(this, context))
            if one is None or other is None:
                return []
            result = calculate(operator, one, other)
            spend_on_result(result, context)
            return [] if result is None else [result]

        return run

    return build


OPERATORS: dict[str, Callable[[Run, Run], Run]] = {
    "|": _union,
    "&": _concatenate,
    **{operator: _arithmetic(operator) for operator in ("+", "-", "*", "/", "div", "mod")},
}
"""Operators that give a collection."""


def negate(value: Any) -> Any:
    """Apply the sign `-` to a number or quantity."""
    if value.__class__ is int or value.__class__ is Decimal:
        return -value
    return calculate("*", value, -1)
