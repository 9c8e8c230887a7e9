"""Small scripts, run against a server that answers as it is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from fhirserver_conformance.engine.run import run_scripts
from fhirserver_conformance.engine.settings import RunSettings, Target
from fhirserver_conformance.results import ScriptResult, TestResult
from fhirserver_conformance.script.model import Action, Script, Test
from fhirserver_conformance.transport import Transport
from tests.conformance.lying_server import Answering, Received, Wire, answer

JSON = {"Content-Type": "application/fhir+json"}

Replies = Mapping[str, bytes]


def answering(replies: Replies) -> Answering:
    """Answer "METHOD /path" by the table; other requests by 404."""

    def say(request: Received, wire: Wire) -> None:
        key = f"{request.method} {request.target.removeprefix('/fhir')}"
        wire.send(replies.get(key, answer(404)))

    return say


def settings(*origins: str, **others: Any) -> RunSettings:
    """Give a run's settings for servers whose FHIR base is /fhir."""
    targets = tuple(Target(f"{origin}/fhir") for origin in origins)
    return RunSettings(**{"targets": targets, "transport": Transport(timeout_s=60), **others})


def script(*actions: Action, **others: Any) -> Script:
    """Give a script with one test of these actions."""
    parts = {"suite": "s", "source": "a.json", "name": "a", **others}
    return Script(**{"tests": (Test(name="t", actions=actions),), **parts})


def run(script: Script, settings: RunSettings) -> ScriptResult:
    """Run one script."""
    return run_scripts([script], settings, lambda _result: None)[0]


def only_test(result: ScriptResult) -> TestResult:
    """Give the only test of a script."""
    (found,) = [test for test in result.tests if test.phase == "test"]
    return found


def phase(result: ScriptResult, name: str) -> TestResult:
    """Give setup or teardown."""
    (found,) = [test for test in result.tests if test.phase == name]
    return found


def verdicts(test: TestResult) -> list[str]:
    """Give the verdicts of a test's actions."""
    return [action.verdict for action in test.actions]


def sent(received: Sequence[Received]) -> list[str]:
    """Give "METHOD /path" of what came."""
    return [f"{each.method} {each.target.removeprefix('/fhir')}" for each in received]


def with_tests(one: Script, *tests: Test) -> Script:
    """Give the script with other tests."""
    return replace(one, tests=tests)
