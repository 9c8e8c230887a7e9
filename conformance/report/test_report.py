"""The TestReport of one script.

Spec: https://hl7.org/fhir/R4/testreport.html

    result   fail     a test failed or could not be judged
             pending  everything was skipped: no assert was executed
             pass     otherwise; warnings are no failures
    score    per cent of the tests that passed, of those that were tried

R4 keeps no place for the verdict of a test: what a test says that none of its actions says stands
as one assert more. Actions of a teardown are operations there, whatever they are.
"""

import hashlib
import re
from datetime import datetime
from typing import Any

from fhirserver_conformance.report.tally import pass_percent, tally
from fhirserver_conformance.report.text import shown
from fhirserver_conformance.results import ActionResult, ScriptResult, TestResult

ENGINE = "urn:uuid:6d3b1c0e-5a0f-4c3d-9f0a-3f1d2b7a9c54"
"""Says in every report which engine it was."""

_ID = re.compile(r"[A-Za-z0-9.\-]{1,64}")
_ID_BEGINNING = 51
_RESULTS = {"pass": "pass", "warning": "pass", "skip": "pending", "fail": "fail", "error": "fail"}


def report_id(result: ScriptResult) -> str:
    """Make the logical id of a report: readable, and the same in every run of the script."""
    identity = f"{result.suite}\0{result.source}\0{result.name}"
    digest = hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    stem = result.source.rsplit(".", 1)[0] if "." in result.source else result.source
    readable = re.sub(r"[^A-Za-z0-9.]+", "-", f"{result.suite}-{stem}").strip("-")
    return f"{readable[:_ID_BEGINNING].strip('-.') or 'script'}-{digest}"


def test_report(
    result: ScriptResult, *, tester: str, issued: datetime, page: str | None
) -> dict[str, Any]:
    """Write what came of a script as a TestReport. Pure.

    Args:
        result: of a script that has ended.
        tester: who ran it, e.g. "nightly build".
        issued: aware instant.
        page: address of the HTML page of the same run, relative to this report, which `detail`
            leads to; None for none.

    Returns:
        A valid R4 TestReport, status completed.
    """
    report = {
        "resourceType": "TestReport",
        "id": report_id(result),
        "name": shown(result.name),
        "status": "completed",
        "testScript": _script_reference(result),
        "result": _RESULTS[result.verdict],
        "score": pass_percent(tally([result])),
        "tester": shown(tester),
        "issued": issued.isoformat(timespec="milliseconds"),
        "participant": [
            {"type": "test-engine", "uri": ENGINE, "display": "fhir-conformance"},
            {"type": "server", "uri": result.base},
        ],
    }
    place = None if page is None else f"{page}#{report_id(result)}"
    report |= _phases(result, place)
    return {name: value for name, value in report.items() if value not in (None, "")}


def _script_reference(result: ScriptResult) -> dict[str, Any]:
    reference: dict[str, Any] = {"type": "TestScript"}
    script_id = (result.script or {}).get("id")
    if isinstance(script_id, str) and _ID.fullmatch(script_id):
        reference["reference"] = f"TestScript/{script_id}"
    if result.url:
        value = shown(result.url)
        reference["identifier"] = {"system": "urn:ietf:rfc:3986", "value": value}
    reference["display"] = shown(f"{result.suite}: {result.source or result.name}")
    return reference


def _phases(result: ScriptResult, place: str | None) -> dict[str, Any]:
    if not result.tests:
        message = result.message or "The script holds no test."
        verdict = "error" if result.message else "skip"
        action = {"assert": {"result": verdict, "message": shown(message)}}
        return {"test": [{"name": "the whole script", "action": [action]}]}
    phases: dict[str, Any] = {}
    for number, test in enumerate(result.tests):
        actions = _actions(test, None if place is None else f"{place}/{number}")
        if test.phase != "test":
            phases[test.phase] = {"action": actions}
            continue
        named = {"name": shown(test.name), "description": shown(test.description)}
        written = {name: value for name, value in named.items() if value}
        phases.setdefault("test", []).append(written | {"action": actions})
    return phases


def _actions(test: TestResult, place: str | None) -> list[dict[str, Any]]:
    written = [_action(test, action, place) for action in test.actions]
    said = {action.message for action in test.actions}
    if not written or (test.message and test.message not in said):
        own = ActionResult("assert", test.verdict, message=test.message, description=test.name)
        written.append(_action(test, own, place))
    return written


def _action(test: TestResult, action: ActionResult, place: str | None) -> dict[str, Any]:
    kind = "operation" if test.phase == "teardown" else action.kind
    written = {"result": action.verdict, "message": shown(_message(action)), "detail": place}
    return {kind: {name: value for name, value in written.items() if value}}


def _message(action: ActionResult) -> str:
    if action.message or action.exchange is None:
        return action.message or action.description
    exchange = action.exchange
    return f"{exchange.method} {exchange.url}: {exchange.failure or exchange.status}"
