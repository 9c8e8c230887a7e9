"""What a TestReport says while its script waits, runs, and afterwards. Pure.

Spec: https://hl7.org/fhir/R4/testreport.html

Which script it was, who asked for it and the server stand in it from the beginning and stay.
"""

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal

from fhirserver.model.json import JsonObject

_OURS = ("id", "meta", "identifier", "testScript", "tester")
_ATTEMPT = ("score", "setup", "test", "teardown")


def in_progress(report: JsonObject) -> JsonObject:
    """Say that it runs."""
    return _unfinished(report) | {"status": "in-progress", "result": "pending"}


def stopped(report: JsonObject, why: str) -> JsonObject:
    """Say that it ended without a result, and why."""
    action = {"operation": {"result": "error", "message": why}}
    test = {"name": "the whole script", "action": [action]}
    return _unfinished(report) | {"status": "stopped", "result": "fail", "test": [test]}


def completed(report: JsonObject, found: JsonObject) -> JsonObject:
    """Take over what the tool found.

    Args:
        report: as stored.
        found: the tool's TestReport; where it points to pages of the tool, it does so no more.
    """
    kept = {name: report[name] for name in _OURS if name in report}
    return _unfinished(report) | _without_detail(found) | kept


def suite_report(cases: Iterable[JsonObject]) -> JsonObject:
    """Give what became of a suite as a TestReport: a test per script, an assert per case.

    Args:
        cases: as the tool writes them: script, case, verdict, reason.

    Returns:
        Its score is rounded down to a tenth, so that 100 means all.
    """
    tests: dict[str, list[JsonObject]] = {}
    counts: Counter[str] = Counter()
    for case in cases:
        counts[case["verdict"]] += 1
        message = ": ".join(part for part in (case["case"], case["reason"]) if part)
        action = {"assert": {"result": case["verdict"], "message": message}}
        tests.setdefault(case["script"], []).append(action)
    failed = counts["fail"] + counts["error"]
    tried = counts.total() - counts["skip"]
    return {
        "resourceType": "TestReport",
        "status": "completed",
        "result": "fail" if failed else "pass" if tried else "pending",
        **({"score": Decimal((tried - failed) * 1000 // tried) / 10} if tried else {}),
        "test": [{"name": name, "action": actions} for name, actions in tests.items()],
    }


def _unfinished(report: JsonObject) -> JsonObject:
    """Drop what an earlier attempt may have left."""
    return {name: value for name, value in report.items() if name not in _ATTEMPT}


def _without_detail(value: JsonObject) -> JsonObject:
    return {name: _item(each) for name, each in value.items() if name != "detail"}


def _item(value: object) -> object:
    if isinstance(value, dict):
        return _without_detail(value)
    if isinstance(value, list):
        return [_item(each) for each in value]
    return value
