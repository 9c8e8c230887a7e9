"""Writes the reports of a run into a folder.

    index.html            every request and answer, for a browser
    junit.xml             for a build server
    results.jsonl         a line per case
    TestReport/ID.json    one per script

A file gets its name when it is complete, so a reader sees the old one or the new one. TestReports
of an earlier run into the same folder that this run did not write again are removed.
"""

import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from fhirserver.model.json import write_json_pretty
from fhirserver_conformance.report.json_lines import json_lines
from fhirserver_conformance.report.junit import junit
from fhirserver_conformance.report.page import page_parts
from fhirserver_conformance.report.test_report import report_id, test_report
from fhirserver_conformance.results import ScriptResult

PAGE = "index.html"

_OURS = re.compile(r"[A-Za-z0-9.\-]*-[0-9a-f]{12}\.json")


class ReportError(Exception):
    """The folder cannot be written; the message says which, why, and what to do."""


def prepare_folder(folder: Path) -> None:
    """Make the folder, and make sure before a long run that it can be written.

    Raises:
        ReportError: it cannot.
    """
    with _said(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass


def write_reports(
    results: Sequence[ScriptResult],
    folder: Path,
    *,
    title: str,
    tester: str,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> None:
    """Write all reports of a run.

    Args:
        results: in the order of the run.
        folder: made where it is missing.
        title: of the page and the JUnit file, e.g. "basic-crud, search".
        tester: who ran it.
        clock: gives the aware instant that the reports are issued at.

    Raises:
        ReportError: the folder cannot be written, or is full.
    """
    prepare_folder(folder)
    issued = clock()
    with _said(folder):
        parts = page_parts(results, title=title, tester=tester, issued=issued)
        _write(folder / PAGE, (part.encode("utf-8") for part in parts))
        _write(folder / "junit.xml", [junit(results, title)])
        _write(folder / "results.jsonl", json_lines(results))
        _write_test_reports(results, folder / "TestReport", tester, issued)


def _write_test_reports(
    results: Sequence[ScriptResult], folder: Path, tester: str, issued: datetime
) -> None:
    folder.mkdir(exist_ok=True)
    written = set()
    for result in results:
        report = test_report(result, tester=tester, issued=issued, page=f"../{PAGE}")
        path = folder / f"{report_id(result)}.json"
        _write(path, [write_json_pretty(report), b"\n"])
        written.add(path)
    for path in set(folder.iterdir()) - written:
        if _OURS.fullmatch(path.name):
            path.unlink()


def _write(path: Path, parts: Iterable[bytes]) -> None:
    """Write a file under another name and give it its own at the end."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("wb") as file:
            file.writelines(parts)
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


@contextmanager
def _said(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        message = f"{error.filename or folder}: {error.strerror or error}"
        raise ReportError(f"{message}; name a folder that can be written with --report") from error
