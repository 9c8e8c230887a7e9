"""What applications hold in a person's name, and when it ends.

    an administrator or command gives the account another password or role,    everything
    resets its second factor, or disables it
    its owner takes another password                                           everything, unless
                                                                               the owner says no
    sessions end                                                               what was granted for
                                                                               their length

Everything: access tokens, refresh tokens, codes that were not redeemed yet, remembered consents.
Whoever had the password may have allowed an application of their own, which would outlast it.

Spec: RFC 9700 section 4.14 (refresh tokens end at a change of the password)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg import Connection

_END_ALL = """
WITH consent AS (DELETE FROM oauth_consent WHERE account = %(account)s)
UPDATE oauth_grant SET revoked = %(now)s WHERE account = %(account)s AND revoked IS NULL
"""
_END_ONLINE = """
UPDATE oauth_grant SET revoked = %s WHERE session = ANY(%s) AND revoked IS NULL
    AND NOT 'offline_access' = ANY (string_to_array(scopes, ' '))
"""


def end_all(connection: Connection[Any], account_id: str, now_us: int) -> int:
    """End what somebody has allowed any application; give how many grants ended.

    Args:
        connection: in the transaction of what makes it end.
        account_id: whose.
        now_us: epoch microseconds.
    """
    values = {"account": account_id, "now": now_us}
    return connection.execute(_END_ALL, values).rowcount


def end_online(connection: Connection[Any], sessions: Sequence[str], now_us: int) -> int:
    """End what was granted for the length of sessions, named by their public numbers.

    Returns:
        How many grants ended.
    """
    return connection.execute(_END_ONLINE, (now_us, list(sessions))).rowcount
