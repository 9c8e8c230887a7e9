"""A server that lies: it passes requests on to an honest one, and bends what goes and comes."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, cast
from urllib.parse import urlsplit

_OF_A_CONNECTION = ("transfer-encoding", "content-length", "connection", "content-encoding")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that is passed on; headers by lower-case name."""

    method: str
    path: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Told:
    """An answer; headers by lower-case name."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def bundle(self) -> Any:
        """The body, where it is a Bundle in JSON; else None."""
        found = self.body.startswith(b'{"resourceType":"Bundle"')
        return json.loads(self.body) if found else None

    def saying(self, resource: object) -> Told:
        """Say something else."""
        return replace(self, body=json.dumps(resource).encode())


@dataclass(frozen=True, slots=True)
class Lie:
    """What becomes of requests and of answers."""

    ask: Callable[[Asked], Asked] = lambda asked: asked
    tell: Callable[[Told], Told] = lambda told: told


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def _pass_on(self) -> None:
        liar = cast("_Liar", self.server)
        honest = self.path.endswith("/metadata") and not liar.even_metadata
        lie = Lie() if honest else liar.lie
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length else None
        headers = {name.lower(): value for name, value in self.headers.items()}
        headers.pop("accept-encoding", None)
        asked = lie.ask(Asked(self.command, self.path, headers))
        connection = http.client.HTTPConnection(liar.honest, timeout=30)
        connection.request(asked.method, asked.path, body, dict(asked.headers))
        answer = connection.getresponse()
        received = {name.lower(): value for name, value in answer.getheaders()}
        kept = {name: received[name] for name in received.keys() - {*_OF_A_CONNECTION}}
        told = lie.tell(Told(answer.status, kept, answer.read()))
        connection.close()
        self._tell(told)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _pass_on  # noqa: N815 - http.server looks for these

    def _tell(self, told: Told) -> None:
        self.send_response(told.status)
        for name, value in told.headers.items():
            self.send_header(name, value)
        if told.status not in (204, 304):
            self.send_header("Content-Length", str(len(told.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(told.body)
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class _Liar(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, base: str, lie: Lie, *, even_metadata: bool) -> None:
        self.honest = urlsplit(base).netloc
        self.lie = lie
        self.even_metadata = even_metadata
        super().__init__(("127.0.0.1", 0), _Handler)


@contextmanager
def lying(base: str, lie: Lie, *, even_metadata: bool = False) -> Iterator[str]:
    """Run a liar before an honest server and give its base.

    Its CapabilityStatement is the honest one unless it lies even there.
    """
    with _Liar(base, lie, even_metadata=even_metadata) as liar:
        Thread(target=liar.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{liar.server_address[1]}{urlsplit(base).path}"
        finally:
            liar.shutdown()
