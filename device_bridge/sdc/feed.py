"""Updates to the bridge's port: each stays here until the bridge has it in its journal.

While the bridge is away they wait, up to a limit; beyond it the oldest goes, and is counted: a
provider says again what is so now, and nobody what has been.
"""

import json
import logging
import socket
import threading
from collections import deque

_LOG = logging.getLogger("fhir-bridge")
_LIMIT = 10_000
_LOG_EVERY = 1_000
_TIMEOUT_S = 30.0
_SHORTEST_PAUSE_S, _LONGEST_PAUSE_S = 0.25, 5.0


class Feed(threading.Thread):
    """Tells the bridge, in a thread of its own.

    Args:
        address: host and port of the source.
    """

    def __init__(self, address: tuple[str, int], limit: int = _LIMIT) -> None:
        super().__init__(name="feed", daemon=True)
        self._address = address
        self._limit = limit
        self._waiting: deque[bytes] = deque()
        self._changed = threading.Condition()
        self._ended = False
        self.lost = 0

    def tell(self, line: bytes) -> None:
        """Have a line told; from any thread."""
        with self._changed:
            if len(self._waiting) >= self._limit:
                self._waiting.popleft()
                self._note_loss()
            self._waiting.append(line)
            self._changed.notify()

    def _note_loss(self) -> None:
        if self.lost % _LOG_EVERY == 0:
            _LOG.warning("the bridge is away: the oldest updates are lost, %d before", self.lost)
        self.lost += 1

    def end(self) -> None:
        """Stop; what waits is not told."""
        with self._changed:
            self._ended = True
            self._changed.notify()

    def run(self) -> None:
        """Connect, tell, and connect again, until the end."""
        pause_s = _SHORTEST_PAUSE_S
        while not self._ended:
            try:
                with socket.create_connection(self._address, _TIMEOUT_S) as connection:
                    pause_s = _SHORTEST_PAUSE_S
                    self._follow(connection)
            # Anything but a bridge may listen at a port.
            except (OSError, ValueError, LookupError, TypeError) as error:
                _LOG.warning("the bridge does not answer: %s", type(error).__name__)
            with self._changed:
                self._changed.wait_for(lambda: self._ended, pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def _follow(self, connection: socket.socket) -> None:
        """Tell line after line, until the bridge closes or cannot keep one."""
        with connection.makefile("rb") as answers:
            while (line := self._next()) is not None:
                connection.sendall(line + b"\n")
                answer = json.loads(answers.readline())
                if not answer["kept"]:
                    return
                if "fault" in answer:
                    _LOG.error("an update became a dead letter of the bridge")
                self._kept(line)

    def _next(self) -> bytes | None:
        with self._changed:
            self._changed.wait_for(lambda: self._ended or self._waiting)
            return None if self._ended else self._waiting[0]

    def _kept(self, line: bytes) -> None:
        """Forget a line, unless the limit has done so already."""
        with self._changed:
            if self._waiting and self._waiting[0] is line:
                self._waiting.popleft()
