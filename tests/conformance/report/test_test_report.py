"""TestReports are valid R4 and say what the results say."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from fhirserver.model.json import parse_json, write_json
from fhirserver.validation import validate
from fhirserver_conformance.report import test_report as reports
from fhirserver_conformance.results import ScriptResult
from tests.conformance.report import samples
from tests.conformance.report.samples import ISSUED, script


def report_of(result: ScriptResult, page: str | None = "../index.html") -> dict[str, Any]:
    written = reports.test_report(result, tester="a test", issued=ISSUED, page=page)
    parsed: dict[str, Any] = parse_json(write_json(written))
    return parsed


@pytest.mark.parametrize("result", samples.EVERY, ids=lambda result: result.source[:12])
def test_reports_are_valid(result: ScriptResult) -> None:
    """Every kind of result, hostile texts among them, makes a resource without an issue."""
    issues = validate(report_of(result))
    assert [issue for issue in issues if issue.severity == "error"] == []


@pytest.mark.parametrize(
    ("result", "verdict", "score"),
    [
        pytest.param(samples.PASSED, "pass", Decimal(100), id="all passed"),
        pytest.param(samples.MIXED, "fail", Decimal(50), id="a warning is a pass, a skip no try"),
        pytest.param(samples.SKIPPED, "pending", None, id="nothing was executed"),
        pytest.param(samples.BROKEN, "fail", Decimal(0), id="a broken script"),
        pytest.param(samples.LEFTOVERS, "fail", Decimal(50), id="a teardown that failed counts"),
    ],
)
def test_result_and_score(result: ScriptResult, verdict: str, score: Decimal | None) -> None:
    report = report_of(result)
    assert (report["status"], report["result"], report.get("score")) == (
        "completed",
        verdict,
        score,
    )


def test_actions_stand_in_their_phases_with_their_reasons() -> None:
    report = report_of(samples.MIXED)
    place = f"../index.html#{report['id']}"
    assert [test["name"] for test in report["test"]] == [
        *("passes", "warns", "skips", "fails", "dies")
    ]
    assert report["setup"]["action"] == [
        {
            "operation": {
                "result": "pass",
                "message": f"PUT {samples.BASE}/Patient/a: 200",
                "detail": f"{place}/0",
            }
        }
    ]
    assert report["test"][3]["action"][1] == {
        "assert": {
            "result": "fail",
            "message": "expected 200, found 400",
            "detail": f"{place}/4",
        }
    }
    assert report["test"][2]["action"] == [
        {"assert": {"result": "skip", "message": "needs vread", "detail": f"{place}/3"}}
    ]
    assert report["test"][4]["action"][0]["operation"]["result"] == "error"
    assert [*report["teardown"]["action"][1]] == ["operation"], "R4 has nothing else there"


def test_a_broken_script_says_what_is_wrong() -> None:
    (test,) = report_of(samples.BROKEN)["test"]
    assert test["action"] == [
        {"assert": {"result": "error", "message": "TestScript.test[0]: has no action"}}
    ]


def test_what_only_the_test_says_stands_as_an_assert_more() -> None:
    result = script(samples.case("a", samples.operation(), verdict="fail", message="too slow"))
    (test,) = report_of(result)["test"]
    assert test["action"][1]["assert"]["message"] == "too slow"


@pytest.mark.parametrize(
    ("json", "url", "reference", "identifier"),
    [
        pytest.param({"id": "u-1"}, "http://x.example", "TestScript/u-1", True, id="id, address"),
        pytest.param({"id": "no id!"}, "http://x.example", None, True, id="an id that is none"),
        pytest.param(None, "", None, False, id="a file only"),
    ],
)
def test_reference_to_the_script(
    json: dict[str, Any] | None, url: str, reference: str | None, identifier: bool
) -> None:
    written = report_of(replace(samples.PASSED, script=json, url=url))["testScript"]
    assert written.get("reference") == reference
    assert ("identifier" in written) is identifier
    assert written["display"] == "crud: update.json"


def test_no_link_leads_to_a_page_that_is_not_there() -> None:
    (action,) = report_of(samples.PASSED, page=None)["setup"]["action"]
    assert "detail" not in action["operation"]


def test_ids_differ_and_stay() -> None:
    """A script has the same id in each run; scripts that look alike have different ones."""
    sources = ("a/b.json", "a-b.json", "b.xml", "")
    suites = ("crud", "x" * 100, "…")
    alike = [script(source=each, suite=suite) for each in sources for suite in suites]
    ids = [reports.report_id(result) for result in alike]
    assert len(set(ids)) == len(alike)
    assert all(reports._ID.fullmatch(each) for each in ids)
    again = replace(alike[0], duration_ms=1.0, base="http://other.example")
    assert reports.report_id(again) == ids[0]
