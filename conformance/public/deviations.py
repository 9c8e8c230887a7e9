"""The reviewed table of what fails and may: `deviations.json`, a row per reason.

    suite   name of a suite
    case    glob on "file: case", in which * stands for anything
    kind    deviation      we read the standard otherwise, or use a freedom that it gives
            not-offered    asks for what the server does not claim
            script-fault   the case contradicts the standard, or itself
            advice         asks for more than the standard does
    reason  why, in our words
    spec    address of the section that justifies it

A failure without a row is to be fixed in the server or reviewed. A row none of whose cases fails
any more is to be taken off. `warning` verdicts are advice by themselves and need no row.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files

import msgspec

from fhirserver_conformance.report.tally import cases_of
from fhirserver_conformance.results import ScriptResult

KINDS = {
    "deviation": "we read the standard otherwise, or use a freedom that it gives",
    "not-offered": "asks for what the server does not claim",
    "script-fault": "the case contradicts the standard, or itself",
    "advice": "asks for more than the standard does",
}


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One row of the table; see the module."""

    suite: str
    case: str
    kind: str
    reason: str
    spec: str

    def covers(self, suite: str, name: str) -> bool:
        """Tell whether a case is one of this row's."""
        pattern = ".*".join(map(re.escape, self.case.split("*")))
        return suite == self.suite and re.fullmatch(pattern, name, re.DOTALL) is not None


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs from the table.

    Attributes:
        known: (failing case, its row).
        unexplained: failing cases without a row, each "suite/file: case – reason".
        stale: rows of suites that ran, none of whose cases fails.
    """

    known: tuple[tuple[str, Row], ...]
    unexplained: tuple[str, ...]
    stale: tuple[Row, ...]

    @property
    def agrees(self) -> bool:
        """Whether the table says all that failed, and nothing else."""
        return not self.unexplained and not self.stale


def read_table(raw: bytes | None = None) -> tuple[Row, ...]:
    """Read the table.

    Args:
        raw: its JSON; what comes with this package where None.

    Raises:
        ValueError: a row is not as it should be.
    """
    if raw is None:
        raw = files(__package__).joinpath("deviations.json").read_bytes()
    rows = msgspec.json.decode(raw, type=tuple[Row, ...])
    for row in rows:
        if row.kind not in KINDS:
            raise ValueError(f"{row.suite}, {row.case}: kind {row.kind!r} is none of {list(KINDS)}")
    return rows


def compare(results: Iterable[ScriptResult], table: Sequence[Row]) -> Comparison:
    """Compare a run with the table. Pure.

    A row of a suite that did not run is not looked at.
    """
    known: list[tuple[str, Row]] = []
    unexplained: list[str] = []
    ran: set[str] = set()
    for result in results:
        ran.add(result.suite)
        for case in cases_of(result):
            if case.verdict not in ("fail", "error"):
                continue
            name = f"{result.source}: {case.name}"
            row = next((each for each in table if each.covers(result.suite, name)), None)
            if row is None:
                unexplained.append(f"{result.suite}/{name} – {case.message}")
            else:
                known.append((f"{result.suite}/{name}", row))
    used = {row for _, row in known}
    stale = (row for row in table if row.suite in ran and row not in used)
    return Comparison(tuple(known), tuple(unexplained), tuple(stale))
