"""Forms of pages from elsewhere change nothing here.

Spec: RFC 6454; https://fetch.spec.whatwg.org/#origin-header

A browser says in Origin which site's page a POST comes from. Here it must be this site, by the host
that the request names; what that may be was checked before. No cookie and no token is needed.

Applications call the authorization server's endpoints from wherever they are; no cookie counts
there.
"""

from flask import abort, request

_READING = frozenset(("GET", "HEAD", "OPTIONS"))
FROM_ANYWHERE = "/oauth/"


def refuse_other_origins() -> None:
    """End a request that would change something and does not come from a page of this server."""
    if request.method in _READING or request.path.startswith(FROM_ANYWHERE):
        return
    origin = request.headers.get("Origin", "")
    if origin.partition("://")[2] != request.host:
        abort(403, "Only this server's own pages may do that; open the page and try again.")
