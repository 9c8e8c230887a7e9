"""The drill: a server under load is backed up, destroyed and brought back, to each of three times.

promised      what was acknowledged before the backup began
early, late   stored after the backup, on either side of the instant that is recovered to
"""

import contextlib
import gzip
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from fhirserver.running import read_note
from fhirserver.store.embedded import EmbeddedPostgres
from tests.client import Client
from tests.commands.test_load import command
from tests.server import ServerProcess
from tests.torture import writers as torture
from tests.waiting import wait_for

SEARCHES = (
    "Encounter?_count=7&_sort=-date",
    "Condition?_total=accurate&_include=Condition:subject",
    "Observation?category=vital-signs&_summary=count",
    "Claim?patient.gender=female,male&_total=accurate",
    "Organization/_history?_count=100",
)
_AUDIT = "SELECT md5(a::text) FROM audit a"


@dataclass
class Before:
    """What the server had answered and acknowledged before the backup began.

    Attributes:
        pages: body of every page by its address, which names a page by its sealed position.
        audit: a digest of every audit row.
        promised: acknowledged texts by resource and version.
        newest: lastUpdated of the newest version.
    """

    pages: dict[str, Any] = field(default_factory=dict)
    audit: set[str] = field(default_factory=set)
    promised: dict[str, dict[int, str | None]] = field(default_factory=dict)
    newest: str = ""


@dataclass
class Drill:
    """A destroyed server: what is left is a backup, an archive, and what clients know."""

    port: int
    backup: Path
    archive: Path
    before: Before
    threads: list[torture.Writer]
    instant: datetime


@contextlib.contextmanager
def serve(data_dir: Path, port: int, *words: str) -> Iterator[ServerProcess]:
    """Serve always at the same address: links to pages name it."""
    arguments = ("--data-dir", str(data_dir), "--port", str(port), "--workers", "2", *words)
    with ServerProcess(data_dir.with_name(f"{data_dir.name}.log"), arguments) as running:
        yield running


def rows(data_dir: Path, statement: str) -> list[Any]:
    note = read_note(data_dir)
    assert note is not None
    return rows_at(note.database, statement)


def rows_at(url: str, statement: str) -> list[Any]:
    with psycopg.connect(url, autocommit=True) as connection:
        return [row[0] for row in connection.execute(statement.encode())]


def pages(client: Client, address: str) -> Iterator[tuple[str, Any]]:
    """Give the address and the body of every page of a search or history."""
    following: str | None = address
    while following is not None:
        answer = client.get(following)
        assert answer.status == 200, answer.text
        links = {link["relation"]: link["url"] for link in answer.json.get("link", [])}
        yield following, without_links(answer.json)
        following = links.get("next")


def without_links(bundle: Any) -> Any:
    """Leave out what differs between two answers to the same question."""
    return {key: bundle[key] for key in bundle if key not in ("link", "id", "meta")}


def look(client: Client, data_dir: Path, threads: list[torture.Writer]) -> Before:
    before = Before()
    for search in SEARCHES:
        before.pages.update(pages(client, search))
    before.promised = {
        reference: dict(known.versions)
        for thread in threads
        for reference, known in list(thread.known.items())
        if known.versions
    }
    before.audit = set(rows(data_dir, _AUDIT))
    before.newest = client.get("Patient?_sort=-_lastUpdated&_count=1").json["entry"][0]["resource"][
        "meta"
    ]["lastUpdated"]
    return before


def archive_all(data_dir: Path) -> None:
    """Wait until everything written so far is in the archive."""
    (name,) = rows(data_dir, "SELECT pg_walfile_name(pg_switch_wal())")
    archived = "SELECT last_archived_wal FROM pg_stat_archiver"
    wait_for(lambda: (rows(data_dir, archived)[0] or "") >= name)


def destroy(running: ServerProcess, data_dir: Path) -> None:
    """Kill server and PostgreSQL, and lose the disk."""
    postmaster = int((data_dir / "postgres" / "postmaster.pid").read_text().split()[0])
    running.kill()
    os.kill(postmaster, signal.SIGKILL)

    def gone() -> bool:
        shutil.rmtree(data_dir, ignore_errors=True)
        return not data_dir.exists()

    wait_for(gone)


def lasting_port() -> int:
    """Find a free port that the kernel gives to no client while nobody listens on it."""
    for port in range(20_000 + os.getpid() % 10_000, 32_768):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError("every port is taken")


