"""The time of a search: all its statements together may take what one of them may.

A page, its total and each layer of includes are statements of their own. PostgreSQL limits each;
once the first ones have taken a noticeable part of the limit, those that follow get what is left.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from psycopg import Connection

from fhirserver.errors import UnavailableError
from fhirserver.search.conditions import Fragment
from fhirserver.store.include import Run

_NOTICEABLE = 0.1
"""Part of the limit. Telling PostgreSQL what is left takes three more round trips."""


def within(connection: Connection[Any], run: Run, limit_ms: int) -> Run:
    """Give a `run` that keeps all its statements together within a limit.

    Args:
        connection: that `run` uses, autocommit; its own limit for each statement is the same.
        run: runs one statement.
        limit_ms: from now; 0 for none.

    Returns:
        A function that raises UnavailableError when nothing is left, and what `run` raises.
    """
    began = time.monotonic()

    def run_within(sql: Fragment) -> Iterable[tuple[Any, ...]]:
        taken_ms = int(1000 * (time.monotonic() - began))
        if not limit_ms or taken_ms < limit_ms * _NOTICEABLE:
            return run(sql)
        if taken_ms >= limit_ms:
            raise UnavailableError(
                "The statements of this search together took too long; ask for less at once, for "
                "instance for fewer includes or without _total.",
                retry_after_s=10,
            )
        with connection.transaction():
            left = f"SET LOCAL statement_timeout = {limit_ms - taken_ms}"
            connection.execute(left.encode())
            return list(run(sql))

    return run_within
