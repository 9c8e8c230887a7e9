"""What `run` and `public` share: reports at the end, and an end that leaves nothing behind."""

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from types import FrameType

from fhirserver_conformance.commands.usage import UsageError
from fhirserver_conformance.report.write import ReportError, prepare_folder, write_reports
from fhirserver_conformance.results import ScriptResult

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def termination_interrupts() -> Iterator[None]:
    """Let SIGTERM end a run as Ctrl-C does, so that what scripts made is deleted.

    Whoever does not want to wait for that sends a second signal: the process ends at once.
    """

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        for number in _SIGNALS:
            signal.signal(number, leave)
        raise KeyboardInterrupt

    def leave(_number: int, _frame: FrameType | None) -> None:
        os._exit(130)

    before = {number: signal.signal(number, interrupt) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def prepare(folder: Path) -> None:
    """Make the folder of reports. Raises UsageError where it cannot be written."""
    try:
        prepare_folder(folder)
    except ReportError as error:
        raise UsageError(str(error)) from None


def write(results: Sequence[ScriptResult], folder: Path) -> None:
    """Write all reports and say where. Raises UsageError where they cannot be written."""
    title = ", ".join(dict.fromkeys(result.suite for result in results))
    tester = f"fhir-conformance {version('fhirserver')}"
    try:
        write_reports(results, folder, title=title, tester=tester)
    except ReportError as error:
        raise UsageError(str(error)) from None
    sys.stdout.write(f"reports: {folder / 'index.html'}\n")
