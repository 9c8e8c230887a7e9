"""Threads that read a blocking stream for others, who wait with a deadline.

`http/body.py` says why, and what becomes of a companion whose stream is late.
"""

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Protocol

_CHUNK = 256 * 1024


class Stream(Protocol):
    """A blocking source of octets; b"" is its end."""

    def read(self, size: int, /) -> bytes:
        """Give up to `size` octets."""


class Companion:
    """A thread that reads for another one."""

    def __init__(self) -> None:
        self._wanted: SimpleQueue[tuple[Stream, int] | Callable[[], None]] = SimpleQueue()
        self._found: SimpleQueue[bytes | Exception] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="body-reader", daemon=True)
        self._thread.start()

    def read(self, stream: Stream, size_bytes: int, deadline_s: float) -> bytes | Exception | None:
        """Read so many octets, or to the end; None when it is late: then it is spent."""
        self._wanted.put((stream, size_bytes))
        try:
            return self._found.get(timeout=deadline_s)
        except Empty:
            return None

    def finish(self, last: Callable[[], None]) -> None:
        """End the thread once it is free; `last` runs in it."""
        self._wanted.put(last)

    def join(self) -> None:
        """Wait for the end of the thread."""
        self._thread.join()

    def _work(self) -> None:
        while isinstance(task := self._wanted.get(), tuple):
            try:
                self._found.put(_read(*task))
            except Exception as error:  # noqa: BLE001 - it is raised again by the request's thread
                self._found.put(error)
            del task
        task()


class _Threads(threading.local):
    """The companion of each of the server's threads, between bodies."""

    companion: Companion | None = None


_threads = _Threads()


def lend_companion() -> Companion:
    """Give this thread's companion, or a new one; it comes back unless it is late."""
    companion = _threads.companion or Companion()
    _threads.companion = None
    return companion


def return_companion(companion: Companion) -> None:
    """Keep a companion that is free for this thread's next body."""
    _threads.companion = companion


def _read(stream: Stream, size_bytes: int) -> bytes:
    parts = []
    room = size_bytes
    while room and (part := stream.read(min(room, _CHUNK))):
        room -= len(part)
        parts.append(part)
    return b"".join(parts)
