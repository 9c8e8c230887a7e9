"""Authorization codes: good once, for a minute, for one client at one address.

Spec: RFC 6749 section 4.1.2; RFC 9700 section 2.1.1

A code that comes a second time was stolen, then or now: what was granted by it ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb

from fhirserver.model.json import JsonObject
from fhirserver.smart.grants import TokenGrant
from fhirserver.smart.tokens import digest, new_secret

LIFETIME_S = 60

_ADD = """
INSERT INTO oauth_code (digest, under, redirect_uri, challenge, login, expires)
VALUES (%s, %s, %s, %s, %s, %s)
"""
_TAKE = """
UPDATE oauth_code c SET used = %(now)s FROM oauth_grant g
WHERE c.digest = %(digest)s AND c.used IS NULL AND c.expires > %(now)s
    AND g.number = c.under AND g.revoked IS NULL
RETURNING c.under, c.redirect_uri, c.challenge, c.login,
    g.client, g.audience, g.scopes, g.account, g.session, g.patient, g.context
"""
_USED = "SELECT under FROM oauth_code WHERE digest = %s AND used IS NOT NULL"


@dataclass(frozen=True, slots=True)
class Code:
    """What a code was issued for.

    Attributes:
        under: number of the grant.
        redirect_uri: where it was sent.
        challenge: of PKCE.
        login: what the id_token says of how the person logged in.
    """

    under: int
    redirect_uri: str
    challenge: str
    login: JsonObject


def add(connection: Connection[Any], code: Code, now_us: int) -> str:
    """Keep a code and give its secret."""
    secret = new_secret()
    values = (code.under, code.redirect_uri, code.challenge, Jsonb(code.login))
    connection.execute(_ADD, (digest(secret), *values, now_us + LIFETIME_S * 1_000_000))
    return secret


def take(connection: Connection[Any], secret: str, now_us: int) -> tuple[Code, TokenGrant] | None:
    """Use a code up, and give what was granted; None for one that is unknown, too old, or used.

    One statement does both, so that of many who come at once the first is answered, whatever the
    others find out about it.
    """
    row = connection.execute(_TAKE, {"digest": digest(secret), "now": now_us}).fetchone()
    return None if row is None else (Code(*row[:4]), TokenGrant(*row[4:]))


def grant_of_used(connection: Connection[Any], secret: str) -> int | None:
    """Give the number of the grant of a code that was used before; None for any other."""
    row = connection.execute(_USED, (digest(secret),)).fetchone()
    return None if row is None else int(row[0])
