"""The few hottest statements, prepared once per connection and sent through libpq directly.

psycopg's own execute spends more time on adapting parameters and rows than PostgreSQL spends on
a read by key. Everything that is not run thousands of times a second uses psycopg as usual.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import psycopg
from psycopg import errors, pq

from fhirserver.store import row_types

_ROW_TYPES = """
SELECT typname, oid::bigint FROM pg_type
WHERE typname = ANY (%s) AND typnamespace = current_schema()::regnamespace
"""
_PREPARED_MAX = 250
_NAME = re.compile(r"(?<![\w:]):(\w+)")
_FINE = (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK)


class StoreConnection(psycopg.Connection[Any]):
    """A connection that knows which statements it has prepared."""

    @cached_property
    def prepared(self) -> set[bytes]:
        """Names of the statements prepared on this connection."""
        return set()

    @cached_property
    def row_type_oids(self) -> dict[str, int]:
        """Type numbers of the row types of write statements, in this database."""
        return dict(self.execute(_ROW_TYPES, ([each.name for each in row_types.ALL],)).fetchall())


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL text whose parameters have been numbered.

    Attributes:
        text: with $1, $2 ...
        parameters: the parameters' names in that order.
        name: name under which connections prepare it.
    """

    text: bytes
    parameters: tuple[str, ...]
    name: bytes


def statement(sql: str) -> Statement:
    """Number the named parameters of a statement.

    Args:
        sql: parameters written as `:name`, each with a cast where its type is not evident.
    """
    parameters: dict[str, int] = {}
    text = _NAME.sub(lambda m: f"${parameters.setdefault(m[1], len(parameters) + 1)}", sql)
    name = "s" + hashlib.blake2b(text.encode(), digest_size=12).hexdigest()
    return Statement(text.encode(), tuple(parameters), name.encode())


def run(
    connection: StoreConnection, wanted: Statement, arguments: Mapping[str, bytes | None]
) -> pq.abc.PGresult:
    """Run a statement with binary arguments.

    Args:
        connection: in any transaction state; autocommit is up to its owner.
        wanted: prepared on the connection if it is not yet.
        arguments: by parameter name, packed as in `fhirserver.store.binary`.

    Returns:
        The result, values in binary format.

    Raises:
        psycopg.Error: the class of the server's SQLSTATE.
    """
    link = connection.pgconn
    if wanted.name not in connection.prepared:
        if len(connection.prepared) >= _PREPARED_MAX:
            command(connection, b"DEALLOCATE ALL")
            connection.prepared.clear()
        checked(connection, link.prepare(wanted.name, wanted.text))
        connection.prepared.add(wanted.name)
    # The stub forgets that a parameter may be NULL.
    values: list[Any] = [arguments[name] for name in wanted.parameters]
    result = link.exec_prepared(wanted.name, values, [1] * len(values), 1)
    return checked(connection, result)


def command(connection: StoreConnection, text: bytes) -> None:
    """Run a command without parameters, such as BEGIN."""
    checked(connection, connection.pgconn.exec_(text))


def begin(connection: StoreConnection) -> None:
    """Begin a transaction unless one is open."""
    if connection.pgconn.transaction_status == pq.TransactionStatus.IDLE:
        command(connection, b"BEGIN")


def checked(connection: StoreConnection, result: pq.abc.PGresult) -> pq.abc.PGresult:
    """Give back a result that is fine.

    Raises:
        psycopg.Error: the class of the server's SQLSTATE; OperationalError when it is gone.
    """
    if result.status in _FINE:
        return result
    # An error without SQLSTATE is libpq's own: PostgreSQL was gone before it could answer.
    lost = result.error_field(pq.DiagnosticField.SQLSTATE) is None
    if lost or connection.pgconn.status == pq.ConnStatus.BAD:
        connection.close()
        raise errors.OperationalError("the connection to the database was lost")
    raise errors.error_from_result(result)
