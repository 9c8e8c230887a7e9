"""First answers to requests with an Idempotency-Key, kept until they expire.

    idempotency        one row per caller and key; `id` is a digest of both, `request` one of what
                       was asked for, followed by one of the caller's role, `patients` what the
                       caller was confined to, `kept` when
      result, body     the answer; NULL of a batch
    idempotency_entry  the answers to the entries of a batch

A row is written in the transaction of what its request does, so neither is there without the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from psycopg import Connection

_LOCK = "SELECT pg_try_advisory_xact_lock(%s)"
_FIND = """
WITH gone AS (DELETE FROM idempotency WHERE id = %(id)s AND kept <= %(expired)s)
SELECT request, patients, result, body FROM idempotency WHERE id = %(id)s AND kept > %(expired)s
"""
_KEEP = """
INSERT INTO idempotency (id, request, patients, kept, result, body) VALUES (%s, %s, %s, %s, %s, %s)
"""
_KEEP_ENTRY = """
INSERT INTO idempotency_entry AS kept (id, entry, answer) VALUES (%s, %s, %s)
ON CONFLICT (id, entry) DO UPDATE SET answer = kept.answer RETURNING answer
"""
_FIND_ENTRY = "SELECT answer FROM idempotency_entry WHERE id = %s AND entry = %s"
_FIND_ENTRIES = "SELECT entry, answer FROM idempotency_entry WHERE id = %s"
_EXPIRE = """
DELETE FROM idempotency WHERE id IN (
    SELECT id FROM idempotency WHERE kept <= %s ORDER BY kept LIMIT %s FOR UPDATE SKIP LOCKED)
"""


class KeptAnswer(NamedTuple):
    """What is known of a key.

    Attributes:
        request: digest of what was asked for, and of the role in which.
        patients: logical ids of the patients that the caller was confined to; None for no bounds.
        result: the answer but for its body; None of a batch.
        body: of the answer; None for none.
    """

    request: bytes
    patients: Sequence[str] | None
    result: bytes | None
    body: bytes | None


def try_lock(connection: Connection[Any], id: bytes) -> bool:
    """Take a key until the transaction ends; False where another transaction has it.

    Args:
        connection: in a transaction.
        id: digest of caller and key.
    """
    number = int.from_bytes(id[:8], "big", signed=True)
    row = connection.execute(_LOCK, (number,)).fetchone()
    return row is not None and bool(row[0])


def find_answer(connection: Connection[Any], id: bytes, expired_us: int) -> KeptAnswer | None:
    """Give what is known of a key, and forget it if it has expired.

    Args:
        connection: in the transaction that has locked the key.
        id: digest of caller and key.
        expired_us: what was kept at this instant or before counts no longer, epoch microseconds.
    """
    row = connection.execute(_FIND, {"id": id, "expired": expired_us}).fetchone()
    return None if row is None else KeptAnswer(*row)


def keep_answer(connection: Connection[Any], id: bytes, answer: KeptAnswer, now_us: int) -> None:
    """Keep an answer, in the transaction of what it tells of."""
    row = (answer.request, answer.patients, now_us, answer.result, answer.body)
    connection.execute(_KEEP, (id, *row))


def keep_entry_answer(connection: Connection[Any], id: bytes, entry: int, answer: bytes) -> bytes:
    """Keep the answer to an entry of a batch, and give the one that is kept: an earlier stays."""
    row = connection.execute(_KEEP_ENTRY, (id, entry, answer)).fetchone()
    assert row is not None
    return bytes(row[0])


def find_entry_answer(connection: Connection[Any], id: bytes, entry: int) -> bytes | None:
    """Give the answer to an entry of a batch; None where it is not done."""
    row = connection.execute(_FIND_ENTRY, (id, entry)).fetchone()
    return None if row is None else bytes(row[0])


def find_entry_answers(connection: Connection[Any], id: bytes) -> dict[int, bytes]:
    """Give the answers to the entries of a batch that are done, by index."""
    return dict(connection.execute(_FIND_ENTRIES, (id,)).fetchall())


def forget_answers(connection: Connection[Any], before_us: int, most: int) -> int:
    """Forget answers kept at an instant or before it, oldest first, and count them."""
    return connection.execute(_EXPIRE, (before_us, most)).rowcount
