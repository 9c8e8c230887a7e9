"""The audit trail as the sealer, the verifier and reports read it.

Rows are sealed after their transactions have committed, in the order of commits: a row is next once
no transaction as old as its own is running. Which rows have a seal is asked of the seals, so the
trail goes on where it was after a restore, which makes all transactions equally old.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from psycopg import Connection

TRAIL_COLUMNS = (
    "entry", "at", "rid", "version", "matches", "tid", "outcome", "id", "interaction", "actor",
    "client", "request_id", "address", "query", "rids", "reason", "token", "purpose", "detail",
)  # fmt: skip
"""What a row says, in the order that its digest takes it in; not `xact`, which is the cluster's."""

_COLUMNS = ", ".join(f"a.{name}" for name in TRAIL_COLUMNS)
_POSITION = "SELECT xact::text, number, digest FROM audit_position FOR UPDATE"
_UNSEALED = f"""
SELECT a.xact::text, {_COLUMNS} FROM audit a
WHERE a.xact >= %(xact)s::xid8 AND a.xact < pg_snapshot_xmin(pg_current_snapshot())
AND NOT EXISTS (SELECT FROM audit_seal s WHERE s.entry = a.entry)
ORDER BY a.xact, a.entry LIMIT %(most)s
"""  # noqa: S608 - constants
_SEAL = "INSERT INTO audit_seal (number, at, entry, digest) VALUES (%s, %s, %s, %s)"
_MOVE = """
INSERT INTO audit_position (xact, number, digest) VALUES (%s::xid8, %s, %s)
ON CONFLICT (one) DO UPDATE
SET xact = excluded.xact, number = excluded.number, digest = excluded.digest
"""
_TELL = """
INSERT INTO audit_patient (pat, at, entry)
SELECT DISTINCT found.pat, a.at, a.entry
FROM audit a
CROSS JOIN LATERAL (SELECT a.rid UNION SELECT unnest(a.rids)) shown (rid)
CROSS JOIN LATERAL (
    SELECT r.pat FROM resource r WHERE r.rid = shown.rid
    UNION SELECT h.pat FROM history h WHERE h.rid = shown.rid
    UNION SELECT c.pat FROM compartment c WHERE c.rid = shown.rid
) found
JOIN resource p ON p.rid = found.pat AND p.tid = %s
WHERE a.entry = ANY(%s) AND a.at BETWEEN %s AND %s
ON CONFLICT DO NOTHING
"""
_CHAIN = f"""
SELECT s.number, s.digest, s.entry, s.at, {_COLUMNS}
FROM audit_seal s LEFT JOIN audit a ON a.entry = s.entry AND a.at = s.at
ORDER BY s.number
"""  # noqa: S608 - constants
_STRAY = """
SELECT a.entry, a.at FROM audit a
WHERE a.xact < (SELECT xact FROM audit_position)
AND NOT EXISTS (SELECT FROM audit_seal s WHERE s.entry = a.entry)
ORDER BY a.at LIMIT 1
"""


class Position(NamedTuple):
    """How far the chain is.

    Attributes:
        xact: transaction of the last row that was sealed, as PostgreSQL writes it.
        number: of the last seal; 0 before the first.
        digest: of the last seal; b"" before the first.
    """

    xact: str
    number: int
    digest: bytes


class TrailRow(NamedTuple):
    """A row of the trail: `TRAIL_COLUMNS` by name."""

    said: dict[str, Any]
    xact: str = "0"


class Link(NamedTuple):
    """A seal and the row that it is of; None where there is no such row."""

    number: int
    digest: bytes
    entry: int
    row: TrailRow | None


def position(connection: Connection[Any]) -> Position:
    """Tell how far the chain is, and keep others from sealing until the transaction ends."""
    row = connection.execute(_POSITION).fetchone()
    return Position("0", 0, b"") if row is None else Position(*row)


def unsealed(connection: Connection[Any], since: Position, most: int) -> list[TrailRow]:
    """List the next rows to seal, in the order of their commits."""
    rows = connection.execute(_UNSEALED, {"xact": since.xact, "most": most}).fetchall()
    return [TrailRow(dict(zip(TRAIL_COLUMNS, row[1:], strict=True)), row[0]) for row in rows]


def keep_seals(
    connection: Connection[Any], sealed: Sequence[tuple[int, TrailRow, bytes]], patient_tid: int
) -> None:
    """Store seals, move the position to the last one, and note whose records the rows tell of.

    Args:
        connection: in the transaction that asked for the position.
        sealed: number, row and digest of each; not empty.
        patient_tid: number of the type Patient.
    """
    values = [(number, row.said["at"], row.said["entry"], digest) for number, row, digest in sealed]
    with connection.cursor() as cursor:
        cursor.executemany(_SEAL, values)
    number, row, digest = sealed[-1]
    connection.execute(_MOVE, (row.xact, number, digest))
    instants = [at for _, at, _, _ in values]
    entries = [entry for _, _, entry, _ in values]
    connection.execute(_TELL, (patient_tid, entries, min(instants), max(instants)))


def chain(connection: Connection[Any]) -> Iterator[Link]:
    """Read all seals with their rows, in order; the connection must be in a transaction."""
    with connection.cursor("audit_chain") as cursor:
        cursor.itersize = 5000
        for number, digest, entry, _at, *columns in cursor.execute(_CHAIN):
            said = dict(zip(TRAIL_COLUMNS, columns, strict=True))
            row = None if said["entry"] is None else TrailRow(said)
            yield Link(number, digest, entry, row)


def stray(connection: Connection[Any]) -> tuple[int, Any] | None:
    """Find a row that the chain has passed without a seal, as (entry, at); None for none."""
    found: tuple[int, Any] | None = connection.execute(_STRAY).fetchone()
    return found
