"""Searches that need no planning: pages within one patient's compartment.

Such a page reads one index in its order and looks every other condition up exactly
(`Phase.streamed`), so one plan is right for all values. It is prepared once per connection like
the statements of reads and writes, and its parameters travel as text, whose types the statement
knows.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from functools import lru_cache
from typing import Any

from psycopg.adapt import Transformer

from fhirserver.search.conditions import Fragment
from fhirserver.search.phases import Phase
from fhirserver.search.plan import Plan
from fhirserver.search.source import IndexSource
from fhirserver.store.statement import Statement, StoreConnection, checked, statement

CONDITIONS_MAX = 4
ALTERNATIVES_MAX = 2
PREPARED_MAX = 150
"""Statements of one connection beyond which a search is planned each time: each costs memory."""


def is_hot(plan: Plan) -> bool:
    """Tell whether every page of a plan reads as described above."""
    return bool(plan.phases) and plan.limit > 0 and all(map(_is_hot, plan.phases))


def run_hot(connection: StoreConnection, sql: Fragment) -> Iterable[tuple[Any, ...]]:
    """Run SQL whose plan is kept, unless the connection keeps enough plans already.

    Raises:
        psycopg.Error: the class of the server's SQLSTATE.
    """
    wanted = _numbered(sql.text)
    link = connection.pgconn
    if wanted.name not in connection.prepared:
        if len(connection.prepared) >= PREPARED_MAX:
            return connection.execute(sql.text.encode(), sql.params, binary=True)
        checked(connection, link.prepare(wanted.name, wanted.text))
        connection.prepared.add(wanted.name)
    # The stub forgets that a parameter may be NULL.
    values: list[Any] = [_text(value) for value in sql.params]
    result = checked(connection, link.exec_prepared(wanted.name, values, None, 1))
    loader = Transformer()  # knows no connection: UTF-8, as the parameters are
    loader.set_pgresult(result)
    return loader.load_rows(0, result.ntuples, tuple)


def _is_hot(phase: Phase) -> bool:
    return (
        phase.streamed
        and len(phase.conditions) <= CONDITIONS_MAX
        and isinstance(phase.source, IndexSource)
        and len(phase.source.rows.alternatives) <= ALTERNATIVES_MAX
    )


@lru_cache(maxsize=1024)
def _numbered(text: str) -> Statement:
    parts = text.split("%s")
    named = parts[0] + "".join(f":p{n} {part}" for n, part in enumerate(parts[1:]))
    return statement(named)


def _text(value: object) -> bytes | None:
    """Write a parameter as PostgreSQL reads it."""
    match value:
        case str():
            return value.encode()
        case int():
            return b"%d" % value
        case None:
            return None
        case list() | tuple():
            return ("{" + ",".join(map(_element, value)) + "}").encode()
        case Decimal():
            return str(value).encode()
        case _:
            raise TypeError(type(value).__name__)


def _element(value: object) -> str:
    if isinstance(value, int):
        return str(value)
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
