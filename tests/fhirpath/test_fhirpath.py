"""FHIRPath where the official suite does not look: the model, search, errors, limits."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhirserver.definitions import r4
from fhirserver.fhirpath import (
    Context,
    ElementNode,
    FhirPathError,
    compile_expression,
    root_node,
    to_system,
)

PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p",
    "_birthDate": {"extension": [{"url": "http://example.org/e", "valueCode": "unknown"}]},
    "name": [
        {
            "use": "official",
            "given": ["Ann", None],
            "_given": [None, {"extension": [{"url": "http://example.org/g", "valueInteger": 2}]}],
        },
        {"use": "old", "family": "Ode"},
    ],
    "contained": [{"resourceType": "Organization", "id": "o", "name": "Ward"}],
    "managingOrganization": {"reference": "#o"},
    "generalPractitioner": [
        {"reference": "Practitioner/1"},
        {"reference": "http://example.org/fhir/Organization/2"},
    ],
    "deceasedDateTime": "2020-05-06T07:08:09+02:00",
    "contact": [{"relationship": [{"coding": [{"code": "N"}]}]}],
}
OBSERVATION: dict[str, Any] = {
    "resourceType": "Observation",
    "status": "final",
    "valueQuantity": {
        "value": Decimal("5.50"),
        "code": "mmol/L",
        "system": "http://unitsofmeasure.org",
    },
    "component": [{"valueString": "a"}, {"valueInteger": 3}],
}


def evaluate(expression: str, resource: dict[str, Any], **options: Any) -> list[Any]:
    node = root_node(resource)
    context = Context(node, now=datetime(2026, 1, 2, 3, 4, 5, 6000, tzinfo=UTC), **options)
    items = compile_expression(expression).evaluate(node, context)
    return [_plain(item) for item in items]


def _plain(item: Any) -> Any:
    value = to_system(item)
    return value.value if isinstance(value, ElementNode) else value


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        pytest.param("birthDate.exists()", [True], id="primitive/extension-only-exists"),
        pytest.param("birthDate.hasValue()", [False], id="primitive/extension-only-has-no-value"),
        pytest.param("birthDate.extension.value", ["unknown"], id="primitive/extension"),
        pytest.param("name.given.count()", [2], id="primitive/null-with-sibling-is-an-item"),
        pytest.param(
            "name.given.extension('http://example.org/g').value", [2], id="primitive/list-sibling"
        ),
        pytest.param("deceased is dateTime", [True], id="choice/is"),
        pytest.param("deceased is boolean", [False], id="choice/is-not"),
        pytest.param("Resource.id", ["p"], id="root/abstract-type"),
        pytest.param("Observation.id", [], id="root/other-type"),
        pytest.param("contact.type().name", ["BackboneElement"], id="type/backbone"),
        pytest.param("name.where($index = 1).family", ["Ode"], id="special/index"),
        pytest.param("name[1].family", ["Ode"], id="index"),
        pytest.param("name[5]", [], id="index/beyond-the-end"),
        pytest.param("managingOrganization.resolve().name", ["Ward"], id="resolve/contained"),
        pytest.param(
            "generalPractitioner.where(resolve() is Practitioner).reference",
            ["Practitioner/1"],
            id="resolve/typed-by-the-reference",
        ),
        pytest.param(
            "generalPractitioner.resolve().type().name",
            ["Practitioner", "Organization"],
            id="resolve/absolute",
        ),
        pytest.param("%resource.id", ["p"], id="variable/resource"),
        pytest.param("%`vs-x`", ["http://hl7.org/fhir/ValueSet/x"], id="variable/value-set"),
        pytest.param("now().toString()", ["2026-01-02T03:04:05.006Z"], id="now"),
        pytest.param("today().toString()", ["2026-01-02"], id="today"),
        pytest.param("timeOfDay().toString()", ["03:04:05.006"], id="time-of-day"),
        pytest.param("{} and false", [False], id="logic/empty-and-false"),
        pytest.param("{} or {}", [], id="logic/empty-or-empty"),
        pytest.param("{} implies true", [True], id="logic/empty-implies-true"),
        pytest.param("name.use contains 'old'", [True], id="contains"),
        pytest.param("(name | name).count()", [2], id="union/distinct"),
        pytest.param("2 + 3 * 4 - -1", [15], id="precedence"),
        pytest.param("-7 div 2", [-3], id="div/towards-zero"),
        pytest.param("-7 mod 2", [-1], id="mod/sign-of-the-dividend"),
        pytest.param("1 / 0", [], id="divide/by-zero"),
        pytest.param("@2012 < @2013-01", [True], id="dates/precision-suffices"),
        pytest.param("@2012 = @2012-01", [], id="dates/precision-does-not-suffice"),
        pytest.param("(@1974 + 30 days).toString()", ["1974"], id="dates/rounded-to-precision"),
        pytest.param("(@2020-01-31 + 1 month).toString()", ["2020-02-29"], id="dates/month-end"),
        pytest.param("(@T23:30 + 45 minutes).toString()", ["00:15"], id="time/wraps"),
        pytest.param(
            "(@1974-12-25 - 1 'month').toString()", ["1974-11-25"], id="dates/quoted-word"
        ),
        pytest.param("16.log(2)", [4], id="log/exact"),
        pytest.param(
            "(-0.0034).highBoundary(1).toString()", ["0.0"], id="boundary/no-negative-zero"
        ),
        pytest.param("1 year = 12 months", [True], id="quantity/calendar"),
        pytest.param("'a'.memberOf('http://example.org/vs')", [], id="memberOf/unknown"),
        pytest.param(
            "'male'.memberOf('http://hl7.org/fhir/ValueSet/administrative-gender')",
            [True],
            id="memberOf/required",
        ),
        pytest.param(
            "defineVariable('n', name.first()).select(%n.use)", ["official"], id="defineVariable"
        ),
        pytest.param("name.sort(use desc).use", ["old", "official"], id="sort/descending"),
        pytest.param("coalesce({}, 'b')", ["b"], id="coalesce"),
        pytest.param(r"'\ud83d\ude00'", ["\U0001f600"], id="escape/of-a-pair"),
        pytest.param("repeat(contact).count()", [1], id="repeat"),
        pytest.param("(1 | 2 | 3).aggregate($this + $total, 0)", [6], id="aggregate"),
    ],
)
def test_patient(expression: str, expected: list[Any]) -> None:
    assert evaluate(expression, PATIENT) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        pytest.param("value.value", [Decimal("5.50")], id="choice/step"),
        pytest.param("value > 5 'mmol/L'", [True], id="quantity/order"),
        pytest.param("value = 5500 'umol/L'", [True], id="quantity/other-unit"),
        pytest.param("value > 5 'kg'", [], id="quantity/other-dimension"),
        pytest.param("component.value.ofType(string)", ["a"], id="ofType"),
        pytest.param("component.value.count()", [2], id="choice/forms-mixed"),
        pytest.param("valueQuantity", [], id="choice/json-name-is-no-element"),
        pytest.param("status is code", [True], id="is/code"),
        pytest.param("status is string", [True], id="is/supertype"),
        pytest.param("status as string", [], id="as/exact-primitive"),
        pytest.param("Observation is DomainResource", [True], id="is/abstract"),
    ],
)
def test_observation(expression: str, expected: list[Any]) -> None:
    assert evaluate(expression, OBSERVATION) == expected


@pytest.mark.parametrize(
    "expression",
    [
        pytest.param("name.", id="ends-after-a-dot"),
        pytest.param("name.where(use = 'a'", id="open-parenthesis"),
        pytest.param("'open", id="open-string"),
        pytest.param("/* open", id="open-comment"),
        pytest.param("'\\q'", id="unknown-escape"),
        pytest.param("'\\ud800'", id="half-a-character"),
        pytest.param("@2015-02-30", id="no-such-day"),
        pytest.param("name.unknown()", id="unknown-function"),
        pytest.param("name.first(1)", id="too-many-arguments"),
        pytest.param("name is Nothing", id="unknown-type"),
        pytest.param("name name", id="two-terms"),
        pytest.param("", id="nothing"),
        pytest.param("(" * 500 + "1" + ")" * 500, id="nested-too-deeply"),
        pytest.param("1" + "+1" * 5000, id="chained-too-long"),
    ],
)
def test_does_not_compile(expression: str) -> None:
    with pytest.raises(FhirPathError):
        compile_expression(expression)


@pytest.mark.parametrize(
    "expression",
    [
        pytest.param("name.given + 'a'", id="several-items"),
        pytest.param("name and true", id="several-items-as-boolean"),
        pytest.param("component.value as string", id="as-on-several"),
        pytest.param("'a' + 1", id="text-plus-number"),
        pytest.param("1 < 'a'", id="no-order"),
        pytest.param("%missing", id="unknown-variable"),
        pytest.param("'a'.matches('(')", id="wrong-regular-expression"),
        pytest.param("2.power(100000)", id="exponent-too-large"),
        pytest.param("@9999-12-31 + 1 day", id="date-out-of-range"),
        pytest.param("defineVariable('context')", id="reserved-variable"),
    ],
)
def test_cannot_be_evaluated(expression: str) -> None:
    with pytest.raises(FhirPathError):
        evaluate(expression, PATIENT | {"component": OBSERVATION["component"]}) + evaluate(
            expression, OBSERVATION
        )


@pytest.mark.parametrize(
    ("source", "position"),
    [
        pytest.param("name . where(use == 'a')", 18, id="syntax"),
        pytest.param("name.where(", 11, id="syntax/at-the-end"),
        pytest.param("name.first().nothing()", 13, id="unknown-function"),
        pytest.param("name is Nothing", 5, id="unknown-type"),
        pytest.param("name.where(use + 1 = 2)", 15, id="evaluation/operand"),
        pytest.param("1 < 'a'", 2, id="evaluation/operator"),
        pytest.param("name.select(%x)", 12, id="evaluation/variable"),
        pytest.param("name.given.single()", 11, id="evaluation/function"),
        pytest.param("name and true", 0, id="evaluation/several-as-boolean"),
    ],
)
def test_errors_name_their_place(source: str, position: int) -> None:
    with pytest.raises(FhirPathError) as caught:
        compile_expression(source, located=True).evaluate(root_node(PATIENT))
    assert caught.value.position == position


def test_lenient_as_filters() -> None:
    expression = compile_expression("component.value as string", lenient=True)
    assert [_plain(item) for item in expression.evaluate(root_node(OBSERVATION))] == ["a"]


def test_strict_evaluation_refuses_unknown_elements() -> None:
    with pytest.raises(FhirPathError, match="no element nmae"):
        evaluate("nmae", PATIENT, strict=True)


@pytest.mark.parametrize("key", sorted(r4().invariants))
def test_invariant_compiles(key: str) -> None:
    expression = compile_expression(r4().invariant(key).expression, lenient=True)
    assert expression.evaluate_boolean(root_node({"resourceType": "Patient"})) in (
        True,
        False,
        None,
    )


@pytest.mark.parametrize("type_name", r4().resource_types)
def test_search_expressions_compile(type_name: str) -> None:
    node = root_node({"resourceType": type_name})
    for parameter in r4().search_parameters(type_name).values():
        if parameter.expression:
            expression = compile_expression(parameter.expression, lenient=True)
            assert isinstance(expression.evaluate(node), list)


@given(st.text(max_size=40))
def test_any_text_parses_or_is_refused(source: str) -> None:
    try:
        compile_expression(source)
    except FhirPathError:
        return


@given(st.decimals(-1000, 1000, places=3), st.decimals(-1000, 1000, places=3))
def test_order_and_equality_agree(left: Decimal, right: Decimal) -> None:
    def holds(operator: str) -> bool:
        source = f"({left:f}) {operator} ({right:f})"
        return bool(evaluate(source, PATIENT) == [True])

    assert [holds(operator) for operator in ("<", "=", ">")].count(True) == 1


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        pytest.param("2020-01-01T10:00:00Z", "2020-01-01T10:00:01Z", True, id="utc"),
        pytest.param("2020-01-01T10:00:00+01:00", "2020-01-01T09:30:00Z", True, id="offsets"),
        pytest.param("2020-01-01T10:00:00+01:00", "2020-01-01T09:30:00+01:00", False, id="offset"),
        pytest.param("2020-01-01T10:00:00.1Z", "2020-01-01T10:00:00.1Z", True, id="fraction"),
        pytest.param("2020", "2020-02", None, id="precision"),
        pytest.param("2020-03", "2020-02-01", False, id="precision-suffices"),
    ],
)
def test_period_rule(start: str, end: str, expected: bool | None) -> None:
    rule = compile_expression(r4().invariant("per-1").expression)
    period = ElementNode({"start": start, "end": end}, "Period")
    assert rule.evaluate_boolean(period) is expected
