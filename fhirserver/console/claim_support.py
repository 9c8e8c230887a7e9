"""What the last runs of the conformance tool's suites say of each claim, as tables. Pure.

The tool names the proof of a claim by a line:

    Patient create                  an interaction of a type, or an element that promises something
    Patient?name                    a search parameter
    Patient?name:exact              with a modifier
    Patient?birthdate=ge            with a prefix
    Patient?_include=Patient:link   an include
    Patient?_revinclude=Account     the reverse includes from a type
    Patient/*/Observation           a type in a compartment
    Patient/$validate               an operation
    transaction, ?_id, format json  what is claimed of the whole system

Other lines are no claims, and are passed over. A claim is shown by a pass and by nothing else: a
warning, a skip and an error leave it open, as a failure does.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from fhirserver.definitions import Definitions

_CLAIM = re.compile(
    r"(?P<type>[A-Z][A-Za-z]*)(?:"
    r" (?P<interaction>[A-Za-z-]+)"
    r"|\?(?P<include>_include|_revinclude)=\S+"
    r"|\?(?P<code>[A-Za-z_][\w.-]*)(?P<how>:\S+|=[a-z]{2})?"
    r"|/\*/(?P<member>[A-Z][A-Za-z]*)"
    r"|/(?P<operation>\$[\w-]+))"
    r"|(?P<system>[?$]?[\w-]+|(?:format|patchFormat) \S+)",
    re.ASCII,
)
_PLAIN = "alone"


class Case(NamedTuple):
    """What became of one claim, in one run.

    Attributes:
        claim: the tool's line.
        verdict: pass, skip, warning, fail or error.
        reason: why it is not a pass.
    """

    claim: str
    verdict: str
    reason: str


@dataclass(slots=True)
class Count:
    """How many claims were tried, and how many of them were shown."""

    shown: int = 0
    tried: int = 0

    def __str__(self) -> str:
        """Give the cell of a table."""
        return f"{self.shown}" if self.shown == self.tried else f"{self.shown} of {self.tried}"


@dataclass(slots=True)
class Table:
    """Counts by row and column.

    Attributes:
        title: of the table.
        first: head of the column with the rows' names.
        rows: by name, counts by column.
    """

    title: str
    first: str
    rows: dict[str, dict[str, Count]] = field(default_factory=dict)

    @property
    def columns(self) -> list[str]:
        """Heads of the other columns: alone first, then modifiers, then prefixes."""
        found = {column for counts in self.rows.values() for column in counts}
        return sorted(found, key=lambda each: (each != _PLAIN, each[:1] != ":", each))

    def add(self, row: str, column: str, verdict: str) -> None:
        """Count one claim."""
        count = self.rows.setdefault(row, {}).setdefault(column, Count())
        count.tried += 1
        count.shown += verdict == "pass"

    def cells(self, row: str) -> list[str]:
        """Give a row's cells; what is not claimed is empty."""
        counts = self.rows[row]
        return [str(counts[column]) if column in counts else "" for column in self.columns]


def tables(cases: Iterable[Case], definitions: Definitions) -> list[Table]:
    """Count claims by what they are claims of.

    Returns:
        Searches by type of parameter, interactions by code, links, operations, the whole system;
        those without a claim are left out.
    """
    searches = Table("Search parameters", "type of parameter")
    interactions = Table("Interactions, and what else is stated of a type", "claim")
    links = Table("Includes and compartments", "claim")
    operations = Table("Operations", "operation")
    system = Table("The whole system", "claim")
    for case in cases:
        match = _CLAIM.fullmatch(case.claim)
        if match is None:
            continue
        found = match.groupdict()
        if found["code"]:
            known = definitions.search_parameters(found["type"]).get(found["code"])
            kind = "not of R4" if known is None else known.type
            searches.add(kind, _column(found["how"]), case.verdict)
        elif found["interaction"]:
            interactions.add(found["interaction"], "types", case.verdict)
        elif found["operation"]:
            operations.add(found["operation"], "types", case.verdict)
        elif found["system"]:
            system.add(found["system"], "shown", case.verdict)
        else:
            name = found["include"] or f"compartment of {found['type']}"
            links.add(name, "pairs of types or parameters", case.verdict)
    return [each for each in (searches, interactions, links, operations, system) if each.rows]


def of_type(cases: Iterable[Case], type_: str) -> list[Case]:
    """Give the claims of a resource type, those that are open first."""
    found = []
    for case in cases:
        match = _CLAIM.fullmatch(case.claim)
        if match is not None and match["type"] == type_:
            found.append(case)
    return sorted(found, key=lambda case: case.verdict == "pass")


def _column(how: str | None) -> str:
    return _PLAIN if how is None else how.removeprefix("=")
