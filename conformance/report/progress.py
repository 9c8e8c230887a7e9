"""What a person sees while a run goes on: a line per script, failures at once, a table at the end.

    pass   basic-crud/create.json  12 passed, 1 skipped  0.4 s
    fail   basic-crud/update.json  3 passed, 1 failed  0.2 s
           fail  update with a wrong id: responseCode: expected 400, found 200

On a terminal the verdicts have colours, unless NO_COLOR is set; elsewhere it is plain text.
"""

import os
import threading
from collections.abc import Sequence
from typing import TextIO

from fhirserver_conformance.report.tally import (
    VERDICTS,
    WORDS,
    Tally,
    by_suite,
    cases_of,
    counts_in_words,
    percent_in_words,
    tally,
)
from fhirserver_conformance.report.text import in_a_line
from fhirserver_conformance.results import ScriptResult, TestResult, Verdict

_MOST_REASONS = 20
"""So many cases of a script are named; the reports hold the others."""

_COLOURS = {"pass": "32", "skip": "36", "warning": "33", "fail": "31", "error": "35"}


class Progress:
    """Writes lines as scripts end.

    Args:
        stream: where to, e.g. standard error.
        quiet: say nothing.
        total: number of scripts, where it is known.
    """

    def __init__(self, stream: TextIO, *, quiet: bool = False, total: int | None = None) -> None:
        self._stream = stream
        self._quiet = quiet
        self._total = total
        self._ended = 0
        self._lock = threading.Lock()
        self._coloured = stream.isatty() and "NO_COLOR" not in os.environ

    def __call__(self, result: ScriptResult) -> None:
        """Tell of a script that has ended."""
        if self._quiet:
            return
        with self._lock:
            self._ended += 1
            self._stream.write("".join(f"{line}\n" for line in self._lines(result)))
            self._stream.flush()

    def _lines(self, result: ScriptResult) -> list[str]:
        number = f"{self._ended}/{self._total} " if self._total else ""
        place = in_a_line(f"{result.suite}/{result.source or result.name}")
        counts = counts_in_words(tally([result]))
        head = f"{number}{place}  {counts}  {result.duration_ms / 1000:.1f} s"
        wrong = [case for case in cases_of(result) if case.verdict in ("fail", "error", "warning")]
        lines = [f"{self._word(result.verdict)}{head}"]
        lines += [self._reason(case) for case in wrong[:_MOST_REASONS]]
        if len(wrong) > _MOST_REASONS:
            lines.append(f"        and {len(wrong) - _MOST_REASONS} more")
        return lines

    def _reason(self, case: TestResult) -> str:
        reason = f"{in_a_line(case.name)}: {in_a_line(case.message) or 'no reason given'}"
        return f"        {self._word(case.verdict)}{reason}"

    def _word(self, verdict: Verdict) -> str:
        padded = f"{verdict:<8}"
        return f"\x1b[{_COLOURS[verdict]}m{padded}\x1b[0m" if self._coloured else padded


def summary(results: Sequence[ScriptResult]) -> str:
    """Make the table at the end: a row per suite and one for all, aligned, with rates. Pure."""
    rows = [["suite", "rate", *(WORDS[verdict] for verdict in VERDICTS)]]
    for name, members in by_suite(results).items():
        rows.append(_row(in_a_line(name), tally(members)))
    if len(rows) > 2:
        rows.append(_row("all", tally(results)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "".join(f"{_aligned(row, widths)}\n" for row in rows)


def _row(name: str, counts: Tally) -> list[str]:
    return [name, percent_in_words(counts), *(f"{counts[verdict]:,}" for verdict in VERDICTS)]


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    first = row[0].ljust(widths[0])
    rest = (cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
    return "  ".join((first, *rest))
