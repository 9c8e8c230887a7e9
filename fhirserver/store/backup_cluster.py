"""Copies of the embedded cluster: pg_basebackup, beside running servers and writers.

Specification: https://www.postgresql.org/docs/18/continuous-archiving.html

A copy holds the WAL that makes it consistent. PostgreSQL applies it at the first start, and with
it, if wanted, what an archive has from then on.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import msgspec
import psycopg
from psycopg import sql

from fhirserver.store.backup import BackupError, Manifest, describe, look_at, now
from fhirserver.store.embedded_account import Account
from fhirserver.store.embedded_cluster import Fill
from fhirserver.store.embedded_restoring import RESTORING
from fhirserver.store.postgres_program import run_program
from fhirserver.store.wal_archive import (
    REMEMBERED,
    check_archive,
    recovery_settings,
    segment_ending_at,
)

CLUSTER = "postgres"
FILES = "files"
_OF_THIS_LIFE = (
    *("postgres.lock", "postgres.log", "postgres.log.1", "server.json"),
    *(REMEMBERED, RESTORING),
)
"""Files of a data directory that tell of what runs there now."""


class _Checksum(msgspec.Struct, frozen=True):
    path: str = msgspec.field(default="", name="Path")
    sha256: str = msgspec.field(default="", name="Checksum")


class _WalRange(msgspec.Struct, frozen=True):
    timeline: int = msgspec.field(name="Timeline")
    end: str = msgspec.field(name="End-LSN")


class _BaseBackup(msgspec.Struct, frozen=True):
    """The part of PostgreSQL's `backup_manifest` that is used here."""

    system: int = msgspec.field(name="System-Identifier")
    files: list[_Checksum] = msgspec.field(name="Files")
    wal: list[_WalRange] = msgspec.field(name="WAL-Ranges")


def back_up_cluster(url: str, data_dir: Path, folder: Path, public_url: str) -> Manifest:
    """Copy a running cluster, and what lies beside it.

    Args:
        url: of the embedded PostgreSQL.
        data_dir: its data directory.
        folder: of the backup.
        public_url: see `Manifest`.

    Raises:
        BackupError: what is on the disk is not what PostgreSQL says it has sent.
        PostgresProgramError: pg_basebackup failed, as on a full disk.
    """
    with psycopg.connect(url) as connection:
        begun = look_at(connection)
    run_program(
        "pg_basebackup",
        url,
        f"--pgdata={folder / CLUSTER}",
        "--wal-method=stream",
        "--checkpoint=fast",
        "--manifest-checksums=SHA256",
        "--no-password",
        "--no-sync",  # done where the files are read back
    )
    with psycopg.connect(url) as connection:
        ended = now(connection)
    _copy_beside(data_dir, folder / FILES)
    manifest = describe("cluster", folder, begun, ended, public_url)
    for sent in _base_backup(folder).files:
        written = manifest.files.get(f"{CLUSTER}/{sent.path}")
        if written is None or written.sha256 != sent.sha256:
            message = f"{sent.path} came to the disk otherwise than it was sent: check the disk"
            raise BackupError(message)
    return manifest


def _copy_beside(data_dir: Path, target: Path) -> None:
    target.mkdir(mode=0o700)
    for path in data_dir.iterdir():
        if path.is_file() and path.name not in _OF_THIS_LIFE:
            shutil.copy(path, target / path.name)


def plan_recovery(
    folder: Path, manifest: Manifest, archive: Path, to_time: datetime | None
) -> dict[str, str]:
    """Give PostgreSQL's settings for going on from a backup with an archive.

    Args:
        folder: of the backup.
        manifest: of the backup.
        archive: of the cluster that was backed up.
        to_time: aware; None for everything that the archive has.

    Raises:
        BackupError: the time is before the backup's end.
        EmbeddedPostgresError: see `check_archive`.
    """
    if to_time is not None and to_time < datetime.fromisoformat(manifest.ended):
        message = f"the backup ended at {manifest.ended}, after --to-time: use an earlier backup"
        raise BackupError(message)
    base = _base_backup(folder)
    wal = base.wal[-1]
    first = segment_ending_at(wal.end) + 1
    check_archive(archive, system=base.system, timeline=wal.timeline, first=first)
    return recovery_settings(archive, None if to_time is None else to_time.isoformat())


def fill_from(folder: Path, recovery: Mapping[str, str]) -> Fill:
    """Give what fills a new data directory from a backup.

    Args:
        folder: of the backup.
        recovery: from `plan_recovery`; empty for the backup as it is.
    """

    def fill(cluster: Path, data_dir: Path, account: Account) -> None:
        for path in (folder / FILES).iterdir():
            shutil.copy(path, data_dir / path.name)
        shutil.copytree(folder / CLUSTER, cluster, dirs_exist_ok=True)
        if recovery:
            with (cluster / "postgresql.auto.conf").open("a", encoding="utf-8") as settings:
                settings.writelines(f"{name} = {value}\n" for name, value in recovery.items())
            (cluster / "recovery.signal").touch(mode=0o600)
        for path in (cluster, *cluster.rglob("*")):
            account.give(path)

    return fill


def end_recovery(url: str, recovery: Mapping[str, str]) -> None:
    """Take the settings away that served to recover."""
    with psycopg.connect(url, autocommit=True) as connection:
        for name in recovery:
            connection.execute(sql.SQL("ALTER SYSTEM RESET {}").format(sql.Identifier(name)))


def _base_backup(folder: Path) -> _BaseBackup:
    path = folder / CLUSTER / "backup_manifest"
    return msgspec.json.decode(path.read_bytes(), type=_BaseBackup)
