"""Setup, tests and teardown: what runs, what is skipped and why, and what is always deleted."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from fhirserver_conformance.engine.run import run_scripts
from fhirserver_conformance.results import ScriptResult
from fhirserver_conformance.script.model import (
    Action,
    Assert,
    BrokenScript,
    Fixture,
    Operation,
    Script,
    Test,
)
from fhirserver_conformance.transport import Transport
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
from tests.conformance.lying_server import Received, Wire, answer, lying_server

OK = Operation(url="ok")
HOLDS = Assert(response_code="200,201,204")
BREAKS = Assert(response_code="599")
PATIENT = Fixture(
    id="p", body=b'{"resourceType":"Patient","id":"p1"}', autocreate=True, autodelete=True
)
NO_ID = Fixture(id="o", body=b'{"resourceType":"Group"}', autocreate=True, autodelete=True)


def _created(request: Received, wire: Wire) -> None:
    """Answer as a server that stores whatever comes, with an id where there is none."""
    if request.method == "POST":
        wire.send(answer(201, b"", {"Location": f"{request.target}/made/_history/1"}))
    elif request.method == "PUT":
        wire.send(answer(201, b"", {"Location": request.target}))
    else:
        wire.send(answer(204 if request.method == "DELETE" else 200))


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
    with lying_server(_created) as server:
        result = run(script(*actions, teardown=(OK,)), settings(server.origin))
    test = only_test(result)
    assert verdicts(test) == found
    assert test.verdict != "pass" or "skip" not in found[-1]
    assert phase(result, "teardown").verdict == "pass"


def test_each_test_runs_whatever_came_of_the_ones_before() -> None:
    tests = [Test(name="a", actions=(OK, BREAKS)), Test(name="b", actions=(OK, HOLDS))]
    with lying_server(_created) as server:
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
    with lying_server(_created) as server:
        result = run(one, settings(server.origin))
    assert phase(result, "setup").verdict == setup_verdict
    assert only_test(result).verdict == "skip"
    assert phase(result, "setup").message in only_test(result).message
    assert sent(server.received)[-2:] == ["GET /down", "DELETE /Patient/p1"]


def test_fixtures_are_created_in_order_and_deleted_in_the_opposite_one() -> None:
    one = script(Operation(code="read", target_id="o"), fixtures=(PATIENT, NO_ID))
    with lying_server(_created) as server:
        result = run(one, settings(server.origin))
    assert result.verdict == "pass"
    assert sent(server.received) == [
        "PUT /Patient/p1",
        "POST /Group",
        "GET /Group/made",
        "DELETE /Group/made",
        "DELETE /Patient/p1",
    ]


def test_fixtures_are_created_and_deleted_on_every_server() -> None:
    with lying_server(_created) as first, lying_server(_created) as second:
        run(script(OK, fixtures=(PATIENT,)), settings(first.origin, second.origin))
    for server in (first, second):
        assert [line for line in sent(server.received) if "ok" not in line] == [
            "PUT /Patient/p1",
            "DELETE /Patient/p1",
        ]


def test_a_server_that_gives_ids_itself_creates_fixtures_too() -> None:
    replies = {
        "PUT /Patient/p1": answer(405),
        "POST /Patient": answer(201, b"", {"Location": "Patient/7"}),
        "GET /Patient/7": answer(200),
        "DELETE /Patient/7": answer(200),
    }
    one = script(Operation(code="read", target_id="p"), HOLDS, fixtures=(PATIENT,))
    with lying_server(answering(replies)) as server:
        result = run(one, settings(server.origin))
    assert result.verdict == "pass"
    assert sent(server.received)[-1] == "DELETE /Patient/7"


def test_what_the_script_itself_creates_is_deleted_where_it_asks_for_that() -> None:
    fixtures = (replace(NO_ID, autocreate=False), replace(PATIENT, autocreate=False))
    kept = Fixture(id="kept", body=b'{"resourceType":"List"}')
    operations = [Operation(code="create", source_id=id) for id in ("o", "kept")]
    with lying_server(_created) as server:
        run(script(*operations, BREAKS, fixtures=(*fixtures, kept)), settings(server.origin))
    assert sent(server.received)[2:] == ["DELETE /Group/made"]


CREATING = [
    pytest.param(lambda wire: wire.send(answer(500)), "not created", [], id="refused"),
    pytest.param(lambda wire: wire.reset(), "not created", ["DELETE /Patient/p1"], id="no-answer"),
]


@pytest.mark.parametrize(("say", "message", "deleted"), CREATING)
def test_a_fixture_that_is_not_created_skips_the_tests(
    say: Callable[[Wire], None], message: str, deleted: list[str]
) -> None:
    def answers(request: Received, wire: Wire) -> None:
        if request.method == "DELETE":
            wire.send(answer(404))
        else:
            say(wire)

    one = script(OK, setup=(OK,), fixtures=(PATIENT, NO_ID))
    with lying_server(answers) as server:
        result = run(one, settings(server.origin))
    assert verdicts(phase(result, "setup")) == ["error", "skip"]
    assert message in phase(result, "setup").message
    assert only_test(result).verdict == "skip"
    assert sent(server.received) == ["PUT /Patient/p1", *deleted]


def test_a_creation_without_an_answer_is_named_as_it_may_be_left_behind() -> None:
    with lying_server(lambda _request, wire: wire.reset()) as server:
        result = run(script(OK, fixtures=(NO_ID,)), settings(server.origin))
    teardown = phase(result, "teardown")
    assert (teardown.verdict, "whether fixture 'o' was created" in teardown.message) == (
        "error",
        True,
    )


def test_what_cannot_be_deleted_is_an_error_that_names_it_and_the_rest_is_deleted() -> None:
    def say(request: Received, wire: Wire) -> None:
        if request.method == "DELETE" and "Patient" in request.target:
            wire.send(answer(409))
        else:
            _created(request, wire)

    one = script(OK, fixtures=(NO_ID, PATIENT))
    with lying_server(say) as server:
        result = run(one, settings(server.origin))
    teardown = phase(result, "teardown")
    assert (only_test(result).verdict, teardown.verdict) == ("pass", "error")
    assert "Patient/p1 may be left behind" in teardown.message
    assert "DELETE /Group/made" in sent(server.received)


def test_what_something_else_referred_to_is_deleted_once_that_is_gone() -> None:
    gone: list[str] = []

    def say(request: Received, wire: Wire) -> None:
        if request.method == "DELETE" and request.target.endswith("/p1") and not gone:
            wire.send(answer(409))
        else:
            gone.extend([request.target] if request.method == "DELETE" else [])
            _created(request, wire)

    one = script(OK, fixtures=(NO_ID, PATIENT))
    with lying_server(say) as server:
        result = run(one, settings(server.origin))
    assert result.verdict == "pass"
    assert sent(server.received)[-1] == "DELETE /Patient/p1"


def test_what_is_gone_already_counts_as_deleted() -> None:
    replies = {"PUT /Patient/p1": answer(201), "DELETE /Patient/p1": answer(410)}
    replies["GET /ok"] = answer(200)
    with lying_server(answering(replies)) as server:
        assert run(script(OK, fixtures=(PATIENT,)), settings(server.origin)).verdict == "pass"


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


@pytest.mark.parametrize("parallel", [1, 4])
def test_results_come_in_the_order_of_the_scripts_and_broken_ones_among_them(
    parallel: int,
) -> None:
    scripts: list[Script | BrokenScript] = [
        script(Operation(url="slow"), source="a"),
        BrokenScript(suite="s", source="b", problem="it is no script"),
        script(OK, source="c"),
    ]
    handed: list[ScriptResult] = []
    with lying_server(_created) as server:
        results = run_scripts(scripts, settings(server.origin, parallel=parallel), handed.append)
    assert [result.source for result in results] == ["a", "b", "c"]
    assert sorted(result.source for result in handed) == ["a", "b", "c"]
    assert [result.verdict for result in results] == ["pass", "error", "pass"]
    assert results[1].message == "it is no script"


def test_scripts_run_at_the_same_time_where_that_is_asked_for() -> None:
    together = threading.Barrier(3, timeout=20)

    def say(_request: Received, wire: Wire) -> None:
        together.wait()
        wire.send(answer(200))

    scripts = [script(OK, source=name) for name in "abc"]
    with lying_server(say) as server:
        at = settings(server.origin, parallel=3)
        results = run_scripts(scripts, at, lambda _result: None)
    assert [result.verdict for result in results] == ["pass"] * 3


@pytest.mark.parametrize("parallel", [1, 2])
def test_an_interruption_ends_tests_but_deletes_what_was_created(parallel: int) -> None:
    """The signal comes while a request of the first script is under way."""

    def say(request: Received, wire: Wire) -> None:
        if request.target.endswith("/interrupt"):
            _press_ctrl_c()
        _created(request, wire)

    tests = [
        Test(name="a", actions=(Operation(url="interrupt"), Operation(url="never"))),
        Test(name="b", actions=(Operation(url="never"),)),
    ]
    first = with_tests(script(fixtures=(PATIENT,), teardown=(Operation(url="down"),)), *tests)
    others = [script(OK, source=f"{n}") for n in range(2, 5)]
    handed: list[ScriptResult] = []
    with lying_server(say) as server:
        at = settings(server.origin, parallel=parallel)
        with pytest.raises(KeyboardInterrupt):
            run_scripts([first, *others], at, handed.append)
    lines = sent(server.received)
    assert "GET /never" not in lines
    ended = [line for line in lines if line != "GET /ok"]
    assert ended == ["PUT /Patient/p1", "GET /interrupt", "GET /down", "DELETE /Patient/p1"]
    (result,) = [each for each in handed if each.source == "a.json"]
    assert [test.verdict for test in result.tests] == ["pass", "pass", "skip", "pass"]
    assert "interrupted" in result.tests[2].message


def test_an_interruption_does_not_wait_for_a_server_that_hangs() -> None:
    def say(request: Received, wire: Wire) -> None:
        if request.target.endswith("/hang"):
            _press_ctrl_c()
            wire.hang()
        _created(request, wire)

    one = script(Operation(url="hang"), fixtures=(PATIENT,))
    with lying_server(say) as server:
        at = settings(server.origin, transport=Transport(timeout_s=3600))
        with pytest.raises(KeyboardInterrupt):
            run_scripts([one], at, lambda _result: None)
    assert sent(server.received)[-1] == "DELETE /Patient/p1"


def test_a_server_that_dies_makes_errors_and_no_traceback() -> None:
    with lying_server(_created) as server:
        origin = server.origin
    result = run(
        script(OK, HOLDS, setup=(OK,), teardown=(OK,), fixtures=(PATIENT,)), settings(origin)
    )
    assert [test.verdict for test in result.tests] == ["error", "skip", "error"]
    assert "refused" in result.tests[0].message


def _press_ctrl_c() -> None:
    """Signal the main thread, as the kernel does."""
    main = threading.main_thread().ident
    assert main is not None
    signal.pthread_kill(main, signal.SIGINT)
