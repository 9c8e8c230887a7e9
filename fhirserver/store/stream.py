"""Every live resource of a snapshot, as a stream of stored bytes."""

from collections.abc import Iterator, Sequence

import psycopg

BATCH_ROWS = 500


def stream_resources(
    connection: psycopg.Connection, type_ids: Sequence[int] = ()
) -> Iterator[tuple[int, bytes]]:
    """Stream resources in the order of type and row id, all from one snapshot.

    Args:
        connection: autocommit; nothing else may use it until the stream ends.
        type_ids: types wanted; all when empty.

    Yields:
        (type id, body). Nothing but one batch is held in memory.
    """
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        with connection.cursor(name="stream") as cursor:
            cursor.itersize = BATCH_ROWS
            cursor.execute(
                "SELECT tid, body FROM resource WHERE state = 1"
                " AND (%(all)s OR tid = ANY(%(types)s)) ORDER BY tid, rid",
                {"all": not type_ids, "types": list(type_ids)},
            )
            for type_id, body in cursor:
                yield type_id, bytes(body)
