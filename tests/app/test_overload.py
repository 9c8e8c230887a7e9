"""More than a server can bear: slow senders, greedy clients, a database without room."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.server import ServerProcess
from tests.waiting import wait_for

ABANDONED_LIMIT = 16


@pytest.fixture
def hasty(server_database_url: str, tmp_path: Path) -> Iterator[ServerProcess]:
    """A server of one worker that waits a second for a body and lets one client do much."""
    arguments = ("--database-url", server_database_url, "--data-dir", str(tmp_path / "data"))
    settings = {"FHIRSERVER_BODY_DEADLINE_S": "1", "FHIRSERVER_CLIENT_CONCURRENCY": "1000"}
    with ServerProcess(tmp_path / "log", (*arguments, "--workers", "1"), settings) as running:
        yield running


def connect(server: ServerProcess, source: str = "127.0.0.1") -> socket.socket:
    parts = urlsplit(server.base)
    assert parts.hostname
    assert parts.port
    return socket.create_connection((parts.hostname, parts.port), 60, (source, 0))


def begin_post(connection: socket.socket) -> None:
    """Announce a body and send one octet of it."""
    connection.sendall(
        b"POST /fhir/Patient HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/fhir+json\r\n"
        b"Content-Type: application/fhir+json\r\nContent-Length: 1000\r\n\r\n{"
    )


def status_of(connection: socket.socket) -> int:
    """Read the status of an answer; nothing is left of it, and the connection stays open."""
    received = b""
    while b"\r\n\r\n" not in received:
        part = connection.recv(65536)
        assert part, "closed without an answer"
        received += part
    return int(received.split(b" ", 2)[1])


def posts(server: ServerProcess) -> bool:
    with server.client() as client:
        return client.post("Patient", {"resourceType": "Patient"}).status == 201


def test_a_worker_exhausted_by_slow_senders_is_replaced(hasty: ServerProcess) -> None:
    """Senders that neither send nor close hold threads; a fresh process has none of them."""
    held = ExitStack()

    def hold_on() -> int:
        connection = held.enter_context(connect(hasty))
        begin_post(connection)
        return status_of(connection)

    with held, hasty.client() as client, ThreadPoolExecutor(ABANDONED_LIMIT) as pool:
        late = [pool.submit(hold_on) for _ in range(ABANDONED_LIMIT)]
        assert {each.result(60) for each in late} == {408}
        assert client.get("Patient?_count=1").status == 200
        wait_for(lambda: posts(hasty))
        assert "is exhausted; replacing it" in hasty.log.read_text("utf-8")


def test_a_late_sender_that_holds_on_stops_nobody(hasty: ServerProcess) -> None:
    with connect(hasty) as connection, hasty.client() as client:
        begin_post(connection)
        assert status_of(connection) == 408
        assert client.post("Patient", {"resourceType": "Patient"}).status == 201
        connection.sendall(b" " * 999)
    with hasty.client() as another:
        assert another.get("Patient?_count=1").status == 200
