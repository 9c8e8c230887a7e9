"""Content of Binaries that is too large for a row of `resource`, in chunks.

    begun       a row of `content` without a version; chunks come, each in a transaction of its own
    kept        the transaction that writes the version names it: from then on it never changes
    forgotten   begun, and not kept: by whoever began it, or after a day by a duty

So a slow sender holds neither a connection nor a transaction, and a version is never without its
content. Chunks that a killed process leaves belong to no version, and nothing shows them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from psycopg import Connection

from fhirserver.errors import UnavailableError
from fhirserver.model.content_apart import ContentApart
from fhirserver.store.database import Database

CHUNK_BYTES = 768 * 1024
"""A multiple of three, so that a chunk is a whole number of base64's groups."""

_BEGIN = "INSERT INTO binary_content DEFAULT VALUES RETURNING number"
_CHUNK = "INSERT INTO binary_chunk (content, place, octets) VALUES (%s, %s, %s)"
_KEEP = """
UPDATE binary_content SET rid = %s, version = %s, size_bytes = %s WHERE number = %s AND rid IS NULL
"""
_FORGET = "DELETE FROM binary_content WHERE number = %s AND rid IS NULL"
_FORGET_OLD = """
DELETE FROM binary_content WHERE number IN (
    SELECT number FROM binary_content
    WHERE rid IS NULL AND begun < clock_timestamp() - %s * interval '1 s'
    ORDER BY begun LIMIT %s FOR UPDATE SKIP LOCKED)
"""
_FIND = "SELECT number, size_bytes FROM binary_content WHERE rid = %s AND version = %s"
_READ = "SELECT octets FROM binary_chunk WHERE content = %s AND place = %s"


class BegunContent(NamedTuple):
    """Content that is here and belongs to no version yet."""

    number: int
    apart: ContentApart


class KeptContent(NamedTuple):
    """Content of a version."""

    number: int
    size_bytes: int


def begin_content(database: Database, parts: Iterable[bytes]) -> BegunContent:
    """Store content as it comes.

    Args:
        database: where to; a connection is borrowed for each chunk.
        parts: of `CHUNK_BYTES` each, the last one maybe shorter.

    Raises:
        UnavailableError: the database has no room or cannot be reached.
        FhirError: whatever `parts` raises; nothing is left then.
    """
    with database.connection() as connection:
        number: int = _one(connection.execute(_BEGIN).fetchone())[0]
    digest, size_bytes = hashlib.sha256(), 0
    try:
        for place, part in enumerate(parts):
            with database.connection() as connection:
                connection.execute(_CHUNK, (number, place, part), binary=True)
            digest.update(part)
            size_bytes += len(part)
    except BaseException:
        forget_content(database, number)
        raise
    return BegunContent(number, ContentApart(size_bytes, digest.hexdigest()))


def keep_content(
    connection: Connection[Any], content: BegunContent, rid: int, version: int
) -> None:
    """Give content to a version, in the transaction that writes it.

    Raises:
        UnavailableError: it was forgotten meanwhile.
    """
    values = (rid, version, content.apart.size_bytes, content.number)
    if connection.execute(_KEEP, values).rowcount != 1:
        raise UnavailableError("The content took too long to be stored; send it again.")


def forget_content(database: Database, number: int) -> None:
    """Forget content unless a version has it."""
    with database.connection() as connection:
        connection.execute(_FORGET, (number,))


def forget_old_contents(connection: Connection[Any], age_s: int, most: int) -> int:
    """Forget content that was begun so long ago and belongs to no version, and count it."""
    return connection.execute(_FORGET_OLD, (age_s, most)).rowcount


def find_content(database: Database, rid: int, version: int) -> KeptContent | None:
    """Find the content of a version; None where it is not kept apart."""
    with database.connection() as connection:
        row = connection.execute(_FIND, (rid, version)).fetchone()
    return None if row is None else KeptContent(*row)


def read_content(
    database: Database, content: KeptContent, start: int = 0, stop: int | None = None
) -> Iterator[bytes]:
    """Give the octets from `start` up to `stop`, chunk by chunk."""
    stop = content.size_bytes if stop is None else stop
    for place in range(start // CHUNK_BYTES, -(-stop // CHUNK_BYTES)):
        with database.connection() as connection:
            cursor = connection.execute(_READ, (content.number, place), binary=True)
            octets: bytes = _one(cursor.fetchone())[0]
        offset = place * CHUNK_BYTES
        yield octets[max(start - offset, 0) : stop - offset]


def _one(row: tuple[Any, ...] | None) -> tuple[Any, ...]:
    if row is None:
        raise UnavailableError("A part of the content is missing; tell the server's operator.")
    return row
