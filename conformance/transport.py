"""One HTTP request and what came of it: nothing is followed, retried or hidden.

Spec: https://www.rfc-editor.org/rfc/rfc9110

A server may hang, answer byte by byte, lie about lengths or die: every request ends within its
time, with an `Exchange` that says what happened.
"""

import time
from dataclasses import dataclass

import urllib3
from urllib3.exceptions import HTTPError

from fhirserver_conformance.results import Exchange, Headers

TIMEOUT_S = 30.0
BODY_LIMIT_BYTES = 64 * 1024 * 1024
_HIDDEN = frozenset({"authorization", "cookie", "proxy-authorization"})
_CHUNK_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    """What to send.

    Attributes:
        method: of HTTP, upper case.
        url: absolute; characters that no URL may hold are percent-encoded on the way.
        headers: in order.
        body: None for none.
    """

    method: str
    url: str
    headers: Headers = ()
    body: bytes | None = None


class Transport:
    """Sends requests; any number of threads may share one.

    Args:
        timeout_s: from sending to the last byte of an answer.
        body_limit_bytes: longer answers are cut, and said to be.
        ca_file: of the authorities that are trusted; the system's where None.
        confine: URLs must begin with one of these, e.g. ("http://127.0.0.1:8080/fhir",); None
            lets every URL through.
    """

    def __init__(
        self,
        *,
        timeout_s: float = TIMEOUT_S,
        body_limit_bytes: int = BODY_LIMIT_BYTES,
        ca_file: str | None = None,
        confine: tuple[str, ...] | None = None,
    ) -> None:
        self._timeout_s = timeout_s
        self._limit_bytes = body_limit_bytes
        self._confine = confine
        self._pools = urllib3.PoolManager(num_pools=16, maxsize=16, ca_certs=ca_file)

    def send(self, request: Request) -> Exchange:
        """Send a request and wait for the whole answer. Raises nothing: see `Exchange.failure`."""
        if not self._allows(request.url):
            return _exchange(request, time.monotonic(), failure="outside the server under test")
        started = time.monotonic()
        headers = urllib3.HTTPHeaderDict(request.headers)
        try:
            answer = self._pools.request(
                request.method,
                request.url,
                body=request.body,
                headers=headers,
                timeout=urllib3.Timeout(total=self._timeout_s),
                retries=False,
                redirect=False,
                preload_content=False,
            )
        except (HTTPError, OSError, ValueError) as error:
            return _exchange(request, started, failure=f"{type(error).__name__}: {error}")
        failure = None
        body = bytearray()
        try:
            while chunk := answer.read1(_CHUNK_BYTES, decode_content=True):
                body += chunk
                if len(body) > self._limit_bytes:
                    failure = f"the answer is longer than {self._limit_bytes} bytes"
                    break
                if time.monotonic() - started > self._timeout_s:
                    failure = f"the answer took longer than {self._timeout_s:g} s"
                    break
        except (HTTPError, OSError) as error:
            failure = f"{type(error).__name__}: {error}"
        if failure is None:
            answer.release_conn()
        else:
            answer.close()
        received = tuple((name, value) for name, value in answer.headers.iteritems())
        return _exchange(request, started, answer.status, received, bytes(body), failure)

    def close(self) -> None:
        """Close idle connections."""
        self._pools.clear()

    def _allows(self, url: str) -> bool:
        if self._confine is None:
            return True
        return any(
            url == base or url.startswith((f"{base}/", f"{base}?")) for base in self._confine
        )


def _exchange(
    request: Request,
    started: float,
    status: int | None = None,
    headers: Headers = (),
    body: bytes = b"",
    failure: str | None = None,
) -> Exchange:
    shown = tuple(
        (name, "(hidden)" if name.lower() in _HIDDEN else value) for name, value in request.headers
    )
    return Exchange(
        method=request.method,
        url=request.url,
        request_headers=shown,
        request_body=request.body or b"",
        status=status,
        response_headers=headers,
        response_body=body,
        duration_ms=(time.monotonic() - started) * 1000,
        failure=failure,
    )
