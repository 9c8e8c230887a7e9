"""Sessions: who is logged in here, known by the secret of a cookie.

Spec: https://openid.net/specs/openid-connect-core-1_0.html#IDToken (auth_time, acr, amr); RFC 8176

    stage        "second-factor" a password was right and a code is to follow
                 "enrolment"     a password was right, and an authenticator has to be added; over
                                 once there is one, so that a password alone never replaces one
                 "new-password"  what was given out by somebody else is to be replaced
                 "complete"      logged in
    last_seen    when the person last did something; after `idle` the session is over
    ends         when it is over in any case
    auth_time    when the person last proved who it is, epoch microseconds
    amr          how: "pwd", "otp", "mfa"

Every step begins a session with a secret of its own, and ends the one before it, so what somebody
else planted in a browser is worth nothing afterwards. Secrets are 256 random bits, kept as SHA-256.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from psycopg import Connection

from fhirserver.identity.accounts import ACCOUNT_COLUMNS, Account
from fhirserver.store.database import Database

Stage = Literal["second-factor", "enrolment", "new-password", "complete"]

ONE_FACTOR = "urn:fhirserver:acr:password"
TWO_FACTORS = "urn:fhirserver:acr:two-factors"
STEP_LIFETIME_US = 5 * 60 * 1_000_000
"""How long a login may take from its password to its end."""
_SEEN_EVERY_US = 1_000_000
_BROWSER_MAX = 200

_SESSION = f"s.id, s.started, s.last_seen, s.idle, s.ends, s.auth_time, s.amr, {ACCOUNT_COLUMNS}"
_CURRENT = f"""
WITH found AS (
    SELECT {_SESSION} FROM account_session s JOIN account a ON a.id = s.account
    WHERE s.secret = %(secret)s AND s.stage = %(stage)s AND NOT a.disabled
        AND s.ends > %(now)s AND s.last_seen + s.idle > %(now)s
        AND NOT (s.stage = 'enrolment' AND a.totp IS NOT NULL)
), seen AS (
    UPDATE account_session s SET last_seen = %(now)s FROM account a
    WHERE %(extend)s AND s.secret = %(secret)s AND s.stage = 'complete' AND a.id = s.account
        AND NOT a.disabled AND s.ends > %(now)s AND s.last_seen + s.idle > %(now)s
        AND s.last_seen < %(now)s - {_SEEN_EVERY_US}
)
SELECT * FROM found
"""  # noqa: S608 - constants
_BEGIN = """
WITH gone AS (DELETE FROM account_session WHERE ends < %(now)s)
INSERT INTO account_session
    (id, secret, account, stage, started, last_seen, idle, ends, auth_time, amr, address, browser)
VALUES (%(id)s, %(secret)s, %(account)s, %(stage)s, %(now)s, %(now)s, %(idle)s, %(ends)s, %(now)s,
    %(amr)s, %(address)s, %(browser)s)
"""
_RENEW = """
UPDATE account_session SET secret = %s, auth_time = %s, last_seen = %s, amr = %s WHERE id = %s
"""
_ALIVE = """
SELECT 1 FROM account_session s JOIN account a ON a.id = s.account
WHERE s.id = %s AND s.stage = 'complete' AND NOT a.disabled AND s.ends > %s
    AND s.last_seen + s.idle > %s
"""
_HOLD = f"{_ALIVE} FOR KEY SHARE OF s"
_LIST = """
SELECT id, started, last_seen, address, browser FROM account_session
WHERE account = %(account)s AND stage = 'complete' AND ends > %(now)s
    AND last_seen + idle > %(now)s
ORDER BY last_seen DESC
"""
_END = "DELETE FROM account_session WHERE secret = %s"
_END_ONE = "DELETE FROM account_session WHERE account = %s AND id = %s RETURNING id"
_END_ALL = "DELETE FROM account_session WHERE account = %s AND id <> %s RETURNING id"


class SessionLimits(NamedTuple):
    """How long a session lasts without anything being done, and in any case; seconds."""

    idle_s: int = 15 * 60
    absolute_s: int = 12 * 60 * 60


class Whence(NamedTuple):
    """Where a login comes from.

    Attributes:
        address: network address; "" where there is none.
        browser: what it calls itself.
        cookie_secret: that it has sent; its session ends when the next one begins.
    """

    address: str
    browser: str
    cookie_secret: str


class Listed(NamedTuple):
    """A session as its owner sees it in a list; instants in epoch microseconds."""

    id: str
    started: int
    last_seen: int
    address: str
    browser: str


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is logged in.

    Attributes:
        id: public number; the same until the end of the session.
        started: epoch microseconds, as the following.
        last_seen: when the person did something before this.
        idle_ends: when it is over if nothing is done from now on.
        ends: when it is over in any case.
        auth_time: when the person last proved who it is.
        amr: how, as RFC 8176 names it, e.g. ("pwd", "otp", "mfa").
        account: whose it is.
    """

    id: str
    started: int
    last_seen: int
    idle_ends: int
    ends: int
    auth_time: int
    amr: tuple[str, ...]
    account: Account

    @property
    def acr(self) -> str:
        """How sure it is who this is: ONE_FACTOR or TWO_FACTORS."""
        return TWO_FACTORS if "mfa" in self.amr else ONE_FACTOR