@pytest.fixture(scope="module")
def drill(tmp_path_factory: pytest.TempPathFactory, test_data: Path) -> Drill:
    root = tmp_path_factory.mktemp("drill")
    data_dir, archive, backup = root / "data", root / "archive", root / "backups" / "monday"
    port = lasting_port()
    stop = threading.Event()
    threads = [torture.Writer(torture.Port(port), seed, stop) for seed in range(2)]
    with serve(data_dir, port, "--archive-dir", str(archive)) as running:
        done = command("load", "--data-dir", str(data_dir), *real_data(test_data))
        assert done.returncode == 0, done.stderr
        for thread in threads:
            thread.start()
        wait_for(lambda: sum(thread.acknowledged for thread in threads) > 20)
        instants: list[datetime] = []
        with running.client() as client:
            before = look(client, data_dir, threads)
            done = command("backup", "--data-dir", str(data_dir), "--output", str(backup))
            assert done.returncode == 0, done.stderr
            stop.set()
            for thread in threads:
                thread.join(60)
            for moment in ("early", "late"):
                assert client.put(f"Basic/{moment}", basic(moment)).status == 201
                instants += rows(data_dir, "SELECT clock_timestamp()")
                archive_all(data_dir)
        destroy(running, data_dir)
    return Drill(port, backup, archive, before, threads, instants[0])


def basic(id: str) -> dict[str, Any]:
    return {"resourceType": "Basic", "id": id, "code": {"text": id}}


def real_data(test_data: Path) -> list[str]:
    folder = test_data / "synthea-us-core"
    names = ("*hospitalInformation*", "*practitionerInformation*", "085e81c0*")
    return [str(path) for name in names for path in folder.glob(name)]


def restore(drill: Drill, data_dir: Path, *words: str) -> None:
    done = command("restore", str(drill.backup), "--data-dir", str(data_dir), *words)
    assert done.returncode == 0, done.stderr
    assert (b"everything agrees" in done.stdout) == ("--no-verify" not in words)


@pytest.mark.timeout(300)
def test_everything_acknowledged_before_a_backup_comes_back(drill: Drill, tmp_path: Path) -> None:
    data_dir, before = tmp_path / "data", drill.before
    restore(drill, data_dir)
    for place in ("", "postgres", "cursor.key", "postgres.password"):
        assert (data_dir / place).stat().st_mode & 0o077 == 0
    with serve(data_dir, drill.port) as running, running.client() as client:
        assert client.get("Basic/early").status == client.get("Basic/late").status == 404
        for address, body in before.pages.items():
            assert without_links(client.get(address).json) == body
        for reference, versions in before.promised.items():
            for version, text in versions.items():
                answer = client.get(f"{reference}/_history/{version}")
                found = answer.json["name"][0]["text"] if answer.status == 200 else None
                assert (answer.status, found) == (410 if text is None else 200, text)
        assert before.audit <= set(rows(data_dir, _AUDIT))
        check_writes(client, before)


def check_writes(client: Client, before: Before) -> None:
    """What is written after a restore goes on from what was there."""
    reference, versions = next(iter(before.promised.items()))
    held = client.get(f"{reference}/_history").json["total"]
    updated = client.put(reference, torture.patient(reference, "00after")).json
    assert held >= max(versions)
    assert int(updated["meta"]["versionId"]) == held + 1
    assert updated["meta"]["lastUpdated"] > before.newest
    transaction = torture.transaction("after", 9)
    assert client.post("", transaction).status == 200
    assert len(client.search("Observation?identifier=urn:torture|after")) == 9


