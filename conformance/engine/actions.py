"""A sequence of actions: what ends it, and asserts that stand for each other.

Spec: https://hl7.org/fhir/R4/testscript-definitions.html#TestScript.test.action

An action that stops the sequence leaves the ones behind it untried. Asserts of one group pass when
one of them does, so that none of them stops anything before the last has been judged.
"""

from collections.abc import Sequence
from dataclasses import replace
from threading import Event

from fhirserver_conformance.engine.asserts import judge
from fhirserver_conformance.engine.operation import run_operation
from fhirserver_conformance.engine.problem import ActionProblem
from fhirserver_conformance.engine.state import State
from fhirserver_conformance.engine.words import words_for_assert, words_for_operation
from fhirserver_conformance.results import ActionResult, Verdict
from fhirserver_conformance.script.model import Action, Assert, Operation

INTERRUPTED = "the run was interrupted"


def run_actions(actions: Sequence[Action], state: State, stop: Event) -> list[ActionResult]:
    """Run actions in order.

    Args:
        actions: of setup or a test.
        state: of their script.
        stop: set when the run is to end: what follows is skipped.

    Returns:
        One result per action; the untried are skips that say why.
    """
    results: list[ActionResult] = []
    reason = ""
    for index, action in enumerate(actions):
        if reason:
            results.append(skipped(action, reason))
            continue
        if stop.is_set():
            reason = INTERRUPTED
            results.append(replace(skipped(action, reason), stops=True))
            continue
        results.append(run_action(action, state, stop))
        if isinstance(action, Assert) and action.any_of_group:
            _judge_group(actions, index, results)
        if any(result.stops for result in results):
            reason = "not tried: an action before it ended the test"
    return results


def run_action(action: Action, state: State, stop: Event) -> ActionResult:
    """Run one action. A fault of this tool becomes an error of the action."""
    try:
        if isinstance(action, Operation):
            return run_operation(action, state, stop)
        return _run_assert(action, state)
    except Exception as error:  # noqa: BLE001 - the edge: teardown must be reached whatever happens
        text = f"the conformance tool itself failed: {type(error).__name__}: {error}"
        return replace(skipped(action, text), verdict="error", stops=True)


def skipped(action: Action, reason: str) -> ActionResult:
    """Give the result of an action that was not tried."""
    if isinstance(action, Operation):
        description = words_for_operation(action)
        return ActionResult("operation", "skip", action.label, description, reason)
    return _assert_result(action, "skip", reason)


def _run_assert(assertion: Assert, state: State) -> ActionResult:
    if assertion.gate is not None:
        return _assert_result(assertion, "skip", assertion.gate)
    try:
        message = judge(assertion, state)
    except ActionProblem as problem:
        return _assert_result(assertion, problem.verdict, str(problem))
    if not message:
        return _assert_result(assertion, "pass")
    return _assert_result(assertion, "warning" if assertion.warning_only else "fail", message)


def _assert_result(assertion: Assert, verdict: Verdict, message: str = "") -> ActionResult:
    failed = verdict in ("fail", "error") and not assertion.warning_only
    return ActionResult(
        kind="assert",
        verdict=verdict,
        label=assertion.label or assertion.id or "",
        description=words_for_assert(assertion),
        message=message,
        stops=failed and assertion.stop_test_on_fail and assertion.any_of_group is None,
    )


def _judge_group(actions: Sequence[Action], last: int, results: list[ActionResult]) -> None:
    """Once the last assert of a group was judged, settle what the whole group comes to."""
    group = _group(actions[last])
    if any(_group(action) == group for action in actions[last + 1 :]):
        return
    members = [at for at in range(last + 1) if _group(actions[at]) == group]
    if any(results[at].verdict == "pass" for at in members):
        for at in members:
            if results[at].verdict in ("fail", "error", "warning"):
                text = f"another assert of the group '{group}' holds; {results[at].message}"
                results[at] = replace(results[at], verdict="skip", message=text)
        return
    action = actions[last]
    failed = results[last].verdict in ("fail", "error")
    if failed and isinstance(action, Assert) and action.stop_test_on_fail:
        results[last] = replace(results[last], stops=True)


def _group(action: Action) -> str | None:
    return action.any_of_group if isinstance(action, Assert) else None
