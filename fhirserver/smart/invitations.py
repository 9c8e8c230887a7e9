"""Invitations to register: initial access tokens, each good for so many registrations.

Spec: RFC 7591 section 3
"""

from __future__ import annotations

from typing import Any

from psycopg import Connection

from fhirserver.smart.tokens import digest, new_secret

_ADD = "INSERT INTO oauth_invitation (digest, uses, expires) VALUES (%s, %s, %s)"
_USE = """
UPDATE oauth_invitation SET uses = uses - 1
WHERE digest = %s AND uses > 0 AND expires > %s RETURNING uses
"""
_FORGET = "DELETE FROM oauth_invitation WHERE uses = 0 OR expires <= %s"


def invite(connection: Connection[Any], uses: int, lifetime_s: int, now_us: int) -> str:
    """Make an invitation, and forget those that are over.

    Args:
        connection: in any transaction state.
        uses: registrations that it is good for.
        lifetime_s: seconds until it is good for none.
        now_us: epoch microseconds.

    Returns:
        What is presented as a Bearer token, once and never again to be seen.
    """
    secret = new_secret()
    connection.execute(_FORGET, (now_us,))
    connection.execute(_ADD, (digest(secret), uses, now_us + lifetime_s * 1_000_000))
    return secret


def use_invitation(connection: Connection[Any], secret: str, now_us: int) -> bool:
    """Use an invitation up by one registration; False where it is good for none."""
    return connection.execute(_USE, (digest(secret), now_us)).fetchone() is not None
