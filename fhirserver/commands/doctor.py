"""Check this machine and installation: what would keep a server from working, and the remedy.

Exit code 1 if anything does.
"""

import argparse
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fhirserver.commands.options import (
    NO_DATABASE_REMEDY,
    CommandError,
    add_store_options,
    default_data_dir,
    settings_from,
)
from fhirserver.commands.reachable import check_reachable, database_error
from fhirserver.config import Settings
from fhirserver.model.json import write_json
from fhirserver.running import read_note

if TYPE_CHECKING:
    import psycopg

EXAMPLES = """\
examples:
  fhirserver doctor
  fhirserver doctor --database-url postgresql://fhir@db.example/fhir
  fhirserver doctor --json
"""

_FREE_BYTES = 1024**3
_ARCHIVER = """
SELECT last_archived_wal, extract(epoch FROM clock_timestamp() - last_archived_time),
    coalesce(last_failed_time > coalesce(last_archived_time, '-infinity'), false)
FROM pg_stat_archiver WHERE current_setting('archive_mode') <> 'off'
"""
_DURABLE = ("fsync", "full_page_writes", "synchronous_commit")


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    Attributes:
        check: what was looked at.
        ok: whether it is as it should be.
        found: what was found.
        remedy: what to do; empty where nothing needs doing.
    """

    check: str
    ok: bool
    found: str
    remedy: str = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_store_options(parser)
    parser.add_argument("--json", action="store_true", help="a JSON object per line")


def run(args: argparse.Namespace) -> int:
    """Run every check and print what it found."""
    settings = settings_from(args)
    wrong = False
    for check in _CHECKS:
        for finding in check(settings):
            wrong = wrong or not finding.ok
            sys.stdout.write(_as_json(finding) if args.json else _as_text(finding))
            sys.stdout.flush()
    return 1 if wrong else 0


def _as_text(finding: Finding) -> str:
    line = f"{'ok  ' if finding.ok else 'FAIL'}  {finding.check}: {finding.found}\n"
    return line + (f"      {finding.remedy}\n" if finding.remedy else "")


def _as_json(finding: Finding) -> str:
    return write_json(asdict(finding)).decode("utf-8") + "\n"


def _check_python(_settings: Settings) -> Iterator[Finding]:
    found = ".".join(str(part) for part in sys.version_info[:3])
    ok = (3, 11) <= sys.version_info[:2] <= (3, 14)
    yield Finding("Python", ok, found, "" if ok else "use Python 3.11 to 3.14")


def _check_definitions(_settings: Settings) -> Iterator[Finding]:
    from fhirserver.definitions import r4

    try:
        count = len(r4().resource_types)
    except (OSError, ValueError) as error:
        yield Finding("R4 definitions", ok=False, found=str(error), remedy="reinstall fhirserver")
    else:
        yield Finding("R4 definitions", ok=True, found=f"{count} resource types")


def _check_data_dir(settings: Settings) -> Iterator[Finding]:
    data_dir = Path(settings.data_dir)
    place = next(path for path in (data_dir, *data_dir.parents) if path.exists())
    if not os.access(place, os.W_OK | os.X_OK):
        yield Finding(
            "data directory", ok=False, found=f"{place} is not writable", remedy="use --data-dir"
        )
        return
    free = shutil.disk_usage(place).free
    yield Finding(
        "data directory",
        free > _FREE_BYTES,
        f"{data_dir}, {free / 1e9:.1f} GB free",
        "" if free > _FREE_BYTES else "make room: 1 GB is the least",
    )


def _check_embedded(settings: Settings) -> Iterator[Finding]:
    from fhirserver.store.embedded_account import EmbeddedPostgresError, find_account

    if settings.database_url:
        return
    try:
        account = find_account()
    except EmbeddedPostgresError as error:
        yield Finding("embedded PostgreSQL", ok=False, found=str(error))
        return
    how = "in a user namespace" if account.prefix else f"as user {account.uid or os.geteuid()}"
    yield Finding("embedded PostgreSQL", ok=True, found=f"{account.binaries}, {how}")


def _check_database(settings: Settings) -> Iterator[Finding]:
    import psycopg

    from fhirserver.store.migrate import SchemaRevisionError, check_revision

    note = read_note(Path(settings.data_dir))
    url = settings.database_url or (note.database if note else "")
    if not url:
        yield _without_server(Path(settings.data_dir))
        return
    try:
        check_reachable(url)
        with psycopg.connect(url, autocommit=True) as connection:
            release = connection.info.parameter_status("server_version")
            yield Finding("database", ok=True, found=f"PostgreSQL {release} answers")
            yield from _check_durable(connection)
            yield from _check_archive(connection)
            check_revision(connection)
            yield Finding("schema", ok=True, found="up to date")
    except CommandError as error:
        yield Finding("database", ok=False, found=str(error))
    except psycopg.Error as error:
        yield Finding("database", ok=False, found=str(database_error(error)))
    except SchemaRevisionError as error:
        yield Finding("schema", ok=False, found=str(error))  # which names the remedy


def _without_server(data_dir: Path) -> Finding:
    from fhirserver.store.embedded import EmbeddedPostgresError, holds_database
    from fhirserver.store.embedded_restoring import check_restored

    try:
        check_restored(data_dir)
    except EmbeddedPostgresError as error:
        return Finding("database", ok=False, found=str(error))
    if holds_database(data_dir):
        return Finding("database", ok=True, found="there; no server runs on it")
    found = f"{data_dir} holds no database"
    is_named = data_dir != default_data_dir().absolute()
    return Finding("database", ok=not is_named, found=found, remedy=NO_DATABASE_REMEDY)


def _check_durable(connection: "psycopg.Connection[Any]") -> Iterator[Finding]:
    for name in _DURABLE:
        row = connection.execute("SELECT current_setting(%s)", (name,)).fetchone()
        value = row[0] if row else ""
        if value == "off":
            yield Finding("durability", ok=False, found=f"{name} = off", remedy=f"set {name} to on")


def _check_archive(connection: "psycopg.Connection[Any]") -> Iterator[Finding]:
    """Say how old the newest archived WAL is; nothing where none is archived."""
    row = connection.execute(_ARCHIVER).fetchone()
    if row is None:
        return
    name, age_s, failing = row
    found = "nothing yet" if name is None else f"{name}, {age_s:,.0f} s ago"
    remedy = "see postgres.log; what is not archived stays in the database's folder and fills it"
    yield Finding("WAL archive", not failing, found, remedy if failing else "")


_CHECKS: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
    _check_python,
    _check_definitions,
    _check_data_dir,
    _check_embedded,
    _check_database,
)
