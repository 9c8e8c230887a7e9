"""Leave no connection unread that a web worker has accepted, before the worker stops.

Hyper, which granian serves with, closes a connection from which it has read nothing as soon as it
is told to stop, though a request may lie in the kernel's buffer or be on its way. So a worker stops
in three steps:

    1  it accepts nothing more
    2  it goes on until something has been read from every connection that it has
    3  it tells granian to stop, which lets the requests under way finish

The listener is one open file for this worker, its successor and the supervisor, and nobody may shut
it down for all; this worker's epoll is told to watch it no longer. What waits in it is the
successor's. Linux only: elsewhere a connection that is unread at a stop is closed.
"""

import os
import select
import socket
import stat
import struct
import sys
import time
from contextlib import suppress
from pathlib import Path

_PAUSE_S = 0.02
# Where tcpi_bytes_received stands in struct tcp_info (linux/tcp.h), 64 bits without a sign.
_TCP_INFO_BYTES = 136
_BYTES_RECEIVED_AT = 128


def finish_accepting(listener: int, patience_s: float) -> None:
    """Accept no more connections, and wait until those accepted have been read from.

    Args:
        listener: descriptor of the listening socket that granian was given.
        patience_s: how long to wait for a client that has connected and sends nothing.
    """
    if sys.platform != "linux":
        return
    _watch_no_longer(listener)
    with socket.socket(fileno=os.dup(listener)) as listening:
        port = listening.getsockname()[1]
    deadline = time.monotonic() + patience_s
    unread = True
    while unread and time.monotonic() < deadline:
        # First: what epoll had told of before may just be being accepted.
        time.sleep(_PAUSE_S)
        unread = any(_is_unread(descriptor, port) for descriptor in _descriptors())


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
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
        (received,) = struct.unpack_from("=Q", info, _BYTES_RECEIVED_AT)
        return bool(received == 0)
