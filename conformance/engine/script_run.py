"""One script: gates, setup, tests, teardown.

Spec: https://hl7.org/fhir/R4/testing.html

    gate     the whole script is meant for another server: its tests are skipped
    setup    autocreate, then the script's actions; unless all is well the tests are skipped
    tests    in order, each whatever came of the ones before
    teardown the script's operations, then autodelete: always, also after an interruption
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from threading import Event

from fhirserver_conformance.engine.actions import INTERRUPTED, run_action, run_actions, skipped
from fhirserver_conformance.engine.capability import Capabilities
from fhirserver_conformance.engine.fixtures import create_all, delete_all
from fhirserver_conformance.engine.problem import ActionProblem
from fhirserver_conformance.engine.settings import RunSettings
from fhirserver_conformance.engine.state import State
from fhirserver_conformance.results import (
    ActionResult,
    Phase,
    ScriptResult,
    TestResult,
    Verdict,
    worst,
)
from fhirserver_conformance.script.model import BrokenScript, Script, Test


@dataclass(frozen=True, slots=True)
class Run:
    """What the scripts of one run share.

    Attributes:
        stop: set when the run is to end early.
    """

    settings: RunSettings
    capabilities: Capabilities
    stop: Event


def run_script(script: Script | BrokenScript, run: Run) -> ScriptResult:
    """Run a script from its gates to its teardown. Raises nothing."""
    started, clock = datetime.now(UTC), time.monotonic()
    base = run.settings.targets[0].base
    if isinstance(script, BrokenScript):
        return ScriptResult(
            suite=script.suite,
            source=script.source,
            name=script.source,
            tests=(),
            started=started,
            duration_ms=0.0,
            base=base,
            message=script.problem,
        )
    tests: list[TestResult] = []
    message = ""
    try:
        tests = _run_phases(script, run)
    except Exception as error:  # noqa: BLE001 - the edge: the other scripts are still to run
        message = f"the conformance tool itself failed: {type(error).__name__}: {error}"
    return ScriptResult(
        suite=script.suite,
        source=script.source,
        name=script.name,
        url=script.url,
        tests=tuple(tests),
        started=started,
        duration_ms=(time.monotonic() - clock) * 1000,
        base=base,
        script=script.resource or None,
        message=message,
    )


def _run_phases(script: Script, run: Run) -> list[TestResult]:
    gate = _gate(script, run)
    if gate is not None:
        return [_untried(test, *gate) for test in script.tests]
    state = State(script, run.settings)
    results = _setup(script, state, run)
    reason = "".join(f"setup did not succeed: {setup.message}" for setup in results if _bad(setup))
    for test in script.tests:
        results.append(_untried(test, "skip", reason) if reason else _test(test, state, run))
    cut_short = any(action.stops for result in results for action in result.actions)
    return results + _teardown(script, state, run, cut_short=cut_short)


def _gate(part: Script | Test, run: Run) -> tuple[Verdict, str] | None:
    """Give why a script or test cannot be run here; None where it can."""
    if run.stop.is_set():
        return "skip", INTERRUPTED
    if isinstance(part, Test) and part.gate is not None:
        return "skip", part.gate
    try:
        unmet = run.capabilities.unmet(part.fhir_versions, part.requires_capability)
    except ActionProblem as problem:
        return problem.verdict, str(problem)
    return ("skip", unmet) if unmet else None


def _setup(script: Script, state: State, run: Run) -> list[TestResult]:
    created = create_all(state)
    if any(result.stops for result in created):
        rest = [skipped(action, "not tried: a fixture is missing") for action in script.setup]
    else:
        rest = run_actions(script.setup, state, run.stop)
    return _phase("setup", [*created, *rest])


def _test(test: Test, state: State, run: Run) -> TestResult:
    gate = _gate(test, run)
    if gate is not None:
        return _untried(test, *gate)
    state.variables.of_test = dict(test.variables)
    try:
        actions = run_actions(test.actions, state, run.stop)
    finally:
        state.variables.of_test = {}
    return _result("test", test.name, actions, test)


def _teardown(script: Script, state: State, run: Run, *, cut_short: bool) -> list[TestResult]:
    """Run every action, whatever came of the ones before, then delete.

    After a setup or test that ended early there may be nothing to take away: what cannot be sent
    for want of it is skipped.
    """
    actions = [run_action(action, state, run.stop) for action in script.teardown]
    if cut_short:
        actions = [_excused(action) for action in actions]
    return _phase("teardown", [*actions, *delete_all(state)])


def _excused(action: ActionResult) -> ActionResult:
    if action.verdict != "error" or action.exchange is not None:
        return action
    text = f"a test ended early, so there may be nothing to do: {action.message}"
    return replace(action, verdict="skip", message=text, stops=False)


def _phase(phase: Phase, actions: Sequence[ActionResult]) -> list[TestResult]:
    """Give one result, or none where there was nothing to do."""
    return [_result(phase, phase, actions)] if actions else []


def _result(
    phase: Phase, name: str, actions: Sequence[ActionResult], test: Test | None = None
) -> TestResult:
    verdict = _verdict(actions)
    of_verdict = (each.message for each in actions if each.verdict == verdict)
    return TestResult(
        phase=phase,
        name=name,
        description=test.description if test else "",
        verdict=verdict,
        message="" if verdict == "pass" else next(of_verdict, ""),
        requirements=test.requirements if test else (),
        actions=tuple(actions),
    )


def _verdict(actions: Sequence[ActionResult]) -> Verdict:
    """Give the worst verdict; a skip that left the rest untried outweighs a pass."""
    found = worst(action.verdict for action in actions)
    return "skip" if found == "pass" and any(action.stops for action in actions) else found


def _untried(test: Test, verdict: Verdict, reason: str) -> TestResult:
    return TestResult(
        phase="test",
        name=test.name,
        description=test.description,
        verdict=verdict,
        message=reason,
        requirements=test.requirements,
        actions=tuple(skipped(action, reason) for action in test.actions),
    )


def _bad(setup: TestResult) -> bool:
    return any(action.stops for action in setup.actions)
