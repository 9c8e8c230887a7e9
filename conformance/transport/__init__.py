"""One HTTP request and what came of it: nothing is followed, retried or hidden.

Spec: https://www.rfc-editor.org/rfc/rfc9110 and https://www.rfc-editor.org/rfc/rfc9112

    connection   a connection whose every step ends in time
    answer       reading an answer that may lie about itself

A server may hang, answer byte by byte, lie about lengths, answer something that is no HTTP, or die:
every request ends within its time, with an `Exchange` that says what happened. Connections are used
again while they are fresh; one on which anything went wrong is not.
"""

import http.client
import math
import re
import ssl
import time
from collections import defaultdict
from dataclasses import dataclass, replace
from threading import Lock
from urllib.parse import SplitResult, quote, unquote, urlsplit

from fhirserver_conformance.results import Exchange, Headers
from fhirserver_conformance.transport.answer import Answer, read_answer
from fhirserver_conformance.transport.connection import Connection, Deadline

TIMEOUT_S = 30.0
BODY_LIMIT_BYTES = 64 * 1024 * 1024

_HIDDEN = frozenset({"authorization", "cookie", "proxy-authorization"})
_FRESH_S = 2.0
"""Servers close idle connections after some seconds; a younger one is still open."""

_GRACE_S = 3.0
_CLEANING_S = 15.0
_UNSENDABLE = re.compile(r"[^\x21-\x7e]")
_WITH_BODY = ("POST", "PUT", "PATCH")
_Address = tuple[str, str, int]


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
        body_limit_bytes: longer answers are cut, and said to be; counted after decompression.
        ca_file: of the authorities that are trusted; the system's where None.
        confine: URLs must begin with one of these, e.g. ("http://127.0.0.1:8080/fhir",); None
            lets every URL through.
        marks: headers of every request to `marked` and below it, in place of what a request has
            under their names.
        marked: URL of the server they are for.
    """

    def __init__(
        self,
        *,
        timeout_s: float = TIMEOUT_S,
        body_limit_bytes: int = BODY_LIMIT_BYTES,
        ca_file: str | None = None,
        confine: tuple[str, ...] | None = None,
        marks: Headers = (),
        marked: str = "",
    ) -> None:
        self._timeout_s = timeout_s
        self._limit_bytes = body_limit_bytes
        self._confine = confine
        self._marks = marks
        self._marked = marked
        self._ends = math.inf
        self._tls = None if ca_file is None else ssl.create_default_context(cafile=ca_file)
        self._lock = Lock()
        self._idle: dict[_Address, list[Connection]] = defaultdict(list)
        self._deadlines: set[Deadline] = set()

    def send(self, request: Request) -> Exchange:
        """Send a request and wait for the whole answer. Raises nothing: see `Exchange.failure`."""
        if self._marks and is_below(self._marked, request.url):
            request = _marked(request, self._marks)
        exchange = self._exchange(request)
        return replace(exchange, request_headers=self._shown(request))

    def _exchange(self, request: Request) -> Exchange:
        started = time.monotonic()
        try:
            parts, address = _split(request.url)
        except ValueError as error:
            return _exchange(request, started, Answer(failure=f"this is no URL: {error}"))
        if not self._allows(request.url):
            return _exchange(request, started, Answer(failure="outside the server under test"))
        deadline = Deadline(min(started + self._timeout_s, self._ends))
        with self._lock:
            self._deadlines.add(deadline)
        try:
            answer = self._answer(request, parts, address, deadline)
        finally:
            with self._lock:
                self._deadlines.discard(deadline)
        return _exchange(request, started, answer)

    def hurry(self) -> None:
        """End requests under way within seconds, and give later ones some seconds together."""
        with self._lock:
            self._ends = time.monotonic() + _CLEANING_S
            for deadline in self._deadlines:
                deadline.bring_forward(_GRACE_S)

    def close(self) -> None:
        """Close idle connections."""
        with self._lock:
            for connections in self._idle.values():
                for connection in connections:
                    connection.end()
            self._idle.clear()

    def _answer(
        self, request: Request, parts: SplitResult, address: _Address, deadline: Deadline
    ) -> Answer:
        connection: Connection | None = None
        try:
            connection = self._connection(address, deadline)
            _write(connection, request, parts)
            answer = read_answer(connection, self._limit_bytes)
        except TimeoutError:
            answer = Answer(failure=f"no answer within {time.monotonic() - deadline.started:.1f} s")
        except (http.client.HTTPException, OSError, ValueError) as error:
            answer = Answer(failure=_reason(error))
        if connection is not None:
            self._give_back(connection, address, answer)
        return answer

    def _connection(self, address: _Address, deadline: Deadline) -> Connection:
        """Give a fresh idle connection, or a new one."""
        with self._lock:
            waiting = self._idle.pop(address, [])
            fresh = [each for each in waiting if each.is_fresh(_FRESH_S)]
            found = fresh.pop() if fresh else None
            self._idle[address] = fresh
        for connection in waiting:
            if connection is not found and connection not in fresh:
                connection.end()
        if found is not None:
            found.use(deadline)
            return found
        return Connection(*address, self._trust(address), deadline)

    def _trust(self, address: _Address) -> ssl.SSLContext | None:
        """Give how certificates are checked; reading the system's authorities takes a moment."""
        if address[0] != "https":
            return None
        with self._lock:
            self._tls = self._tls or ssl.create_default_context()
        return self._tls

    def _give_back(self, connection: Connection, address: _Address, answer: Answer) -> None:
        if answer.failure is not None or not answer.keeps_connection:
            connection.end()
            return
        connection.rest()
        with self._lock:
            self._idle[address].append(connection)

    def _shown(self, request: Request) -> Headers:
        """Give the headers as reports show them."""
        hidden = _HIDDEN | {name.lower() for name, _ in self._marks}
        return tuple(
            (name, "(hidden)" if name.lower() in hidden else value)
            for name, value in request.headers
        )

    def _allows(self, url: str) -> bool:
        return self._confine is None or any(is_below(base, url) for base in self._confine)