@pytest.mark.timeout(300)
def test_recovery_to_a_time_brings_back_what_was_there_then(drill: Drill, tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    words = ("--archive-dir", str(drill.archive), "--to-time", drill.instant.isoformat())
    restore(drill, data_dir, *words, "--no-verify")
    with EmbeddedPostgres(data_dir) as postgres:
        assert rows_at(postgres.url, "SELECT id FROM resource WHERE id IN ('early', 'late')") == [
            "early"
        ]
        assert rows_at(postgres.url, "SELECT pg_is_in_recovery()") == [False]
        assert rows_at(postgres.url, "SHOW recovery_target_time") == [""]


@pytest.mark.timeout(300)
def test_recovery_to_the_end_of_the_archive_loses_nothing(drill: Drill, tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    restore(drill, data_dir, "--archive-dir", str(drill.archive))
    with serve(data_dir, drill.port) as running, running.client() as client:
        assert client.get("Basic/early").status == client.get("Basic/late").status == 200
        watcher = torture.Client(torture.Port(drill.port))
        assert [line for thread in drill.threads for line in torture.check(thread, watcher)] == []


@pytest.mark.parametrize(
    ("damage", "words", "said"),
    [
        pytest.param(
            "", ("--to-time", "2001-01-01T00:00:00Z"), "use an earlier backup", id="early"
        ),
        pytest.param(
            "", ("--to-time", "2999-01-01T00:00:00Z"), "leave that out", id="beyond-the-end"
        ),
        pytest.param("gap", (), "between the backup and its end", id="a-file-is-missing"),
        pytest.param("cut", (), "cannot be read", id="a-file-is-cut-off"),
        pytest.param("other", (), "archive of another database", id="of-another-cluster"),
        pytest.param("empty", (), "no WAL that goes with the backup", id="an-empty-archive"),
    ],
)
def test_an_archive_that_does_not_lead_there_is_refused(
    drill: Drill, tmp_path: Path, damage: str, words: tuple[str, ...], said: str
) -> None:
    archive, data_dir = tmp_path / "archive", tmp_path / "data"
    shutil.copytree(drill.archive, archive)
    files = sorted(archive.glob("*[0-9A-F].gz"))
    if damage == "gap":
        files[-2].unlink()
    elif damage == "cut":
        files[-1].write_bytes(files[-1].read_bytes()[:-9])
    elif damage == "empty":
        shutil.rmtree(archive)
        archive.mkdir()
    elif damage == "other":
        content = bytearray(gzip.decompress(files[-1].read_bytes()))
        content[24] ^= 1  # the cluster's identifier
        files[-1].write_bytes(gzip.compress(content, 1))
    options = ("--data-dir", str(data_dir), "--archive-dir", str(archive), *words)
    done = command("restore", str(drill.backup), *options)
    assert done.returncode == 1, done.stderr
    assert said in done.stderr.decode()
    assert b"Traceback" not in done.stderr
    assert not data_dir.exists() or not any(data_dir.iterdir())


def test_wal_is_archived_in_time_and_doctor_tells_when_it_is_not(tmp_path: Path) -> None:
    archive, data_dir = tmp_path / "archive", tmp_path / "data"

    def found(url: str) -> tuple[bool, str]:
        done = command("doctor", "--database-url", url, "--json")
        (line,) = (line for line in done.stdout.splitlines() if b'"WAL archive"' in line)
        finding = json.loads(line)
        return finding["ok"], finding["remedy"]

    with EmbeddedPostgres(data_dir, archive_dir=archive):
        (data_dir / "postgres" / "local.conf").write_text("archive_timeout = 1\n")
    shutil.rmtree(archive)
    archive.mkdir()
    with EmbeddedPostgres(data_dir) as postgres:  # as `load` starts it, without the option
        rows_at(postgres.url, "SELECT pg_logical_emit_message(true, '', '')")
        wait_for(lambda: list(archive.glob("*[0-9A-F].gz")))
        archived = "SELECT archived_count FROM pg_stat_archiver"
        wait_for(lambda: rows_at(postgres.url, archived)[0])
        assert found(postgres.url) == (True, "")
        shutil.rmtree(archive)
        archive.touch()
        rows_at(postgres.url, "SELECT pg_logical_emit_message(true, '', '')")
        wait_for(lambda: rows_at(postgres.url, "SELECT failed_count FROM pg_stat_archiver")[0])
        ok, remedy = found(postgres.url)
        assert (ok, "see postgres.log" in remedy) == (False, True)


def test_what_a_killed_restore_left_is_not_served(drill: Drill, tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    words = ("restore", str(drill.backup), "--data-dir", str(data_dir))
    restoring = subprocess.Popen((sys.executable, "-m", "fhirserver", *words))
    wait_for((data_dir / "restoring").exists)
    restoring.kill()
    restoring.wait()
    for starting in (("serve", "--open", "--port", "0"), ("load", "-")):
        done = command(*starting, "--data-dir", str(data_dir))
        assert done.returncode == 1
        assert b"empty the folder and restore again" in done.stderr
    done = command("doctor", "--data-dir", str(data_dir))
    assert done.returncode == 1
    assert b"empty the folder and restore again" in done.stdout


@pytest.mark.parametrize(
    ("place", "said"),
    [
        pytest.param("files/postgres.password", "is not what was backed up", id="changed"),
        pytest.param("postgres/PG_VERSION", "No such file", id="missing"),
        pytest.param("manifest.json", "is no whole backup", id="without-manifest"),
    ],
)
def test_a_damaged_backup_is_refused(drill: Drill, tmp_path: Path, place: str, said: str) -> None:
    damaged, data_dir = tmp_path / "backup", tmp_path / "data"
    shutil.copytree(drill.backup, damaged)
    (damaged / place).unlink()
    if said.startswith("is not"):
        (damaged / place).write_text("changed")
    done = command("restore", str(damaged), "--data-dir", str(data_dir))
    assert done.returncode == 1
    assert said in done.stderr.decode()
    assert not data_dir.exists()
