"""What becomes of a statement whose connection is gone."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from fhirserver.store.statement import StoreConnection, command, run, statement

_ONE = statement("SELECT 1")


@pytest.fixture
def connection(database_url: str) -> Iterator[StoreConnection]:
    with StoreConnection.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.mark.parametrize(
    "direction",
    [
        pytest.param(socket.SHUT_RD, id="answers-lost"),
        pytest.param(socket.SHUT_WR, id="commands-lost"),
        pytest.param(socket.SHUT_RDWR, id="both-lost"),
        pytest.param(None, id="no-socket-any-more"),
    ],
)
def test_a_lost_connection_is_an_operational_error(
    connection: StoreConnection, direction: int | None
) -> None:
    run(connection, _ONE, {})
    if direction is None:
        with Path(os.devnull).open("r+b") as nothing:
            os.dup2(nothing.fileno(), connection.pgconn.socket)
    else:
        with socket.socket(fileno=os.dup(connection.pgconn.socket)) as link:
            link.shutdown(direction)
    with pytest.raises(psycopg.OperationalError):
        run(connection, _ONE, {})
    with pytest.raises(psycopg.OperationalError):
        command(connection, b"BEGIN")