def current(
    database: Database,
    cookie_secret: str,
    *,
    now: int,
    extend: bool = True,
    stage: Stage = "complete",
) -> Session | None:
    """Find the session of a cookie; None for one that is over, or whose account is disabled.

    Args:
        database: where sessions are.
        cookie_secret: as the browser sends it.
        now: epoch microseconds.
        extend: whether the person does something; a page that loads itself again does not count.
        stage: how far the login must have come.
    """
    values = {
        "secret": digest(cookie_secret), "now": now, "extend": extend, "stage": stage,
    }  # fmt: skip
    with database.connection() as connection:
        row = connection.execute(_CURRENT, values).fetchone()
    if row is None:
        return None
    id_, started, last_seen, idle, ends, auth_time, amr, *account = row
    latest = now if extend else last_seen
    idle_ends = min(latest + idle, ends)
    return Session(
        id_, started, last_seen, idle_ends, ends, auth_time, tuple(amr), Account(*account)
    )


def begin(  # noqa: PLR0913 - what a session consists of
    connection: Connection[Any],
    account_id: str,
    stage: Stage,
    amr: tuple[str, ...],
    whence: Whence,
    limits: SessionLimits,
    *,
    now: int,
) -> str:
    """Begin a session and give its secret, for a cookie."""
    secret = secrets.token_urlsafe(32)
    complete = stage == "complete"
    values = {
        "id": secrets.token_hex(12),
        "secret": digest(secret),
        "account": account_id,
        "stage": stage,
        "now": now,
        "idle": limits.idle_s * 1_000_000 if complete else STEP_LIFETIME_US,
        "ends": now + (limits.absolute_s * 1_000_000 if complete else STEP_LIFETIME_US),
        "amr": list(amr),
        "address": whence.address,
        "browser": whence.browser[:_BROWSER_MAX],
    }
    connection.execute(_BEGIN, values)
    return secret


def renew(connection: Connection[Any], session: Session, amr: tuple[str, ...], *, now: int) -> str:
    """Note that the person has proved again who it is; give the secret that the session has now."""
    secret = secrets.token_urlsafe(32)
    connection.execute(_RENEW, (digest(secret), now, now, list(amr), session.id))
    return secret


def is_alive(connection: Connection[Any], session_id: str, now: int) -> bool:
    """Whether a session is not over at an instant, by its public number."""
    return connection.execute(_ALIVE, (session_id, now, now)).fetchone() is not None


def hold(connection: Connection[Any], session_id: str, now: int) -> bool:
    """Keep a session from being ended until the transaction is over; False where it is over.

    Who ends a session and what was allowed in it then finds all that was allowed.
    """
    return connection.execute(_HOLD, (session_id, now, now)).fetchone() is not None


def list_sessions(database: Database, account_id: str, now: int) -> list[Listed]:
    """List where somebody is logged in, the latest first."""
    with database.connection() as connection:
        rows = connection.execute(_LIST, {"account": account_id, "now": now}).fetchall()
    return [Listed(*row) for row in rows]


def end(connection: Connection[Any], cookie_secret: str) -> None:
    """End the session of a cookie, at any stage."""
    connection.execute(_END, (digest(cookie_secret),))


def end_one(connection: Connection[Any], account_id: str, session_id: str) -> list[str]:
    """End one of somebody's sessions; give its public number, of nobody else's none."""
    return [row[0] for row in connection.execute(_END_ONE, (account_id, session_id))]


def end_all(connection: Connection[Any], account_id: str, but: str = "") -> list[str]:
    """End all sessions of somebody, but for one; give their public numbers."""
    return [row[0] for row in connection.execute(_END_ALL, (account_id, but))]


def csrf_token(cookie_secret: str) -> str:
    """Give what forms of a session's pages carry; whoever knows it knows the cookie."""
    return hmac.digest(cookie_secret.encode(), b"form", "sha256").hex()


def digest(secret: str) -> bytes:
    """Give what is kept of a secret; enough, as nobody can guess 256 random bits."""
    return hashlib.sha256(secret.encode()).digest()
