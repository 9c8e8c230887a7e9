"""The loopback guard of an open server.

Spec: RFC 9110 section 7.2 (Host), RFC 6454 (Origin)

A server without authentication listens on loopback only. That is not enough: a page from elsewhere
can reach loopback through the reader's browser by a name that resolves there (DNS rebinding), or
by a form. So Host must name loopback, and Origin, where a browser sends one, must too, unless the
operator named it.
"""

import re

from fhirserver.errors import ForbiddenError

_LOOPBACK = re.compile(r"(localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?", re.IGNORECASE)
_ORIGIN = re.compile(r"https?://(.+)", re.IGNORECASE)


def check_loopback(host: str | None, origin: str | None) -> None:
    """Refuse a request to an open server that names another host.

    Args:
        host: the Host header; None where absent.
        origin: the Origin header; None where absent, or one that the operator named.

    Raises:
        ForbiddenError: either of them is not loopback.
    """
    if not is_loopback(host):
        raise ForbiddenError(
            "This server runs open and answers loopback only; address it as 127.0.0.1 or "
            "localhost, or start it with authentication.",
            expression=("http.Host",),
        )
    if origin is not None:
        match = _ORIGIN.fullmatch(origin)
        if match is None or not is_loopback(match[1]):
            raise ForbiddenError(
                "This server runs open and answers pages of loopback origins only.",
                expression=("http.Origin",),
            )


def is_loopback(authority: str | None) -> bool:
    """Whether an authority, e.g. "127.0.0.1:8080", names this machine's loopback."""
    return authority is not None and _LOOPBACK.fullmatch(authority) is not None
