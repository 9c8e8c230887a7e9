"""WSGI: an environ becomes a Request, a Response becomes what the server sends.

Spec: PEP 3333

granian decodes percent escapes before it hands a path over, so `%2F` arrives as "/". No FHIR path
needs one in a segment: every segment is a name, an id or a version, and none of them may hold it.
A header that holds octets beyond ASCII arrives as "" and is refused where its value matters.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from fhirserver.http.application import FhirApplication
from fhirserver.http.body import BodyFraming, BodyLimits, StreamBody
from fhirserver.http.headers import request_id
from fhirserver.http.request import Request
from fhirserver.http.response import STATUS_LINES

Environ = dict[str, Any]
StartResponse = Callable[..., Any]

BASE_PATH = "/fhir"
_SHED = (429, 503)


class FhirWsgi:
    """The WSGI callable for everything at or below the FHIR base.

    Args:
        application: answers the requests.
        body_slots: request bodies that may be arriving at a time; fewer than the server's threads,
            so that slow senders never hold all of them.
        on_exhausted: called when slow senders hold more than can be borne and this process should
            be replaced by a fresh one; maybe more than once.
    """

    def __init__(
        self,
        application: FhirApplication,
        *,
        body_slots: int = 24,
        on_exhausted: Callable[[], None] | None = None,
    ) -> None:
        self._handle = application.handle
        settings = application.services.settings
        self._limits = BodyLimits(
            size_bytes=settings.body_limit_bytes,
            deadline_s=settings.body_deadline_s,
            slots=body_slots,
            on_exhausted=on_exhausted,
        )

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        body = StreamBody(
            environ["wsgi.input"],
            BodyFraming(
                environ.get("CONTENT_LENGTH"),
                environ.get("HTTP_TRANSFER_ENCODING"),
                environ.get("HTTP_CONTENT_ENCODING"),
            ),
            self._limits,
        )
        response = self._handle(
            Request(
                environ["REQUEST_METHOD"],
                environ["PATH_INFO"].removeprefix(BASE_PATH),
                environ["QUERY_STRING"],
                EnvironHeaders(environ),
                body,
                environ.get("REMOTE_ADDR", ""),
                request_id(environ.get("HTTP_X_REQUEST_ID")),
            )
        )
        if not body.settle(wait=response.status not in _SHED):
            response.headers.append(("Connection", "close"))
        if response.stream is not None:
            response.headers.append(("Content-Length", str(response.stream.length_bytes)))
        start_response(STATUS_LINES[response.status], response.headers)
        if response.stream is not None and environ["REQUEST_METHOD"] != "HEAD":
            return response.stream.parts
        return _Late([response.body], body) if body.is_late else [response.body]


class _Late:
    """An answer to a request whose body is still awaited; closed once it has left."""

    def __init__(self, parts: list[bytes], body: StreamBody) -> None:
        self._parts = parts
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._parts)

    def close(self) -> None:
        """End the request, which must not end while somebody reads its body."""
        self._body.release()


class EnvironHeaders:
    """Headers read from an environ when somebody asks for them."""

    __slots__ = ("_environ",)

    def __init__(self, environ: Environ) -> None:
        self._environ = environ

    def get(self, name: str) -> str | None:
        """Give a header's value, None where it is absent."""
        value: str | None = self._environ.get(_KEYS.get(name) or _key(name))
        return value


def _key(name: str) -> str:
    return f"HTTP_{name.upper().replace('-', '_')}"


_KEYS = {
    "content-type": "CONTENT_TYPE",
    "content-length": "CONTENT_LENGTH",
    **{
        name: _key(name)
        for name in (
            "accept",
            "accept-encoding",
            "host",
            "idempotency-key",
            "if-modified-since",
            "if-none-match",
            "origin",
            "prefer",
            "x-provenance",
        )
    },
}
