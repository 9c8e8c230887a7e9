"""How many bodies that are made while they leave a process sends at a time.

Each holds one of the server's threads for as long as its receiver takes; see `http/body.py` for
what holds the others.
"""

import threading
from collections.abc import Iterator

from fhirserver.errors import UnavailableError
from fhirserver.http.response import Response

DOWNLOADS_MAX = 12


class Downloads:
    """Counts them; safe to use from many threads."""

    def __init__(self) -> None:
        self._free = threading.BoundedSemaphore(DOWNLOADS_MAX)

    def admit(self, response: Response, method: str) -> None:
        """Let a response with a stream go out, counted until its parts are closed.

        Raises:
            UnavailableError: too many are under way.
        """
        if response.stream is None or method == "HEAD":
            return
        if not self._free.acquire(blocking=False):
            raise UnavailableError("Too many large contents are being read at once; try again.")
        response.stream.parts = _Counted(response.stream.parts, self._free)


class _Counted(Iterator[bytes]):
    def __init__(self, parts: Iterator[bytes], free: threading.BoundedSemaphore) -> None:
        self._parts = parts
        self._free: threading.BoundedSemaphore | None = free

    def __next__(self) -> bytes:
        return next(self._parts)

    def close(self) -> None:
        """Count it out, once."""
        free, self._free = self._free, None
        if free is not None:
            free.release()
