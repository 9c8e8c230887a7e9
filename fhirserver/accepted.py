"""Leave no connection unread that came to a web worker before it was told to stop.

Hyper, which granian serves with, closes a connection from which it has read nothing as soon as it
is told to stop, though a request may lie in the kernel's buffer or be on its way. So a worker stops
in four steps:

    1  it goes on until no connection waits to be accepted
    2  it accepts nothing more
    3  it goes on until something has been read from every connection that it has
    4  it tells granian to stop, which lets the requests under way finish

The listener is one open file for this worker, its successor and the supervisor, and nobody may shut
it down for all; this worker's epoll is told to watch it no longer. What comes then is the
successor's, if there is one. Linux only: elsewhere a connection that is unread at a stop is closed.
"""

import os
import select
import socket
import stat
import struct
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_PAUSE_S = 0.02
# Where these stand in struct tcp_info (linux/tcp.h). tcpi_unacked of a listener is the number of
# connections that wait to be accepted.
_TCP_INFO_BYTES = 136
_UNACKED = ("=I", 24)
_BYTES_RECEIVED = ("=Q", 128)


def finish_accepting(listener: int, patience_s: float) -> None:
    """Take the connections that have come and no more, and wait until each has been read from.

    Args:
        listener: descriptor of the listening socket that granian was given.
        patience_s: how long to wait for a client that has connected and sends nothing.
    """
    if sys.platform != "linux":
        return
    deadline = time.monotonic() + patience_s
    with socket.socket(fileno=os.dup(listener)) as listening:
        port = listening.getsockname()[1]
        _wait_while(lambda: _tcp_info(listening, _UNACKED) > 0, deadline)
    _watch_no_longer(listener)
    _wait_while(lambda: any(_is_unread(each, port) for each in _descriptors()), deadline)


def _wait_while(true: Callable[[], bool], deadline: float) -> None:
    # A pause comes first: what is accepted at this moment has no descriptor yet.
    time.sleep(_PAUSE_S)
    while true() and time.monotonic() < deadline:
        time.sleep(_PAUSE_S)


def _descriptors() -> list[int]:
    return [int(entry.name) for entry in Path("/proc/self/fd").iterdir()]


def _watch_no_longer(listener: int) -> None:
    if sys.platform == "linux":
        for descriptor in _descriptors():
            # No epoll, or one that does not watch the listener.
            with suppress(OSError), select.epoll.fromfd(os.dup(descriptor)) as epoll:
                epoll.unregister(listener)


def _is_unread(descriptor: int, port: int) -> bool:
    try:
        if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            return False
        with socket.socket(fileno=os.dup(descriptor)) as connection:
            of_ours = connection.family in (socket.AF_INET, socket.AF_INET6)
            return of_ours and connection.getsockname()[1] == port and _holds_or_awaits(connection)
    except OSError:  # closed meanwhile, or the listener
        return False


def _holds_or_awaits(connection: socket.socket) -> bool:
    """Whether bytes wait to be read, or none has ever come from a client that may yet send."""
    try:
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) != b""
    except BlockingIOError:
        return _tcp_info(connection, _BYTES_RECEIVED) == 0


def _tcp_info(connection: socket.socket, place: tuple[str, int]) -> int:
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
    (number,) = struct.unpack_from(place[0], info, place[1])
    return int(number)
