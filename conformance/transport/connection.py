"""A connection whose every step ends before a deadline, however the other side behaves.

Timeouts of sockets count from one byte to the next, so that a server that sends one byte a second
is never late. Here each wait is as long as what is left until the deadline, and short enough to see
that the deadline was brought forward.
"""

import http.client
import io
import select
import socket
import ssl
import time
from typing import Any

_LONGEST_WAIT_S = 0.5


class Deadline:
    """When a request must have ended.

    Args:
        at: of the monotonic clock.

    Attributes:
        started: when this was made, likewise.
    """

    def __init__(self, at: float) -> None:
        self.started = time.monotonic()
        self._at = at

    def bring_forward(self, seconds: float) -> None:
        """End in that many seconds, unless it ends sooner."""
        self._at = min(self._at, time.monotonic() + seconds)

    def left_s(self) -> float:
        """Give what is left in seconds. Raises TimeoutError where nothing is."""
        left = self._at - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


class Connection(http.client.HTTPConnection):
    """One connection to a server, for one request at a time.

    Args:
        scheme: http or https.
        host: name or address.
        port: number.
        tls: how certificates are checked; None for http.
        deadline: of the first request, and so of connecting.

    Raises:
        OSError: the server cannot be reached, or its certificate is not trusted.
    """

    def __init__(
        self, scheme: str, host: str, port: int, tls: ssl.SSLContext | None, deadline: Deadline
    ) -> None:
        super().__init__(host, port)
        self.default_port = 443 if scheme == "https" else 80
        self._rested = 0.0
        plain = socket.create_connection((host, port), timeout=deadline.left_s())
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            plain.settimeout(deadline.left_s())
            raw = plain if tls is None else tls.wrap_socket(plain, server_hostname=host)
        except BaseException:
            plain.close()
            raise
        self._raw = raw
        self._timed = _TimedSocket(raw, deadline)
        # http.client asks a socket for no more than what _TimedSocket has.
        self.sock: Any = self._timed

    def use(self, deadline: Deadline) -> None:
        """Begin another request."""
        self._timed.deadline = deadline

    def rest(self) -> None:
        """Note that it is idle from now on."""
        self._rested = time.monotonic()

    def end(self) -> None:
        """Close for good."""
        self.close()
        self._raw.close()

    def is_fresh(self, seconds: float) -> bool:
        """Tell whether it was used just now and is still open, without bytes left over."""
        if self.sock is None or time.monotonic() - self._rested > seconds:
            return False
        readable, _, _ = select.select([self._raw], [], [], 0)
        return not readable


class _TimedSocket:
    """A socket as http.client uses one, with a deadline."""

    def __init__(self, raw: socket.socket, deadline: Deadline) -> None:
        self.deadline = deadline
        self._raw = raw

    def sendall(self, data: bytes) -> None:
        """Send everything before the deadline."""
        view = memoryview(data)
        while view:
            view = view[self._within_time(self._raw.send, view) :]

    def receive_into(self, buffer: Any) -> int:
        """Wait for some bytes before the deadline; 0 at the end."""
        return self._within_time(self._raw.recv_into, buffer)

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Give a reader of what is received."""
        return io.BufferedReader(_Receiving(self))

    def close(self) -> None:
        """Do nothing: http.client closes before it has read, and `Connection.end` does it."""

    def _within_time(self, step: Any, argument: Any) -> int:
        while True:
            self._raw.settimeout(min(self.deadline.left_s(), _LONGEST_WAIT_S))
            try:
                done: int = step(argument)
            except TimeoutError:
                continue
            return done


class _Receiving(io.RawIOBase):
    """What comes from a socket, as a file."""

    def __init__(self, source: _TimedSocket) -> None:
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._source.receive_into(buffer)
