"""`compareToSource…`: what is found in one body against what is found in another.

Spec: https://hl7.org/fhir/R4/testscript-definitions.html#TestScript.setup.action.assert.compareToSourceId

    expression / path on the message       against  compareToSourceExpression / …Path on the source
    only one of the two sides is given     the same on both
    neither is given                       the whole bodies

`equals` compares the lists, in order; `contains` asks that all of the source's values are there,
`in` that they are all among the source's. The other operators compare with the source's only value.
"""

from collections.abc import Callable, Mapping, Sequence

from fhirserver_conformance.engine.asserts.operators import compare
from fhirserver_conformance.engine.message import Message
from fhirserver_conformance.engine.problem import ActionProblem
from fhirserver_conformance.engine.state import State
from fhirserver_conformance.paths.fhirpath import evaluate
from fhirserver_conformance.paths.path import evaluate_path
from fhirserver_conformance.paths.values import Value, shown_all, text_of
from fhirserver_conformance.script.model import Assert

Texts = Sequence[str]


def judge_compare_to_source(assertion: Assert, state: State) -> str:
    """Judge one body by another."""
    message = state.message(assertion.source_id, assertion.direction)
    source = state.message(assertion.compare_to_source_id)
    expression = assertion.expression or assertion.compare_to_source_expression
    path = assertion.path or assertion.compare_to_source_path
    found = _values(expression, path, message, state)
    expected = _values(
        assertion.compare_to_source_expression or assertion.expression,
        assertion.compare_to_source_path or assertion.path,
        source,
        state,
    )
    what = f"{expression or path or 'the content'} of {message.label}"
    operator = assertion.operator or "equals"
    if operator not in _LISTS:
        return _by_value(operator, found, expected, what, source)
    if _LISTS[operator]([text_of(value) for value in found], [text_of(v) for v in expected]):
        return ""
    wanted = f"{operator} {shown_all(expected)} of {source.label}"
    return f"{what}: expected {wanted}, found {shown_all(found)}"


def _values(
    expression: str | None, path: str | None, message: Message, state: State
) -> list[Value]:
    if expression is not None:
        return evaluate(state.settings.fhirpath, expression, message.document)
    if path is not None:
        return evaluate_path(path, message.document)
    return [message.document.resource]


def _by_value(
    operator: str, found: Sequence[Value], expected: Sequence[Value], what: str, source: Message
) -> str:
    if len(expected) != 1:
        raise ActionProblem(
            f"{operator} needs one value of {source.label}, found {shown_all(expected)}"
        )
    return compare(operator, found, text_of(expected[0]), what)


def _contains(found: Texts, expected: Texts) -> bool:
    return bool(expected) and all(text in found for text in expected)


def _in(found: Texts, expected: Texts) -> bool:
    return bool(found) and all(text in expected for text in found)


def _equals(found: Texts, expected: Texts) -> bool:
    return bool(expected) and found == expected


_LISTS: Mapping[str, Callable[[Texts, Texts], bool]] = {
    "equals": _equals,
    "notEquals": lambda found, expected: found != expected,
    "contains": _contains,
    "notContains": lambda found, expected: not _contains(found, expected),
    "in": _in,
    "notIn": lambda found, expected: not _in(found, expected),
}
