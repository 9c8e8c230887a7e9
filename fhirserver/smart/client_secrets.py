"""Secrets of confidential clients: 256 random bits, shown once, kept as SHA-256; two at a time.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-symmetric.html

Two, so that a client can be given a new one before the old one ends.
"""

from __future__ import annotations

from typing import Any

from psycopg import Connection

from fhirserver.smart.tokens import digest, new_secret

LIVE = 2

_ADD = """
UPDATE oauth_client SET secrets = (ARRAY[%(digest)s::bytea] || secrets)[1:%(live)s]
WHERE id = %(id)s AND kind = 'confidential-symmetric' RETURNING id
"""
_CLEAR = "UPDATE oauth_client SET secrets = '{}' WHERE id = %s"


def add_secret(
    connection: Connection[Any], client_id: str, *, end_others: bool = False
) -> str | None:
    """Give a client a new secret; the latest one before it stays good.

    Args:
        connection: in any transaction state.
        client_id: of a confidential client without keys.
        end_others: let no other secret stay good.

    Returns:
        The secret, which nobody can look up again; None where there is no such client.
    """
    secret = new_secret()
    live = 1 if end_others else LIVE
    values = {"digest": digest(secret), "live": live, "id": client_id}
    return secret if connection.execute(_ADD, values).fetchone() else None


def clear_secrets(connection: Connection[Any], client_id: str) -> None:
    """End all secrets of a client."""
    connection.execute(_CLEAR, (client_id,))
