"""Bring a database's schema to the revision this code expects; refuse to serve another.

One process migrates at a time (an advisory lock), and a migration that cannot get a table lock
soon gives up instead of making everyone queue behind it. Migrations only add; what the previous
version still uses is removed one release later. The table `schema_revision` says what is there and
which code it still serves:

    version_num   the revision in place
    serves        the oldest revision whose code works on it; absent before revision 0004
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, NamedTuple

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
        The revision now in place: this code's, or a newer one that still serves it.

    Raises:
        SchemaRevisionError: another process has been migrating for two minutes, or the database
            was written by a newer version.
    """
    with _connect(url) as connection:
        found = _find(connection)
        if found is not None and _fits(found):
            return found.revision
    upgrade_to(url, "head")
    return EXPECTED_REVISION


def upgrade_to(url: str, revision: str) -> None:
    """Run the revisions up to one, or to the newest, which is called head."""
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
            command.upgrade(config, revision)
        except CommandError as error:
            msg = f"the database cannot be migrated: {error}; was it used by a newer version?"
            raise SchemaRevisionError(msg) from error
        finally:
            connection.rollback()
            connection.exec_driver_sql(f"SELECT pg_advisory_unlock({_LOCK})")
            connection.commit()


def current_revision(connection: Connection[Any]) -> str | None:
    """Return the revision of a database; None if it has no schema of ours yet."""
    found = _find(connection)
    return None if found is None else found.revision


def check_revision(connection: Connection[Any]) -> None:
    """Refuse a database whose schema this code cannot work on.

    Raises:
        SchemaRevisionError: it is older, not ours, or so new that it no longer serves this code.
    """
    found = _find(connection)
    if found is None or found.revision < EXPECTED_REVISION:
        msg = (
            f"the database is at schema revision {found.revision if found else 'none'}, this "
            f"version needs {EXPECTED_REVISION}: run `fhirserver migrate`"
        )
        raise SchemaRevisionError(msg)
    if not _fits(found):
        msg = (
            f"the database is at schema revision {found.revision}, which no longer serves this "
            f"version of {EXPECTED_REVISION}: install a newer fhirserver"
        )
        raise SchemaRevisionError(msg)


class _Found(NamedTuple):
    """What `schema_revision` says; revisions are compared as text, all have four digits."""

    revision: str
    serves: str


def _find(connection: Connection[Any]) -> _Found | None:
    try:
        with connection.transaction():
            row = connection.execute(
                "SELECT version_num, coalesce(to_jsonb(r) ->> 'serves', version_num)"
                " FROM schema_revision r"
            ).fetchone()
    except errors.UndefinedTable:
        return None
    return None if row is None else _Found(*row)


def _fits(found: _Found) -> bool:
    return found.serves <= EXPECTED_REVISION <= found.revision


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