def is_below(base: str, url: str) -> bool:
    """Tell whether an absolute URL is a base or leads below it, without a detour.

    http://a.example/fhir2 and http://a.example/fhir/../x are not below http://a.example/fhir.
    """
    if ".." in unquote(urlsplit(url).path).split("/"):
        return False
    return url == base or url.startswith((f"{base}/", f"{base}?"))


def _marked(request: Request, marks: Headers) -> Request:
    named = {name.lower() for name, _ in marks}
    rest = tuple(header for header in request.headers if header[0].lower() not in named)
    return replace(request, headers=(*rest, *marks))


def _split(url: str) -> tuple[SplitResult, _Address]:
    """Split a URL. Raises ValueError where it is no absolute one of HTTP."""
    parts = urlsplit(_UNSENDABLE.sub(lambda match: quote(match[0]), url))
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("it must begin with http:// or https:// and a host")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return parts, (parts.scheme, parts.hostname, port)


def _write(connection: Connection, request: Request, parts: SplitResult) -> None:
    """Send a request.

    A server that refuses a body may answer and close before it has read it all: then the answer is
    still to be read.
    """
    named = {name.lower() for name, _ in request.headers}
    target = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
    connection.putrequest(
        request.method,
        target,
        skip_host="host" in named,
        skip_accept_encoding="accept-encoding" in named,
    )
    for name, value in request.headers:
        connection.putheader(name.encode("utf-8"), value.encode("utf-8"))
    sized = named & {"content-length", "transfer-encoding"}
    if not sized and (request.body is not None or request.method in _WITH_BODY):
        connection.putheader("Content-Length", str(len(request.body or b"")))
    try:
        connection.endheaders(request.body)
    except (BrokenPipeError, ConnectionResetError):
        return


def _reason(error: Exception) -> str:
    if isinstance(error, http.client.BadStatusLine):
        return f"the answer is no HTTP: {error}" if str(error) else "the connection was closed"
    return f"{type(error).__name__}: {error}"


def _exchange(request: Request, started: float, answer: Answer) -> Exchange:
    return Exchange(
        method=request.method,
        url=request.url,
        request_headers=request.headers,
        request_body=request.body or b"",
        status=answer.status,
        response_headers=answer.headers,
        response_body=answer.body,
        duration_ms=(time.monotonic() - started) * 1000,
        failure=answer.failure,
    )
