"""A child's end of the socket pair that ties it to the supervisor."""

import os
import signal
import socket
import threading
import time

_PATIENCE_S = 5.0


class Lifeline:
    """Says that this process is ready, and ends it when the supervisor is dead.

    Args:
        descriptor: of the inherited socket; None where there is no supervisor.
    """

    def __init__(self, descriptor: int | None) -> None:
        self._socket = None if descriptor is None else socket.socket(fileno=descriptor)
        if self._socket is not None:
            self._socket.set_inheritable(False)
            threading.Thread(target=self._watch, name="lifeline", daemon=True).start()

    def ready(self) -> None:
        """Tell the supervisor that this process works."""
        if self._socket is not None:
            self._socket.sendall(b"+")

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
