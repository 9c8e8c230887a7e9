"""More than a server can bear: slow senders, greedy clients, a database without room."""

from __future__ import annotations

import select
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.client import Client
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


@pytest.fixture
def frugal(server_database_url: str, tmp_path: Path) -> Iterator[ServerProcess]:
    """A server of one worker that answers two requests of a client at a time."""
    arguments = ("--database-url", server_database_url, "--data-dir", str(tmp_path / "data"))
    settings = {"FHIRSERVER_CLIENT_CONCURRENCY": "2"}
    with ServerProcess(tmp_path / "log", (*arguments, "--workers", "1"), settings) as running:
        yield running


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


def test_one_client_does_not_starve_the_others(frugal: ServerProcess) -> None:
    """Two requests of a client are under way: its third is refused, another client's is not."""
    with ExitStack() as stack, frugal.client() as client:
        senders = [stack.enter_context(connect(frugal)) for _ in range(3)]
        for connection in senders:
            begin_post(connection)
        (third,), _, _ = select.select(senders, [], [], 30)  # the others' bodies are awaited
        assert status_of(third) == 429
        senders.remove(third)
        refused = client.get("metadata")
        assert refused.status == 429
        assert int(refused.headers["retry-after"]) >= 1
        issue = refused.json["issue"][0]
        assert issue["code"] == "throttled"
        assert "2 requests" in issue["diagnostics"]
        assert "FHIRSERVER_CLIENT_CONCURRENCY" in issue["diagnostics"]
        body_refused = client.post("Patient", {"resourceType": "Patient"})
        assert body_refused.status == 429

        with connect(frugal, "127.0.0.2") as other:
            other.sendall(b"GET /fhir/Patient?_count=1 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert status_of(other) == 200
        assert client.get("/health/live").status == 200

        for connection in senders:
            connection.sendall(b'"resourceType":"Patient"}' + b" " * 974)
            assert status_of(connection) == 201
        assert client.get("metadata").status == 200


@pytest.fixture
def failing(server: ServerProcess, server_database_url: str) -> Iterator[Callable[[str], None]]:
    """Makes PostgreSQL refuse every audit row, which every interaction writes, with an SQLSTATE."""
    with psycopg.connect(server_database_url, autocommit=True) as connection:

        def fail(sqlstate: str) -> None:
            connection.execute(
                "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
                f" $$ BEGIN RAISE SQLSTATE '{sqlstate}' USING MESSAGE = 'no room'; END $$"
            )
            connection.execute(
                "CREATE TRIGGER refuse BEFORE INSERT ON audit"
                " FOR EACH ROW EXECUTE FUNCTION refuse()"
            )

        try:
            yield fail
        finally:
            connection.execute("DROP FUNCTION IF EXISTS refuse CASCADE")


@pytest.mark.parametrize(
    ("sqlstate", "says"),
    [
        pytest.param("53100", "no room left", id="disk-full"),
        pytest.param("53200", "no room left", id="out-of-memory"),
        pytest.param("53300", "no room left", id="too-many-connections"),
        pytest.param("57014", "took too long", id="statement-timeout"),
        pytest.param("57P03", "cannot be reached", id="starting-up"),
    ],
)
def test_a_database_that_cannot_go_on_gives_503_and_recovers(
    failing: Callable[[str], None],
    server_database_url: str,
    client: Client,
    sqlstate: str,
    says: str,
) -> None:
    """More often than there are connections, so that none can have been lost on the way."""
    client.put("Patient/room", {"resourceType": "Patient", "id": "room"})
    failing(sqlstate)
    for _ in range(10):
        for answer in (
            client.get("Patient/room"),
            client.get("Patient?name=x"),
            client.post("Patient", {"resourceType": "Patient"}),
            client.delete("Patient/room"),
        ):
            assert answer.status == 503
            assert int(answer.headers["retry-after"]) >= 1
            assert answer.json["issue"][0]["code"] == "transient"
            assert says in answer.json["issue"][0]["diagnostics"]
    with psycopg.connect(server_database_url, autocommit=True) as connection:
        connection.execute("DROP FUNCTION refuse CASCADE")
        wait_for(lambda: client.get("Patient/room").status == 200)
        for _ in range(10):
            assert client.get("Patient?name=x").status == 200
            assert client.post("Patient", {"resourceType": "Patient"}).status == 201
        busy = connection.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND state LIKE 'idle in transaction%'"
        ).fetchone()
        assert busy == (0,)


@pytest.fixture
def impatient(server_database_url: str, tmp_path: Path) -> Iterator[ServerProcess]:
    """A server that gives a statement a fifth of a second."""
    arguments = ("--database-url", server_database_url, "--data-dir", str(tmp_path / "data"))
    settings = {"FHIRSERVER_STATEMENT_TIMEOUT_MS": "200"}
    with ServerProcess(tmp_path / "log", (*arguments, "--workers", "1"), settings) as running:
        yield running


def test_a_search_that_takes_too_long_says_what_to_do(
    impatient: ServerProcess, server_database_url: str
) -> None:
    with impatient.client() as client:
        with psycopg.connect(server_database_url) as holder:
            holder.execute("LOCK TABLE string IN ACCESS EXCLUSIVE MODE")
            answer = client.get("Patient?name=x")
        assert answer.status == 503
        assert int(answer.headers["retry-after"]) >= 1
        assert "ask for less at once" in answer.json["issue"][0]["diagnostics"]
        assert client.get("Patient?name=x").status == 200
