"""Addresses that a client may register. Pure.

Spec: RFC 6749 section 3.1.2, RFC 8252 section 7.3, RFC 9700 section 2.1

    https://app.example.org/callback    a page of the application
    http://127.0.0.1:8765/callback      the application on the user's own machine; localhost and
                                        [::1] likewise

Nothing else: no other scheme, no fragment, no user, no wildcard. What answers are sent to is
compared as a string, so nothing is read into it.
"""

from urllib.parse import urlsplit

LONGEST = 2048

_LOOPBACK = frozenset(("localhost", "127.0.0.1", "::1"))
_FORBIDDEN = "#*\\ <>\"'`{}|^"


def is_address(value: object) -> bool:
    """Tell whether a client may register this."""
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST:
        return False
    if not value.isascii() or not value.isprintable() or any(each in value for each in _FORBIDDEN):
        return False
    try:
        parts = urlsplit(value)
        host, is_port = parts.hostname, parts.port != 0
    except ValueError:
        return False
    if not host or not is_port or "@" in parts.netloc:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)


def origin_of(address: str) -> str:
    """Give the origin of an address that may be registered, as browsers send it."""
    parts = urlsplit(address)
    default = 443 if parts.scheme == "https" else 80
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    port = f":{parts.port}" if parts.port not in (None, default) else ""
    return f"{parts.scheme}://{host}{port}"
