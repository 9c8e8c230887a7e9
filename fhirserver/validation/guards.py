"""Guards: when an invariant holds without evaluating it.

Spec: https://hl7.org/fhir/R4/conformance-rules.html#constraints

Most invariants speak of elements that a resource does not have. From the syntax tree of

    dataAbsentReason.empty() or value.empty()

follow two ways to be true: no `dataAbsentReason`, or no `value[x]`. A guard tries an invariant's
ways with look-ups of names in the JSON object, and only where none applies FHIRPath is run. What a
guard does not understand gives no way, never a wrong one.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from fhirserver.fhirpath.syntax import Binary, Expr, Function, Member
from fhirserver.model.json import JsonObject

Names = Mapping[str, frozenset[str]]
"""JSON names by published name, e.g. {"value": {"valueString", "_valueString", ...}}."""

Guard = Callable[[JsonObject], bool]

_MAX_WAYS = 8
_TRUE_OF_NOTHING = frozenset({"all", "allTrue", "isDistinct"})
_FALSE_OF_NOTHING = frozenset({"hasValue"})
_EMPTY_OF_NOTHING = frozenset(
    {"where", "select", "first", "tail", "ofType", "as", "resolve", "trace"}
)


class Way(NamedTuple):
    """One way for an expression to have a value: names that are absent, groups with one present."""

    absent: frozenset[str] = frozenset()
    present: tuple[frozenset[str], ...] = ()


NOTHING = Way()
"""The way that asks for nothing."""


def always(_: JsonObject) -> bool:
    """Guard of an invariant that no object of its node can break."""
    return True


class Ways(NamedTuple):
    """Sufficient ways for an expression to be true, and to be false."""

    true: tuple[Way, ...] = ()
    false: tuple[Way, ...] = ()


def guard_of(expression: Expr, names: Names) -> Guard | None:
    """Give a test of a node's JSON object that is true only where the expression is.

    Args:
        expression: an invariant of the node.
        names: of all elements of the node; a name that is missing here is never there.

    Returns:
        None where nothing can be told without evaluating; `always` where there is no need to.
    """
    ways = _ways(expression, names).true
    if NOTHING in ways:
        return always
    if not ways or len(ways) > _MAX_WAYS:
        return None
    return _test(ways)


def _test(ways: tuple[Way, ...]) -> Guard:
    """Compile ways into a test; this runs for every object, so it is written out."""
    if len(ways) == 1 and not ways[0].present:
        return ways[0].absent.isdisjoint

    def test(value: JsonObject) -> bool:
        for absent, present in ways:
            if absent.isdisjoint(value):
                for names in present:
                    if names.isdisjoint(value):
                        break
                else:
                    return True
        return False

    return test


def _ways(expression: Expr, names: Names) -> Ways:
    if isinstance(expression, Binary):
        return _binary(
            expression.operator, _ways(expression.left, names), _ways(expression.right, names)
        )
    if not isinstance(expression, Function) or expression.source is None:
        return Ways()
    if expression.name == "not":
        true, false = _ways(expression.source, names)
        return Ways(false, true)
    return _of_function(expression, expression.source, names)


def _binary(operator: str, left: Ways, right: Ways) -> Ways:
    if operator == "or":
        return Ways(left.true + right.true, _both(left.false, right.false))
    if operator == "and":
        return Ways(_both(left.true, right.true), left.false + right.false)
    if operator == "implies":
        return Ways(left.false + right.true, _both(left.true, right.false))
    same = _both(left.true, right.true) + _both(left.false, right.false)
    different = _both(left.true, right.false) + _both(left.false, right.true)
    if operator == "=":
        return Ways(same, different)
    if operator in ("xor", "!="):
        return Ways(different, same)
    return Ways()


def _both(left: tuple[Way, ...], right: tuple[Way, ...]) -> tuple[Way, ...]:
    return tuple(
        Way(one.absent | other.absent, one.present + other.present)
        for one in left
        for other in right
    )


def _of_function(function: Function, source: Expr, names: Names) -> Ways:
    root = _root_name(source)
    if root is None or (root not in names and not root[0].islower()):
        return Ways()
    group = names.get(root, frozenset())
    absent = (Way(absent=group),)
    present: tuple[Way, ...] = ()
    if isinstance(source, Member) and source.source is None and not function.arguments:
        present = (Way(present=(group,)),)
    if function.name == "empty":
        return Ways(true=absent, false=present)
    if function.name == "exists":
        return Ways(true=present, false=absent)
    if function.name in _TRUE_OF_NOTHING:
        return Ways(true=absent)
    if function.name in _FALSE_OF_NOTHING:
        return Ways(false=absent)
    return Ways()


def _root_name(expression: Expr) -> str | None:
    """The name a path starts with on the focus, where without its items nothing is left."""
    while True:
        if isinstance(expression, Function):
            if expression.source is None or expression.name not in _EMPTY_OF_NOTHING:
                return None
            expression = expression.source
        elif isinstance(expression, Member):
            if expression.source is None:
                return expression.name
            expression = expression.source
        else:
            return None
