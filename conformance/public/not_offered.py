"""Suites of operations that a server may not have: each case is listed with the reason.

    suite           files                         asks for
    sql-on-fhir     *.json with `tests`           $viewdefinition-run (SQL on FHIR 2.0)
    tx-ecosystem    test-cases.json with `suites` $validate-code, $expand, $lookup

They are not run here yet. A server that declares the operation has cases to pass, so then each
fails: this is where their runner is to be written.
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from fhirserver_conformance.public.cases import (
    Site,
    as_script,
    case,
    checked,
    read_json,
    skipped,
)
from fhirserver_conformance.results import ScriptResult, TestResult


class Suite(NamedTuple):
    """A suite that waits for its operation.

    Attributes:
        operation: name as in a CapabilityStatement.
        pattern: glob of its files.
        names: gives the names of a file's cases.
    """

    operation: str
    pattern: str
    names: Callable[[Path], Iterator[str]]


def run(suite: str, site: Site) -> Iterator[ScriptResult]:
    """List the cases of a suite of `SUITES`."""
    told = SUITES[suite]
    for path in sorted((site.data / suite).glob(told.pattern)):
        yield as_script(site, suite, path.name, partial(_cases, site, told, path))


def _cases(site: Site, suite: Suite, path: Path) -> Iterator[TestResult]:
    operation = f"${suite.operation}"
    declared = site.declares(suite.operation)
    for name in suite.names(path):
        if declared:
            complaint = f"the server declares {operation}, and these cases have no runner yet"
            yield case(name, f"needs {operation}", checked("is run", complaint))
        else:
            yield skipped(name, f"the server does not declare {operation}")


def _views(path: Path) -> Iterator[str]:
    content = read_json(path)
    return (each["title"] for each in content.get("tests", ()))


def _terminology(path: Path) -> Iterator[str]:
    suites = read_json(path)["suites"]
    return (f"{suite['name']}/{test['name']}" for suite in suites for test in suite["tests"])


SUITES = {
    "sql-on-fhir": Suite("viewdefinition-run", "[!.]*.json", _views),
    "tx-ecosystem": Suite("validate-code", "test-cases.json", _terminology),
}
