"""Searches that need no planning: pages within one patient's compartment.

Such a page reads one index in its order and looks every other condition up exactly
(`Phase.streamed`), so one plan is right for all values. It is prepared once per connection like
the statements of reads and writes, and its parameters travel as text, whose types the statement
knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any

from psycopg import pq

from fhirserver.search.conditions import Fragment
from fhirserver.search.phases import Phase
from fhirserver.search.plan import Plan
from fhirserver.search.source import IndexSource
from fhirserver.store import binary
from fhirserver.store.statement import Statement, StoreConnection, checked, statement

CONDITIONS_MAX = 4
ALTERNATIVES_MAX = 2
PREPARED_MAX = 150
"""Statements of one connection beyond which a search is planned each time: each costs memory."""

_INT2_OID, _INT4_OID, _INT8_OID, _TEXT_OID = 21, 23, 20, 25


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
    return _rows(checked(connection, link.exec_prepared(wanted.name, values, None, 1)))


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
    if value is None:
        return None
    if isinstance(value, (list, tuple)):
        return ("{" + ",".join(map(_element, value)) + "}").encode()
    if isinstance(value, (int, str, Decimal)):
        return str(value).encode()
    raise TypeError(type(value).__name__)


def _element(value: object) -> str:
    if isinstance(value, int):
        return str(value)
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def _rows(result: pq.abc.PGresult) -> Iterator[tuple[Any, ...]]:
    columns: Sequence[Any] = [_reader(result.ftype(number)) for number in range(result.nfields)]
    for row in range(result.ntuples):
        yield tuple(read(result.get_value(row, number)) for number, read in enumerate(columns))


def _reader(oid: int) -> Any:
    return _READERS.get(oid, _as_it_is)


def _as_it_is(value: bytes | None) -> bytes | None:
    return value


def _read_text(value: bytes | None) -> str | None:
    return None if value is None else value.decode()


_READERS: dict[int, Any] = {
    _INT2_OID: binary.read_int2,
    _INT4_OID: binary.read_int4,
    _INT8_OID: binary.read_int8,
    _TEXT_OID: _read_text,
}
