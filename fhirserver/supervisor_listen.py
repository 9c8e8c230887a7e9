"""Listening sockets, opened by the supervisor and inherited by the web workers.

On Linux every worker has a socket of its own in one SO_REUSEPORT group, so that the kernel
spreads connections evenly; elsewhere they share one. The supervisor keeps them open: what a
worker that dies has not accepted waits for its successor, and nobody is refused.

The first socket of a group is bound before it joins the group, so the address must be free: two
servers never share one. That of a server that was killed becomes free once its workers notice.
"""

import errno
import ipaddress
import socket
import sys
import time

_BACKLOG = 1024
_WAIT_S = 5.0


def is_loopback(host: str) -> bool:
    """Whether a bind address is reachable from this machine only.

    Args:
        host: an address or a name; a name must stand for loopback addresses alone.
    """
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        pass
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return bool(found) and all(ipaddress.ip_address(entry[4][0]).is_loopback for entry in found)


def open_listeners(host: str, port: int, count: int) -> list[socket.socket]:
    """Open `count` listening sockets on one address.

    Args:
        host: an address or a name.
        port: 0 chooses a free one.
        count: at least 1; one socket is repeated where groups do not spread the load.

    Raises:
        OSError: the address cannot be had; the text names it and says what to do.
    """
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    first = _bind_when_free(family, address)
    if sys.platform != "linux":
        first.listen(_BACKLOG)
        return [first] * count
    first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    first.listen(_BACKLOG)
    listeners = [first]
    for _ in range(count - 1):
        listener = _socket(family)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(first.getsockname())
        listener.listen(_BACKLOG)
        listeners.append(listener)
    return listeners


def _bind_when_free(family: int, address: object) -> socket.socket:
    deadline = time.monotonic() + _WAIT_S
    while True:
        listener = _socket(family)
        try:
            listener.bind(address)  # type: ignore[arg-type]
        except OSError as error:
            listener.close()
            if error.errno != errno.EADDRINUSE or time.monotonic() > deadline:
                msg = (
                    f"cannot listen on {address}: {error.strerror}; choose another with --port, "
                    "or with make run PORT=8081"
                )
                raise OSError(error.errno, msg) from error
            time.sleep(0.1)
        else:
            return listener


def _socket(family: int) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    return made
