"""Connections that misbehave: slow, huge, broken off, malformed below HTTP."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.client import Client
from tests.server import ServerProcess

DEADLINE_S = 2
THREADS_OF_A_WORKER = 32


@pytest.fixture(scope="module")
def hasty(
    server_database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerProcess]:
    """A server of one worker that waits for bodies for a short time only."""
    folder = tmp_path_factory.mktemp("hasty")
    arguments = ("--database-url", server_database_url, "--data-dir", str(folder / "data"))
    settings = {
        "FHIRSERVER_BODY_DEADLINE_S": str(DEADLINE_S),
        "FHIRSERVER_BODY_LIMIT_BYTES": "100000",
        "FHIRSERVER_CLIENT_CONCURRENCY": "1000",
    }
    with ServerProcess(folder / "log", (*arguments, "--workers", "1"), settings) as running:
        yield running


def connect(server: ServerProcess) -> socket.socket:
    parts = urlsplit(server.base)
    assert parts.hostname
    return socket.create_connection((parts.hostname, parts.port or 80), timeout=30)


def head(server: ServerProcess, method: str, path: str, *headers: str) -> bytes:
    lines = [f"{method} /fhir/{path} HTTP/1.1", f"Host: {urlsplit(server.base).netloc}", *headers]
    return "\r\n".join([*lines, "Accept: application/fhir+json", "", ""]).encode()


def slow_post(server: ServerProcess) -> bytes:
    """Announce a body, send one octet of it, and wait for what comes."""
    with closing(connect(server)) as connection:
        connection.sendall(
            head(
                server,
                "POST",
                "Patient",
                "Content-Type: application/fhir+json",
                "Content-Length: 1000",
            )
            + b"{"
        )
        return read_answer(connection)


def read_answer(connection: socket.socket) -> bytes:
    """Read one response; its sender may keep the connection until we close."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65536)
    header, _, body = received.partition(b"\r\n\r\n")
    length = int(header.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(65536)
    return header + b"\r\n\r\n" + body


def read_to_end(connection: socket.socket) -> bytes:
    received = b""
    while part := connection.recv(65536):
        received += part
    return received


def outcome(received: bytes) -> dict[str, object]:
    issue: dict[str, object] = json.loads(received.partition(b"\r\n\r\n")[2])["issue"][0]
    return issue


def test_a_slow_body_is_timed_out_and_its_connection_closed(hasty: ServerProcess) -> None:
    received = slow_post(hasty)
    assert received.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in received.lower()
    assert outcome(received)["code"] == "timeout"


def test_many_slow_bodies_leave_room_for_others(hasty: ServerProcess) -> None:
    """Twice as many slow senders as threads; each is answered, and reads go on meanwhile."""
    count = 2 * THREADS_OF_A_WORKER
    with ThreadPoolExecutor(count) as pool, hasty.client() as client:
        slow = [pool.submit(slow_post, hasty) for _ in range(count)]
        while not all(future.done() for future in slow):
            assert client.get("Patient?_count=1").status == 200
        statuses = {future.result().split(b" ", 2)[1] for future in slow}
        assert statuses <= {b"408", b"503"}
        assert client.post("Patient", {"resourceType": "Patient"}).status == 201


def test_a_body_beyond_the_limit_is_refused_before_it_arrives(hasty: ServerProcess) -> None:
    with closing(connect(hasty)) as connection:
        connection.sendall(
            head(
                hasty,
                "POST",
                "Patient",
                "Content-Type: application/fhir+json",
                "Content-Length: 100001",
            )
        )
        received = read_to_end(connection)
    assert received.startswith(b"HTTP/1.1 413 ")
    assert "100000" in str(outcome(received)["diagnostics"])


def test_a_body_in_chunks_beyond_the_limit_is_refused(hasty: ServerProcess) -> None:
    with closing(connect(hasty)) as connection:
        connection.sendall(
            head(
                hasty,
                "POST",
                "Patient",
                "Content-Type: application/fhir+json",
                "Transfer-Encoding: chunked",
            )
            + b"1ADB0\r\n"
            + b" " * 0x1ADB0
            + b"\r\n"
        )
        received = read_to_end(connection)
    assert received.startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        pytest.param(("Content-Length: 26",), b'{"resourceType":', id="length"),
        pytest.param(("Transfer-Encoding: chunked",), b'10\r\n{"resourceType":\r\n', id="chunked"),
    ],
)
def test_a_body_that_breaks_off_stores_nothing(
    server: ServerProcess, client: Client, headers: tuple[str, ...], body: bytes
) -> None:
    before = client.get("_history?_count=1").json.get("entry")
    with closing(connect(server)) as connection:
        connection.sendall(
            head(server, "POST", "Patient", "Content-Type: application/fhir+json", *headers) + body
        )
        connection.shutdown(socket.SHUT_WR)
        read_to_end(connection)
    assert client.get("_history?_count=1").json.get("entry") == before


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(b"GET /fhir/a b HTTP/1.1\r\nHost: x\r\n\r\n", id="blank-in-path"),
        pytest.param(
            b"POST /fhir HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
            id="two-lengths",
        ),
        pytest.param(b"POST /fhir HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n", id="length"),
        pytest.param(b"GET /fhir HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n", id="nul-in-header"),
        pytest.param(b"\x16\x03\x01\x02\x00\r\n\r\n", id="tls"),
        pytest.param(
            b"GET /fhir HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 200 + b"\r\n", id="many-headers"
        ),
        pytest.param(b"GET /fhir?" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", id="long"),
    ],
)
def test_what_is_no_http_is_answered_with_4xx_and_closed(
    server: ServerProcess, request_: bytes
) -> None:
    with closing(connect(server)) as connection:
        connection.sendall(request_)
        assert read_to_end(connection).startswith(b"HTTP/1.1 4")


def test_a_request_without_host_is_refused_by_an_open_server(server: ServerProcess) -> None:
    with closing(connect(server)) as connection:
        connection.sendall(b"GET /fhir/Patient HTTP/1.0\r\n\r\n")
        received = read_to_end(connection)
    assert received.startswith(b"HTTP/1.0 403 ")
    assert outcome(received)["expression"] == ["http.Host"]


def test_a_pipelined_request_is_answered_after_a_refused_one(server: ServerProcess) -> None:
    refused = head(
        server, "PUT", "Patient/a_b", "Content-Type: application/fhir+json", "Content-Length: 2"
    )
    last = head(server, "GET", "Patient/none", "Connection: close")
    with closing(connect(server)) as connection:
        connection.sendall(refused + b"{}" + last)
        received = read_to_end(connection)
    assert received.startswith(b"HTTP/1.1 400 ")
    assert received.count(b"HTTP/1.1 404 ") == 1


def test_the_log_names_no_path_query_or_id(server: ServerProcess, client: Client) -> None:
    client.get("Patient/secret-id?_format=json")
    client.get("Patient?name=Secretname")
    client.put("Patient/secret-id", {"resourceType": "Patient", "id": "other-secret"})
    log = Path(server.log).read_text("utf-8")
    assert '"interaction":"search-type"' in log
    assert "secret" not in log.lower()
