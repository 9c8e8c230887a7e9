"""The metrics endpoint, on the loopback address only.

/metrics   Prometheus text
/health    200 while senders and the journal are at work, else 503
"""

import http.server
import threading
from collections.abc import Callable
from http import HTTPStatus


class Scrape:
    """Serves the endpoint in a thread of its own.

    Args:
        port: 0 chooses a free one.
        render: gives the text of /metrics.
        healthy: tells what /health says.
    """

    def __init__(self, port: int, render: Callable[[], bytes], healthy: Callable[[], bool]) -> None:
        class Handler(http.server.BaseHTTPRequestHandler):
            """Answers GET."""

            timeout = 10.0

            def do_GET(self) -> None:
                if self.path == "/metrics":
                    self._answer(HTTPStatus.OK, render())
                elif self.path == "/health":
                    good = healthy()
                    status = HTTPStatus.OK if good else HTTPStatus.SERVICE_UNAVAILABLE
                    self._answer(status, b"at work\n" if good else b"not at work\n")
                else:
                    self._answer(HTTPStatus.NOT_FOUND, b"/metrics or /health\n")

            def _answer(self, status: HTTPStatus, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments: object) -> None:
                """Log nothing: scrapes come every few seconds."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics")
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self._server.server_port}/metrics"

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
