"""All statements of a search share one limit."""

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
