"""Runs scripts of our suites against a server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fhirserver_conformance.engine.run import run_scripts
from fhirserver_conformance.engine.settings import RunSettings, Target
from fhirserver_conformance.results import ScriptResult, TestResult
from fhirserver_conformance.script.model import Script
from fhirserver_conformance.suites.build import SUITES, script_of
from fhirserver_conformance.suites.interactions import interaction_draft
from fhirserver_conformance.suites.searches import search_draft
from fhirserver_conformance.suites.statement import Statement
from fhirserver_conformance.suites.testscript import Draft
from fhirserver_conformance.transport import Transport
from tests.client import Client


def claimed(base: str) -> dict[str, Any]:
    """Read a server's CapabilityStatement."""
    with Client(base) as client:
        return dict(client.get("metadata").json)


def draft(suite: str, name: str, statement: Statement, prefix: str) -> Draft:
    """Make one script of a suite: of a type, or by the name of its file."""
    if suite in _OF_A_TYPE:
        made = _OF_A_TYPE[suite](name, statement, prefix)
        assert made is not None
        return made
    found = SUITES[suite].drafts(statement, prefix)
    return next(each for each in found if each.source.endswith(f"/{name}.json"))


_OF_A_TYPE = {"search": search_draft, "interactions": interaction_draft}


def run(base: str, made: Sequence[Draft]) -> list[ScriptResult]:
    """Run drafts."""
    transport = Transport()
    scripts = [script_of(draft, "ours") for draft in made]
    assert all(isinstance(script, Script) for script in scripts), scripts
    settings = RunSettings((Target(base),), transport, parallel=2)
    try:
        return run_scripts(scripts, settings, lambda _result: None)
    finally:
        transport.close()


def by_name(results: Sequence[ScriptResult]) -> dict[str, TestResult]:
    """Give all tests by name; setup and teardown by that and their script's."""
    return {
        test.name if test.phase == "test" else f"{result.source} {test.phase}": test
        for result in results
        for test in result.tests
    }
