"""How many clients register without an invitation: so many a day from one address, and in all.

Spec: RFC 6585 section 4 (429)

A day begins with the first registration that counts in it and is the row's `last`; `failures` is
how many there were. Rows are those of attempts to log in, whose tidying forgets a day that is over.

A row counts in the transaction that registers: one that is undone does not count, and of many at
once in many workers none gets past the caps. Locks are taken in one order, the address's before
everybody's.
"""

from __future__ import annotations

from typing import Any

from psycopg import Connection

from fhirserver.config import Settings
from fhirserver.identity.attempts import counted_address, row_key
from fhirserver.smart.oauth_error import OAuthError

_SECOND_US = 1_000_000
_DAY_US = 86_400 * _SECOND_US

_COUNT = """
INSERT INTO login_attempt AS kept (key, failures, last, shut_until) VALUES (%(key)s, 1, %(now)s, 0)
ON CONFLICT (key) DO UPDATE SET
    failures = CASE WHEN kept.last <= %(day_ago)s THEN 1 ELSE kept.failures + 1 END,
    last = CASE WHEN kept.last <= %(day_ago)s THEN %(now)s ELSE kept.last END
WHERE kept.last <= %(day_ago)s OR kept.failures < %(most)s
RETURNING failures
"""
_BEGAN = "SELECT last FROM login_attempt WHERE key = %s"


def count_open(
    connection: Connection[Any], settings: Settings, address: str, *, now_us: int
) -> None:
    """Count a registration without invitation.

    Args:
        connection: in the transaction that registers.
        settings: the caps.
        address: network address that it comes from.
        now_us: epoch microseconds.

    Raises:
        OAuthError: 429 with Retry-After; this address, or everybody, has registered as many within
            a day as may be.
    """
    of_address = row_key("registrations of", counted_address(address))
    for key, most, whose in (
        (of_address, settings.open_registrations_per_address, "an address"),
        (row_key("registrations", ""), settings.open_registrations, "everybody together"),
    ):
        values = {"key": key, "most": most, "now": now_us, "day_ago": now_us - _DAY_US}
        if connection.execute(_COUNT, values).fetchone() is None:
            raise _full(whose, most, _wait_s(connection, key, now_us))


def _wait_s(connection: Connection[Any], key: bytes, now_us: int) -> int:
    """Give the seconds until a day is over, rounded up; it may have begun after `now_us`."""
    row = connection.execute(_BEGAN, (key,)).fetchone()
    passed_us = _DAY_US if row is None else max(0, now_us - row[0])
    return max(1, -((passed_us - _DAY_US) // _SECOND_US))


def _full(whose: str, most: int, wait_s: int) -> OAuthError:
    return OAuthError(
        "temporarily_unavailable",
        f"without invitation {whose} may register {most} applications a day; wait as long as "
        "Retry-After says, or use one that is registered",
        status=429,
        headers=[("Retry-After", str(wait_s))],
    )
