"""Searches that need no planning: one plan is right for all their values.

    within one patient's compartment   a page reads one index in its order, and looks every other
                                       condition up exactly (`Phase.streamed`)
    across patients                    a page is the beginning of an index, or of a few ranges of
                                       it, and nothing else is asked for

Such a statement is prepared once per connection like those of reads and writes, and its parameters
travel as text, whose types the statement knows. Across patients an accurate total or an estimate
takes as long as there are rows; it stays with the other searches, whose connections it may hold up.
"""

from __future__ import annotations

import select
import time
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from psycopg import pq
from psycopg.adapt import Transformer

from fhirserver.search.conditions import Condition, Fragment, Not, Rows
from fhirserver.search.phases import Phase
from fhirserver.search.plan import Plan
from fhirserver.search.source import IndexSource
from fhirserver.store.include import Run
from fhirserver.store.parameter_text import parameter_text
from fhirserver.store.statement import Statement, StoreConnection, checked, statement

CONDITIONS_MAX = 4
ALTERNATIVES_MAX = 2
RANGES_MAX = 4
"""Ranges of dates and of values across patients; a date with prefix is three at most."""
TESTS_MAX = 32
"""Alternatives of all conditions: texts of a thousand would be kept as often as they differ."""
PREPARED_MAX = 150
"""Statements of one connection beyond which a search is planned each time: each costs memory."""


def is_hot(plan: Plan) -> bool:
    """Tell whether every page of a plan, and its total, reads as described above."""
    if not plan.phases or plan.limit == 0:
        return False
    if all(map(_is_within_a_patient, plan.phases)):
        return True
    return plan.count in ("none", "bounded") and all(map(_is_an_index, plan.phases))


def hot_runner(connection: StoreConnection, limit_ms: int) -> Run:
    """Give a function that runs SQL whose plan is kept, all of it within one time.

    The connection's own limit is that of writes, and telling PostgreSQL another costs a round trip
    more than such a search has; so this side looks at the clock, and cancels.

    Args:
        connection: of the main pool, autocommit.
        limit_ms: from now; 0 for none.

    Returns:
        A function that raises psycopg.Error, the class of the server's SQLSTATE.
    """
    ends = time.monotonic() + limit_ms / 1000 if limit_ms else None

    def run_hot(sql: Fragment) -> Iterable[tuple[Any, ...]]:
        wanted = _numbered(sql.text)
        # The stub forgets that a parameter may be NULL.
        values: list[Any] = [parameter_text(value) for value in sql.params]
        link = connection.pgconn
        if _is_prepared(connection, wanted):
            link.send_query_prepared(wanted.name, values, None, 1)
        else:
            link.send_query_params(wanted.text, values, None, None, 1)
        result = _result(connection, ends)
        loader = Transformer()  # knows no connection: UTF-8, as the parameters are
        loader.set_pgresult(result)
        return loader.load_rows(0, result.ntuples, tuple)

    return run_hot


def _is_prepared(connection: StoreConnection, wanted: Statement) -> bool:
    """Prepare a statement, unless the connection keeps enough plans already."""
    if wanted.name in connection.prepared:
        return True
    if len(connection.prepared) >= PREPARED_MAX:
        return False
    checked(connection, connection.pgconn.prepare(wanted.name, wanted.text))
    connection.prepared.add(wanted.name)
    return True


def _result(connection: StoreConnection, ends: float | None) -> pq.abc.PGresult:
    """Wait for a result, and for the end of its transaction, which may fail as well.

    A statement whose time is over is cancelled, and raises so.
    """
    link = connection.pgconn
    found: list[pq.abc.PGresult] = []
    late = False
    while True:
        if not late and not _has_answered(link, ends):
            late = True
            link.get_cancel().cancel()
        if late:
            _has_answered(link, None)
        result = link.get_result()
        if result is None:
            break
        found.append(result)
    try:
        for each in found:
            checked(connection, each)
    finally:
        if late:
            connection.close()  # the signal may come after the result, and meet another statement
    return found[0]


def _has_answered(link: pq.abc.PGconn, ends: float | None) -> bool:
    """Wait until libpq can give what comes next, or until a moment of the monotonic clock.

    libpq itself would wait with the interpreter's lock held: nothing else could run.
    """
    waiting = select.poll()
    waiting.register(link.socket, select.POLLIN)
    while (unsent := link.flush()) or link.is_busy():
        waiting.modify(link.socket, select.POLLIN | (select.POLLOUT if unsent else 0))
        left = None if ends is None else max(0, 1000 * (ends - time.monotonic()))
        if not waiting.poll(left):
            return False
        link.consume_input()
    return True


def _is_within_a_patient(phase: Phase) -> bool:
    return (
        phase.streamed
        and len(phase.conditions) <= CONDITIONS_MAX
        and sum(map(_alternatives, phase.conditions)) <= TESTS_MAX
        and isinstance(phase.source, IndexSource)
        and len(phase.source.rows.alternatives) <= ALTERNATIVES_MAX
    )


def _is_an_index(phase: Phase) -> bool:
    if phase.conditions or phase.joined or phase.space:
        return False
    source = phase.source
    return isinstance(source, IndexSource) and source.scope is None and _is_in_order(source.rows)


def _is_in_order(rows: Rows) -> bool:
    """Whether an index gives all rows of one parameter in their order, in a few ranges."""
    return (
        bool(rows.order)
        and len(rows.sps) == 1
        and not rows.listed
        and len(rows.alternatives) <= RANGES_MAX
    )


def _alternatives(condition: Condition) -> int:
    """Count what a streamed phase's condition looks up."""
    if isinstance(condition, Not):
        return _alternatives(condition.condition)
    return len(condition.alternatives) if isinstance(condition, Rows) else 1


@lru_cache(maxsize=1024)
def _numbered(text: str) -> Statement:
    parts = text.split("%s")
    named = parts[0] + "".join(f":p{n} {part}" for n, part in enumerate(parts[1:]))
    return statement(named)
