"""Forget answers that are kept for a while: of asynchronous requests, of idempotency keys."""

from collections.abc import Callable
from typing import Any

from psycopg import Connection

from fhirserver.store.database import now_us

Forget = Callable[[Connection[Any], int, int], int]
"""Forgets what dates from an instant, epoch microseconds, or before, so many at most; counts it."""
_MOST = 50


class Expiry:
    """A duty that forgets.

    Args:
        forget: does it.
        ttl_s: seconds that an answer is kept.
        now: the clock, epoch microseconds.
    """

    def __init__(self, forget: Forget, ttl_s: int, now: Callable[[], int] = now_us) -> None:
        self._forget = forget
        self._ttl_us = ttl_s * 1_000_000
        self._now = now

    def step(self, connection: Connection[Any]) -> bool:
        """Forget some; True if more is waiting."""
        return self._forget(connection, self._now() - self._ttl_us, _MOST) == _MOST
