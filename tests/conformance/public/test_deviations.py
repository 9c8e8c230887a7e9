"""The table of deviations: what it covers, what is missing in it, what is stale."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fhirserver_conformance.public.cases import case, checked, skipped
from fhirserver_conformance.public.deviations import KINDS, Row, compare, read_table
from fhirserver_conformance.public.documents import deviations_page, results_page
from fhirserver_conformance.results import ScriptResult, TestResult

DOCUMENTS = Path(__file__).parents[3] / "docs" / "conformance"


def row(pattern: str, suite: str = "s") -> Row:
    return Row(suite, pattern, "deviation", "reason", "https://hl7.org/fhir/R4/x.html")


def result(*tests: TestResult, suite: str = "s", message: str = "") -> ScriptResult:
    now = datetime(2024, 1, 1, tzinfo=UTC)
    return ScriptResult(suite, "f.json", "n", tests, now, 1.0, "http://x/fhir", message=message)


PASS, FAIL = case("good", ""), case("bad [1]", "", checked("x", "because"))
WARN, SKIP = case("hm", "", checked("x", "y", otherwise="warning")), skipped("not", "reason")


@pytest.mark.parametrize(
    ("pattern", "name", "covered"),
    [
        ("f.json: bad [1]", "f.json: bad [1]", True),
        ("*bad*", "f.json: bad [1]", True),
        ("*: bad ?1]", "f.json: bad [1]", False),
        ("f.json: bad", "f.json: bad [1]", False),
        ("f*", "f.json: two\nlines", True),
    ],
    ids=["whole", "stars", "a star alone is special", "not the beginning alone", "over lines"],
)
def test_glob(pattern: str, name: str, covered: bool) -> None:
    assert row(pattern).covers("s", name) is covered
    assert not row(pattern, "other").covers("s", name)


@pytest.mark.parametrize(
    ("results", "table", "unexplained", "stale"),
    [
        pytest.param([result(PASS, WARN, SKIP)], [], [], [], id="nothing fails"),
        pytest.param(
            [result(FAIL)], [], ["s/f.json: bad [1] – because"], [], id="a failure without a row"
        ),
        pytest.param([result(FAIL)], [row("*bad*")], [], [], id="a failure with its row"),
        pytest.param([result(PASS)], [row("*good*")], [], ["*good*"], id="a row that passes"),
        pytest.param([result(WARN)], [row("*hm*")], [], ["*hm*"], id="advice needs no row"),
        pytest.param([result(SKIP)], [row("*not*")], [], ["*not*"], id="nor does a skip"),
        pytest.param([result(PASS)], [row("*none*")], [], ["*none*"], id="a row of no case"),
        pytest.param([result(PASS)], [row("*", "other")], [], [], id="a suite that did not run"),
        pytest.param(
            [result(PASS, FAIL)], [row("*")], [], [], id="one failure of a row's cases is enough"
        ),
        pytest.param(
            [result(message="broken")],
            [],
            ["s/f.json: the whole script – broken"],
            [],
            id="a script that cannot run",
        ),
    ],
)
def test_comparison(
    results: list[ScriptResult], table: list[Row], unexplained: list[str], stale: list[str]
) -> None:
    found = compare(results, table)
    assert list(found.unexplained) == unexplained
    assert [each.case for each in found.stale] == stale
    assert found.agrees is not bool(unexplained or stale)


@pytest.mark.parametrize(
    "change",
    [{"kind": "whim"}, {"reason": None}, {"because": "x"}],
    ids=["an unknown kind", "no reason", "an unknown member"],
)
def test_a_row_that_is_not_as_it_should_be_is_refused(change: dict[str, Any]) -> None:
    good = {"suite": "s", "case": "*", "kind": "advice", "reason": "r", "spec": "https://x"}
    assert read_table(json.dumps([good]).encode())
    with pytest.raises(ValueError, match=r"kind|reason|because"):
        read_table(json.dumps([{**good, **change}]).encode())


def test_rows_of_the_table_have_reason_and_section() -> None:
    table = read_table()
    assert len({(each.suite, each.case) for each in table}) == len(table) > 0
    for each in table:
        assert each.reason.endswith("."), each
        assert each.spec.startswith(("https://", "http://hl7.org/")), each


def test_the_page_of_deviations_is_that_of_the_table() -> None:
    written = (DOCUMENTS / "deviations.md").read_text("utf-8")
    assert written == deviations_page(read_table()), "run fhir-conformance public --write-docs"


def test_the_page_of_deviations_escapes_what_markdown_would_take() -> None:
    page = deviations_page([row("a|b*[c]<d>")])
    assert r"| a\|b\*\[c]\<d> | deviation | reason [spec](https://hl7.org/fhir/R4/x.html) |" in page
    assert all(kind in page for kind in KINDS)


def test_the_page_of_results_counts_cases_and_kinds() -> None:
    results = [result(PASS, FAIL, WARN, SKIP), result(PASS, suite="t")]
    lines = results_page(results, compare(results, [row("*bad*")])).splitlines()
    assert "| s | 1 | 1 | 1 | 1 | 0 | 66.6 % |" in lines
    assert "| **all** | 2 | 1 | 1 | 1 | 0 | 75 % |" in lines
    assert "| s | 1 | 0 | 0 | 0 |" in lines
