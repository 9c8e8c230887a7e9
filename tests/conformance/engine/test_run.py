"""Whole runs: their order, several scripts at a time, interruptions, servers that are gone."""

from __future__ import annotations

import signal
import threading

import pytest

from fhirserver_conformance.engine.run import run_scripts
from fhirserver_conformance.results import ScriptResult
from fhirserver_conformance.script.model import (
    BrokenScript,
    Operation,
    Script,
    Test,
)
from fhirserver_conformance.transport import Transport
from tests.conformance.engine.runs import (
    run,
    script,
    sent,
    settings,
    with_tests,
)
from tests.conformance.engine.stores import HOLDS, OK, PATIENT, stores
from tests.conformance.lying_server import Received, Wire, answer, lying_server


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
    with lying_server(stores) as server:
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
    transport = _Noticing(timeout_s=60)

    def say(request: Received, wire: Wire) -> None:
        if request.target.endswith("/interrupt"):
            _press_ctrl_c()
            assert transport.hurried.wait(20)
        stores(request, wire)

    tests = [
        Test(name="a", actions=(Operation(url="interrupt"), Operation(url="never"))),
        Test(name="b", actions=(Operation(url="never"),)),
    ]
    first = with_tests(script(fixtures=(PATIENT,), teardown=(Operation(url="down"),)), *tests)
    others = [script(OK, source=f"{n}") for n in range(2, 5)]
    handed: list[ScriptResult] = []
    with lying_server(say) as server:
        at = settings(server.origin, parallel=parallel, transport=transport)
        with pytest.raises(KeyboardInterrupt):
            run_scripts([first, *others], at, handed.append)
    lines = sent(server.received)
    assert "GET /never" not in lines
    ended = [line for line in lines if line != "GET /ok"]
    assert ended == ["PUT /Patient/p1", "GET /interrupt", "GET /down", "DELETE /Patient/p1"]
    (result,) = [each for each in handed if each.source == "a.json"]
    assert [test.verdict for test in result.tests] == ["pass", "skip", "skip", "pass"]
    assert ["interrupted" in test.message for test in result.tests[1:3]] == [True, True]


def test_an_interruption_does_not_wait_for_a_server_that_hangs() -> None:
    def say(request: Received, wire: Wire) -> None:
        if request.target.endswith("/hang"):
            _press_ctrl_c()
            wire.hang()
        stores(request, wire)

    one = script(Operation(url="hang"), fixtures=(PATIENT,))
    with lying_server(say) as server:
        at = settings(server.origin, transport=Transport(timeout_s=3600))
        with pytest.raises(KeyboardInterrupt):
            run_scripts([one], at, lambda _result: None)
    assert sent(server.received)[-1] == "DELETE /Patient/p1"


def test_a_server_that_dies_makes_errors_and_no_traceback() -> None:
    with lying_server(stores) as server:
        origin = server.origin
    result = run(
        script(OK, HOLDS, setup=(OK,), teardown=(OK,), fixtures=(PATIENT,)), settings(origin)
    )
    assert [test.verdict for test in result.tests] == ["error", "skip", "error"]
    assert "refused" in result.tests[0].message


class _Noticing(Transport):
    """Says when the run has seen the interruption."""

    def __init__(self, *, timeout_s: float) -> None:
        super().__init__(timeout_s=timeout_s)
        self.hurried = threading.Event()

    def hurry(self) -> None:
        super().hurry()
        self.hurried.set()


def _press_ctrl_c() -> None:
    """Signal the main thread, as the kernel does."""
    main = threading.main_thread().ident
    assert main is not None
    signal.pthread_kill(main, signal.SIGINT)
