"""What a channel's webhook posts to, for tests: it checks signatures, and may refuse."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.server
import json
import threading
from typing import Any, Self

from tests.waiting import wait_for

SECRET = "a secret of twenty-four bytes and more"


class AlarmReceiver:
    """Takes posts at `url`.

    Attributes:
        status: that it answers with.
        posts: what it took, with the id of each under "webhook-id".
        forged: whether any post was signed wrongly.
    """

    def __init__(self) -> None:
        self.status = 204
        self.posts: list[dict[str, Any]] = []
        self.asked = 0
        self.forged = False
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver._take(self.headers, body)
                self.send_response(receiver.status)
                self.end_headers()

            def log_message(self, *_arguments: object) -> None:
                """Say nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self.url = f"http://127.0.0.1:{self._server.server_port}/alarms?ward=7"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _take(self, headers: Any, body: bytes) -> None:
        self.asked += 1
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        made = hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()
        self.forged |= headers["webhook-signature"] != f"v1,{base64.b64encode(made).decode()}"
        if self.status < 300:
            self.posts.append({**json.loads(body), "webhook-id": headers["webhook-id"]})

    def wait_for(self, *whats: str) -> list[dict[str, Any]]:
        """Wait until these things, and no others, were told."""
        wait_for(lambda: len(self.posts) >= len(whats))
        assert tuple(each["what"] for each in self.posts) == whats
        return self.posts
