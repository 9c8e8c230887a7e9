"""Bring a backup back, into an empty place only, and check it.

The files are held against the backup's manifest, the rows against its counts, and then everything
as `fhirserver verify` does. With the archive of the embedded PostgreSQL, what was written after
the backup comes back too: all of it, or what was there at a point in time.
"""

import argparse
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from fhirserver.commands.options import CommandError, add_store_options, settings_from
from fhirserver.commands.reachable import check_reachable
from fhirserver.commands.verify import check_database, describe_report
from fhirserver.config import Settings

if TYPE_CHECKING:
    from fhirserver.store.backup import Manifest
    from fhirserver.store.embedded import EmbeddedPostgres

EXAMPLES = """\
examples:
  fhirserver restore /backups/monday --data-dir new
  fhirserver restore monday --data-dir new --archive-dir /archive
  fhirserver restore monday --data-dir new --archive-dir /archive --to-time 2026-03-01T09:59:00Z
  fhirserver restore monday --database-url postgresql://fhir@db.example/empty
"""
_REASON = re.compile(r"FATAL|PANIC|fhirserver archive")
_TOO_LATE = "nothing in it was stored as late as --to-time; leave that out for all there is"
_NOT_REACHED = "recovery ended before configured recovery target was reached"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("backup", metavar="BACKUP", help="folder that `fhirserver backup` made")
    add_store_options(parser)
    parser.add_argument(
        "--archive-dir", metavar="DIR", help="bring back also what this archive has since"
    )
    parser.add_argument(
        "--to-time",
        type=_instant,
        metavar="INSTANT",
        help="with --archive-dir: only what was stored up to then",
    )
    parser.add_argument("--no-verify", action="store_true", help="leave the last check to later")


def run(args: argparse.Namespace) -> int:
    """Restore, check, and say what is there; 1 where the check found anything."""
    from fhirserver.store.backup import check_files, read_manifest

    settings = settings_from(args)
    folder = Path(args.backup).absolute()
    manifest = read_manifest(folder)
    _check_options(args, manifest, settings)
    check_files(folder, manifest)
    order = _Order(folder, manifest, args.archive_dir, args.to_time)
    place = _into_database if settings.database_url else _into_folder
    with place(order, settings) as url:
        if args.no_verify:
            return 0
        report = check_database(url, manifest.public_url, settings.full_text)
        sys.stdout.write(describe_report(report))
        return 0 if report.sound else 1


@dataclass(frozen=True, slots=True)
class _Order:
    """What to restore: a backup, and maybe an archive and a time to go on to."""

    folder: Path
    manifest: "Manifest"
    archive_dir: str | None
    to_time: datetime | None


def _instant(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        message = f"{text!r}: write it with its offset, like 2026-03-01T09:59:00+01:00"
        raise argparse.ArgumentTypeError(message)
    return moment


def _check_options(args: argparse.Namespace, manifest: "Manifest", settings: Settings) -> None:
    if args.to_time and not args.archive_dir:
        raise CommandError("--to-time needs --archive-dir: the backup has one state only", 2)
    if (manifest.kind == "dump") != bool(settings.database_url):
        wanted, other = ("--database-url", "--data-dir")
        if manifest.kind == "cluster":
            wanted, other = other, wanted
        message = f"{args.backup} was made of a database of {wanted}: restore it so, not {other}"
        raise CommandError(message, 2)
    if manifest.kind == "dump" and args.archive_dir:
        raise CommandError("--archive-dir goes with --data-dir only", 2)
    data_dir = Path(settings.data_dir)
    if manifest.kind == "cluster" and data_dir.exists() and any(data_dir.iterdir()):
        message = f"{data_dir} is not empty: move it away, or name another with --data-dir"
        raise CommandError(message)


@contextmanager
def _into_database(order: _Order, settings: Settings) -> Iterator[str]:
    from fhirserver.store.backup_dump import load_dump

    url = settings.database_url
    check_reachable(url)
    load_dump(order.folder, url)
    _complete(order, url)
    yield url


@contextmanager
def _into_folder(order: _Order, settings: Settings) -> Iterator[str]:
    from fhirserver.store.backup_cluster import end_recovery, fill_from, plan_recovery
    from fhirserver.store.embedded import EmbeddedPostgres
    from fhirserver.store.embedded_restoring import begin_restore

    data_dir = Path(settings.data_dir)
    recovery = {}
    if order.archive_dir:
        archive = Path(order.archive_dir).absolute()
        recovery = plan_recovery(order.folder, order.manifest, archive, order.to_time)
    postgres = EmbeddedPostgres(data_dir, fill=fill_from(order.folder, recovery))
    sign = begin_restore(data_dir)
    try:
        url = _start(postgres)
        end_recovery(url, recovery)
        _complete(order, url)
    except BaseException:
        postgres.stop()
        _empty(data_dir)
        raise
    sign.unlink()
    with postgres:
        yield url


def _start(postgres: "EmbeddedPostgres") -> str:
    """Let PostgreSQL apply the WAL; returns when it has come to the end that is wanted."""
    from fhirserver.store.embedded import EmbeddedPostgresError

    try:
        return postgres.start()
    except EmbeddedPostgresError:
        log = postgres.data_dir / "postgres.log"
        if not log.exists():
            raise
        reasons = [line for line in log.read_text("utf-8").splitlines() if _REASON.search(line)]
        if any(_NOT_REACHED in line for line in reasons):
            reasons = [_TOO_LATE]
        message = f"PostgreSQL cannot apply what was archived: {'; '.join(reasons)}"
        raise CommandError(message) from None


def _complete(order: _Order, url: str) -> None:
    """Hold the rows against the manifest, and bring the schema up to date."""
    import psycopg

    from fhirserver.store.backup import check_counts
    from fhirserver.store.migrate import migrate

    with psycopg.connect(url) as connection:
        counts = check_counts(connection, order.manifest)
    revision = migrate(url)
    rows = ", ".join(f"{count:,} rows of {table}" for table, count in counts.items())
    sys.stderr.write(f"restored: {rows}, as of {order.manifest.started} or later\n")
    if revision != order.manifest.revision:
        sys.stderr.write(f"the schema was at {order.manifest.revision} and is now at {revision}\n")


def _empty(data_dir: Path) -> None:
    """Take away what a restore began, so that it can be tried again."""
    shutil.rmtree((data_dir / "postgres").resolve(), ignore_errors=True)
    for path in data_dir.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()
