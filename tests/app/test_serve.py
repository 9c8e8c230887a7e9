"""`fhirserver serve`: starts, refuses what is unsafe, stops, reloads, survives, leaves nothing."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from fhirserver.store.embedded import EmbeddedPostgres
from fhirserver.store.migrate import migrate
from tests.client import Answer, Client
from tests.server import ServerProcess
from tests.waiting import PATIENCE_S, wait_for


@pytest.fixture(scope="module")
def prepared_data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with an initialised, migrated, stopped cluster, to be copied."""
    data_dir = tmp_path_factory.mktemp("prepared") / "data"
    with EmbeddedPostgres(data_dir) as postgres:
        migrate(postgres.url)
    return data_dir


@pytest.fixture
def own_server(prepared_data_dir: Path, tmp_path: Path) -> Iterator[ServerProcess]:
    """A server with an embedded PostgreSQL of its own, which the test may break."""
    shutil.copytree(prepared_data_dir, tmp_path / "data")
    server = ServerProcess(tmp_path / "server.log", ("--data-dir", str(tmp_path / "data")))
    with server:
        yield server


def serve(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fhirserver", "serve", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _processes(data_dir: Path) -> dict[int, str]:
    """Find what runs on behalf of a server: its PostgreSQL and its workers."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                environment = (entry / "environ").read_bytes()
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                status = (entry / "stat").read_text("utf-8").rpartition(")")[2].split()[0]
            except OSError:
                continue
            named = str(data_dir) in command or str(data_dir).encode() in environment
            if named and status != "Z" and int(entry.name) != os.getpid():
                found[int(entry.name)] = command
    return found


def _workers(data_dir: Path) -> set[int]:
    return {pid for pid, command in _processes(data_dir).items() if "fhirserver.web" in command}


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7"])
def test_open_is_refused_beyond_loopback(host: str, tmp_path: Path) -> None:
    answer = serve("--open", "--host", host, "--data-dir", str(tmp_path / "data"))
    assert answer.returncode == 2
    assert "--host 127.0.0.1" in answer.stderr


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        answer = serve("--open", "--port", port, "--data-dir", str(tmp_path / "data"))
    assert answer.returncode == 1
    assert "choose another with --port, or with make run PORT=" in answer.stderr


def test_open_is_loud(server: ServerProcess) -> None:
    assert "WARNING: this server is OPEN" in server.log.read_text("utf-8")


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        pytest.param("/health/live", {"Host": "localhost:1"}, 200, id="localhost"),
        pytest.param("/health/live", {"Host": "[::1]:8080"}, 200, id="ipv6"),
        pytest.param("/health/live", {"Host": "evil.example"}, 403, id="host"),
        pytest.param("/health/live", {"Host": "127.0.0.1.evil.example"}, 403, id="host-prefix"),
        pytest.param("/health/live", {"Origin": "https://evil.example"}, 403, id="origin"),
        pytest.param("/health/live", {"Origin": "null"}, 403, id="origin-null"),
        pytest.param("/metrics", {"Host": "evil.example"}, 403, id="metrics"),
        pytest.param("/", {"Host": "evil.example"}, 403, id="console"),
        pytest.param("/fhir/metadata", {"Host": "evil.example"}, 403, id="fhir-host"),
        pytest.param("/fhir/Patient", {"Origin": "https://evil.example"}, 403, id="fhir-origin"),
    ],
)
def test_an_open_server_answers_loopback_only(
    client: Client, path: str, headers: dict[str, str], status: int
) -> None:
    assert client.request("GET", path, headers=headers).status == status


def _unless_ready(client: Client) -> Answer | None:
    answer = client.get("/health/ready")
    return None if answer.status == 200 else answer


def test_health_tells_the_truth_while_the_database_is_gone(
    own_server: ServerProcess, tmp_path: Path
) -> None:
    with own_server.client() as client:
        assert client.get("/health/ready").json["status"] == "ready"
        postmaster = int((tmp_path / "data/postgres/postmaster.pid").read_text().split()[0])
        own_server.signal(signal.SIGSTOP)  # nobody starts it again meanwhile
        os.kill(postmaster, signal.SIGKILL)
        gone = wait_for(lambda: _unless_ready(client))
        own_server.signal(signal.SIGCONT)
        assert gone.status == 503
        assert int(gone.headers["retry-after"]) >= 1
        assert client.get("/health/live").status == 200
        wait_for(lambda: client.get("/health/ready").status == 200)
        assert client.get("Patient").status == 200


@pytest.mark.parametrize(
    ("serves", "status"),
    [
        pytest.param("0002", 200, id="still-serves-this-version"),
        pytest.param("9998", 503, id="no-longer-serves-it"),
    ],
)
def test_readiness_after_somebody_has_migrated_further(
    client: Client, server_database_url: str, serves: str, status: int
) -> None:
    """A rolling upgrade migrates while servers of the previous version serve."""
    with psycopg.connect(server_database_url, autocommit=True) as connection:
        (before,) = connection.execute("SELECT version_num, serves FROM schema_revision")
        change = "UPDATE schema_revision SET version_num = %s, serves = %s"
        connection.execute(change, ("9999", serves))
        try:
            assert client.get("/health/ready").status == status
        finally:
            connection.execute(change, before)
    assert client.get("/health/ready").status == 200


def test_nothing_is_left_after_a_stop(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with ServerProcess(tmp_path / "log", ("--data-dir", str(data_dir))) as server:
        assert _workers(data_dir)
        assert server.stop() == 0
    assert _processes(data_dir) == {}
    assert not (data_dir / "server.json").exists()


def test_nothing_is_left_after_the_supervisor_was_killed(
    own_server: ServerProcess, tmp_path: Path
) -> None:
    assert _workers(tmp_path / "data")
    own_server.kill()
    wait_for(lambda: not _processes(tmp_path / "data"))
    with ServerProcess(tmp_path / "log2", ("--data-dir", str(tmp_path / "data"))) as successor:
        assert successor.client().get("/health/ready").status == 200


def test_a_killed_worker_is_replaced(own_server: ServerProcess, tmp_path: Path) -> None:
    before = _workers(tmp_path / "data")
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: len(_workers(tmp_path / "data") - before) == len(before))
    with own_server.client() as client:
        assert client.get("/health/ready").status == 200


def test_a_reload_replaces_every_worker_and_drops_no_request(
    own_server: ServerProcess, tmp_path: Path
) -> None:
    before = _workers(tmp_path / "data")
    answers: list[object] = []
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            with own_server.client() as client:
                try:
                    answers.append(client.get("/health/ready").status)
                except OSError as error:
                    answers.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    own_server.signal(signal.SIGHUP)
    try:
        wait_for(lambda: not (_workers(tmp_path / "data") & before))
    finally:
        over.set()
        asking.join()
    assert len(_workers(tmp_path / "data")) == len(before)
    assert set(answers) == {200}


def test_a_stop_lets_requests_under_way_finish(own_server: ServerProcess) -> None:
    body = b'{"resourceType":"Patient","active":true}'
    head = (
        b"POST /fhir/Patient HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        b"Content-Type: application/fhir+json\r\nContent-Length: 40\r\n\r\n"
    )
    with own_server.client() as client:
        client.connection.connect()
        assert client.connection.sock is not None
        client.connection.sock.sendall(head + body[:10])
        wait_for(lambda: own_server.client().get("/health/live").status == 200)
        own_server.signal(signal.SIGTERM)
        wait_for(lambda: _refuses(own_server))
        client.connection.sock.sendall(body[10:])
        assert client.connection.sock.recv(12) == b"HTTP/1.1 201"
    assert own_server.process.wait(PATIENCE_S) == 0


def test_what_a_worker_has_accepted_may_still_send_its_request(
    prepared_data_dir: Path, tmp_path: Path
) -> None:
    """The time between a client's connection and its request is not the worker's to cut off."""
    shutil.copytree(prepared_data_dir, tmp_path / "data")
    arguments = ("--data-dir", str(tmp_path / "data"), "--workers", "1")
    with ServerProcess(tmp_path / "server.log", arguments) as server, server.client() as early:
        early.connection.connect()
        with server.client() as later:  # a worker accepts in the order of coming
            assert later.get("/health/live").status == 200
        server.signal(signal.SIGTERM)
        wait_for(lambda: _refuses(server))
        assert early.get("/health/live").status == 200
        assert server.process.wait(PATIENCE_S) == 0


def test_what_waits_to_be_accepted_is_answered_before_a_stop(
    own_server: ServerProcess, tmp_path: Path
) -> None:
    workers = _workers(tmp_path / "data")
    with own_server.client() as client:
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)
        wait_for(lambda: all(_status(pid)["State"].startswith("T") for pid in workers))
        client.connection.request("GET", "/health/live")
        own_server.signal(signal.SIGTERM)
        told = 1 << (signal.SIGTERM - 1)
        wait_for(lambda: all(int(_status(pid)["ShdPnd"], 16) & told for pid in workers))
        for pid in workers:
            os.kill(pid, signal.SIGCONT)
        assert client.connection.getresponse().status == 200


def _status(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text("utf-8").splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def _refuses(server: ServerProcess) -> bool:
    try:
        with server.client(timeout_s=1.0) as client:
            client.get("/health/live")
    except OSError:
        return True
    return False
