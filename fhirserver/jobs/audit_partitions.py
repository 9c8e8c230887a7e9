"""Make the audit table's monthly partitions before their months begin."""

from typing import Any

from psycopg import Connection

_MONTHS_AHEAD = 3
_MAKE = """
SELECT audit_partition((date_trunc('month', now()) + make_interval(months => n))::date)
FROM generate_series(0, %s) n
"""


def make_audit_partitions(connection: Connection[Any]) -> bool:
    """Make what is missing of this month and the next ones; never more is waiting."""
    connection.execute("SET LOCAL lock_timeout = '2s'")
    connection.execute(_MAKE, (_MONTHS_AHEAD,))
    return False
