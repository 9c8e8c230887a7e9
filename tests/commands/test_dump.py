"""Backups of a PostgreSQL of one's own: dumps, what restoring makes of them, and early ends."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from fhirserver.cli import main
from fhirserver.store.database import Database
from fhirserver.store.write import write
from tests.commands.test_load import command
from tests.server import ServerProcess
from tests.store.resources import AUDIT, observation, patient, put
from tests.waiting import wait_for

# As if the cluster had run for years, and two transactions had committed in another order than
# they wrote; nobody has numbered the outbox since.
_YEARS = """
UPDATE resource SET xact = '90000000000';
UPDATE history SET xact = '90000000000';
UPDATE outbox SET xact = (90000000000 - entry)::text::xid8, number = NULL;
"""
_DIGEST = """
SELECT md5(string_agg(row, ',' ORDER BY row)) FROM (
    SELECT (to_jsonb(t) - 'xact' - 'number')::text AS row FROM {} t
) rows
"""
_TABLES = ("resource", "history", "token", "string", "date", "ref", "audit", "outbox")


def value(url: str, statement: str) -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(statement.encode()).fetchone()
    assert row is not None
    return row[0]


@pytest.fixture
def empty(postgres: str) -> Iterator[str]:
    """URL of a database that holds nothing."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("CREATE DATABASE restored TEMPLATE template0")
        yield postgres.replace("@/postgres?", "@/restored?")
        connection.execute("DROP DATABASE restored WITH (FORCE)")


@pytest.fixture(scope="module", autouse=True)
def _stored(database: Database) -> None:
    for gender in ("female", "male"):
        write(
            database, [put(patient("p", gender=gender)), put(observation("o", "Patient/p"))], AUDIT
        )


def test_a_dump_comes_back_in_another_cluster(
    database_url: str, empty: str, tmp_path: Path
) -> None:
    backup = tmp_path / "backup"
    with psycopg.connect(database_url) as connection:
        connection.execute(_YEARS.encode())
    done = command("backup", "--database-url", database_url, "--output", str(backup))
    assert done.returncode == 0, done.stderr
    assert {path.stat().st_mode & 0o077 for path in (backup, *backup.iterdir())} == {0}
    done = command("restore", str(backup), "--database-url", empty)
    assert (done.returncode, b"everything agrees" in done.stdout) == (0, True), done.stderr
    for table in _TABLES:
        assert value(empty, _DIGEST.format(table)) == value(database_url, _DIGEST.format(table))
    ordered = "SELECT array_agg(entry ORDER BY number) FROM outbox"
    descending = "SELECT array_agg(entry ORDER BY entry DESC) FROM outbox"
    assert value(empty, ordered) == value(empty, descending), "the order of commits"

    data_dir = tmp_path / "data"
    words = ("--database-url", empty, "--data-dir", str(data_dir))
    with ServerProcess(tmp_path / "log", words) as server, server.client() as client:
        since = client.get("_history?_since=2001-01-01T00:00:00Z").json
        assert sorted(entry["request"]["url"] for entry in since["entry"]) == [
            *("Observation/o", "Observation/o", "Patient/p", "Patient/p"),
        ]
        assert client.put("Patient/p", patient("p")).json["meta"]["versionId"] == "3"
        assert client.post("Patient", {"resourceType": "Patient"}).status == 201
    done = command("restore", str(backup), "--database-url", empty)
    assert (done.returncode, b"holds tables: make an empty one" in done.stderr) == (1, True)


@contextmanager
def locked(url: str, table: str) -> Iterator[None]:
    """Keep a table from being read."""
    with psycopg.connect(url) as connection:
        connection.execute(f"LOCK TABLE {table}".encode())
        yield


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=lambda each: each.name)
def test_a_backup_that_ends_early_leaves_none(
    database_url: str, tmp_path: Path, number: signal.Signals
) -> None:
    words = ("backup", "--database-url", database_url, "--output", str(tmp_path / "backup"))
    with locked(database_url, "lease"):
        process = subprocess.Popen(
            [sys.executable, "-m", "fhirserver", *words], stderr=subprocess.DEVNULL
        )
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        wait_for(lambda: value(database_url, waiting))
        process.send_signal(number)
        code = process.wait(30)
    left = list(tmp_path.iterdir())
    if number == signal.SIGINT:
        assert (code, left) == (130, [])
        return
    (unfinished,) = left
    assert unfinished.name.startswith("backup.unfinished-")
    done = command("restore", str(unfinished), "--database-url", database_url)
    assert (done.returncode, b"is no whole backup" in done.stderr) == (1, True)


def test_a_full_disk_leaves_no_backup(database_url: str, tmp_path: Path) -> None:
    words = ("backup", "--database-url", database_url, "--output", str(tmp_path / "backup"))
    done = subprocess.run(
        [sys.executable, "-m", "fhirserver", *words],
        capture_output=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)),
    )
    assert done.returncode == 1
    assert b"pg_dump failed" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        pytest.param(("restore", "none", "--data-dir", "new"), 1, "no whole backup", id="none"),
        pytest.param(
            ("restore", "cluster", "--database-url", "postgresql://x@127.0.0.1:1/x"),
            2,
            "restore it so, not --database-url",
            id="cluster-into-a-database",
        ),
        pytest.param(
            ("restore", "dump", "--data-dir", "new"),
            2,
            "restore it so, not --data-dir",
            id="dump-into-a-folder",
        ),
        pytest.param(
            ("restore", "cluster", "--data-dir", "."), 1, "is not empty: move it", id="not-empty"
        ),
        pytest.param(
            ("restore", "cluster", "--data-dir", "new", "--to-time", "2026-03-01T09:00:00Z"),
            2,
            "--to-time needs --archive-dir",
            id="time-without-archive",
        ),
        pytest.param(
            ("restore", "cluster", "--data-dir", "new", "--to-time", "2026-03-01T09:00"),
            2,
            "write it with its offset",
            id="time-without-offset",
        ),
        pytest.param(("restore", "later", "--data-dir", "new"), 1, "has format 2", id="format"),
        pytest.param(("backup", "--output", "dump"), 1, "is there already", id="output-exists"),
        pytest.param(("backup", "--output", "x", "--data-dir", "new"), 1, "no database", id="typo"),
        pytest.param(
            ("backup", "--output", "new/postgres/x", "--data-dir", "new"),
            2,
            "lies in the database itself",
            id="output-in-the-database",
        ),
        pytest.param(
            ("serve", "--open", "--archive-dir", "x", "--database-url", "postgresql://x@h/x"),
            2,
            "--archive-dir is for the embedded PostgreSQL",
            id="archive-of-another",
        ),
    ],
)
def test_what_cannot_be_is_refused_with_the_remedy(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    for kind, number in (("cluster", 1), ("dump", 1), ("later", 2)):
        manifest = {
            "format": number,
            "kind": "dump" if kind == "later" else kind,
            **dict.fromkeys(("server", "public_url", "revision", "started", "ended"), ""),
            "extractor": 1,
            "counts": {},
            "files": {},
        }
        Path(kind).mkdir()
        (Path(kind) / "manifest.json").write_text(json.dumps(manifest))
    before = sorted(Path().iterdir())
    try:
        ended: object = main(words)
    except SystemExit as end:  # argparse's way
        ended = end.code
    assert (ended, sorted(Path().iterdir())) == (code, before)
    assert said in capsys.readouterr().err
