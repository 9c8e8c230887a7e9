"""Waits at a redirect address on this machine for the answer of an authorization server.

Spec: https://www.rfc-editor.org/rfc/rfc8252#section-7.3

Whatever comes there without our `state` is not the answer: it is refused, and the wait goes on.
"""

import hmac
import socket
import time
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer
from urllib.parse import parse_qs, urlsplit

from fhirserver_conformance.login.login_error import LoginError

_SLOWEST_BROWSER_S = 5.0


def listen(redirect_uri: str) -> "Listener":
    """Open the port of a redirect address, e.g. "http://127.0.0.1:8765/callback".

    Raises:
        LoginError: the port is taken, or not to be had.
    """
    parts = urlsplit(redirect_uri)
    assert parts.hostname is not None
    assert parts.port is not None
    try:
        return Listener(parts.hostname, parts.port, parts.path)
    except OSError as error:
        raise LoginError(f"redirect_uri {redirect_uri}: {error.strerror or error}") from None


class Listener(TCPServer):
    """Waits at the redirect address for one answer with the right state."""

    allow_reuse_address = True

    def __init__(self, host: str, port: int, path: str) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), _Handler)
        self.path = path
        self.state = ""
        self.answer: dict[str, str] | None = None

    def wait(self, state: str, wait_s: float) -> dict[str, str]:
        """Take requests until the answer comes, and give its parameters.

        Raises:
            LoginError: it did not come within `wait_s` seconds.
        """
        self.state = state
        deadline = time.monotonic() + wait_s
        while self.answer is None:
            self.timeout = deadline - time.monotonic()
            if self.timeout <= 0:
                raise LoginError(f"nobody has logged in within {wait_s:g} s; start again")
            self.handle_request()
        return self.answer

    def handle_error(self, request: object, client_address: object) -> None:
        """Leave a browser that goes away, or is none, alone."""


class _Handler(BaseHTTPRequestHandler):
    server: Listener
    timeout = _SLOWEST_BROWSER_S

    def do_GET(self) -> None:
        """Take the answer, or say that it is none."""
        parts = urlsplit(self.path)
        given = parse_qs(parts.query, keep_blank_values=True)
        state = given.get("state", [])
        if parts.path != self.server.path:
            self._say(404, "There is nothing here.")
        elif len(state) != 1 or not _same(state[0], self.server.state):
            self._say(400, "This is not the answer to the log-in that was started.")
        elif any(len(values) != 1 for values in given.values()):
            self._say(400, "This answer says the same thing twice.")
        else:
            self.server.answer = {name: values[0] for name, values in given.items()}
            self._say(200, "That was it. Close this page and go back to the terminal.")

    def log_message(self, format: str, *args: object) -> None:
        """Keep the code out of the terminal."""

    def _say(self, status: int, words: str) -> None:
        body = f"<!doctype html><title>fhir-conformance</title><p>{words}</p>".encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Referrer-Policy", "no-referrer")
        self.end_headers()
        self.wfile.write(body)


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8"))
