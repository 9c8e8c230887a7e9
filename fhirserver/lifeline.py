"""A child's end of the socket pair that ties it to the supervisor.

What a child writes:
    READY      it works; once
    EXHAUSTED  it works badly and wants to be replaced; once
"""

import os
import signal
import socket
import threading
import time

READY = b"+"
EXHAUSTED = b"-"
_PATIENCE_S = 5.0


class Lifeline:
    """Says that this process is ready, and ends it when the supervisor is dead.

    Args:
        descriptor: of the inherited socket; None where there is no supervisor.
    """

    def __init__(self, descriptor: int | None) -> None:
        self._socket = None if descriptor is None else socket.socket(fileno=descriptor)
        self._exhausted = threading.Lock()
        if self._socket is not None:
            self._socket.set_inheritable(False)
            threading.Thread(target=self._watch, name="lifeline", daemon=True).start()

    def ready(self) -> None:
        """Tell the supervisor that this process works."""
        if self._socket is not None:
            self._socket.sendall(READY)

    def exhausted(self) -> None:
        """Ask the supervisor for a fresh process in this one's place; one call counts."""
        if self._socket is not None and self._exhausted.acquire(blocking=False):
            self._socket.sendall(EXHAUSTED)

    def _watch(self) -> None:
        assert self._socket is not None
        try:
            while self._socket.recv(1):
                pass
        except OSError:
            pass
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(_PATIENCE_S)
        os._exit(1)
