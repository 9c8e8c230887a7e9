"""All statements of a search share one limit."""

from functools import partial

import psycopg
import pytest

from fhirserver.errors import UnavailableError
from fhirserver.search.conditions import Fragment
from fhirserver.store.database import Database
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
