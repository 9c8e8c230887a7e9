"""What PostgreSQL itself says of a search's statements: its own time, and the pages it looked at.

Unlike latencies these hardly depend on what else the machine does, so they tell plans apart.
"""

import statistics
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from fhirserver.definitions import r4
from fhirserver.search.context import SearchContext
from fhirserver.search.count_sql import total_sql
from fhirserver.search.granted import everything
from fhirserver.search.parse import parse
from fhirserver.search.plan import Plan, make_plan
from fhirserver.search.sql import page_query, page_sql
from fhirserver.store.database import Database, now_us
from fhirserver.store.hot_search import is_hot
from fhirserver.store.search import COUNTED_MAX


class Cost(NamedTuple):
    """What one search costs PostgreSQL, includes left out.

    Attributes:
        planning_ms, execution_ms: of the page and of its total.
        buffers: pages of 8 kB looked at, whether in memory or not.
        scanned: tables read from end to end.
    """

    planning_ms: float
    execution_ms: float
    buffers: int
    scanned: frozenset[str]


def costs(database: Database, paths: Sequence[str]) -> list[Cost]:
    """Run the statements of some searches under EXPLAIN, each twice, and give the second."""
    return [[_cost(database, path) for _ in range(2)][-1] for path in paths]


def middle_and_most(numbers: Sequence[float]) -> tuple[float, float]:
    """Give median and maximum."""
    return statistics.median(numbers), max(numbers)


def _cost(database: Database, path: str) -> Cost:
    type_name, _, query = path.partition("?")
    context = SearchContext(r4(), None, now_us())
    parsed = parse(parse_qsl(query, keep_blank_values=True), (type_name,), context)
    plan = make_plan(parsed, context, everything)
    lend = database.connection if is_hot(plan) else database.search_connection
    told = []
    with lend() as connection:
        for sql in _statements(plan):
            text = f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) {sql.text}"
            told.append(connection.execute(text.encode(), sql.params).fetchall()[0][0][0])
    roots = [each["Plan"] for each in told]
    return Cost(
        sum(each["Planning Time"] for each in told),
        sum(each["Execution Time"] for each in told),
        sum(root["Shared Hit Blocks"] + root["Shared Read Blocks"] for root in roots),
        frozenset(name for root in roots for name in _scanned(root)),
    )


def _statements(plan: Plan) -> Iterator[Any]:
    phase = plan.phases[0]
    page = page_query(phase, None, plan.limit + 1)
    yield page_sql(page, phase, backward=False, audit=None)
    if plan.counted is not None and plan.count != "none":
        yield total_sql(plan, COUNTED_MAX)


def _scanned(node: dict[str, Any]) -> Iterator[str]:
    if node["Node Type"] == "Seq Scan":
        yield node["Relation Name"]
    for below in node.get("Plans", ()):
        yield from _scanned(below)
