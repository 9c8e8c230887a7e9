"""A browser without windows for tests: cookies, forms and redirects, nothing hidden."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from types import TracebackType
from typing import Self
from urllib.parse import urlencode

from tests.client import Answer, Client


class Visitor:
    """Somebody at a browser.

    Args:
        base: FHIR base of the server; pages are below its root.

    Attributes:
        cookies: by name, as the server has set them.
        headers: sent with every request besides those of a browser.
        cookie_lines: Set-Cookie headers in their order.
    """

    def __init__(self, base: str) -> None:
        self.client = Client(base)
        self.origin = base.removesuffix("/fhir")
        self.cookies: dict[str, str] = {}
        self.headers: dict[str, str] = {}
        self.cookie_lines: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.client.connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        """Open a page."""
        named = {name.replace("_", "-").title(): value for name, value in headers.items()}
        return self._send("GET", path, None, named)

    def submit(self, path: str, fields: Mapping[str, str | list[str]], **headers: str) -> Answer:
        """Send a form as a page of the server would; a list is a field sent several times."""
        named = {name.replace("_", "-").title(): value for name, value in headers.items()}
        sent = {
            "Content-Type": "application/x-www-form-urlencoded", "Origin": self.origin, **named,
        }  # fmt: skip
        return self._send("POST", path, urlencode(fields, doseq=True).encode(), sent)

    def press(self, page: str, path: str, /, **fields: str | list[str]) -> Answer:
        """Send a form with what somebody chose, and with the token of a page that was opened."""
        found = re.search(r'name="csrf" value="([^"]+)"', self.get(page).text)
        return self.submit(path, {"csrf": found[1] if found else "", **fields})

    def fill_in(self, path: str, **fields: str) -> Answer:
        """Open a page, fill in its first form and send it with what is hidden in it."""
        page = self.get(path)
        assert page.status == 200, (page.status, page.headers.get("location"), page.text)
        form = read_form(page.text)
        return self.submit(form.action or path, {**form.hidden, **fields})

    def _send(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        sent = {"Accept": "text/html", **self.headers, **headers}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = self.client.request(method, path, body, sent)
        line = answer.headers.get("set-cookie")
        if line is not None:
            self._keep(line)
        return answer

    def _keep(self, line: str) -> None:
        self.cookie_lines.append(line)
        for name, morsel in SimpleCookie(line).items():
            if morsel["max-age"] == "0" or not morsel.value:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = morsel.value


class Form(HTMLParser):
    """The first form of a page: where it goes and what is hidden in it."""

    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.hidden: dict[str, str] = {}
        self._inside: bool | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form" and self._inside is None:
            self._inside = True
            self.action = given.get("action") or ""
        elif tag == "input" and self._inside and given.get("type") == "hidden":
            self.hidden[given.get("name") or ""] = given.get("value") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "form" and self._inside:
            self._inside = False


def read_form(page: str) -> Form:
    """Read the first form of a page."""
    form = Form()
    form.feed(page)
    return form
