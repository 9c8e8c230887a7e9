"""What several commands share: where the data are, and how to reach them.

--database-url URL   a PostgreSQL of yours
--data-dir DIR       the embedded PostgreSQL below DIR; started for as long as the command
                     needs it, or used as it is where a server has it running
"""

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from fhirserver.config import Settings, read_settings
from fhirserver.running import read_note


class CommandError(Exception):
    """A command cannot go on.

    Args:
        message: what is wrong and what to do; goes to standard error.
        exit_code: see `fhirserver.cli`.
    """

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


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
        CommandError: a setting that does not fit, exit code 2.
    """
    try:
        settings = read_settings(
            data_dir=args.data_dir, database_url=args.database_url, **overrides
        )
    except ValueError as error:
        raise CommandError(str(error), exit_code=2) from None
    data_dir = Path(settings.data_dir) if settings.data_dir else default_data_dir()
    settings = replace(settings, data_dir=str(data_dir.absolute()))
    running = read_note(data_dir)
    if running and not overrides.get("public_url") and "FHIRSERVER_PUBLIC_URL" not in os.environ:
        return replace(settings, public_url=running.fhir)
    return settings


@contextmanager
def reach_database(settings: Settings) -> Iterator[str]:
    """Give the URL of a database that runs and whose schema is up to date.

    The embedded PostgreSQL is started and migrated if nobody runs it, and stopped again.

    Raises:
        EmbeddedPostgresError, SchemaRevisionError: the message says what to do.
    """
    import psycopg

    from fhirserver.store.migrate import check_revision, migrate

    running = read_note(Path(settings.data_dir))
    url = settings.database_url or (running.database if running else "")
    if url:
        with psycopg.connect(url) as connection:
            check_revision(connection)
        yield url
        return
    from fhirserver.store.embedded import EmbeddedPostgres

    with EmbeddedPostgres(settings.data_dir) as postgres:
        migrate(postgres.url)
        yield postgres.url
