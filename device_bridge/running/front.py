"""The bridge's own HTTP port.

    /metrics        Prometheus text
    /health         200 while the journal and all threads are at work, else 503; needs no token
    /alarms…        as `notification.desk` tells; /alarms/stream as `notification.stream` does
    /convert        as `rehearsal` tells

With a token file every request but that of /health needs its bearer token. Without one the address
is the loopback address, and Host must name this machine: so that no page of another site, whose
name was made to lead here, reads what a browser on this machine may read.
"""

import contextlib
import hmac
import http.server
import logging
import socket
import threading
from collections.abc import Callable
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import urlsplit

from fhirserver_device_bridge.config.read_alarms import is_loopback
from fhirserver_device_bridge.config.settings import Desk
from fhirserver_device_bridge.journal.journal import Journal
from fhirserver_device_bridge.notification.desk import Office, Reply, refusal
from fhirserver_device_bridge.notification.stream import Bell, events
from fhirserver_device_bridge.running.listener import tls_context
from fhirserver_device_bridge.running.rehearsal import MESSAGE_LIMIT_BYTES, Rehearsal

_LOG = logging.getLogger("fhir-bridge")
_TEXT = "text/plain; version=0.0.4; charset=utf-8"
_BODY_LIMIT_BYTES = 64 * 1024
_STREAMS = 64
"""Streams at the same time; each has a thread."""


class Behind(NamedTuple):
    """What the port shows.

    Attributes:
        render: gives the text of /metrics.
        healthy: tells what /health says.
        bell: rings when something may have happened to alarms.
    """

    journal: Journal
    render: Callable[[], bytes]
    healthy: Callable[[], bool]
    bell: Bell
    rehearsal: Rehearsal


class Front:
    """Serves the port in threads of its own.

    Raises:
        OSError: the address is taken, or TLS files cannot be used.
    """

    def __init__(self, desk: Desk, behind: Behind) -> None:
        self._desk = desk
        self._stopping = threading.Event()
        self._server = _Server(desk, behind, self._stopping)
        if desk.tls is not None:
            # The handshake is left to the thread of the request: a slow one holds up nobody.
            self._server.socket = tls_context(desk.tls).wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(target=self._server.serve_forever, name="front")
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it is."""
        scheme = "http" if self._desk.tls is None else "https"
        host = f"[{self._desk.host}]" if ":" in self._desk.host else self._desk.host
        return f"{scheme}://{host}:{self._server.server_port}"

    def close(self) -> None:
        """End it."""
        self._stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, desk: Desk, behind: Behind, stopping: threading.Event) -> None:
        if ":" in desk.host:
            self.address_family = socket.AF_INET6
        self.desk = desk
        self.behind = behind
        self.office = Office(behind.journal)
        self.streams = threading.Semaphore(_STREAMS)
        self.stopping = stopping
        super().__init__((desk.host, desk.port), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Log nothing: a caller that goes away is no defect."""


class _Handler(http.server.BaseHTTPRequestHandler):
    """Answers one connection."""

    server: _Server
    timeout = 10.0

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        if address.path == "/health":
            self._health()
        elif (fault := self._fault()) is not None:
            self._reply(fault)
        elif address.path == "/metrics":
            self._answer(HTTPStatus.OK, _TEXT, self.server.behind.render())
        elif address.path == "/alarms/stream":
            self._stream()
        else:
            self._reply(self.server.office.get(address.path, address.query))

    def do_POST(self) -> None:
        address = urlsplit(self.path)
        is_message = address.path == "/convert"
        size = self.headers.get("Content-Length", "")
        limit = MESSAGE_LIMIT_BYTES if is_message else _BODY_LIMIT_BYTES
        if not size.isdecimal() or int(size) > limit:
            self._reply(_TOO_LARGE)
            return
        # Read whatever the answer is: closed with bytes unread, a connection loses its answer.
        body = self.rfile.read(int(size))
        content_type = self.headers.get("Content-Type", "")
        if (fault := self._fault()) is not None:
            self._reply(fault)
        elif is_message:
            self._reply(self.server.behind.rehearsal.post(address.query, content_type, body))
        else:
            self._reply(self.server.office.post(address.path, content_type, body))

    def _health(self) -> None:
        good = self.server.behind.healthy()
        status = HTTPStatus.OK if good else HTTPStatus.SERVICE_UNAVAILABLE
        self._answer(status, _TEXT, b"at work\n" if good else b"not at work\n")

    def _fault(self) -> Reply | None:
        """Tell why a caller is refused; None for one that is not."""
        file = self.server.desk.token_file
        if file is None:
            host = urlsplit(f"//{self.headers.get('Host', '')}").hostname
            return None if host is None or is_loopback(host) else _OTHER_HOST
        try:
            token = file.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            _LOG.error("metrics.token_file cannot be read: %s", type(error).__name__)
            return _NO_TOKEN
        given = self.headers.get("Authorization", "").encode("utf-8", "replace")
        known = bool(token) and hmac.compare_digest(given, f"Bearer {token}".encode())
        return None if known else _NO_TOKEN

    def _stream(self) -> None:
        if not self.server.streams.acquire(blocking=False):
            self._reply(_TOO_MANY)
            return
        last = self.headers.get("Last-Event-ID", "")
        behind = self.server.behind
        try:
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", "text/event-stream; charset=utf-8")
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            with contextlib.closing(behind.journal.reader()) as reader:
                seen = int(last) if last.isdecimal() else None
                for piece in events(reader, seen, behind.bell, self.server.stopping):
                    self.wfile.write(piece)
        finally:
            self.server.streams.release()

    def _reply(self, reply: Reply) -> None:
        self._answer(reply.status, "application/json", reply.body)

    def _answer(self, status: HTTPStatus, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        if status == HTTPStatus.UNAUTHORIZED:
            self.send_header("WWW-Authenticate", "Bearer")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Log nothing: scrapes come every few seconds."""


_NO_TOKEN = refusal(
    HTTPStatus.UNAUTHORIZED, "login", "the bearer token of metrics.token_file is needed"
)
_OTHER_HOST = refusal(
    HTTPStatus.FORBIDDEN,
    "invalid",
    "Host must be this machine: without a token none other is served",
)
_TOO_LARGE = refusal(
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "structure",
    f"Content-Length must be given, and at most {_BODY_LIMIT_BYTES}, for /convert"
    f" {MESSAGE_LIMIT_BYTES}",
)
_TOO_MANY = refusal(
    HTTPStatus.SERVICE_UNAVAILABLE, "transient", f"{_STREAMS} streams are open: close some"
)
