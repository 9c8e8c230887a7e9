"""Access and refresh tokens: opaque references, 256 random bits, kept as SHA-256 only.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#obtain-access-token; RFC 6749
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import Any, Literal

from psycopg import Connection

from fhirserver.smart import grants
from fhirserver.smart.grants import TokenGrant
from fhirserver.store.database import Database

TokenKind = Literal["access", "refresh"]

ACCESS_LIFETIME_S = 3600
_SECRET_BYTES = 32

_ADD = """
INSERT INTO oauth_token (digest, kind, under, scopes, issued, expires)
VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (digest) DO NOTHING RETURNING number
"""
_FIND = """
SELECT t.number, t.kind, t.under, t.scopes, t.issued, t.expires, t.rotated
FROM oauth_token t JOIN oauth_grant g ON g.number = t.under
JOIN oauth_client c ON c.id = g.client LEFT JOIN account a ON a.id = g.account
LEFT JOIN account o ON o.id = c.owner
WHERE t.digest = %s AND t.expires > %s AND g.revoked IS NULL AND NOT c.disabled
    AND a.disabled IS NOT TRUE AND o.disabled IS NOT TRUE
"""
_ROTATE = """
UPDATE oauth_token SET rotated = %s WHERE number = %s AND rotated IS NULL RETURNING number
"""
_ROTATED = "SELECT rotated FROM oauth_token WHERE digest = %s"
_FORGET = "DELETE FROM oauth_token WHERE number = %s"


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token as its client gets it, once.

    Attributes:
        secret: what the client presents.
        number: public number, for the audit; None of one that had been issued before.
        scopes: granted, separated by spaces.
        expires_in_s: seconds that it is good for.
    """

    secret: str
    number: int | None
    scopes: str
    expires_in_s: int


@dataclass(frozen=True, slots=True)
class KeptToken:
    """A token as it is kept; instants in epoch microseconds.

    Attributes:
        number: public number.
        kind: what it is good for.
        under: number of its grant.
        scopes: granted, separated by spaces.
        issued: when.
        expires: from when on it is good for nothing.
        rotated: when a refresh token was replaced by its successor; None before.
    """

    number: int
    kind: TokenKind
    under: int
    scopes: str
    issued: int
    expires: int
    rotated: int | None


def new_secret() -> str:
    """Make 256 random bits that fit into a header and a URL."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def digest(secret: str) -> bytes:
    """Give what is kept of a secret; enough, as nobody can guess 256 random bits."""
    return hashlib.sha256(secret.encode()).digest()


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token to be kept.

    Attributes:
        secret: see `new_secret`.
        kind: what it is good for.
        scopes: those of the grant or fewer.
        lifetime_s: seconds until it expires.
    """

    secret: str
    kind: TokenKind
    scopes: str
    lifetime_s: int


def add(connection: Connection[Any], under: int, new: NewToken, now_us: int) -> IssuedToken:
    """Keep a token under a grant; one that is kept already stays as it is."""
    expires_us = now_us + new.lifetime_s * 1_000_000
    values = (digest(new.secret), new.kind, under, new.scopes, now_us, expires_us)
    row = connection.execute(_ADD, values).fetchone()
    return IssuedToken(new.secret, row and int(row[0]), new.scopes, new.lifetime_s)


def issue(
    database: Database, grant: TokenGrant, *, now_us: int, lifetime_s: int = ACCESS_LIFETIME_S
) -> IssuedToken:
    """Issue an access token under a grant of its own."""
    with database.connection() as connection, connection.transaction():
        under = grants.add(connection, grant, now_us)
        return add(
            connection, under, NewToken(new_secret(), "access", grant.scopes, lifetime_s), now_us
        )


def find(connection: Connection[Any], secret: str, now_us: int) -> KeptToken | None:
    """Find a token of either kind; None for one that counts for nothing, whyever."""
    row = connection.execute(_FIND, (digest(secret), now_us)).fetchone()
    return None if row is None else KeptToken(*row)


def rotate(connection: Connection[Any], number: int, now_us: int) -> bool:
    """Mark a refresh token as replaced; False where somebody else was first."""
    return connection.execute(_ROTATE, (now_us, number)).fetchone() is not None


def rotated_at(connection: Connection[Any], secret: str) -> int | None:
    """Tell when a refresh token was replaced; None for one that was not, or that is not there."""
    row = connection.execute(_ROTATED, (digest(secret),)).fetchone()
    return None if row is None else row[0]


def forget(connection: Connection[Any], number: int) -> None:
    """End one token and no other."""
    connection.execute(_FORGET, (number,))
