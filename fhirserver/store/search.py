"""Run plans: one page of matches with its total, its neighbours and what it includes.

The first statement of a page writes the audit row; where something is included, the last one does,
as the row names that too. Either way it is there before an answer leaves. Pages and totals are
statements of their own snapshots: a total may differ from the pages by what was written in between.

How a total is found:
    none       not at all
    bounded    (the default) for nothing where the first page holds everything, else counted where
               the search begins with COUNTED_MAX rows at most; beyond that there is no total
    estimate   counted up to COUNTED_MAX, beyond which the query planner estimates
    accurate   counted
Later pages repeat the total of the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

from psycopg import Connection

from fhirserver.errors import InvalidSearchError
from fhirserver.model.stored import StoredResource
from fhirserver.search.conditions import Fragment
from fhirserver.search.context import SearchContext
from fhirserver.search.count_sql import count_sql, total_sql
from fhirserver.search.each_token import each_token_sql
from fhirserver.search.granted import Confine
from fhirserver.search.order import KeyValue, Position
from fhirserver.search.params.token import TokenValue
from fhirserver.search.plan import Plan, make_plan
from fhirserver.search.query import Query
from fhirserver.search.sql import page_query, page_sql
from fhirserver.store.audit_row import AuditRow
from fhirserver.store.contained import cut_out
from fhirserver.store.database import Database
from fhirserver.store.hot_search import hot_runner, is_hot
from fhirserver.store.include import Found, Included, Run, include
from fhirserver.store.parameter_text import with_arrays_as_text
from fhirserver.store.schema import method_name
from fhirserver.store.search_audit import audit_sql, shown_of_page, shown_with, tell
from fhirserver.store.search_time import within

COUNTED_MAX = 1_000

_FIND = "SELECT r.id, r.version FROM ({page}) page JOIN resource r ON r.rid = page.rid"


@dataclass(frozen=True, slots=True)
class SearchPage:
    """One page of an answer.

    Attributes:
        matches: in the order asked for.
        includes: what the matches refer to or are referred to by; not counted in the total.
        total: matches on all pages; None if unknown or not wanted.
        next: where the next page begins; None after the last.
        previous: where the page before ends; None before the first.
        last: the end, from which the last page is read back; None where the total is not certain.
        includes_cut: more was to be included than the limit allows.
    """

    matches: tuple[StoredResource, ...] = ()
    includes: tuple[StoredResource, ...] = ()
    total: int | None = None
    next: Position | None = None
    previous: Position | None = None
    last: Position | None = None
    includes_cut: bool = False


class Row(NamedTuple):
    """A match, and where it stands in the order."""

    phase: int
    values: tuple[KeyValue, ...]
    found: Found


def execute(database: Database, plan: Plan, audit: AuditRow) -> SearchPage:
    """Run a plan.

    Raises:
        UnavailableError: the statements took longer than the limit, or there is no connection.
        InvalidSearchError: the plan's position is not one of this search.
    """
    limit_ms = database.statement_timeout_ms
    if is_hot(plan):
        with database.connection() as connection:
            return _run_plan(connection, hot_runner(connection, limit_ms), plan, audit)
    with database.search_connection() as connection:
        run = within(connection, partial(run_statement, connection), limit_ms)
        return _run_plan(connection, run, plan, audit)


def run_statement(connection: Connection[Any], sql: Fragment) -> Iterable[tuple[Any, ...]]:
    """Run one statement, planned for its values."""
    # psycopg's types take a literal string or bytes; the text holds no values.
    return connection.execute(sql.text.encode(), with_arrays_as_text(sql.params), binary=True)


def _run_plan(connection: Connection[Any], run: Run, plan: Plan, audit: AuditRow) -> SearchPage:
    if not plan.phases:
        tell(connection, plan, audit)
        return SearchPage(total=None if plan.count == "none" else 0)
    if plan.limit == 0:
        return SearchPage(total=_total_only(run, plan, audit))
    includes = bool(plan.query.include or plan.query.revinclude)
    rows, more = _read_page(run, plan, None if includes else audit)
    matches = [row.found for row in rows]
    included = Included()
    if includes:
        included = include(run, plan, matches)
        tell(connection, plan, audit, shown_with(matches, included))
    total = _total(run, plan, len(rows), complete=plan.position is None and not more)
    return SearchPage(
        tuple(found.stored for found in matches),
        tuple(included.resources),
        total,
        _next(plan, rows, more, total),
        _previous(plan, rows, more, total),
        _last(plan, more, total),
        included.cut,
    )


def find_matches(
    connection: Connection[Any],
    parsed: Query,
    context: SearchContext,
    confine: Confine,
    most: int,
) -> list[tuple[str, int]]:
    """Find what a condition selects, in the caller's transaction.

    Args:
        connection: in a transaction or not.
        parsed: the condition.
        context: what it was parsed with.
        confine: what the caller may see.
        most: matches beyond this number are left out.

    Returns:
        (logical id, version) of the matches, in no special order.
    """
    plan = make_plan(parsed, context, confine)
    found: list[tuple[str, int]] = []
    for phase in plan.phases:
        page = page_query(phase, None, most)
        text = _FIND.replace("{page}", page.text)
        found += connection.execute(text.encode(), page.params, binary=True).fetchall()
    return found[:most]


def find_each(
    connection: Connection[Any], plan: Plan, tokens: Sequence[TokenValue], most: int
) -> list[list[tuple[str, int]]]:
    """Find what each of several conditions selects that differ in one token, in one statement.

    Args:
        connection: in a transaction or not.
        plan: of one of them, see `only_token`.
        tokens: what the conditions ask for.
        most: matches of each beyond this number are left out.

    Returns:
        For each token (logical id, version) of the matches.
    """
    found: list[list[tuple[str, int]]] = [[] for _ in tokens]
    if not plan.phases:
        return found
    sql = each_token_sql(plan, tokens, most)
    for number, id_, version in run_statement(connection, sql):
        found[number].append((id_, version))
    return found


def first_matches(run: Run, plan: Plan) -> list[Found]:
    """Read a first page that somebody else has audited."""
    return [row.found for row in _read_page(run, plan, None)[0]]


def _read_page(run: Run, plan: Plan, audit: AuditRow | None) -> tuple[list[Row], bool]:
    """Read a page, phase by phase, and tell whether there is more in its direction."""
    position = plan.position or Position()
    _check_position(plan, position)
    rows: list[Row] = []
    numbers = (
        range(position.phase, -1, -1)
        if position.backward
        else range(position.phase, len(plan.phases))
    )
    told = None if audit is None else audit_sql(plan, audit, shown_of_page(plan.limit))
    for number in numbers:
        start = position if number == position.phase else replace(position, values=())
        wanted = plan.limit + 1 - len(rows)
        rows += _read_phase(run, plan, (number, start, wanted), told)
        told = None
        if len(rows) > plan.limit:
            break
    more = len(rows) > plan.limit
    rows = rows[: plan.limit]
    return (rows[::-1] if position.backward else rows), more


def _read_phase(
    run: Run,
    plan: Plan,
    part: tuple[int, Position, int],
    audit: Fragment | None,
) -> list[Row]:
    number, position, wanted = part
    phase = plan.phases[number]
    page = page_query(phase, position, wanted)
    sql = page_sql(page, phase, backward=position.backward, audit=audit)
    type_name = plan.confined.definitions.type_name
    rows: list[Row] = []
    for rid, tid, id, version, updated, method, body, keys, *more in run(sql):
        stored = StoredResource(
            rid, type_name(tid), id, version, updated, method_name(method), body
        )
        found, values = Found(stored, keys), tuple(more[: len(phase.keys)])
        if phase.space and not phase.whole:
            kind, container, place = more[len(phase.keys) :]
            found = cut_out(found, f"{type_name(kind)}/{container}", place)
        rows.append(Row(number, values, found))
    return rows


def _check_position(plan: Plan, position: Position) -> None:
    fits = position.phase < len(plan.phases) and (
        not position.values or len(position.values) == len(plan.phases[position.phase].keys)
    )
    if not fits:
        raise InvalidSearchError("The paging link belongs to another search; start again.")


def _next(plan: Plan, rows: Sequence[Row], more: bool, total: int | None) -> Position | None:
    position = plan.position
    backward = position is not None and position.backward
    if not rows or not (more or backward) or (position is not None and position.is_end):
        return None
    last = rows[-1]
    return Position(last.phase, last.values, False, total, plan.as_of_us)


def _previous(plan: Plan, rows: Sequence[Row], more: bool, total: int | None) -> Position | None:
    if plan.position is None or not rows:
        return None
    if plan.position.backward and not more:
        return None
    first = rows[0]
    return Position(first.phase, first.values, True, total, plan.as_of_us)


def _last(plan: Plan, more: bool, total: int | None) -> Position | None:
    at_first = plan.position is None and not more
    if total is None or plan.count == "estimate" or at_first:
        return None
    return Position(len(plan.phases) - 1, (), True, total, plan.as_of_us)


def _total(run: Run, plan: Plan, matches: int, *, complete: bool) -> int | None:
    if plan.count == "none":
        return None
    if complete:
        return matches
    if plan.position is not None and (plan.position.total is not None or plan.count == "bounded"):
        return plan.position.total
    return _count(run, plan)


def _count(run: Run, plan: Plan) -> int | None:
    assert plan.counted is not None
    total = _one(run, total_sql(plan, COUNTED_MAX))
    if plan.count == "accurate" or (total is not None and total <= COUNTED_MAX):
        return total
    if plan.count == "bounded":
        return None
    return max(COUNTED_MAX + 1, _estimate(run, count_sql(plan.counted, None)))


def _estimate(run: Run, counting: Fragment) -> int:
    """Ask the query planner how many rows there are to count."""
    (row,) = run(Fragment("EXPLAIN (FORMAT JSON) " + counting.text, counting.params))
    return int(row[0][0]["Plan"]["Plans"][0]["Plan Rows"])


def _total_only(run: Run, plan: Plan, audit: AuditRow) -> int:
    assert plan.counted is not None
    counting = count_sql(plan.counted, None)
    told = audit_sql(plan, audit)
    audited = f"WITH audited AS ({told.text}) {counting.text}"
    return _one(run, Fragment(audited, told.params + counting.params)) or 0


def _one(run: Run, sql: Fragment) -> int | None:
    (row,) = run(sql)
    return None if row[0] is None else int(row[0])
