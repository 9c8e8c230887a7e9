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
VALUES (%s, %s, %s, %s, %s, %s) RETURNING number
"""


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token as its client gets it, once.

    Attributes:
        secret: what the client presents.
        number: public number, for the audit.
        scopes: granted, separated by spaces.
        expires_in_s: seconds that it is good for.
    """

    secret: str
    number: int
    scopes: str
    expires_in_s: int


def new_secret() -> str:
    """Make 256 random bits that fit into a header and a URL."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def digest(secret: str) -> bytes:
    """Give what is kept of a secret; enough, as nobody can guess 256 random bits."""
    return hashlib.sha256(secret.encode()).digest()


def add(  # noqa: PLR0913 - a row's columns
    connection: Connection[Any],
    secret: str,
    kind: TokenKind,
    under: int,
    scopes: str,
    *,
    now_us: int,
    lifetime_s: int,
) -> IssuedToken:
    """Keep a token under a grant.

    Args:
        connection: in any transaction state.
        secret: see `new_secret`.
        kind: what it is good for.
        under: number of the grant.
        scopes: those of the grant or fewer.
        now_us: epoch microseconds.
        lifetime_s: seconds until it expires.
    """
    expires_us = now_us + lifetime_s * 1_000_000
    values = (digest(secret), kind, under, scopes, now_us, expires_us)
    row = connection.execute(_ADD, values).fetchone()
    assert row is not None
    return IssuedToken(secret, int(row[0]), scopes, lifetime_s)


def issue(
    database: Database, grant: TokenGrant, *, now_us: int, lifetime_s: int = ACCESS_LIFETIME_S
) -> IssuedToken:
    """Issue an access token under a grant of its own."""
    with database.connection() as connection, connection.transaction():
        under = grants.add(connection, grant, now_us)
        return add(
            connection,
            new_secret(),
            "access",
            under,
            grant.scopes,
            now_us=now_us,
            lifetime_s=lifetime_s,
        )
