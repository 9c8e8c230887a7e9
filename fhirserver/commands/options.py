"""What several commands share: where the data are, and how to reach them.

--database-url URL   a PostgreSQL of yours
--data-dir DIR       the embedded PostgreSQL below DIR; started for as long as the command
                     needs it, or used as it is where a server has it running
"""

import argparse
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from fhirserver.commands.command_error import CommandError
from fhirserver.commands.reachable import check_reachable
from fhirserver.config import Settings, read_settings
from fhirserver.running import read_note

__all__ = [
    "NO_DATABASE_REMEDY",
    "CommandError",
    "add_store_options",
    "default_data_dir",
    "reach_database",
    "settings_from",
]
NO_DATABASE_REMEDY = (
    "Check --data-dir; `fhirserver serve` and `fhirserver load` make a new database."
)

_PUBLIC_URL = re.compile(r"https?://[^\s/?#@]+(/[^\s?#]*)?")


def add_store_options(parser: argparse.ArgumentParser) -> None:
    """Declare --data-dir and --database-url."""
    parser.add_argument(
        "--data-dir",
        metavar="DIR",
        help=f"folder of the embedded PostgreSQL; default: {default_data_dir()}",
    )
    parser.add_argument(
        "--database-url", metavar="URL", help="use this PostgreSQL instead of the embedded one"
    )


def default_data_dir() -> Path:
    """Return the folder for data of this account, by the XDG Base Directory Specification."""
    base = os.environ.get("XDG_DATA_HOME", "")
    root = Path(base) if base.startswith("/") else Path.home() / ".local" / "share"
    return root / "fhirserver"


def settings_from(args: argparse.Namespace, **overrides: Any) -> Settings:
    """Read the settings, with the command line over the environment.

    Returns:
        Settings with an absolute `data_dir`; where a server runs on it and nothing else is said,
        its `public_url`.

    Raises:
        CommandError: a setting that does not fit, or a data directory that is a file; exit
            code 2.
    """
    try:
        settings = read_settings(
            data_dir=args.data_dir, database_url=args.database_url, **overrides
        )
    except ValueError as error:
        raise CommandError(str(error), exit_code=2) from None
    data_dir = Path(settings.data_dir) if settings.data_dir else default_data_dir()
    settings = replace(settings, data_dir=str(data_dir.absolute()))
    if not _PUBLIC_URL.fullmatch(settings.public_url):
        message = (
            "the public URL must be http:// or https://, a host and a path, nothing else: check "
            "--public-url or FHIRSERVER_PUBLIC_URL"
        )
        raise CommandError(message, exit_code=2)
    _check_folder(Path(settings.data_dir))
    running = read_note(data_dir)
    if running and not overrides.get("public_url") and "FHIRSERVER_PUBLIC_URL" not in os.environ:
        return replace(settings, public_url=running.fhir)
    return settings


def _check_folder(data_dir: Path) -> None:
    place = next(path for path in (data_dir, *data_dir.parents) if path.exists())
    if not place.is_dir():
        what = "" if place == data_dir else f", so {data_dir} cannot be made"
        raise CommandError(
            f"{place} is a file, not a folder{what}: name another with --data-dir", exit_code=2
        )


@contextmanager
def reach_database(settings: Settings, *, create: bool = False) -> Iterator[str]:
    """Give the URL of a database that runs and whose schema is up to date.

    The embedded PostgreSQL is started and migrated if nobody runs it, and stopped again.

    Args:
        settings: from `settings_from`.
        create: make a database where the data directory holds none, and say so.

    Raises:
        CommandError: the database does not answer, or the data directory holds none.
        EmbeddedPostgresError, SchemaRevisionError: the message says what to do.
    """
    import psycopg

    from fhirserver.store.migrate import check_revision, migrate

    data_dir = Path(settings.data_dir)
    running = read_note(data_dir)
    url = settings.database_url or (running.database if running else "")
    if url:
        check_reachable(url)
        with psycopg.connect(url) as connection:
            check_revision(connection)
        yield url
        return
    from fhirserver.store.embedded import EmbeddedPostgres, holds_database

    if not holds_database(data_dir):
        if not create:
            raise CommandError(f"{data_dir} holds no database. {NO_DATABASE_REMEDY}")
        sys.stderr.write(f"{data_dir} holds no database yet: making a new one\n")
    with EmbeddedPostgres(data_dir) as postgres:
        migrate(postgres.url)
        yield postgres.url
