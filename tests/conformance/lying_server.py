"""A small HTTP server on sockets that answers as it is told: truth, lies, or nothing.

It shares no code with the server or the tool, so it can be wrong in every way that HTTP allows.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

_STEP_S = 0.02


@dataclass(frozen=True)
class Received:
    """A request as it came: target as sent, headers by lower-case name."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


class Wire:
    """The connection of one request, for the one who answers it."""

    def __init__(self, connection: socket.socket, ending: threading.Event) -> None:
        self._connection = connection
        self._ending = ending

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._connection.sendall(data)

    def hang(self) -> None:
        """Say nothing until the server ends."""
        self._ending.wait()

    def drip(self, data: bytes) -> None:
        """Send byte by byte, slowly, over and over, until the server ends or nobody listens."""
        while not self._ending.is_set():
            for position in range(len(data)):
                if self._ending.wait(_STEP_S):
                    return
                self.send(data[position : position + 1])

    def reset(self) -> None:
        """Break the connection without a word."""
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise ConnectionResetError


Answering = Callable[[Received, Wire], None]


def answer(
    status: int, body: bytes = b"", headers: Mapping[str, str] | None = None, *, length: bool = True
) -> bytes:
    """Write an answer; its length is true unless `headers` say another, or none is wanted."""
    named = {name.lower() for name in headers or {}}
    lines = [f"HTTP/1.1 {status} As-told"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if length and not named & {"content-length", "transfer-encoding"} and status != 204:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


class LyingServer:
    """Answers every request by calling a function; what came is kept.

    Attributes:
        origin: e.g. "http://127.0.0.1:40001".
        received: requests in the order in which they came.
    """

    def __init__(self, answering: Answering) -> None:
        self.received: list[Received] = []
        self._answering = answering
        self._ending = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.origin = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._accept)]
        self._connections: list[socket.socket] = []
        self._threads[0].start()

    def end(self) -> None:
        """Close every connection and wait for the threads."""
        self._ending.set()
        for each in (self._listening, *self._connections):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
            finally:
                each.close()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while not self._ending.is_set():
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self._connections.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection, connection.makefile("rb") as incoming:
                while (request := _read(incoming)) is not None:
                    self.received.append(request)
                    self._answering(request, Wire(connection, self._ending))
        except OSError:
            return


def _read(incoming: BinaryIO) -> Received | None:
    line = incoming.readline().decode("latin-1").split()
    if len(line) != 3:
        return None
    headers: dict[str, str] = {}
    while (header := incoming.readline().decode("latin-1").strip()) != "":
        name, _, value = header.partition(":")
        headers[name.lower()] = value.strip()
    body = incoming.read(int(headers.get("content-length", "0")))
    return Received(line[0], line[1], headers, body)


@contextmanager
def lying_server(answering: Answering) -> Iterator[LyingServer]:
    """Run a server as long as the block."""
    server = LyingServer(answering)
    try:
        yield server
    finally:
        server.end()
