"""The scripts that no rule makes: valid, whole, and passed by this server as far as it claims."""

from __future__ import annotations

from importlib.resources import files

import pytest

from fhirserver.validation import validate
from fhirserver_conformance.script.model import Script
from fhirserver_conformance.suites.build import SUITES, script_of
from fhirserver_conformance.suites.by_hand import GUIDES
from fhirserver_conformance.suites.statement import read_statement
from fhirserver_conformance.suites.testscript import Draft
from tests.conformance.suites.running import by_name, run
from tests.server import ServerProcess

_NOTHING = read_statement({}, "http://nothing.test/fhir")
DRAFTS = [*SUITES["rest"].drafts(_NOTHING, ""), *SUITES["guides"].drafts(_NOTHING, "")]
NOT_OFFERED = {
    "scripts/bulk-data.json": None,
    "scripts/smart.json": None,
    "scripts/subscriptions.json": None,
    "scripts/us-core.json": {"the profile of a patient"},
}
"""What this server does not claim: tests by script; None for all of them."""


def _id(draft: Draft) -> str:
    return draft.source


@pytest.mark.parametrize("draft", DRAFTS, ids=_id)
def test_a_script_is_a_valid_testscript(draft: Draft) -> None:
    """By R4's own rules, so that other engines can run it too."""
    assert validate(draft.resource) == []
    script = script_of(draft, "ours")
    assert isinstance(script, Script), script
    assert [fixture.id for fixture in script.fixtures if fixture.problem is not None] == []


@pytest.mark.parametrize("draft", DRAFTS, ids=_id)
def test_each_test_says_what_it_shows(draft: Draft) -> None:
    script = script_of(draft, "ours")
    assert isinstance(script, Script)
    assert [test.name for test in script.tests if not test.requirements] == []
    assert [test.name for test in script.tests if not test.actions] == []


def test_every_file_is_a_script_or_a_fixture_of_one() -> None:
    """And every guide that is listed is there."""
    folder = files("fhirserver_conformance.suites") / "scripts"
    there = {f"scripts/{each.name}" for each in folder.iterdir()}
    named = {draft.source for draft in DRAFTS} | {file for each in DRAFTS for file in each.files}
    assert there == named
    assert {f"scripts/{name}.json" for name in GUIDES} <= {draft.source for draft in DRAFTS}


@pytest.mark.parametrize("draft", DRAFTS, ids=_id)
def test_this_server_passes(draft: Draft, server: ServerProcess) -> None:
    """What it does not claim is skipped, and listed here."""
    results = by_name(run(server.base, [draft]))
    skipped = {name for name, test in results.items() if test.verdict == "skip"}
    wrong = {name: test.message for name, test in results.items() if test.verdict != "pass"}
    assert {name: wrong[name] for name in wrong.keys() - skipped} == {}
    expected = NOT_OFFERED.get(draft.source, set())
    assert skipped == (set(results) if expected is None else expected)
