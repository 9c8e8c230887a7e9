"""Cross-origin requests: for origins that an operator names or an application has registered.

Spec: https://fetch.spec.whatwg.org/#http-cors-protocol

A page of a named origin may read answers and their FHIR headers. Credentials of the browser are
never asked for: a caller sends its token in Authorization. What needs no token, everybody's pages
may read.
"""

from collections.abc import Container

from fhirserver.http.bearer import is_public
from fhirserver.http.request import Request
from fhirserver.http.response import Header, Response

_METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"
_SENT = (
    "Accept, Authorization, Cache-Control, Content-Type, If-Match, If-Modified-Since, "
    "If-None-Exist, If-None-Match, Idempotency-Key, Prefer, Range, X-Provenance, X-Request-Id, "
    "X-Security-Context"
)
_READ = (
    "Accept-Ranges, Content-Location, Content-Range, ETag, Expires, Idempotency-Replayed, "
    "Last-Modified, Link, Location, Preference-Applied, Retry-After, X-Progress, X-Request-Id, "
    "X-Security-Context"
)
_MAX_AGE_S = 600


class Cors:
    """Decides by the Origin header.

    Args:
        origins: named ones, as browsers send them, e.g. {"https://app.example.org"}.
        registered: those of applications; none on an open server.
        public: whether pages of any origin may read what is public.
    """

    def __init__(
        self,
        origins: frozenset[str],
        registered: Container[str] = frozenset(),
        *,
        public: bool = False,
    ) -> None:
        self._origins = origins
        self._registered = registered
        self._public = public

    def is_named(self, origin: str | None) -> bool:
        """Whether an Origin header names one of them."""
        return origin in self._origins or origin in self._registered

    def preflight(self, request: Request) -> Response | None:
        """Answer a browser that asks whether it may ask; None for every other request."""
        if request.method != "OPTIONS":
            return None
        if (
            not self.headers(request)
            or request.headers.get("access-control-request-method") is None
        ):
            return None
        return Response(
            204,
            [
                ("Access-Control-Allow-Methods", _METHODS),
                ("Access-Control-Allow-Headers", _SENT),
                ("Access-Control-Max-Age", str(_MAX_AGE_S)),
            ],
        )

    def headers(self, request: Request) -> list[Header]:
        """Give what an answer needs so that the page may read it; nothing for other origins."""
        origin = request.headers.get("origin")
        if origin is None:
            return []
        everybody = self._public and is_public(request.path)
        if not everybody and not self.is_named(origin):
            return []
        return [
            ("Access-Control-Allow-Origin", "*" if everybody else origin),
            ("Access-Control-Expose-Headers", _READ),
        ]
