"""Every live resource of a snapshot, as a stream of stored bytes."""

from collections.abc import Iterator, Sequence
from typing import Any

import psycopg

from fhirserver.model.content_apart import PLACE_OF_CONTENT, base64_parts, with_place
from fhirserver.model.json import parse_json, write_json

BATCH_ROWS = 500
_RESOURCES = """
SELECT r.tid, r.body, c.number FROM resource r
LEFT JOIN binary_content c ON c.rid = r.rid AND c.version = r.version
WHERE r.state = 1 AND (%(all)s OR r.tid = ANY(%(types)s)) ORDER BY r.tid, r.rid
"""
_CHUNKS = "SELECT octets FROM binary_chunk WHERE content = %s ORDER BY place"


def stream_resources(
    connection: psycopg.Connection, type_ids: Sequence[int] = ()
) -> Iterator[tuple[int, Iterator[bytes]]]:
    """Stream resources in the order of type and row id, all from one snapshot.

    Args:
        connection: autocommit; nothing else may use it until the stream ends.
        type_ids: types wanted; all when empty.

    Yields:
        (type id, body in parts, to be read before the next). Content that is kept apart is in it.
        Nothing but one batch is held in memory.
    """
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        with connection.cursor(name="stream") as cursor:
            cursor.itersize = BATCH_ROWS
            cursor.execute(_RESOURCES, {"all": not type_ids, "types": list(type_ids)})
            for type_id, body, number in cursor:
                whole = iter((bytes(body),))
                yield type_id, whole if number is None else _around(connection, body, number)


def _around(connection: psycopg.Connection[Any], body: bytes, number: int) -> Iterator[bytes]:
    """Write a Binary with its content, which is its last element."""
    around = write_json(with_place(parse_json(bytes(body))))
    before, _, behind = around.rpartition(PLACE_OF_CONTENT.encode())
    yield before
    with connection.cursor(name="chunks", binary=True) as cursor:
        cursor.itersize = 1
        yield from base64_parts(octets for (octets,) in cursor.execute(_CHUNKS, (number,)))
    yield behind
