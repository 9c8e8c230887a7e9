"""Counting claims: each line of the tool lands in the right cell; only a pass shows a claim."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fhirserver.access import AuthContext, allow_all
from fhirserver.config import Settings
from fhirserver.console.claim_page import read_cases, support_page
from fhirserver.console.claim_support import Case, of_type, tables
from fhirserver.definitions import r4
from fhirserver.interactions import Services
from fhirserver.interactions.capabilities import capabilities
from fhirserver.model.json import parse_json
from fhirserver.operations import OFFERED
from fhirserver.store.database import Database, now_us
from fhirserver_conformance.suites.statement import claims, read_statement

PAGE = Path(__file__).resolve().parents[2] / "docs" / "conformance" / "support.md"


@pytest.mark.parametrize(
    ("claim", "title", "row", "column"),
    [
        ("Patient create", "Interactions", "create", "types"),
        ("Patient history-type", "Interactions", "history-type", "types"),
        ("Patient?name", "Search parameters", "string", "alone"),
        ("Patient?name:exact", "Search parameters", "string", ":exact"),
        ("Patient?birthdate=ge", "Search parameters", "date", "ge"),
        ("Patient?_id", "Search parameters", "token", "alone"),
        ("Account?owner:[type]", "Search parameters", "reference", ":[type]"),
        ("Patient?own-extension", "Search parameters", "not of R4", "alone"),
        ("Patient?_include=Patient:link", "Includes", "_include", "pairs of types or parameters"),
        ("Patient?_include=*", "Includes", "_include", "pairs of types or parameters"),
        ("Patient?_revinclude=Account", "Includes", "_revinclude", "pairs of types or parameters"),
        (
            "Patient/*/Observation",
            "Includes",
            "compartment of Patient",
            "pairs of types or parameters",
        ),
        ("Patient/$validate", "Operations", "$validate", "types"),
        ("transaction", "The whole system", "transaction", "shown"),
        ("?_lastUpdated", "The whole system", "?_lastUpdated", "shown"),
        ("format application/fhir+json", "The whole system", None, "shown"),
        ("$export", "The whole system", "$export", "shown"),
    ],
)
def test_a_claim_is_counted_in_its_cell(
    claim: str, title: str, row: str | None, column: str
) -> None:
    (table,) = tables([Case(claim, "pass", "")], r4())
    assert table.title.startswith(title)
    assert list(table.rows) == [row or claim]
    assert table.columns == [column]


@pytest.mark.parametrize("line", ["A page has a next link", "setup", "", "a b c"])
def test_what_is_no_claim_is_passed_over(line: str) -> None:
    found = tables([Case(line, "pass", "")], r4())
    assert found == [] or line == "setup", "one word could be an interaction of the system"


@pytest.mark.parametrize("verdict", ["fail", "error", "warning", "skip", ""])
def test_only_a_pass_shows_a_claim(verdict: str) -> None:
    cases = [Case("Patient read", "pass", ""), Case("Group read", verdict, "why")]
    (table,) = tables(cases, r4())
    assert table.cells("read") == ["1 of 2"]


def test_open_claims_of_a_type_come_first() -> None:
    cases = [
        Case("Patient read", "pass", ""),
        Case("Patient/*/Group", "fail", "why"),
        Case("Group read", "fail", "why"),
        Case("read", "fail", "why"),
    ]
    assert [case.claim for case in of_type(cases, "Patient")] == ["Patient/*/Group", "Patient read"]


def test_a_page_is_made_from_results(tmp_path: Path) -> None:
    results = tmp_path / "results.jsonl"
    results.write_text(
        '{"suite":"s","script":"x","case":"Patient read","verdict":"pass","reason":""}\n'
        '{"suite":"s","script":"x","case":"Group read","verdict":"fail","reason":"why"}\n'
    )
    page = support_page(read_cases([results]), date="2026-01-02", version="9.9")
    assert "2026-01-02 against version 9.9" in " ".join(page.split())
    assert "| `read` | 1 of 2 |" in page


def test_the_documentation_counts_every_claim_of_the_statement() -> None:
    """A claim that is new needs a new run: see docs/conformance/support.md."""
    settings = Settings()
    services = Services(r4(), Database(""), settings, allow_all, now_us, b"", OFFERED)
    body = capabilities(services, AuthContext("", "", "")).body
    statement = read_statement(parse_json(body or b""), settings.public_url)
    # The reverse includes from one type to another are one case of the tool.
    wanted = {re.sub(r"(_revinclude=\w+):.+", r"\1", claim) for claim in claims(statement)}
    cases = [Case(claim, "pass", "") for claim in wanted]
    expected = support_page(cases, date="", version="")
    assert _tables(PAGE.read_text("utf-8")) == _tables(expected)


def _tables(page: str) -> list[str]:
    """Give the tables with every count as the number of claims, shown or not."""
    return [
        re.sub(r"\d+ of (\d+)", r"\1", line) for line in page.splitlines() if line.startswith("|")
    ]
