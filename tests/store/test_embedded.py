"""The bundled PostgreSQL: created, found again, recovered, stopped with its owner."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from fhirserver.errors import UnavailableError
from fhirserver.model.stored import StoredResource
from fhirserver.store.database import Database
from fhirserver.store.embedded import EmbeddedPostgres, EmbeddedPostgresError
from fhirserver.store.migrate import migrate
from fhirserver.store.read import read
from fhirserver.store.write import write
from tests.store.resources import AUDIT, patient, put

_OWNER = """
import sys
from fhirserver.store.embedded import EmbeddedPostgres
server = EmbeddedPostgres(sys.argv[1])
print(server.start(), server._watcher.pid, flush=True)
sys.stdin.read()
"""


def _value(url: str, statement: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(statement.encode()).fetchone()
    assert row is not None
    return row[0]


def test_cluster_is_durable_private_and_keeps_its_data(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with EmbeddedPostgres(data_dir) as server:
        with psycopg.connect(server.url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
        for setting, expected in {
            "data_checksums": "on",
            "fsync": "on",
            "full_page_writes": "on",
            "listen_addresses": "",
            "log_error_verbosity": "terse",
        }.items():
            assert _value(server.url, f"SELECT current_setting('{setting}')") == expected
        for place in ("", "postgres", "run"):
            assert (data_dir / place).stat().st_mode & 0o777 == 0o700
        assert (data_dir / "postgres.password").stat().st_mode & 0o777 == 0o600
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(server.url.replace(":", ":x", 2).replace("x//", "//"))
    with EmbeddedPostgres(data_dir) as server:
        assert _value(server.url, "SELECT n FROM kept") == 7


def test_two_owners_of_one_directory_are_refused(tmp_path: Path) -> None:
    with (
        EmbeddedPostgres(tmp_path),
        pytest.raises(EmbeddedPostgresError, match="in use by another server"),
    ):
        EmbeddedPostgres(tmp_path).start()


def test_another_major_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("17\n")
    with pytest.raises(EmbeddedPostgresError, match="written by PostgreSQL 17"):
        EmbeddedPostgres(tmp_path).start()


def test_killed_server_starts_again_under_the_same_url(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path) as server:
        url = server.url
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
        postmaster = int((tmp_path / "postgres" / "postmaster.pid").read_text().split()[0])
        os.kill(postmaster, signal.SIGKILL)
        server.wait()
        assert not server.running
        assert server.start() == url
        assert _value(url, "SELECT n FROM kept") == 7


def test_stale_pid_file_naming_a_living_process_is_no_obstacle(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path) as server:
        server.start()
    stale = tmp_path / "postgres" / "postmaster.pid"
    stale.write_text(f"{os.getpid()}\n{tmp_path / 'postgres'}\n1\n5432\n{tmp_path}\n\n\nready\n")
    with EmbeddedPostgres(tmp_path) as server:
        assert _value(server.url, "SELECT 1") == 1


@pytest.mark.parametrize("watched", [True, False])
def test_server_stops_with_a_killed_owner_and_its_successor_waits(
    tmp_path: Path, watched: bool
) -> None:
    """Without its watcher the server goes on, and its successor stops it."""
    owner = subprocess.Popen(
        [sys.executable, "-c", _OWNER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert owner.stdout is not None
    url, watcher = owner.stdout.readline().split()
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
    if not watched:
        os.kill(int(watcher), signal.SIGKILL)
    owner.kill()
    owner.wait()
    owner.stdout.close()
    with EmbeddedPostgres(tmp_path) as server:
        assert server.url == url
        assert _value(url, "SELECT n FROM kept") == 7


def test_long_data_directory_gets_a_short_socket_path(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path / ("long" * 30)) as server:
        assert _value(server.url, "SELECT 1") == 1


def test_pool_recovers_when_the_server_is_back(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path) as server:
        migrate(server.url)
        database = Database(server.url, timeout_s=1)
        written = write(database, [put(patient("p"))], AUDIT)[0].stored
        postmaster = int((tmp_path / "postgres" / "postmaster.pid").read_text().split()[0])
        os.kill(postmaster, signal.SIGKILL)
        server.wait()
        with pytest.raises(UnavailableError):
            read(database, "Patient", "p", AUDIT)
        server.start()
        assert _read_soon(database) == written
        database.close()


def _read_soon(database: Database) -> StoredResource | None:
    """Read as clients do who come back after a 503; every attempt waits for the pool."""
    for _ in range(20):
        with contextlib.suppress(UnavailableError):
            return read(database, "Patient", "p", AUDIT)
    return None
