"""Forget what came of asynchronous requests once it has expired."""

from collections.abc import Callable
from typing import Any

from psycopg import Connection

from fhirserver.store.database import now_us
from fhirserver.store.job_answers import forget_ended

_MOST = 50


class AsyncAnswers:
    """The duty.

    Args:
        ttl_s: seconds that an answer is kept.
        now: the clock, epoch microseconds.
    """

    def __init__(self, ttl_s: int, now: Callable[[], int] = now_us) -> None:
        self._ttl_us = ttl_s * 1_000_000
        self._now = now

    def step(self, connection: Connection[Any]) -> bool:
        """Forget some; True if more is waiting."""
        return forget_ended(connection, self._now() - self._ttl_us, _MOST) == _MOST
