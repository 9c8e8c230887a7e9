"""How PostgreSQL would run a plan, or did: for administrators, without a value of anybody.

The statements are those of a first page, of its total and of what it includes. Of PostgreSQL's
EXPLAIN only names, kinds and numbers are kept: its conditions and sort keys hold values.

    Index Scan on token using token_code (rows 12 cost 8.3; actual 9 in 0.04 ms, 1 loop)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any

from psycopg import Connection

from fhirserver.search.conditions import Fragment
from fhirserver.search.plan import Plan
from fhirserver.search.sql import count_sql, page_query
from fhirserver.store.audit_row import AuditRow
from fhirserver.store.database import Database
from fhirserver.store.hot_search import is_hot
from fhirserver.store.include import include
from fhirserver.store.search import COUNTED_MAX, first_matches, run_statement
from fhirserver.store.search_audit import tell


@dataclass(frozen=True, slots=True)
class Explained:
    """One statement of a search.

    Attributes:
        purpose: "page 1" for the first part of the answer, ..., "total", "include 1", ...
        sql: text, its parameters written $1, $2 ...
        parameters: how many.
        planning_ms: time for PostgreSQL's plan.
        execution_ms: time to run it; None where it did not run.
        nodes: PostgreSQL's plan, a line per node, two blanks deeper for what feeds another.
    """

    purpose: str
    sql: str
    parameters: int
    planning_ms: float
    execution_ms: float | None
    nodes: tuple[str, ...]


def explain(database: Database, plan: Plan, audit: AuditRow, *, run: bool) -> list[Explained]:
    """Explain the statements of a plan, on the kind of connection that would run it.

    Args:
        database: where.
        plan: of a first page.
        audit: written first.
        run: also run each statement, for its times and counts. Those of includes depend on what
            is found; they are left out otherwise.

    Raises:
        UnavailableError: a statement took longer than the limit, or there is no connection.
    """
    lend = database.connection if is_hot(plan) else database.search_connection
    with lend() as connection:
        tell(connection, plan, audit)
        found = [_explained(connection, name, sql, run=run) for name, sql in _statements(plan)]
        return [*found, *_includes(connection, plan)] if run and plan.limit else found


def _includes(connection: Connection[Any], plan: Plan) -> list[Explained]:
    """Explain what a first page includes, a statement after the other."""
    found: list[Explained] = []
    if not (plan.query.include or plan.query.revinclude):
        return found

    def run(sql: Fragment) -> Iterable[tuple[Any, ...]]:
        found.append(_explained(connection, f"include {len(found) + 1}", sql, run=True))
        return run_statement(connection, sql)

    include(run, plan, first_matches(partial(run_statement, connection), plan))
    return found


def _statements(plan: Plan) -> Iterator[tuple[str, Fragment]]:
    if plan.limit:
        for number, phase in enumerate(plan.phases, 1):
            yield f"page {number}", page_query(phase, None, plan.limit + 1)
    if plan.counted is not None and plan.count != "none":
        most = None if plan.count == "accurate" else COUNTED_MAX + 1
        yield "total", count_sql(plan.counted, most)


def _explained(connection: Connection[Any], purpose: str, sql: Fragment, *, run: bool) -> Explained:
    how = "ANALYZE, TIMING" if run else "SUMMARY"
    text = f"EXPLAIN ({how}, FORMAT JSON) {sql.text}"
    ((told,),) = connection.execute(text.encode(), sql.params).fetchall()
    return Explained(
        purpose,
        numbered(sql.text),
        len(sql.params),
        told[0]["Planning Time"],
        told[0].get("Execution Time"),
        tuple(_lines(told[0]["Plan"], 0)),
    )


def numbered(text: str) -> str:
    """Write the places of parameters as PostgreSQL does: $1, $2 ..."""
    numbers = count(1)
    first, *rest = text.split("%s")
    return first + "".join(f"${next(numbers)}{part}" for part in rest)


def _lines(node: dict[str, Any], depth: int) -> Iterator[str]:
    words = [node["Node Type"]]
    for word, name in (("on", "Relation Name"), ("using", "Index Name")):
        words += [f"{word} {node[name]}"] if name in node else []
    told = f"rows {node['Plan Rows']} cost {node['Total Cost']}"
    if "Actual Rows" in node:
        told += (
            f"; actual {node['Actual Rows']} in {node['Actual Total Time']} ms,"
            f" {node['Actual Loops']} loops"
        )
    yield f"{'  ' * depth}{' '.join(words)} ({told})"
    for below in node.get("Plans", ()):
        yield from _lines(below, depth + 1)
