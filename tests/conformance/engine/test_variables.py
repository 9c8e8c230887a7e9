"""Variables are filled in when they are used, and say so when they cannot be."""

from __future__ import annotations

import re
from typing import Any

import pytest

from fhirserver_conformance.engine import variables as of_engine
from fhirserver_conformance.script.model import Assert, Fixture, Operation, Test, Variable
from tests.conformance.engine.runs import (
    JSON,
    only_test,
    run,
    script,
    settings,
    with_tests,
)
from tests.conformance.lying_server import answer, lying_server

BODY = b'{"resourceType":"Patient","id":"p","name":[{"given":["A","B"]}],"active":true}'
FIXTURES = (
    Fixture(id="f", body=BODY),
    Fixture(id="filled", body=b'{"resourceType":"Patient","id":"${C8}","gender":"${later}"}'),
    Fixture(id="itself", body=b'{"resourceType":"Patient","id":"${v}"}'),
    Fixture(id="partly", body=b'{"resourceType":"Patient","id":"${v}","gender":"male"}'),
)


def _of(id: str, found: str, *variables: Variable, text: str = "${v}") -> Any:
    return pytest.param(variables, text, found, id=id)


def _v(**members: Any) -> Variable:
    return Variable(**{"name": "v", **members})


VALUES = [
    _of("default", "a", _v(default_value="a")),
    _of("default-refers", "xby", _v(default_value="x${w}y"), Variable(name="w", default_value="b")),
    _of("expression", "p", _v(expression="Patient.id", source_id="f")),
    _of("expression-boolean", "true", _v(expression="active", source_id="f")),
    _of(
        "expression-refers",
        "A",
        _v(expression="name.given[${w}]", source_id="f"),
        Variable(name="w", default_value="0"),
    ),
    _of("xpath", "p", _v(path="Patient/id", source_id="f")),
    _of("path-first", "A", _v(path="Patient/name/given", source_id="f")),
    _of("jsonpath", "B", _v(path="$.name[0].given[1]", source_id="f")),
    _of("header", "W/1", _v(header_field="etag", source_id="r")),
    _of("header-last-response", "W/1", _v(header_field="ETag")),
    _of("last-response", "p", _v(expression="id")),
    _of("source-before-default", "p", _v(expression="id", source_id="f", default_value="a")),
    _of(
        "default-where-nothing-found",
        "a",
        _v(expression="birthDate", source_id="f", default_value="a"),
    ),
    _of("default-where-source-not-yet", "a", _v(path="id", source_id="later", default_value="a")),
    _of("fixture-waits-elsewhere", "male", _v(path="gender", source_id="partly")),
    _of("several", "a-a", _v(default_value="a"), text="${v}-${v}"),
    _of("no-reference", "$v {v} ${", text="$v {v} ${"),
]


@pytest.mark.parametrize(("variables", "text", "found"), VALUES)
def test_a_variable_has_its_value_when_it_is_used(
    variables: tuple[Variable, ...], text: str, found: str
) -> None:
    assert _filled(text, *variables) == found


