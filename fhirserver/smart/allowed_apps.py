"""What a person has allowed applications to do, and how the person takes it back.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html (management_endpoint)

To narrow what was granted, a grant with less takes the place of the one so far, and the tokens come
under it with what is left to them. What an application was just about to get under the old one is
worth nothing, as that one is revoked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from fhirserver.access import intersect, parse_scopes, render_granted
from fhirserver.access.scope_text import Asked
from fhirserver.definitions import Definitions
from fhirserver.smart.offer import REFRESHING, Offer

_LIST = """
SELECT array_agg(DISTINCT g.number), c.id, c.name, c.dynamically_registered, c.pre_approved,
    g.scopes, g.patient, min(g.granted), max(g.used), max(t.expires)
FROM oauth_grant g JOIN oauth_client c ON c.id = g.client JOIN oauth_token t ON t.under = g.number
WHERE g.account = %s AND g.revoked IS NULL AND t.expires > %s AND t.rotated IS NULL
GROUP BY c.id, g.scopes, g.patient ORDER BY lower(c.name), c.id, max(g.used) DESC
"""
_END = """
UPDATE oauth_grant SET revoked = %s WHERE account = %s AND client = %s AND revoked IS NULL
RETURNING patient
"""
_FORGET_CONSENT = "DELETE FROM oauth_consent WHERE account = %s AND client = %s"
_REPLACE = """
WITH old AS (
    UPDATE oauth_grant SET revoked = %(now)s
    WHERE number = %(number)s AND account = %(account)s AND scopes = %(before)s
        AND revoked IS NULL
    RETURNING *)
INSERT INTO oauth_grant
    (client, audience, scopes, account, session, patient, context, granted, used)
SELECT client, audience, %(scopes)s, account, session, patient, context, granted, used FROM old
RETURNING number
"""
_TOKENS = "SELECT number, kind, scopes FROM oauth_token WHERE under = %s FOR UPDATE"
_MOVE = "UPDATE oauth_token SET under = %s, scopes = %s WHERE number = %s"
_DROP = "DELETE FROM oauth_token WHERE number = %s"


@dataclass(frozen=True, slots=True)
class Allowed:
    """One thing that an application was allowed, once or several times, as by several launches.

    Instants are epoch microseconds.

    Attributes:
        numbers: of the grants, the latest last.
        client: id of the application; `name` is what it calls itself.
        registered_itself: nobody vouches for its name.
        pre_approved: an administrator has consented for everybody.
        scopes: granted, separated by spaces.
        patient: logical id of the patient in context; None without one.
        granted: when first.
        used: when the application last got an access token.
        expires: when it ends unless it is used before.
    """

    numbers: list[int]
    client: str
    name: str
    registered_itself: bool
    pre_approved: bool
    scopes: str
    patient: str | None
    granted: int
    used: int
    expires: int


def list_allowed(connection: Connection[Any], account: str, now_us: int) -> list[Allowed]:
    """List what somebody has allowed and what still counts, by application, the latest first."""
    return [Allowed(*row) for row in connection.execute(_LIST, (account, now_us))]


def offer_of(allowed: Allowed, definitions: Definitions) -> Offer:
    """Give what was granted as what a person may choose of. Pure."""
    asked = parse_scopes(allowed.scopes, definitions)
    return Offer(asked, asked.resources, asked.others)


def end(connection: Connection[Any], account: str, client: str, now_us: int) -> list[str | None]:
    """Take back all that somebody has allowed an application, its remembered consent too.

    Args:
        connection: in a transaction.
        account: id of whose it is.
        client: id of the application.
        now_us: epoch microseconds.

    Returns:
        The patient of each grant that ended.
    """
    connection.execute(_FORGET_CONSENT, (account, client))
    return [row[0] for row in connection.execute(_END, (now_us, account, client)).fetchall()]


def narrow(
    connection: Connection[Any],
    allowed: Allowed,
    account: str,
    scopes: str,
    definitions: Definitions,
    now_us: int,
) -> bool:
    """Leave an application less than it was granted.

    Args:
        connection: in a transaction.
        allowed: as it is now.
        account: id of whose it is.
        scopes: what is left.
        definitions: types and search parameters.
        now_us: epoch microseconds.

    Returns:
        False where it is not that any more.
    """
    kept = parse_scopes(scopes, definitions)
    values = {"now": now_us, "account": account, "before": allowed.scopes, "scopes": scopes}
    for number in allowed.numbers:
        row = connection.execute(_REPLACE, {**values, "number": number}).fetchone()
        if row is None:
            return False
        _move_tokens(connection, number, row[0], kept, definitions)
    connection.execute(_FORGET_CONSENT, (account, allowed.client))
    return True


def _move_tokens(
    connection: Connection[Any], old: int, new: int, kept: Asked, definitions: Definitions
) -> None:
    """Put tokens under another grant with what is left of their scopes."""
    lasts = bool(set(REFRESHING) & set(kept.others))
    for number, kind, text in connection.execute(_TOKENS, (old,)).fetchall():
        if kind == "refresh" and not lasts:
            connection.execute(_DROP, (number,))
        else:
            connection.execute(_MOVE, (new, _left(text, kept, definitions), number))


def _left(text: str, kept: Asked, definitions: Definitions) -> str:
    """Write what of a token's scopes is kept."""
    asked = parse_scopes(text, definitions)
    resources = render_granted(intersect(asked.resources, kept.resources), asked)
    return " ".join(filter(None, (resources, *(e for e in asked.others if e in kept.others))))
