"""Expressions that ask for more than any machine has end with an error that names a limit."""

from typing import Any

import pytest

from fhirserver.fhirpath import (
    Context,
    FhirPathError,
    FhirPathLimitError,
    compile_expression,
    root_node,
)

MANY = 20_000
PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p",
    "name": [{"given": [f"g{number}" for number in range(MANY)]}],
    "text": {"status": "generated", "div": f"<div>{'a' * 500_000}</div>"},
}
TEXT = f"'{'a' * 60}!'"
EACH = "name.given.select({})"


def evaluate(expression: str) -> list[Any]:
    node = root_node(PATIENT)
    return compile_expression(expression).evaluate(node, Context(node))


def nested(depth: int, inner: str) -> str:
    return "descendants().select(" * depth + inner + ")" * depth


@pytest.mark.parametrize(
    ("expression", "limit"),
    [
        *(
            pytest.param(expression, "500000 steps", id=f"steps-{name}")
            for name, expression in {
                "crossed": nested(9, "1"),
                "projection": EACH.format("%resource.name.given"),
                "condition": "name.given.where(%resource.name.given.exists($this = 'x'))",
                "all": "name.given.all(%resource.name.given.all($this != 'x'))",
                "navigation": EACH.format("%resource.children().children()"),
                "presence": EACH.format("%resource.name.given.extension.exists()"),
                "types": EACH.format("%resource.name.given.ofType(string)"),
                "extension": EACH.format("%resource.name.given.extension('x')"),
                "equality": "name.given.where(%resource = %resource)",
                "equivalence": "name.given ~ name.given.tail()",
                "order": "name.given.where(%resource.text.div.upper() < 'b')",
                "membership": "name.given.where('x' in %resource.name.given)",
                "distinct": EACH.format("%resource.distinct()"),
                "union": EACH.format("%resource | %resource"),
                "doubled": "name.given.aggregate($total.combine($total), 1)",
                "united": "name.given.aggregate($total | $this)",
                "sort": "name.given.combine(name.given).sort($this)",
                "sorted texts": "name.given.sort(%resource.text.div.upper())",
                "index": "name.given.where(%resource.name.given[3] = 'x')",
                "long text": EACH.format("%resource.text.div.indexOf('ab')"),
                "characters": EACH.format("%resource.text.div.toChars()"),
                "narrative": EACH.format("%resource.text.div.htmlChecks()"),
                "many terms": EACH.format("+".join(["1"] * 100)),
                "quantity": EACH.format("%resource.text.div.toQuantity()"),
            }.items()
        ),
        *(
            pytest.param(expression, "1048576 characters", id=f"text-{name}")
            for name, expression in {
                "doubled": "'a'" + ".select($this + $this)" * 60,
                "concatenated": "name.given.aggregate($total & $total, 'a')",
                "replaced": "text.div.replace('a', 'xxxx')",
                "inserted": "text.div.replace('', 'xxxx')",
                "by pattern": "text.div.replaceMatches('a', 'xxxx')",
                "encoded": "text.div" + ".encode('hex')" * 3,
                "joined": "text.div.combine(text.div).combine(text.div).join('x')",
            }.items()
        ),
        *(
            pytest.param(f"{TEXT}.{call}", r"more than 0\.5 s", id=f"pattern-{name}")
            for name, call in {
                "matches": "matches('^(a|aa)+$')",
                "matchesFull": "matchesFull('(a|aa)+')",
                "replaceMatches": "replaceMatches('(a|aa)+$', 'b')",
            }.items()
        ),
        pytest.param(
            f"name.given.where('{'a' * 18}!'.matches('^(a|aa)+$'))",
            r"more than 0\.5 s",
            id="pattern-time-of-all-together",
        ),
        pytest.param("'a'.matches('(?:a{999}){999}')", "10000 characters", id="pattern-repeats"),
        pytest.param("'a'.matches('(?:a{99}[(]b){999}')", "10000 characters", id="pattern-class"),
        pytest.param(f"'a'.matches('{'a' * 4001}')", "4000 characters", id="pattern-length"),
        pytest.param("name.given.aggregate($total * $total, 3)", "128 bits", id="integer"),
        pytest.param("9.power(10000)", "128 bits", id="integer-power"),
        pytest.param("10.0.power(9999).toString()", "1000 digits", id="decimal-digits"),
        pytest.param("1" + " + 1" * 6000, "20000 characters", id="source"),
        pytest.param("9" * 5000, "1000 digits at offset 0", id="literal-integer"),
        pytest.param(f"1 + {'9' * 2000} 'mg'", "1000 digits at offset 4", id="literal-quantity"),
        pytest.param("name" + ".not()" * 3000, "nested too deeply", id="depth"),
    ],
)
def test_a_limit_is_named(expression: str, limit: str) -> None:
    with pytest.raises(FhirPathLimitError, match=limit):
        evaluate(expression)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        pytest.param("'a'.matches('(?R)')", "kind that is not offered", id="recursion"),
        pytest.param("'a'.matches('(a(?1)?)')", "kind that is not offered", id="recursion-number"),
        pytest.param("'a'.matches('(?V1)[[a]]')", "kind that is not offered", id="other-grammar"),
        pytest.param("10.0.power(9999).truncate()", "too large", id="whole"),
        pytest.param("10.0.power(999).lowBoundary()", "out of range", id="arithmetic"),
    ],
)
def test_an_error_says_why(expression: str, message: str) -> None:
    with pytest.raises(FhirPathError, match=message):
        evaluate(expression)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        pytest.param("name.given.count()", [MANY], id="long-collection"),
        pytest.param("name.given.where($this = 'g7' or $this = 'g8').count()", [2], id="filter"),
        pytest.param("descendants().count()", [MANY + 5], id="descendants"),
        pytest.param("text.div.length()", [500_011], id="long-text"),
        pytest.param("text.div.matches('b')", [False], id="pattern-on-long-text"),
        pytest.param(
            "'2013-05-06'.replaceMatches('([0-9]{4})-([0-9]{2})-(?<d>[0-9]{2})', '$2/$3/$1')",
            ["05/06/2013"],
            id="groups",
        ),
        pytest.param("'a(b'.matches('^a[(](?=b)b{1,64}$')", [True], id="class-and-look-ahead"),
        pytest.param("2147483647 * 2", [4294967294], id="integers"),
    ],
)
def test_what_is_large_but_reasonable_is_evaluated(expression: str, expected: list[Any]) -> None:
    assert evaluate(expression) == expected


def test_evaluations_with_one_context_share_what_it_may_cost() -> None:
    node = root_node(PATIENT)
    context = Context(node)
    expression = compile_expression("name.given.where($this = 'x')")
    results = [expression.evaluate(node, context) for _ in range(4)]
    assert results == [[]] * 4
    with pytest.raises(FhirPathLimitError, match="500000 steps"):
        [expression.evaluate(node, context) for _ in range(20)]
    context.allow(1_000_000)
    assert expression.evaluate(node, context) == []
