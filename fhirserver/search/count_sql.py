"""How many resources match -> SQL. Pure.

    total_sql        what the total of a page is found by
    count_sql        all of them, or so many at most
    bounded_count    none at all where the source has more rows than the bound

The last tests no condition on what it does not count in the end: a search of very many costs
the look at the first rows, one of few what they cost, however many resources there are.
"""

from dataclasses import replace

from fhirserver.search.condition_sql import all_of, select, test
from fhirserver.search.conditions import ALWAYS, Fragment
from fhirserver.search.owners import owners_among
from fhirserver.search.phases import Phase, is_probe
from fhirserver.search.plan import Plan
from fhirserver.search.source import IndexSource, OwnerSource, is_found_by_value
from fhirserver.search.source_sql import (
    every_copy_of,
    looked_at,
    repeats,
    row_of,
    rows_of,
)
from fhirserver.search.sql import matches_of, page_query


def total_sql(plan: Plan, most: int) -> Fragment:
    """Find a first page's total.

    Returns:
        SQL of one number; more than `most`, or NULL, says that there is no certain one.
    """
    assert plan.counted is not None
    if plan.count == "accurate":
        return count_sql(plan.counted, None)
    if plan.count == "bounded" and not plan.is_confined:
        return bounded_count(plan.counted, most)
    return count_sql(plan.counted, most + 1)


def count_sql(phase: Phase, most: int | None) -> Fragment:
    """Count the resources of a phase.

    Args:
        phase: source and conditions, in the source's own order.
        most: stop counting there; None counts all.
    """
    if most is not None:
        found = page_query(phase, None, most)
    elif phase.space:
        matches, answer = matches_of(phase)
        found = select(f"DISTINCT {answer}", matches.text, Fragment("TRUE", matches.params))
    else:
        alias = row_of(phase).alias
        rows = rows_of(replace(phase, streamed=False))
        distinct = "DISTINCT " if repeats(phase.source) else ""
        every = select(f"{distinct}{alias}.rid", rows.table.text, rows.where)
        found = Fragment(every.text, rows.table.params + every.params)
    return select("count(*) AS total", f"({found.text}) c", Fragment("TRUE", found.params))


def bounded_count(phase: Phase, most: int) -> Fragment:
    """Count the resources of a phase, or give NULL where its source has more than `most` rows.

    It is for callers whom nothing confines: rows of what others may not see count.
    """
    rows, table = _looked_at(phase, most + 1)
    if rows is None:
        return count_sql(phase, most + 1)
    row = row_of(phase)._replace(probed=all(map(is_probe, phase.conditions)))
    tests = all_of([test(each, row) for each in phase.conditions])
    found = select("count(DISTINCT d.rid)", table.text, tests)
    total = select("count(*)", "looked_at", ALWAYS)
    return Fragment(
        f"WITH looked_at AS MATERIALIZED ({rows.text})"
        f" SELECT CASE WHEN ({total.text}) <= {most} THEN ({found.text}) END AS total",
        rows.params + table.params + tests.params,
    )


def _looked_at(phase: Phase, limit: int) -> tuple[Fragment | None, Fragment]:
    """Select the first rows of a source, and say how they are read as its rows `d`."""
    source = phase.source
    if isinstance(source, OwnerSource) and is_found_by_value(source.owners.rows):
        rows = every_copy_of(source.owners.rows)
        owners = owners_among(source.owners, "looked_at")
        text = " UNION ALL ".join([each.text for each in owners])
        table = Fragment(f"({text}) d", owners[0].params + owners[1].params)
        return Fragment(f"{rows.text} LIMIT %s", (*rows.params, limit)), table
    if isinstance(source, IndexSource) and not phase.space and not _is_confined(source):
        return looked_at(phase, limit), Fragment("looked_at d")
    return None, ALWAYS


def _is_confined(source: IndexSource) -> bool:
    """Whether it is read in the compartments of named patients, whose rows are few anyway."""
    return source.scope is not None and source.scope.answer is None
