"""What people have consented to, so that nobody asks them for the same again.

An application that registered itself may bear any name; for those nothing is remembered.
"""

from __future__ import annotations

from typing import Any

from psycopg import Connection

from fhirserver.definitions import Definitions
from fhirserver.smart.clients import Client
from fhirserver.smart.offer import Offer, is_within

_REMEMBER = """
INSERT INTO oauth_consent (account, client, scopes, given) VALUES (%s, %s, %s, %s)
ON CONFLICT (account, client) DO UPDATE SET scopes = excluded.scopes, given = excluded.given
"""
_FIND = "SELECT scopes FROM oauth_consent WHERE account = %s AND client = %s"


def has_consented(
    connection: Connection[Any],
    client: Client,
    account: str,
    offer: Offer,
    definitions: Definitions,
) -> bool:
    """Whether an administrator has consented for everybody, or this person to as much before."""
    if client.dynamically_registered:
        return False
    if client.pre_approved:
        return True
    row = connection.execute(_FIND, (account, client.id)).fetchone()
    return row is not None and is_within(offer.text, row[0], definitions)


def remember(
    connection: Connection[Any], client: Client, account: str, scopes: str, now_us: int
) -> None:
    """Keep what somebody consented to, in place of what was kept before."""
    if not client.dynamically_registered:
        connection.execute(_REMEMBER, (account, client.id, scopes, now_us))
