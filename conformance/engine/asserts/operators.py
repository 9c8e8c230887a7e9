"""Operators: what was found against what is expected.

Spec: https://hl7.org/fhir/R4/codesystem-assert-operator-codes.html

    equals, in, greaterThan, lessThan, contains   some found value is so, as XPath compares
    notEquals, notIn, notContains                 no found value is so
    empty, notEmpty                               nothing was found, or only ""
    eval                                          what was found is true
    matchesRegex, matchesMimeClass                of public suites: some found value is so

Values of `in` are separated by commas. Numbers of JSON are equal by what they are worth; all else
by its text. What is ordered are numbers, or dates and times.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation

from fhirserver.fhirpath.temporal import parse_temporal
from fhirserver_conformance.engine.asserts.regex import matches
from fhirserver_conformance.engine.media import same_type
from fhirserver_conformance.engine.problem import ActionProblem
from fhirserver_conformance.paths.fhirpath import holds
from fhirserver_conformance.paths.values import Value, shown, shown_all, text_of

_TO_MINUTES = 5
_WORDS = {
    "equals": "is", "notEquals": "is not", "in": "is one of", "notIn": "is none of",
    "greaterThan": "is greater than", "lessThan": "is less than", "contains": "contains",
    "notContains": "does not contain", "matchesRegex": "matches the pattern",
    "matchesMimeClass": "is of the media type",
}  # fmt: skip


OPERATORS = frozenset({*_WORDS, "empty", "notEmpty", "eval"})
"""Every operator that an assert may have."""


def compare(operator: str, found: Sequence[Value], expected: str | None, what: str) -> str:
    """Compare what was found.

    Args:
        operator: a code of the table above.
        found: any number of values.
        expected: the assert's value; needed by all but empty, notEmpty and eval.
        what: names what was looked at, e.g. "Patient.id of the response".

    Returns:
        What is wrong, in a sentence; "" where the comparison holds.

    Raises:
        ActionProblem: the operator is unknown, or lacks its value; values have no order; the
            pattern cannot be used.
    """
    if operator in _WITHOUT_VALUE:
        holds_true, words = _WITHOUT_VALUE[operator]
        return "" if holds_true(found) else f"{what}: expected {words}, found {shown_all(found)}"
    negative, test = _with_value(operator)
    if expected is None:
        raise ActionProblem(f"the operator {operator} needs a value to compare with")
    if any(test(value, expected) for value in found) is not negative:
        return ""
    wanted = f"that it {_WORDS[operator]} {shown(expected)}"
    return f"{what}: expected {wanted}, found {shown_all(found)}"


def _with_value(operator: str) -> tuple[bool, Callable[[Value, str], bool]]:
    negative = operator.startswith("not")
    name = operator if not negative else operator[3].lower() + operator[4:]
    if operator not in OPERATORS:
        raise ActionProblem(f"'{operator}' is no operator of an assert")
    return negative, _TESTS[name]


def _is_empty(found: Sequence[Value]) -> bool:
    return all(value in ("", None) for value in found)


_WITHOUT_VALUE: Mapping[str, tuple[Callable[[Sequence[Value]], bool], str]] = {
    "empty": (_is_empty, "nothing"),
    "notEmpty": (lambda found: not _is_empty(found), "something"),
    "eval": (holds, "that it is true"),
}


def _equals(value: Value, expected: str) -> bool:
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return _number(expected) == value
    return text_of(value) == expected


def _in(value: Value, expected: str) -> bool:
    return any(_equals(value, each.strip()) for each in expected.split(","))


def _contains(value: Value, expected: str) -> bool:
    return expected in text_of(value)


def _order(value: Value, expected: str) -> int:
    """Give -1, 0 or 1. Raises ActionProblem where the two have no order."""
    text = text_of(value)
    numbers = _number(text), _number(expected)
    if numbers[0] is not None and numbers[1] is not None:
        return (numbers[0] > numbers[1]) - (numbers[0] < numbers[1])
    instants = _instant(text), _instant(expected)
    if instants[0] is not None and instants[1] is not None:
        return (instants[0] > instants[1]) - (instants[0] < instants[1])
    raise ActionProblem(f"{shown(text)} and {shown(expected)} are not two numbers or two dates")


def _number(text: str) -> Decimal | None:
    try:
        found = Decimal(text.strip())
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def _instant(text: str) -> tuple[Decimal, ...] | None:
    """Give the parts of a date or time as far as it is precise, in UTC where it has an offset."""
    temporal = parse_temporal(text.strip())
    if temporal is None:
        return None
    parts = tuple(Decimal(part) for part in temporal.parts)
    if not temporal.offset:
        return parts
    year, month, day, hour, minute = (int(part) for part in parts[:_TO_MINUTES])
    utc = datetime(year, month, day, hour, minute, tzinfo=UTC) - timedelta(minutes=temporal.offset)
    moved = (utc.year, utc.month, utc.day, utc.hour, utc.minute)
    return (*(Decimal(part) for part in moved), *parts[_TO_MINUTES:])


_TESTS: Mapping[str, Callable[[Value, str], bool]] = {
    "equals": _equals,
    "in": _in,
    "contains": _contains,
    "greaterThan": lambda value, expected: _order(value, expected) > 0,
    "lessThan": lambda value, expected: _order(value, expected) < 0,
    "matchesRegex": lambda value, pattern: matches(pattern, text_of(value)),
    "matchesMimeClass": lambda value, expected: same_type(expected, text_of(value)),
}
