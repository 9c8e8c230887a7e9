"""What a backup is: a folder that tells of itself in `manifest.json`, written last.

    BACKUP/manifest.json   Manifest below: kind, schema, counts, and size and SHA-256 of every file
    BACKUP/postgres/       kind "cluster": a copy of the embedded cluster, by pg_basebackup
    BACKUP/files/          kind "cluster": what lies beside it in the data directory
    BACKUP/database.dump   kind "dump": a database of one's own, by pg_dump

The folder has another name until it is complete, and a folder without a manifest is no backup.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec
from psycopg import sql

from fhirserver.search.extract import EXTRACTOR_VERSION
from fhirserver.store.migrate import current_revision

if TYPE_CHECKING:
    from psycopg import Connection

FORMAT = 1
MANIFEST = "manifest.json"
COUNTED = ("resource", "history", "audit")
"""Tables whose rows never become fewer."""

Kind = Literal["cluster", "dump"]


class BackupError(RuntimeError):
    """A backup cannot be made or used; the message says why and what to do."""


class File(msgspec.Struct, frozen=True):
    """One file: size in bytes, and SHA-256 in hexadecimal digits."""

    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a backup says of itself.

    Attributes:
        format: of the folder; FORMAT.
        kind: how the database was copied.
        server: version of fhirserver that made it.
        public_url: FHIR base that tells which absolute references are local.
        revision: of the schema.
        extractor: version of the index rows that `server` makes.
        started: instant; what was acknowledged before is in the backup.
        ended: instant; recovery to a time begins here.
        counts: rows by table at `started`; there may be more in a cluster.
        files: by path below the folder, "/" between parts.
    """

    format: int
    kind: Kind
    server: str
    public_url: str
    revision: str
    extractor: int
    started: str
    ended: str
    counts: dict[str, int]
    files: dict[str, File]


@contextmanager
def new_folder(output: Path) -> Iterator[Path]:
    """Give a private folder that gets its name when everything in it is done and on the disk.

    Args:
        output: its name; nothing, or an empty folder, may be there.

    Raises:
        BackupError: something is there.
    """
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise BackupError(f"{output} is there already: name a new folder with --output")
    output.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f"{output.name}.unfinished-", dir=output.parent))
    try:
        yield unfinished
        unfinished.rename(output)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    _sync(output.parent)


def describe_files(folder: Path) -> dict[str, File]:
    """Read every file back from below a folder, and see that it is private and on the disk."""
    found = {}
    for path in sorted(folder.rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)
        if path.is_file():
            found[path.relative_to(folder).as_posix()] = _describe(path)
        _sync(path)
    return found


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Complete a backup."""
    path = folder / MANIFEST
    path.write_bytes(msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")
    path.chmod(0o600)
    _sync(path)
    _sync(folder)


def read_manifest(folder: Path) -> Manifest:
    """Read what a backup says of itself.

    Raises:
        BackupError: it is no backup, or one of another version.
    """
    try:
        manifest = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
    except OSError:
        message = f"{folder} is no whole backup: it has no {MANIFEST}, which is written last"
        raise BackupError(message) from None
    except msgspec.DecodeError as error:
        raise BackupError(f"{folder / MANIFEST} cannot be read: {error}") from None
    if manifest.format != FORMAT:
        raise BackupError(f"{folder} has format {manifest.format}: use the version that made it")
    return manifest


def check_files(folder: Path, manifest: Manifest) -> None:
    """Hold every file against the manifest.

    Raises:
        BackupError: a file is missing or differs.
    """
    for name, expected in manifest.files.items():
        try:
            found = _describe(folder / name)
        except OSError as error:
            raise BackupError(f"{folder / name}: {error.strerror}: use another backup") from None
        if found != expected:
            message = f"{folder / name} is not what was backed up (SHA-256): use another backup"
            raise BackupError(message)


class Begun(NamedTuple):
    """What was there when a backup began: its instant, the schema's revision, rows by table."""

    started: str
    revision: str
    counts: dict[str, int]


def look_at(connection: Connection[Any]) -> Begun:
    """See what there is to back up.

    Args:
        connection: in a transaction that has seen nothing yet; it keeps what it sees here.

    Raises:
        BackupError: the database holds no schema of ours.
    """
    connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
    revision = current_revision(connection)
    if revision is None:
        raise BackupError("the database is empty: there is nothing to back up")
    return Begun(now(connection), revision, count_rows(connection))


def now(connection: Connection[Any]) -> str:
    """Give the database's clock, as an instant in UTC."""
    row = connection.execute("SELECT clock_timestamp()").fetchone()
    assert row is not None
    moment: datetime = row[0]
    return moment.astimezone(UTC).isoformat()


def count_rows(connection: Connection[Any]) -> dict[str, int]:
    """Count the rows of COUNTED."""
    counts = {}
    for table in COUNTED:
        row = connection.execute(
            sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
        ).fetchone()
        counts[table] = 0 if row is None else int(row[0])
    return counts


def check_counts(connection: Connection[Any], manifest: Manifest) -> dict[str, int]:
    """Hold the rows that were restored against the manifest, and give their numbers.

    Raises:
        BackupError: rows are missing.
    """
    found = count_rows(connection)
    for table, count in manifest.counts.items():
        if found[table] < count or (manifest.kind == "dump" and found[table] != count):
            message = f"{found[table]:,} rows of {table} came back, and there were {count:,}"
            raise BackupError(message)
    return found


def describe(kind: Kind, folder: Path, begun: Begun, ended: str, public_url: str) -> Manifest:
    """Say what a backup holds, from what can be read back of it."""
    return Manifest(
        format=FORMAT,
        kind=kind,
        server=version("fhirserver"),
        public_url=public_url,
        revision=begun.revision,
        extractor=EXTRACTOR_VERSION,
        started=begun.started,
        ended=ended,
        counts=begun.counts,
        files=describe_files(folder),
    )


def _describe(path: Path) -> File:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
        return File(file.tell(), digest.hexdigest())


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