PLACEHOLDERS = [
    pytest.param("C8", r"[a-z]{8}", id="C"),
    pytest.param("D20", r"[1-9]{20}", id="D"),
    pytest.param("CD1", r"[a-z1-9]", id="CD"),
    pytest.param("UUID", r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", id="UUID"),
    pytest.param("UUID-NODASH", r"[0-9a-f]{32}", id="UUID-NODASH"),
    pytest.param("CURRENTDATE", r"\d{4}-\d\d-\d\d", id="CURRENTDATE"),
    pytest.param("CURRENTDATETIME", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", id="CURRENTDATETIME"),
    pytest.param("CURRENTDATE, y, 100", r"2[1-9]\d\d-\d\d-\d\d", id="offset"),
    pytest.param("DATE, day, d, 1, M, 1", "2024-02-29", id="DATE-end-of-month"),
    pytest.param("DATE, day, y, -1", "2023-01-30", id="DATE-year"),
    pytest.param("DATETIME, day, H, -1", "2024-01-29T23:00:00Z", id="DATETIME"),
]


@pytest.mark.parametrize(("name", "pattern"), PLACEHOLDERS)
def test_placeholders_need_no_declaration(name: str, pattern: str) -> None:
    day = Variable(name="day", default_value="2024-01-30")
    assert re.fullmatch(pattern, _filled(f"${{{name}}}", day))


@pytest.mark.parametrize(
    ("name", "same"),
    [("C8", True), ("CD9", True), ("UUID-ST", True), ("UUID", False)],
    ids=str,
)
def test_placeholders_stay_the_same_where_they_should(name: str, same: bool) -> None:
    first, second = _filled(f"${{{name}}} ${{{name}}}").split()
    assert (first == second) is same


PROBLEMS = [
    _of("unknown", "there is no variable 'v'"),
    _of("no-value", "'v' has no value: it has neither a source nor a default", _v()),
    _of("not-found", "found nothing", _v(expression="birthDate", source_id="f")),
    _of("several-found", "found 'A', 'B'", _v(expression="name.given", source_id="f")),
    _of("no-plain-value", "found '{", _v(expression="name", source_id="f")),
    _of("no-header", "found nothing", _v(header_field="X-None")),
    _of("no-such-source", "the id 'y'", _v(path="id", source_id="y")),
    _of("bad-expression", "FHIRPath", _v(expression="(", source_id="f")),
    _of("itself", "loop: v → v", _v(default_value="${v}")),
    _of(
        "each-other",
        "loop: v → w → u → v",
        _v(default_value="${w}"),
        Variable(name="w", default_value="${u}"),
        Variable(name="u", default_value="${v}"),
    ),
    _of(
        "through-expression", "loop: v → v", _v(expression="${v}", source_id="f", default_value="a")
    ),
    _of("through-fixture", "loop: v → v", _v(path="id", source_id="itself")),
    _of("offset", "pairs of a part", text="${CURRENTDATE, q, 1}"),
    _of("offset-odd", "pairs of a part", text="${CURRENTDATE, d}"),
    _of("offset-far", "pairs of a part", text="${CURRENTDATE, y, 99999999999}"),
    _of("no-date", "no date to count from", _v(default_value="x"), text="${DATE, v, d, 1}"),
]


def _nested(value: str, times: int, depth: int) -> list[Variable]:
    """Give v0 with a value, v1 that is v0 so many times, v2 that is v1 so many times, and so on."""
    return [
        Variable(name="v0", default_value=value),
        *(
            Variable(name=f"v{level}", default_value=f"${{v{level - 1}}}" * times)
            for level in range(1, depth)
        ),
    ]


PROBLEMS += [
    _of("grows", "more than 1048576 characters", *_nested("a" * 10, 10, 12), text="${v11}"),
    _of("deep", "inside of more than 32 variables", *_nested("", 1, 40), text="${v39}"),
]


def test_variables_that_take_too_long_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their text is empty, however often it is looked up."""
    monkeypatch.setattr(of_engine, "TIME_LIMIT_S", 0.2)
    with lying_server(lambda _request, wire: wire.send(answer(200, BODY, JSON))) as server:
        one = script(Operation(url="${v29}"), variables=tuple(_nested("", 10, 30)))
        test = only_test(run(one, settings(server.origin)))
    assert test.verdict == "error"
    assert "the variable 'v29' takes more than 0.2 s" in test.message


@pytest.mark.parametrize(("variables", "text", "found"), PROBLEMS)
def test_a_variable_without_a_value_is_an_error_that_names_it(
    variables: tuple[Variable, ...],
    text: str,
    found: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(of_engine, "TIME_LIMIT_S", 300)  # a busy machine's seconds are no problem
    with lying_server(lambda _request, wire: wire.send(answer(200, BODY, JSON))) as server:
        one = script(
            Operation(url="Patient/p"),
            Assert(expression="id", value=text),
            variables=variables,
            fixtures=FIXTURES,
        )
        test = only_test(run(one, settings(server.origin)))
    assert test.verdict == "error"
    assert found in test.message


def test_values_of_the_test_and_of_the_run_come_first() -> None:
    variables = (_v(default_value="script"), Variable(name="w", default_value="script"))
    tests = [
        Test(name="own", actions=(Operation(url="${v}/${w}"),), variables=(("v", "test"),)),
        Test(name="other", actions=(Operation(url="${v}/${w}"),)),
    ]
    with lying_server(lambda _request, wire: wire.send(answer(200))) as server:
        one = with_tests(script(variables=variables), *tests)
        run(one, settings(server.origin, variables=(("w", "run"),)))
    assert [each.target for each in server.received] == ["/fhir/test/run", "/fhir/script/run"]


def test_a_variable_is_as_fresh_as_the_last_response() -> None:
    bodies = iter([b'{"resourceType":"Patient","id":"1"}', b'{"resourceType":"Patient","id":"2"}'])
    operations = [Operation(url="a"), Operation(url="b"), Operation(url="${v}")]

    with lying_server(
        lambda _request, wire: wire.send(answer(200, next(bodies, b"{}"), JSON))
    ) as server:
        one = script(*operations, variables=(_v(expression="Patient.id"),))
        run(one, settings(server.origin))
    assert server.received[-1].target == "/fhir/2"


def _filled(text: str, *variables: Variable) -> str:
    """Give a text as a header of a request has it."""
    with lying_server(
        lambda _request, wire: wire.send(answer(200, BODY, {**JSON, "ETag": "W/1"}))
    ) as server:
        one = script(
            Operation(url="Patient/p", response_id="r"),
            Operation(url="x", headers=(("X-Filled", text),)),
            variables=variables,
            fixtures=FIXTURES,
        )
        test = only_test(run(one, settings(server.origin)))
    assert test.verdict == "pass", test.message
    return server.received[1].headers["x-filled"]
