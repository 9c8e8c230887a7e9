"""A way to a server that can be shut: what the bridge meets when the server is away."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit


class Gate:
    """Listens, and joins each connection to one of the server's while it is open.

    Args:
        base: FHIR base of the server.

    Attributes:
        base: the same, through the gate.
    """

    def __init__(self, base: str) -> None:
        parts = urlsplit(base)
        self._target = (parts.hostname or "", parts.port or 80)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._open = threading.Event()
        self._ended = threading.Event()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._thread = threading.Thread(target=self._serve)
        self.base = f"http://127.0.0.1:{self._listening.getsockname()[1]}{parts.path}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()
        self._listening.close()

    def open(self) -> None:
        """Let everything through from now on."""
        self._open.set()

    def shut(self) -> None:
        """Cut every connection, and refuse new ones."""
        self._open.clear()

    def _serve(self) -> None:
        while not self._ended.is_set():
            if not self._open.is_set():
                self._cut()
            sockets = [self._listening, *(one for pair in self._pairs for one in pair)]
            for ready in select.select(sockets, [], [], 0.02)[0]:
                if ready is self._listening:
                    self._accept()
                else:
                    self._pass_on(ready)
        self._cut()

    def _accept(self) -> None:
        near, _ = self._listening.accept()
        if self._open.is_set():
            self._pairs.append((near, socket.create_connection(self._target)))
        else:
            near.close()

    def _pass_on(self, ready: socket.socket) -> None:
        pair = next((each for each in self._pairs if ready in each), None)
        if pair is None:
            return
        other = pair[1] if ready is pair[0] else pair[0]
        received = b""
        with contextlib.suppress(OSError):
            received = ready.recv(65536)
            other.sendall(received)
        if not received:
            self._pairs.remove(pair)
            for each in pair:
                each.close()

    def _cut(self) -> None:
        for pair in self._pairs:
            for each in pair:
                each.close()
        self._pairs.clear()
