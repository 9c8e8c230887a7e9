"""Waiting in the event loop for commits of the journal: woken once a commit, not once a frame."""

import asyncio
import contextlib
from collections import deque
from concurrent.futures import Future
from typing import Any, TypeVar

from fhirserver_device_bridge.journal.changes import Change
from fhirserver_device_bridge.journal.journal import Journal

T = TypeVar("T")


class Commits:
    """Asks the journal for changes on behalf of the event loop.

    Args:
        journal: whoever makes it has `ring` called when it has decided something.
        loop: that waits.
    """

    def __init__(self, journal: Journal, loop: asyncio.AbstractEventLoop) -> None:
        self._journal = journal
        self._loop = loop
        self._asked: deque[tuple[Future[Any], asyncio.Future[Any]]] = deque()

    def ask(self, change: Change[T]) -> asyncio.Future[T]:
        """Have a change made; as `Journal.ask`, for the event loop."""
        waiting: asyncio.Future[T] = self._loop.create_future()
        asked = self._journal.ask(change)
        self._asked.append((asked, waiting))
        if asked.done():
            self._loop.call_soon(self._settle)
        return waiting

    def ring(self) -> None:
        """Tell that something was committed, or refused; from any thread."""
        # At the end the loop may be closed before the journal: nobody waits any more.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._settle)

    def _settle(self) -> None:
        """Pass on what is decided: changes are, in the order in which they were asked for."""
        while self._asked and self._asked[0][0].done():
            decided, waiting = self._asked.popleft()
            if waiting.cancelled():
                continue
            error = decided.exception()
            if error is None:
                waiting.set_result(decided.result())
            else:
                waiting.set_exception(error)
