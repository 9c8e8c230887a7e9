"""What the suites of the conformance tool find on this server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from fhirserver_conformance.engine.run import run_scripts
from fhirserver_conformance.engine.settings import RunSettings, Target
from fhirserver_conformance.results import TestResult
from fhirserver_conformance.suites.build import draft_suite, script_of
from fhirserver_conformance.suites.statement import Statement
from fhirserver_conformance.transport import Transport
from tests.conftest import truncate_all
from tests.server import ServerProcess

SUITES = ("interactions", "search", "system")


@dataclass(frozen=True, slots=True)
class Proof:
    """What was shown.

    Attributes:
        statement: what the server claims.
        shown: claims whose tests passed.
        tests: every test, with its script in front.
    """

    statement: Statement
    shown: frozenset[str]
    tests: dict[str, TestResult]


@pytest.fixture(scope="package")
def proof(server: ServerProcess, server_database_url: str) -> Iterator[Proof]:
    """Run the suites; leaves the server empty."""
    transport = Transport(timeout_s=120)
    settings = RunSettings((Target(server.base),), transport, parallel=(os.cpu_count() or 1) + 1)
    tests: dict[str, TestResult] = {}
    shown: set[str] = set()
    for suite in SUITES:
        statement, drafts = draft_suite(suite, settings)
        scripts = [script_of(draft, suite) for draft in drafts]
        results = run_scripts(scripts, settings, lambda _result: None)
        for draft, result in zip(drafts, results, strict=True):
            tests |= {f"{result.source} {test.name}": test for test in result.tests}
            passed = {test.name for test in result.tests if test.verdict == "pass"}
            shown |= set().union(*(draft.claims[name] for name in draft.claims.keys() & passed))
    transport.close()
    yield Proof(statement, frozenset(shown), tests)
    truncate_all(server_database_url)
