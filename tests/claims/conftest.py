"""What the suites of the conformance tool find on this server."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from fhirserver_conformance.engine.run import run_scripts
from fhirserver_conformance.engine.settings import RunSettings, Target
from fhirserver_conformance.results import ScriptResult
from fhirserver_conformance.suites.build import draft_suite, script_of
from fhirserver_conformance.suites.statement import Statement
from fhirserver_conformance.suites.testscript import Draft
from fhirserver_conformance.transport import Transport
from tests.conftest import new_database
from tests.server import ServerProcess

SUITES = ("interactions", "search", "system")
TOGETHER = 50
"""Scripts whose results are held at a time."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What was shown.

    Attributes:
        statement: what the server claims.
        shown: claims whose tests passed.
        not_passed: every other test with its script, and the reason.
    """

    statement: Statement
    shown: frozenset[str]
    not_passed: tuple[str, ...]


@pytest.fixture(scope="package")
def server(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that no other test has put under strain."""
    folder = tmp_path_factory.mktemp("claims")
    arguments = ("--database-url", new_database(postgres), "--data-dir", str(folder / "data"))
    with ServerProcess(folder / "log", (*arguments, "--workers", "2")) as running:
        yield running


@pytest.fixture(scope="package")
def proof(server: ServerProcess) -> Proof:
    """Run the suites."""
    transport = Transport(timeout_s=120)
    settings = RunSettings((Target(server.base),), transport, parallel=(os.cpu_count() or 1) + 1)
    shown: set[str] = set()
    not_passed: list[str] = []
    # What a run makes stays until its end: looking for garbage among it takes longer than it saves.
    gc.disable()
    for suite in SUITES:
        statement, drafts = draft_suite(suite, settings)
        for start in range(0, len(drafts), TOGETHER):
            some = drafts[start : start + TOGETHER]
            scripts = [script_of(draft, suite) for draft in some]
            results = run_scripts(scripts, settings, lambda _result: None)
            for draft, result in zip(some, results, strict=True):
                shown |= _shown(draft, result)
                not_passed += _not_passed(result)
    gc.enable()
    transport.close()
    return Proof(statement, frozenset(shown), tuple(not_passed))


def _shown(draft: Draft, result: ScriptResult) -> set[str]:
    passed = {test.name for test in result.tests if test.verdict == "pass"}
    return set().union(*(claims for name, claims in draft.claims.items() if name in passed))


def _not_passed(result: ScriptResult) -> Iterator[str]:
    if result.message:
        yield f"{result.source}: {result.message}"
    for test in result.tests:
        if test.verdict != "pass":
            yield f"{result.source} {test.name}: {test.verdict} {test.message[:300]}"
