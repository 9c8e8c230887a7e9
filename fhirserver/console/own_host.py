"""Pages of people are shown under this server's own name only.

Spec: RFC 9110 sections 7.2 (Host) and 15.5.20 (421 Misdirected Request)

    host of the public URL    what Host may name
    a name or an address      that one
    of loopback               loopback, by whichever name
    0.0.0.0 or ::             anything: it was derived from the bind address and names nobody

A page that is reached by another name, which somebody else has let lead here, would take passwords
and make sessions under that name. Ports do not count: a proxy may pass Host on without one.

What applications call themselves is answered under every name, as the FHIR API is: no cookie counts
there. An open server has no logins, and a stricter rule of its own.
"""

import ipaddress
from urllib.parse import urlsplit

from flask import abort, request

from fhirserver.console.signed_in import services_here

CALLED_BY_APPLICATIONS = frozenset(("oauth", "oauth_registration"))
"""Blueprints without pages."""


def refuse_other_hosts() -> None:
    """End a request for a page that names another host."""
    settings = services_here().settings
    if settings.open or request.blueprint in CALLED_BY_APPLICATIONS:
        return
    if not is_own(request.host, settings.public_url):
        pages = settings.public_url.removesuffix("/fhir")
        abort(
            421,
            f"The pages of this server are at {pages}/ and answer under no other name. Open them "
            "there; whoever runs the server sets that name with FHIRSERVER_PUBLIC_URL, and has "
            "proxies pass Host on as it came.",
        )


def is_own(authority: str, public_url: str) -> bool:
    """Whether a Host header names the server of a public URL. Pure.

    Args:
        authority: a name or address, maybe with a port, e.g. "fhir.example.org:443".
        public_url: FHIR base as clients see it.
    """
    named, own = _name(f"//{authority}"), _name(public_url)
    if _is_loopback(own):
        return _is_loopback(named)
    return named == own or own in ("0.0.0.0", "::")  # noqa: S104  # compared, nothing binds


def _name(url: str) -> str:
    """Give the host of an address in lower case; "" where there is none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _is_loopback(name: str) -> bool:
    try:
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
