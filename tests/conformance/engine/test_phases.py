"""Setup, tests and teardown: what runs, what is skipped, and why."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from fhirserver_conformance.script.model import (
    Action,
    Operation,
    Test,
)
from tests.conformance.engine.runs import (
    JSON,
    answering,
    only_test,
    phase,
    run,
    script,
    sent,
    settings,
    verdicts,
    with_tests,
)
from tests.conformance.engine.stores import BREAKS, HOLDS, OK, PATIENT, stores
from tests.conformance.lying_server import answer, lying_server

ENDINGS = [
    pytest.param((OK, HOLDS, OK, HOLDS), ["pass"] * 4, id="all-well"),
    pytest.param((OK, BREAKS, HOLDS), ["pass", "fail", "skip"], id="a-failure-ends-the-test"),
    pytest.param(
        (OK, replace(BREAKS, warning_only=True), HOLDS),
        ["pass", "warning", "pass"],
        id="a-warning-does-not",
    ),
    pytest.param(
        (OK, replace(BREAKS, stop_test_on_fail=False), HOLDS),
        ["pass", "fail", "pass"],
        id="stopTestOnFail-false",
    ),
    pytest.param((Operation(url="${x}"), HOLDS), ["error", "skip"], id="not-sent"),
    pytest.param(
        (OK, Operation(url="x", destination=2), OK), ["pass", "skip", "skip"], id="no-server"
    ),
    pytest.param((HOLDS, OK), ["error", "skip"], id="nothing-to-look-at"),
    pytest.param(
        (OK, replace(BREAKS, any_of_group="g"), replace(HOLDS, any_of_group="g"), HOLDS),
        ["pass", "skip", "pass", "pass"],
        id="one-of-a-group",
    ),
    pytest.param(
        (OK, replace(BREAKS, any_of_group="g"), OK, replace(BREAKS, any_of_group="g"), HOLDS),
        ["pass", "fail", "pass", "fail", "skip"],
        id="none-of-a-group",
    ),
]


@pytest.mark.parametrize(("actions", "found"), ENDINGS)
def test_what_ends_a_test(actions: tuple[Action, ...], found: list[str]) -> None:
    with lying_server(stores) as server:
        result = run(script(*actions, teardown=(OK,)), settings(server.origin))
    test = only_test(result)
    assert verdicts(test) == found
    assert test.verdict != "pass" or "skip" not in found[-1]
    assert phase(result, "teardown").verdict == "pass"


def test_each_test_runs_whatever_came_of_the_ones_before() -> None:
    tests = [Test(name="a", actions=(OK, BREAKS)), Test(name="b", actions=(OK, HOLDS))]
    with lying_server(stores) as server:
        result = run(with_tests(script(), *tests), settings(server.origin))
    assert [test.verdict for test in result.tests] == ["fail", "pass"]
    assert result.verdict == "fail"


@pytest.mark.parametrize(
    ("setup", "setup_verdict"),
    [
        pytest.param((OK, BREAKS), "fail", id="failed"),
        pytest.param((Operation(url="${x}"),), "error", id="broken"),
        pytest.param((Operation(url="x", destination=2),), "skip", id="not-possible-here"),
    ],
)
def test_without_a_setup_the_tests_are_skipped_and_teardown_runs(
    setup: tuple[Action, ...], setup_verdict: str
) -> None:
    one = script(OK, HOLDS, setup=setup, teardown=(Operation(url="down"),), fixtures=(PATIENT,))
    with lying_server(stores) as server:
        result = run(one, settings(server.origin))
    assert phase(result, "setup").verdict == setup_verdict
    assert only_test(result).verdict == "skip"
    assert phase(result, "setup").message in only_test(result).message
    assert sent(server.received)[-2:] == ["GET /down", "DELETE /Patient/p1"]


@pytest.mark.parametrize(
    ("actions", "verdict"),
    [
        pytest.param((OK, BREAKS), "skip", id="a-test-ended-early"),
        pytest.param((OK, HOLDS), "error", id="all-was-well"),
    ],
)
def test_a_teardown_that_lacks_what_was_never_made_is_excused_where_a_test_ended_early(
    actions: tuple[Action, ...], verdict: str
) -> None:
    teardown = (Operation(code="delete", target_id="never"), Operation(url="down"))
    with lying_server(stores) as server:
        result = run(script(*actions, teardown=teardown), settings(server.origin))
    assert verdicts(phase(result, "teardown")) == [verdict, "pass"]
    assert sent(server.received)[-1] == "GET /down"


GATES = [
    pytest.param({"fhir_versions": ("4.0",)}, "pass", "", id="version"),
    pytest.param({"fhir_versions": ("5", "4.0.1")}, "pass", "", id="one-of-versions"),
    pytest.param({"fhir_versions": ("5.0",)}, "skip", "the server has 4.0.1", id="other-version"),
    pytest.param({"requires_capability": ("rest.exists()",)}, "pass", "", id="capability"),
    pytest.param(
        {"requires_capability": ("rest.exists()", "rest.security.exists()")},
        "skip",
        "does not claim",
        id="no-capability",
    ),
    pytest.param({"requires_capability": ("rest.(",)}, "error", "FHIRPath", id="bad-condition"),
]


@pytest.mark.parametrize("whole", [True, False], ids=["script", "test"])
@pytest.mark.parametrize(("gate", "verdict", "message"), GATES)
def test_gates_look_at_the_capability_statement(
    gate: dict[str, tuple[str, ...]], verdict: str, message: str, whole: bool
) -> None:
    statement = {
        "resourceType": "CapabilityStatement",
        "fhirVersion": "4.0.1",
        "rest": [{"mode": "server"}],
    }
    metadata = answer(200, json.dumps(statement).encode(), JSON)
    replies = {"GET /metadata": metadata, "GET /ok": answer(200)}
    tests = [Test(name=name, actions=(OK,), **({} if whole else gate)) for name in ("a", "b")]
    one = with_tests(script(setup=(OK,), **(gate if whole else {})), *tests)
    with lying_server(answering(replies)) as server:
        result = run(one, settings(server.origin))
    found = [test for test in result.tests if test.phase == "test"]
    assert [test.verdict for test in found] == [verdict, verdict]
    assert message in found[0].message
    assert sent(server.received).count("GET /metadata") == 1


def test_a_server_without_a_capability_statement_is_an_error_of_what_is_gated() -> None:
    one = with_tests(script(), Test(name="a", actions=(OK,), fhir_versions=("4.0",)))
    with lying_server(lambda _request, wire: wire.reset()) as server:
        result = run(one, settings(server.origin))
    assert (result.verdict, "CapabilityStatement did not come" in only_test(result).message) == (
        "error",
        True,
    )
