"""All statements of a search share one limit."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import partial

import psycopg
import pytest

from fhirserver.errors import UnavailableError
from fhirserver.search.conditions import Fragment
from fhirserver.store.database import Database
from fhirserver.store.hot_search import hot_runner
from fhirserver.store.search import run_statement
from fhirserver.store.search_time import within
from fhirserver.store.statement import StoreConnection
from tests.waiting import wait_for

NAP = Fragment("SELECT pg_sleep(%s)::text", (0.2,))
LONG = Fragment("SELECT pg_sleep(%s)::text", (600,))
TOLD = Fragment("SELECT current_setting('statement_timeout')")


def test_later_statements_get_what_is_left(database: Database) -> None:
    with database.search_connection() as connection:
        run = within(connection, partial(run_statement, connection), 1_000)
        assert list(run(TOLD)) == [("30s",)]
        list(run(NAP))
        ((left,),) = run(TOLD)
        assert 0 < int(left.removesuffix("ms")) <= 800
        with pytest.raises(psycopg.errors.QueryCanceled):
            run(LONG)
        with pytest.raises(UnavailableError, match="together"):
            run(TOLD)
        assert connection.execute("SHOW statement_timeout").fetchone() == ("30s",)


def test_searches_whose_plans_are_kept_have_no_more_time(database: Database) -> None:
    """They run beside writes, whose limit is another; a statement beyond theirs is cancelled."""
    used = []

    def search() -> None:
        with database.connection() as connection:
            used.append(connection)
            run = hot_runner(connection, 1_000)
            assert list(run(TOLD)) == [("5min",)]
            run(Fragment("SELECT pg_sleep(%s)::text", (Decimal(600),)))

    with pytest.raises(UnavailableError, match="too long"):
        search()
    assert used[0].closed
    with database.connection() as connection:
        assert list(hot_runner(connection, 0)(Fragment("SELECT 1"))) == [(1,)]


def test_others_go_on_while_an_answer_is_on_its_way(database: Database) -> None:
    """What PostgreSQL sends before it is done wakes the reader, which then must not stop others."""
    with database.connection() as holding, ThreadPoolExecutor(1) as beside:
        holding.execute("SELECT pg_advisory_lock(1)")

        def search() -> list[tuple[object, ...]]:
            with database.connection() as connection:
                sql = Fragment(
                    "SELECT repeat('x', 20000) UNION ALL"
                    " SELECT pg_advisory_xact_lock(%s)::text FROM generate_series(1, %s)",
                    (1, 1),
                )
                return list(hot_runner(connection, 60_000)(sql))

        found = beside.submit(search)
        wait_for(lambda: _is_waited_for(holding))
        holding.execute("SELECT pg_advisory_unlock(1)")
        assert found.result() == [("x" * 20_000,), ("",)]


def _is_waited_for(connection: StoreConnection) -> bool:
    row = connection.execute(
        "SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    ).fetchone()
    return row is not None


def test_what_fails_at_its_end_is_told(database: Database) -> None:
    """An autocommit statement's rows come before its transaction ends, and that may fail."""
    with database.connection() as connection:
        connection.execute("CREATE TEMP TABLE once (n int UNIQUE DEFERRABLE INITIALLY DEFERRED)")
        run = hot_runner(connection, 0)
        with pytest.raises(psycopg.errors.UniqueViolation):
            run(Fragment("INSERT INTO once VALUES (%s::int), (%s::int) RETURNING n", (1, 1)))
        connection.execute("DROP TABLE once")
