"""Bring a database's schema to the revision this code expects; refuse to serve another.

One process migrates at a time (an advisory lock), and a migration that cannot get a table lock
soon gives up instead of making everyone queue behind it. Migrations only add; what the previous
version still uses is removed one release later.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from psycopg import Connection, errors

from fhirserver.store.schema import EXPECTED_REVISION

_LOCK = 7_034_512_001
_LOCK_TIMEOUT = "5s"
_WAIT_S = 120.0


class SchemaRevisionError(RuntimeError):
    """The database is not at the revision this code works with; the message names the remedy."""


def migrate(url: str) -> str:
    """Run every revision that the database lacks.

    Alembic and SQLAlchemy are imported here only: nothing that serves requests needs them.

    Args:
        url: libpq URL; the role must own the schema.

    Returns:
        The revision now in place.

    Raises:
        SchemaRevisionError: another process has been migrating for two minutes, or the database
            was written by a newer version.
    """
    import sqlalchemy
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(_scripts()).replace("%", "%%"))
    engine = sqlalchemy.create_engine(
        "postgresql+psycopg://", creator=lambda: _connect(url), poolclass=sqlalchemy.NullPool
    )
    with engine.connect() as connection:
        _wait_for_lock(connection)
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            msg = f"the database cannot be migrated: {error}; was it used by a newer version?"
            raise SchemaRevisionError(msg) from error
        finally:
            connection.rollback()
            connection.exec_driver_sql(f"SELECT pg_advisory_unlock({_LOCK})")
            connection.commit()
    return EXPECTED_REVISION


def current_revision(connection: Connection[Any]) -> str | None:
    """Return the revision of a database; None if it has no schema of ours yet."""
    try:
        with connection.transaction():
            row = connection.execute("SELECT version_num FROM schema_revision").fetchone()
    except errors.UndefinedTable:
        return None
    return None if row is None else str(row[0])


def check_revision(connection: Connection[Any]) -> None:
    """Refuse a database whose schema is not the one this code was written for.

    Raises:
        SchemaRevisionError: it is older, newer or not ours.
    """
    found = current_revision(connection)
    if found != EXPECTED_REVISION:
        msg = (
            f"the database is at schema revision {found or 'none'}, this version needs "
            f"{EXPECTED_REVISION}: run `fhirserver migrate`"
        )
        raise SchemaRevisionError(msg)


def _scripts() -> Path:
    import fhirserver_migrations

    return Path(fhirserver_migrations.__path__[0])


def _connect(url: str) -> Connection[Any]:
    import psycopg

    return psycopg.connect(url, options=f"-c lock_timeout={_LOCK_TIMEOUT}")


def _wait_for_lock(connection: Any) -> None:
    deadline = time.monotonic() + _WAIT_S
    while True:
        taken = connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({_LOCK})").scalar()
        connection.commit()
        if taken:
            return
        if time.monotonic() > deadline:
            raise SchemaRevisionError("another process is migrating this database; try again later")
        time.sleep(0.1)
