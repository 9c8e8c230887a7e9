"""The conditions of a search, with what the definitions say about their rows. Pure."""

from dataclasses import dataclass, replace

from fhirserver.definitions import MAIN_DATE, Definitions
from fhirserver.search.clauses import condition_of
from fhirserver.search.conditions import Condition, Rows, both
from fhirserver.search.confinement import Confinement, on_types, says_no_more
from fhirserver.search.granted import Confined
from fhirserver.search.query import Clause, Criterion, Query, taken_apart
from fhirserver.search.single import one_row

MERGED_MAX = 16
"""Combinations of alternatives up to which two date criteria become one test of a row."""

Found = tuple[tuple[Clause | None, Condition], ...]


@dataclass(frozen=True, slots=True)
class Draft:
    """What must hold, before it is decided where to begin.

    Attributes:
        found: conditions, each with the clause it comes from; None where it comes from access
            or the URL.
        confinement: types and patients that the search stays in.
        confined: the specification, and what the caller may see.
    """

    found: Found
    confinement: Confinement
    confined: Confined

    def conditions(self) -> tuple[Condition, ...]:
        """List all conditions."""
        return tuple(condition for _, condition in self.found)

    def beside(self, rows: Rows) -> tuple[Condition, ...]:
        """List the conditions that rows within the scope must still fulfil."""
        return tuple(
            condition
            for clause, condition in self.found
            if condition is not rows
            and not (
                isinstance(clause, Criterion)
                and says_no_more(clause, self.confinement, self.confined)
            )
        )


def draft_of(query: Query, confinement: Confinement, confined: Confined) -> Draft:
    """Turn the criteria of a query into conditions."""
    found: list[tuple[Clause | None, Condition]] = []
    for clause in taken_apart(query.criteria):
        kept = on_types(clause, confinement.types)
        condition = condition_of(kept, confined)
        if isinstance(kept, Criterion) and isinstance(condition, Rows):
            condition = _with_facts(condition, kept, confined.definitions)
            if _merge(found, condition):
                continue
        found.append((kept, condition))
    found += [(None, condition) for condition in confinement.conditions]
    return Draft(tuple(found), confinement, confined)


def _with_facts(rows: Rows, clause: Criterion, definitions: Definitions) -> Rows:
    """Add what the definitions say about the rows of a criterion."""
    if rows.table in ("date", "quantity"):
        if not one_row(clause.parameters, definitions):
            return rows
        main = all(MAIN_DATE.get(each.base) == each.code for each in clause.parameters)
        return replace(rows, single=True, main_date=main)
    if (
        rows.repeats
        and rows.sps == clause.sps
        and all(each.is_single for each in clause.parameters)
    ):
        return replace(rows, single=True)
    return rows


def _merge(found: list[tuple[Clause | None, Condition]], rows: Rows) -> bool:
    """Join criteria on a date that has one row at most: both then hold on the same row."""
    if rows.table != "date" or not rows.single:
        return False
    for number, (clause, known) in enumerate(found):
        if not isinstance(known, Rows) or (known.table, known.sps) != ("date", rows.sps):
            continue
        if len(known.alternatives) * len(rows.alternatives) > MERGED_MAX:
            continue
        alternatives = tuple(
            both(first, second) for first in known.alternatives for second in rows.alternatives
        )
        reaches = tuple(
            first.and_also(second) for first in known.reaches for second in rows.reaches
        )
        found[number] = (clause, replace(known, alternatives=alternatives, reaches=reaches))
        return True
    return False
