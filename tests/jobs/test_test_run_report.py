"""The TestReport of a run at each stage: valid R4, and what it was asked for stays."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fhirserver.definitions import r4
from fhirserver.jobs.test_run_report import completed, in_progress, stopped, suite_report
from fhirserver.validation import validate

WAITING: dict[str, Any] = {
    "resourceType": "TestReport",
    "id": "r",
    "identifier": {"value": "i"},
    "name": "mine",
    "status": "waiting",
    "testScript": {"reference": "TestScript/t"},
    "result": "pending",
    "tester": "Practitioner/7",
    "issued": "2026-01-02T03:04:05Z",
    "participant": [{"type": "server", "uri": "http://here/fhir"}],
}
FOUND: dict[str, Any] = {
    "resourceType": "TestReport",
    "id": "theirs",
    "name": "theirs",
    "status": "completed",
    "testScript": {"display": "theirs"},
    "result": "pass",
    "score": Decimal("100.0"),
    "tester": "somebody",
    "issued": "2026-02-02T03:04:05Z",
    "test": [
        {"name": "t", "action": [{"assert": {"result": "pass", "detail": "../index.html#x"}}]}
    ],
}


def case(verdict: str, name: str = "Patient read", script: str = "s.json") -> dict[str, Any]:
    reason = "" if verdict == "pass" else "why"
    return {"script": script, "case": name, "verdict": verdict, "reason": reason}


STAGES = {
    "in-progress": in_progress(WAITING),
    "stopped": stopped(WAITING, "why"),
    "completed": completed(WAITING, FOUND),
    "suite": completed(WAITING, suite_report([case("pass"), case("fail"), case("skip")])),
    "nothing-tried": completed(WAITING, suite_report([case("skip")])),
    "tried-again": in_progress(stopped(WAITING, "why")),
}


@pytest.mark.parametrize("report", STAGES.values(), ids=STAGES)
def test_it_is_valid_and_keeps_what_it_was_asked_for(report: dict[str, Any]) -> None:
    assert not validate(report, definitions=r4())
    for name in ("id", "identifier", "testScript", "tester", "participant"):
        assert report[name] == WAITING[name]


def test_what_the_tool_found_is_taken_over_without_its_pages() -> None:
    report = STAGES["completed"]
    assert (report["status"], report["result"], report["score"]) == ("completed", "pass", 100)
    assert report["test"] == [{"name": "t", "action": [{"assert": {"result": "pass"}}]}]


def test_another_attempt_begins_with_nothing() -> None:
    assert STAGES["tried-again"] == {**WAITING, "status": "in-progress"}


@pytest.mark.parametrize(
    ("verdicts", "result", "score"),
    [
        ((), "pending", None),
        (("skip",), "pending", None),
        (("pass", "skip"), "pass", "100"),
        (("pass", "warning"), "pass", "100"),
        (("pass", "fail", "pass"), "fail", "66.6"),
        (("error",), "fail", "0"),
        (("pass",) * 1999 + ("fail",), "fail", "99.9"),
    ],
)
def test_result_and_score_of_a_suite(
    verdicts: tuple[str, ...], result: str, score: str | None
) -> None:
    report = suite_report(map(case, verdicts))
    assert report["result"] == result
    assert report.get("score") == (None if score is None else Decimal(score))


def test_a_suite_has_a_test_per_script_and_an_assert_per_case() -> None:
    cases = [case("pass", "a", "x"), case("fail", "b", "x"), case("skip", "c", "y")]
    assert suite_report(cases)["test"] == [
        {
            "name": "x",
            "action": [
                {"assert": {"result": "pass", "message": "a"}},
                {"assert": {"result": "fail", "message": "b: why"}},
            ],
        },
        {"name": "y", "action": [{"assert": {"result": "skip", "message": "c: why"}}]},
    ]
