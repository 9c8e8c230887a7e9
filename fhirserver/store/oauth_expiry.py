"""Forget what of the authorization server's rows counts for nothing any more.

oauth_authorization, oauth_launch   once they have expired
oauth_code                          the same; until then one that comes again is recognised
oauth_token                         once it has expired; a refresh token that was replaced,
                                    ROTATED_KEPT_US after that
oauth_grant                         once no token is under it
"""

from __future__ import annotations

from typing import Any

from psycopg import Connection

ROTATED_KEPT_US = 30 * 86_400 * 1_000_000
"""How long the theft of a replaced refresh token is still recognised."""

_EXPIRED = """
WITH picked AS (
    SELECT ctid FROM {table} WHERE expires <= %(before)s
    ORDER BY expires LIMIT %(most)s FOR UPDATE SKIP LOCKED)
DELETE FROM {table} t USING picked WHERE t.ctid = picked.ctid
"""
_ROTATED = """
DELETE FROM oauth_token WHERE number IN (
    SELECT number FROM oauth_token WHERE rotated <= %(rotated)s
    ORDER BY rotated LIMIT %(most)s FOR UPDATE SKIP LOCKED)
"""
_ENDED = """
DELETE FROM oauth_grant WHERE number IN (
    SELECT number FROM oauth_grant g WHERE used <= %(before)s
        AND NOT EXISTS (SELECT FROM oauth_token t WHERE t.under = g.number)
    LIMIT %(most)s FOR UPDATE SKIP LOCKED)
"""
_TABLES = ("oauth_authorization", "oauth_launch", "oauth_code", "oauth_token")
_STATEMENTS = (*(_EXPIRED.format(table=table) for table in _TABLES), _ROTATED, _ENDED)


def forget_oauth(connection: Connection[Any], before_us: int, most: int) -> int:
    """Forget what expired at an instant or before it, and count it.

    Args:
        connection: in a transaction.
        before_us: epoch microseconds.
        most: rows of one kind at most.

    Returns:
        The most of any kind, so that `most` says that more may be waiting.
    """
    values = {"before": before_us, "rotated": before_us - ROTATED_KEPT_US, "most": most}
    return max(connection.execute(each.encode(), values).rowcount for each in _STATEMENTS)
