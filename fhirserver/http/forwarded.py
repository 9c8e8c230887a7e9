"""The address of who asks, where a proxy stands before this server.

Spec: X-Forwarded-For as RFC 7239 section 1 describes it

    X-Forwarded-For: 203.0.113.7, 10.0.0.2        the client, then one proxy after the other

Every proxy appends whom it was asked by. So only what trusted proxies appended is believed, from
the end: the first address that is none of theirs is the client, whatever stands before it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any

from fhirserver.config import Network


def client_address(peer: str, forwarded: str, proxies: Sequence[Network]) -> str:
    """Give the address of who asks. Pure.

    Args:
        peer: that the connection is from.
        forwarded: X-Forwarded-For; "" where it is absent.
        proxies: networks of the proxies that are believed.
    """
    address = peer
    for hop in reversed(forwarded.split(",")):
        if not _is_of(address, proxies):
            return address
        named = hop.strip()
        if not _is_address(named):
            return address
        address = named
    return address


class TrustedProxies:
    """Puts the client's address where a request's peer stands.

    Args:
        proxies: networks of the proxies that are believed.
    """

    def __init__(self, proxies: Sequence[Network]) -> None:
        self._proxies = tuple(proxies)

    def apply(self, environ: dict[str, Any]) -> None:
        """Correct REMOTE_ADDR."""
        forwarded = environ.get("HTTP_X_FORWARDED_FOR", "")
        if self._proxies and forwarded:
            peer = environ.get("REMOTE_ADDR", "")
            environ["REMOTE_ADDR"] = client_address(peer, forwarded, self._proxies)


def _is_of(address: str, networks: Sequence[Network]) -> bool:
    return _is_address(address) and any(
        ipaddress.ip_address(address) in network for network in networks
    )


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
