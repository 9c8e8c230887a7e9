"""Attempts to log in are counted before they are looked at, so many at once are no way round.

    failures of an account   1-4   5   6   7   8   9    10
    shut for, minutes        -     1   2   4   8   16   until an administrator opens it

An administrator's account is shut for 16 minutes at most, so that nobody can keep every
administrator out for ever. What is counted of an account is forgotten when its owner logs in, or
after a day without another attempt while it is not shut.

An address is shut when it has as many failures within 15 minutes as a setting says, until those are
over; attempts at an account that is shut are among them.

A username that does not exist is counted like one that does: an answer tells nobody which there
are. Keys are digests: people type passwords where usernames belong.
"""

from __future__ import annotations

import hashlib
import ipaddress
from typing import Any, NamedTuple

from psycopg import Connection

from fhirserver.errors import ThrottledError
from fhirserver.identity.accounts import compared

ACCOUNT_FREE = 5
ACCOUNT_SHUT = 10
_NEVER = 2**30
_FOR_EVER_US = 2**62
_MINUTE_US = 60 * 1_000_000
_DAY_US = 24 * 60 * _MINUTE_US
_WINDOW_US = 15 * _MINUTE_US
_CAP_MINUTES = 16

_TIDY = """
WITH old AS (
    DELETE FROM login_attempt WHERE key IN (
        SELECT key FROM login_attempt WHERE last < %(day_ago)s AND shut_until <= %(now)s
            AND key <> %(key)s
        ORDER BY last LIMIT 20 FOR UPDATE SKIP LOCKED)
)
INSERT INTO login_attempt AS kept (key, failures, last, shut_until) VALUES (%(key)s, 1, %(now)s, 0)
"""
_COUNT_ACCOUNT = f"""{_TIDY}
ON CONFLICT (key) DO UPDATE SET
    failures = CASE WHEN kept.last < %(day_ago)s THEN 1 ELSE kept.failures + 1 END,
    last = %(now)s,
    shut_until = CASE
        WHEN kept.last < %(day_ago)s OR kept.failures + 1 < {ACCOUNT_FREE} THEN 0
        WHEN kept.failures + 1 >= %(shut)s THEN {_FOR_EVER_US}
        ELSE %(now)s + {_MINUTE_US}
            * LEAST(2 ^ LEAST(kept.failures + 1 - {ACCOUNT_FREE}, 9), {_CAP_MINUTES})::bigint
    END
WHERE kept.shut_until <= %(now)s
RETURNING failures
"""
_COUNT_ADDRESS = f"""{_TIDY}
ON CONFLICT (key) DO UPDATE SET
    failures = CASE WHEN kept.last < %(window_ago)s THEN 1 ELSE kept.failures + 1 END,
    last = CASE WHEN kept.last < %(window_ago)s THEN %(now)s ELSE kept.last END,
    shut_until = CASE
        WHEN kept.last >= %(window_ago)s AND kept.failures + 1 >= %(shut)s
        THEN kept.last + {_WINDOW_US} ELSE 0
    END
WHERE kept.shut_until <= %(now)s
RETURNING failures
"""
_FORGIVE = "UPDATE login_attempt SET failures = GREATEST(failures - 1, 0) WHERE key = %s"
_FORGET = "DELETE FROM login_attempt WHERE key = %s"
_SHUT = "SELECT key FROM login_attempt WHERE key = ANY (%s) AND shut_until > %s"


class Guessed(NamedTuple):
    """Whose account somebody tries to use.

    Attributes:
        username: as it was typed.
        address: network address that it comes from; "" where there is none.
        administrator: whether it is an administrator's account.
    """

    username: str
    address: str
    administrator: bool


def count(connection: Connection[Any], guessed: Guessed, most: int, *, now: int) -> None:
    """Count an attempt as failed until the opposite is known; `forgive` and `forget` take it back.

    Args:
        connection: autocommit, so that the count stays whatever follows.
        guessed: whose account is tried from where.
        most: failures of an address within 15 minutes.
        now: epoch microseconds.

    Raises:
        ThrottledError: account or address is shut.
    """
    shut = _NEVER if guessed.administrator else ACCOUNT_SHUT
    _count(connection, _COUNT_ADDRESS, _address_key(guessed.address), most, now)
    _count(connection, _COUNT_ACCOUNT, account_key(guessed.username), shut, now)


def forgive(connection: Connection[Any], address: str) -> None:
    """Take back what was counted of an address, once."""
    connection.execute(_FORGIVE, (_address_key(address),))


def forget(connection: Connection[Any], username: str) -> None:
    """Forget what was counted of an account, which opens it."""
    connection.execute(_FORGET, (account_key(username),))


def shut(connection: Connection[Any], usernames: list[str], now: int) -> set[str]:
    """Give those of some accounts that are shut."""
    keys = {account_key(each): each for each in usernames}
    return {keys[bytes(key)] for (key,) in connection.execute(_SHUT, (list(keys), now))}


def account_key(username: str) -> bytes:
    """Give the key of an account's row."""
    return row_key("account", compared(username))


def counted_address(address: str) -> str:
    """Give what is counted of an address; a network of IPv6 is one, as its hosts are nobody's.

    Args:
        address: as connections have it; anything else counts as one.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    inside = parsed.ipv4_mapped
    return str(inside or ipaddress.IPv6Network((int(parsed), 64), strict=False))


def row_key(kind: str, text: str) -> bytes:
    """Give the key of a row that counts something of a kind."""
    return hashlib.sha256(f"{kind}:{text}".encode()).digest()


def _address_key(address: str) -> bytes:
    return row_key("address", counted_address(address))


def _count(connection: Connection[Any], sql: str, key: bytes, shut: int, now: int) -> None:
    values = {
        "key": key, "now": now, "shut": shut, "day_ago": now - _DAY_US,
        "window_ago": now - _WINDOW_US,
    }  # fmt: skip
    if connection.execute(sql, values).fetchone() is None:
        raise ThrottledError(
            "Too many attempts to log in have failed. Wait some minutes; if it still does not "
            "work, an administrator can unlock the account.",
            headers=(("Retry-After", str(_CAP_MINUTES * 60)),),
        )
