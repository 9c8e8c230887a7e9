"""Give the outbox's rows their numbers after their transactions have committed.

Rows become visible in the order of commits, not in the order in which they were written. A reader
that remembers the last number it saw must never find a smaller one later, so numbers are given
here, by one process at a time, and only to rows of transactions older than every running one.
Numbering goes on from the greatest number in the table, so whoever prunes it keeps that row.
"""

from typing import Any

from psycopg import Connection

_BATCH = 5000
_NUMBER = """
WITH ready AS (
    SELECT entry, row_number() OVER (ORDER BY xact, entry)
        + (SELECT coalesce(max(number), 0) FROM outbox) AS number
    FROM outbox
    WHERE number IS NULL AND xact < pg_snapshot_xmin(pg_current_snapshot())
    ORDER BY xact, entry LIMIT %s
)
UPDATE outbox SET number = ready.number FROM ready WHERE outbox.entry = ready.entry
"""


def number_outbox(connection: Connection[Any]) -> bool:
    """Number the next rows; True if there may be more."""
    return connection.execute(_NUMBER, (_BATCH,)).rowcount == _BATCH
