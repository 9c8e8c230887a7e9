"""A browser without scripts: cookies, redirects within the server, forms. And an application."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import re
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from tests.secured import Secured

FORM = "application/x-www-form-urlencoded"
REDIRECTS_MAX = 12


@dataclass(frozen=True)
class Seen:
    """What a browser has got to: a page, or an address elsewhere that it would go to.

    Attributes:
        status: of HTTP.
        address: of the page, below the root; or the absolute address elsewhere.
        headers: by lower-case name.
        text: of the page; "" elsewhere.
    """

    status: int
    address: str
    headers: dict[str, str]
    text: str

    @property
    def answer(self) -> dict[str, str]:
        """The parameters of the address, as an application reads them."""
        return dict(parse_qsl(urlsplit(self.address).query, keep_blank_values=True))

    def values(self, name: str) -> list[str]:
        """The values of fields and buttons of a name, in the page's order."""
        found = re.findall(r"<(?:input|button)\b[^>]*>", self.text)
        named = (tag for tag in found if f'name="{name}"' in tag)
        return [
            unescape(match[1]) for tag in named if (match := re.search(r'value="([^"]*)"', tag))
        ]


@dataclass
class Browser:
    """One browser, maybe with a session."""

    secured: Secured
    session: str = ""
    visited: list[str] = field(default_factory=list)

    def open(self, address: str) -> Seen:
        """Open an address and follow it as far as the server itself leads."""
        return self._follow("GET", address, None)

    def post(self, address: str, fields: dict[str, str] | list[tuple[str, str]]) -> Seen:
        """Send a form to the server."""
        return self._follow("POST", address, urlencode(fields).encode())

    def answer(self, page: Seen, *fields: tuple[str, str]) -> Seen:
        """Send the form of a page, with its CSRF token."""
        return self.post(page.address, [("csrf", page.values("csrf")[0]), *fields])

    def _follow(self, method: str, address: str, body: bytes | None) -> Seen:
        for _ in range(REDIRECTS_MAX):
            parts = urlsplit(address)
            if parts.scheme and not address.startswith(f"{self.secured.root}/"):
                return Seen(0, address, {}, "")
            path = address.removeprefix(self.secured.root)
            self.visited.append(path)
            seen = self._exchange(method, path, body)
            if seen.status not in (302, 303):
                return seen
            address, method, body = seen.headers["location"], "GET", None
        raise AssertionError("redirected in circles")

    def _exchange(self, method: str, path: str, body: bytes | None) -> Seen:
        headers = {"Accept": "text/html"}
        if self.session:
            headers["Cookie"] = f"session={self.session}"
        if body is not None:
            headers |= {"Content-Type": FORM, "Origin": self.secured.root}
        connection = http.client.HTTPConnection(urlsplit(self.secured.root).netloc, timeout=30)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            text = response.read().decode()
            received = {name.lower(): value for name, value in response.getheaders()}
        finally:
            connection.close()
        return Seen(response.status, path, received, text)


@dataclass(frozen=True)
class App:
    """An application's side of a launch: what it asks with, and what it redeems."""

    secured: Secured
    client_id: str
    redirect_uri: str
    scope: str
    secret: str = ""
    verifier: str = "v" * 50

    def parameters(self, **changes: str | None) -> dict[str, str]:
        """What it asks with; changes as keywords, None to leave one out."""
        hashed = hashlib.sha256(self.verifier.encode()).digest()
        asked: dict[str, str | None] = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": self.scope,
            "state": "s +%&=é-state",
            "aud": self.secured.base,
            "code_challenge": base64.urlsafe_b64encode(hashed).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            **changes,
        }
        return {name: value for name, value in asked.items() if value is not None}

    def address(self, **changes: str | None) -> str:
        """Where it sends the browser."""
        return f"/oauth/authorize?{urlencode(self.parameters(**changes))}"

    def redeem(self, code: str, /, **changes: str | None) -> Told:
        """Send a code to the token endpoint."""
        fields: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": self.verifier,
            "client_id": None if self.secret else self.client_id,
            **changes,
        }
        return self.call("/oauth/token", fields)

    def refresh(self, token: str, /, **changes: str | None) -> Told:
        """Send a refresh token to the token endpoint."""
        fields = {
            "grant_type": "refresh_token",
            "refresh_token": token,
            "client_id": None if self.secret else self.client_id,
            **changes,
        }
        return self.call("/oauth/token", fields)

    def call(self, path: str, fields: dict[str, str | None], **headers: str) -> Told:
        """Send a form to one of the endpoints, with the secret if there is one."""
        sent = {"Content-Type": FORM, "Accept": "application/json"}
        if self.secret:
            basic = base64.b64encode(f"{self.client_id}:{self.secret}".encode()).decode()
            sent["Authorization"] = f"Basic {basic}"
        sent |= {name.replace("_", "-").title(): value for name, value in headers.items()}
        body = urlencode({name: value for name, value in fields.items() if value is not None})
        connection = http.client.HTTPConnection(urlsplit(self.secured.root).netloc, timeout=30)
        try:
            connection.request("POST", path, body.encode(), sent)
            response = connection.getresponse()
            content = response.read()
            received = {name.lower(): value for name, value in response.getheaders()}
        finally:
            connection.close()
        return Told(response.status, received, content)


@dataclass(frozen=True)
class Told:
    """What an endpoint answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)
