"""A guarded GET to an address that somebody else chose.

Spec: RFC 9110; https://owasp.org/www-community/attacks/Server_Side_Request_Forgery

The name is resolved once, every address it stands for must be public or in a network that the
operator named, and the connection goes to one of these very addresses, so that a name which
changes its mind reaches nothing inside. TLS is checked against the name. A redirect is an answer
like any other. One deadline covers connecting, sending and receiving.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from email.message import Message
from typing import Self
from urllib.parse import SplitResult, urlsplit

from fhirserver.config import Network

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class OutboundError(Exception):
    """Why there is no answer."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What an answer may cost.

    Attributes:
        deadline_s: from connecting until the last byte.
        size_bytes: of the body at most.
    """

    deadline_s: float = 5.0
    size_bytes: int = 65_536


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer; its body is whole.

    Attributes:
        headers: look-ups by name do not heed case.
    """

    status: int
    headers: Message
    body: bytes


def is_reachable(address: Address, networks: Sequence[Network]) -> bool:
    """Tell whether an address may be connected to. Pure.

    Args:
        address: as resolved. One that wraps an IPv4 address counts as that.
        networks: allowed besides public addresses.
    """
    inner = _unwrapped(address)
    if any(inner in network for network in networks):
        return True
    return inner.is_global and not inner.is_multicast


def get(
    url: str,
    *,
    accept: str,
    tls: ssl.SSLContext,
    networks: Sequence[Network] = (),
    limits: Limits | None = None,
) -> Answer:
    """Fetch.

    Args:
        url: https; http only to this machine itself, where `networks` allows it.
        accept: for the header.
        tls: says which authorities are trusted.
        networks: see `is_reachable`.
        limits: of time and size.

    Raises:
        OutboundError: a URL that must not be fetched, no connection, no certificate of that name,
            or an answer that is late, too large or no HTTP.
    """
    limits = limits or Limits()
    parts = _checked(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    addresses = _resolved(parts.hostname or "", port, networks)
    if parts.scheme == "http" and not all(each.is_loopback for each in addresses):
        raise OutboundError("plain http reaches this machine only; use https")
    try:
        with _Connection(addresses, port, limits.deadline_s) as connection:
            if parts.scheme == "https":
                connection.secure(parts.hostname or "", tls)
            return connection.get(parts, accept, limits.size_bytes)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise OutboundError(f"no answer: {type(error).__name__}") from error


def _unwrapped(address: Address) -> Address:
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo[1] if address.teredo else None
    return address.ipv4_mapped or address.sixtofour or teredo or address


def _checked(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        port_is_good = parts.port != 0
    except ValueError:
        raise OutboundError("this is no URL") from None
    if not url.isascii() or not url.isprintable() or " " in url or not port_is_good:
        raise OutboundError("this is no URL")
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise OutboundError("the URL must be https and name a host")
    if parts.username is not None or parts.fragment:
        raise OutboundError("the URL must have neither user nor fragment")
    return parts


def _resolved(host: str, port: int, networks: Sequence[Network]) -> list[Address]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise OutboundError("the name of the host stands for no address") from None
    addresses = [ipaddress.ip_address(entry[4][0]) for entry in found]
    if not addresses or not all(is_reachable(each, networks) for each in addresses):
        raise OutboundError("the host is inside, where this server fetches nothing")
    return addresses


class _Connection:
    """A connection that is cut at its deadline, whatever it is doing then."""

    def __init__(self, addresses: Sequence[Address], port: int, deadline_s: float) -> None:
        self._socket = _connected(addresses, port, deadline_s)
        self._timer = threading.Timer(deadline_s, self._cut)
        self._timer.daemon = True
        self._is_cut = False

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._timer.cancel()
        self._socket.close()

    def secure(self, host: str, tls: ssl.SSLContext) -> None:
        """Speak TLS from now on."""
        secured = tls.wrap_socket(self._socket, server_hostname=host, do_handshake_on_connect=False)
        self._socket = secured
        secured.do_handshake()

    def get(self, parts: SplitResult, accept: str, size_bytes: int) -> Answer:
        """Send the request and read the answer."""
        speaker = http.client.HTTPConnection(parts.hostname or "")
        speaker.auto_open = 0
        speaker.sock = self._socket
        path = parts.path or "/"
        target = f"{path}?{parts.query}" if parts.query else path
        host = parts.netloc
        speaker.request("GET", target, headers={"Host": host, "Accept": accept})
        answer = speaker.getresponse()
        body = answer.read(size_bytes + 1)
        if len(body) > size_bytes:
            raise OutboundError(f"the answer has more than {size_bytes} bytes")
        if self._is_cut or answer.length:
            raise OutboundError("the answer is late or ends early")
        return Answer(answer.status, answer.headers, body)

    def _cut(self) -> None:
        self._is_cut = True
        with suppress(OSError):
            # The method of an SSLSocket would also forget its TLS, and read on without.
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


def _connected(addresses: Sequence[Address], port: int, deadline_s: float) -> socket.socket:
    failure: OSError | None = None
    for address in addresses[:2]:
        try:
            return socket.create_connection((str(address), port), deadline_s / 2)
        except OSError as error:
            failure = error
    assert failure is not None
    raise failure
