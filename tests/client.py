"""A small FHIR client for tests: one kept-alive connection, JSON in and out, nothing hidden."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

FHIR_JSON = "application/fhir+json"


@dataclass(frozen=True)
class Answer:
    """What came back.

    Attributes:
        status: of HTTP.
        headers: by lower-case name; of a header sent twice, the last.
        body: as sent.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON, decimals with their digits."""
        return json.loads(self.body, parse_float=Decimal)

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8")


class Client:
    """Talks to one server.

    Args:
        base: FHIR base, e.g. "http://127.0.0.1:8080/fhir". Paths that start with "/" are below
            the server's root instead.
        timeout_s: for every step on the socket.
    """

    def __init__(self, base: str, timeout_s: float = 30.0) -> None:
        self.base = base
        parts = urlsplit(base)
        self._path = parts.path
        self.connection = http.client.HTTPConnection(
            parts.hostname or "", parts.port, timeout=timeout_s
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.connection.close()

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request; an idle connection that the server closed is opened again.

        Args:
            method: of HTTP.
            path: below the base, e.g. "Patient?name=x", with or without the base itself.
            body: bytes as they are; anything else as JSON; None for none.
            headers: added to the defaults, which they win over.
        """
        sent = {"Accept": FHIR_JSON}
        if body is not None:
            sent["Content-Type"] = FHIR_JSON
        sent.update(headers or {})
        raw = body if isinstance(body, bytes | None) else _encode(body)
        idle = self.connection.sock is not None
        try:
            return self._exchange(method, self._target(path), raw, sent)
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            self.connection.close()
            if not idle:
                raise
        return self._exchange(method, self._target(path), raw, sent)

    def get(self, path: str, **headers: str) -> Answer:
        """GET; headers as keywords, e.g. if_none_match='W/"1"'."""
        return self.request("GET", path, None, _named(headers))

    def post(self, path: str, body: object, **headers: str) -> Answer:
        """POST a resource, a Bundle, or bytes."""
        return self.request("POST", path, body, _named(headers))

    def put(self, path: str, body: object, **headers: str) -> Answer:
        """PUT a resource or bytes."""
        return self.request("PUT", path, body, _named(headers))

    def patch(self, path: str, body: object, **headers: str) -> Answer:
        """PATCH; name the content_type."""
        return self.request("PATCH", path, body, _named(headers))

    def delete(self, path: str, **headers: str) -> Answer:
        """DELETE."""
        return self.request("DELETE", path, None, _named(headers))

    def search(self, path: str) -> list[Any]:
        """Search, follow every next link, and give the matches in their order."""
        found: list[Any] = []
        following: str | None = path
        while following is not None:
            answer = self.get(following)
            assert answer.status == 200, answer.text
            bundle = answer.json
            found += [
                entry["resource"]
                for entry in bundle.get("entry", [])
                if entry.get("search", {}).get("mode", "match") == "match"
            ]
            links = {link["relation"]: link["url"] for link in bundle.get("link", [])}
            following = links.get("next")
        return found

    def _exchange(
        self, method: str, target: str, body: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        self.connection.request(method, target, body, dict(headers))
        response = self.connection.getresponse()
        content = response.read()
        received = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, received, content)

    def _target(self, path: str) -> str:
        if path.startswith(self.base):
            path = path[len(self.base) :].removeprefix("/")
        if path.startswith("/"):
            return path
        return f"{self._path}{'' if path.startswith('?') or not path else '/'}{path}"


def _encode(value: object) -> bytes:
    if isinstance(value, str):
        return value.encode("utf-8")
    return json.dumps(value, default=float).encode("utf-8")


def _named(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-").title(): value for name, value in headers.items()}
