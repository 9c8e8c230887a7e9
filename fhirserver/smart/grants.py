"""What a client was granted: by whom, for what, in which context. All its tokens are under it.

Revoking a grant ends every token under it at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb

from fhirserver.model.json import JsonObject

_ADD = """
INSERT INTO oauth_grant
    (client, audience, scopes, account, session, patient, context, granted, used)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING number
"""
_FIND = """
SELECT client, audience, scopes, account, session, patient, context FROM oauth_grant
WHERE number = %s AND revoked IS NULL
"""
_USE = "UPDATE oauth_grant SET used = %s WHERE number = %s"
_REVOKE = "UPDATE oauth_grant SET revoked = %s WHERE number = %s AND revoked IS NULL"
_REVOKE_ALL = "UPDATE oauth_grant SET revoked = %s WHERE client = %s AND revoked IS NULL"


@dataclass(frozen=True, slots=True)
class TokenGrant:
    """What tokens are issued for.

    Attributes:
        client: id of the client.
        audience: FHIR base that the tokens are good for.
        scopes: granted, separated by spaces.
        account: id of the account of who granted it; None for a client of its own.
        session: public number of the session in which it was granted; None without one.
        patient: logical id of the patient in context.
        context: what the token response says besides, e.g. {"encounter": "12"}.
    """

    client: str
    audience: str
    scopes: str
    account: str | None = None
    session: str | None = None
    patient: str | None = None
    context: JsonObject = field(default_factory=dict)


def add(connection: Connection[Any], grant: TokenGrant, now_us: int) -> int:
    """Keep a grant and give its number."""
    row = connection.execute(
        _ADD,
        (
            grant.client,
            grant.audience,
            grant.scopes,
            grant.account,
            grant.session,
            grant.patient,
            Jsonb(grant.context),
            now_us,
            now_us,
        ),
    ).fetchone()
    assert row is not None
    return int(row[0])


def find(connection: Connection[Any], number: int) -> TokenGrant | None:
    """Find a grant; None for one that was revoked."""
    row = connection.execute(_FIND, (number,)).fetchone()
    return None if row is None else TokenGrant(*row)


def note_use(connection: Connection[Any], number: int, now_us: int) -> None:
    """Note that tokens were issued under a grant."""
    connection.execute(_USE, (now_us, number))


def revoke_all(connection: Connection[Any], client_id: str, now_us: int) -> None:
    """End every grant of a client and with them all its tokens."""
    connection.execute(_REVOKE_ALL, (now_us, client_id))


def revoke(connection: Connection[Any], number: int, now_us: int) -> None:
    """End a grant and with it every token under it; one that has ended stays ended."""
    connection.execute(_REVOKE, (now_us, number))
