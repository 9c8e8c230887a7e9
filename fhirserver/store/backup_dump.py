"""Dumps of a database of one's own: pg_dump and pg_restore, into an empty database.

Transaction numbers do not outlive their cluster. Rows tell by them what readers that go on from an
instant or a number may see (`xact` in `fhirserver.store.schema`), so the numbers of another cluster
are replaced by one that every cluster has long passed.
"""

from __future__ import annotations

import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import IO

import psycopg

from fhirserver.store.backup import BackupError, Manifest, describe, look_at, now
from fhirserver.store.postgres_program import finish_program, run_program, start_program

DUMP = "database.dump"
# What PostgreSQL brings itself has smaller numbers.
_TABLES = "SELECT count(*) FROM pg_class WHERE relkind IN ('r', 'p') AND oid >= 16384"
# The oldest number that a transaction can have. What has no number in the outbox yet gets it now,
# in the order of commits, which is lost with the transactions' numbers.
_SETTLE = b"""
UPDATE public.outbox SET number = ready.number FROM (
    SELECT entry, row_number() OVER (ORDER BY xact, entry)
        + (SELECT coalesce(max(number), 0) FROM public.outbox) AS number
    FROM public.outbox WHERE number IS NULL
) ready WHERE outbox.entry = ready.entry;
DO $$ DECLARE statement text; BEGIN
    FOR statement IN
        SELECT format('UPDATE %1$s SET %2$I = ''3'' WHERE %2$I >= %3$L', c.oid::regclass, a.attname,
            pg_snapshot_xmin(pg_current_snapshot()))
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE a.atttypid = 'xid8'::regtype AND c.relkind IN ('r', 'p') AND NOT c.relispartition
        AND c.relnamespace = 'public'::regnamespace
    LOOP EXECUTE statement; END LOOP;
END $$;
COMMIT;
"""
_TRANSACTION_TIMEOUT = b"SET transaction_timeout = 0;\n"
_KNOWS_TRANSACTION_TIMEOUT = 170000


def back_up_dump(url: str, folder: Path, public_url: str) -> Manifest:
    """Dump a database, as it is at one instant.

    Args:
        url: of the database.
        folder: of the backup.
        public_url: see `Manifest`.

    Raises:
        BackupError: the database holds nothing of ours.
        PostgresProgramError: pg_dump failed; it is older than the server, or the disk is full.
    """
    with psycopg.connect(url) as connection:
        begun = look_at(connection)
        connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        row = connection.execute("SELECT pg_export_snapshot()").fetchone()
        assert row is not None
        run_program(
            "pg_dump",
            url,
            "--format=custom",
            f"--file={folder / DUMP}",
            f"--snapshot={row[0]}",
            "--no-password",
        )
        ended = now(connection)
    return describe("dump", folder, begun, ended, public_url)


def load_dump(folder: Path, url: str) -> None:
    """Restore a dump in one transaction.

    Args:
        folder: of the backup.
        url: of an empty database.

    Raises:
        BackupError: the database is not empty.
        PostgresProgramError: the dump cannot be read, or the database refused it; nothing is
            changed then.
    """
    with psycopg.connect(url) as connection:
        row = connection.execute(_TABLES).fetchone()
        if row is None or row[0]:
            name = connection.info.dbname
            message = f"database {name} holds tables: make an empty one, and name that instead"
            raise BackupError(message)
        version = connection.info.server_version
    options = ("--no-owner", "--no-privileges", "--file=-")
    reader = start_program("pg_restore", url, *options, folder / DUMP, stdout=subprocess.PIPE)
    try:
        _restore(reader, url, version)
    finally:
        reader.kill()
        reader.wait()


def _restore(reader: subprocess.Popen[bytes], url: str, version: int) -> None:
    words = ("--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--no-password")
    writer = start_program("psql", url, *words, stdin=subprocess.PIPE)
    assert reader.stdout is not None
    assert writer.stdin is not None
    try:
        with suppress(BrokenPipeError), writer.stdin:  # psql says why it has stopped
            writer.stdin.write(b"BEGIN;\n")
            pass_on(reader.stdout, writer.stdin, version)
            # Without its end the transaction is undone.
            finish_program("pg_restore", reader)
            writer.stdin.write(_SETTLE)
    finally:
        finish_program("psql", writer)


def pass_on(statements: IO[bytes], target: IO[bytes], version: int) -> None:
    """Copy a dump's statements, without the setting that a server before PostgreSQL 17 refuses.

    Args:
        statements: as pg_restore writes them.
        target: where to.
        version: of the server, e.g. 160014.
    """
    if version < _KNOWS_TRANSACTION_TIMEOUT:
        for line in statements:
            if line == _TRANSACTION_TIMEOUT:
                break
            target.write(line)
    shutil.copyfileobj(statements, target)
