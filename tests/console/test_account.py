"""The pages of one's own account: what they show and how they are sent; what stays secret."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from fhirserver.access import allow_all
from fhirserver.config import Settings
from fhirserver.console import create_console
from fhirserver.definitions import r4
from fhirserver.interactions import Services
from fhirserver.store.database import now_us
from tests.console.people import PASSWORD, People, code_now
from tests.visitor import Visitor

OTHER_PASSWORD = "marble heron parliament 7"
PAGES = (
    "/login", "/login/again", "/account", "/account/password", "/account/second-factor",
    "/account/stay", "/logout", "/apps", "/developer", "/inspect", "/launch", "/break-glass",
)  # fmt: skip


class Reader(HTMLParser):
    """Finds what a page must not have, and fields without a label."""

    def __init__(self) -> None:
        super().__init__()
        self.forbidden: list[str] = []
        self.fields: set[str] = set()
        self.labelled: set[str] = set()
        self.described: set[str] = set()
        self.ids: set[str] = set()
        self._inside_label = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in ("script", "iframe", "img", "object"):
            self.forbidden.append(tag)
        self.forbidden += [name for name in given if name.startswith("on") or name == "style"]
        self.forbidden += [
            given[name] for name in ("href", "src", "action")
            if "//" in given.get(name, "").removeprefix("otpauth://")
        ]  # fmt: skip
        self.ids.add(given.get("id", ""))
        self.described |= set(given.get("aria-describedby", "").split())
        is_field = tag in ("input", "select", "textarea") and given.get("type") != "hidden"
        if is_field and not self._inside_label and "aria-label" not in given:
            self.fields.add(given["id"])
        if tag == "label" and "for" in given:
            self.labelled.add(given["for"])
        self._inside_label |= tag == "label"

    def handle_endtag(self, tag: str) -> None:
        self._inside_label &= tag != "label"


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    return reader


@pytest.mark.parametrize("path", PAGES)
def test_pages_need_nothing_and_stay_nowhere(people: People, visitor: Visitor, path: str) -> None:
    """SEC-A8: no script, nothing from elsewhere, in no frame, in no cache."""
    if path == "/login":
        answer = visitor.submit(path, {"username": "ada", "password": "wrong"})
        assert 'aria-invalid="true"' in answer.text
    else:
        with people.log_in(people.add("ada")) as somebody:
            answer = somebody.get(path)
        assert "Log out" in answer.text
        assert "Stay logged in" in answer.text
    found = read(answer.text)
    assert found.forbidden == []
    assert found.fields == found.labelled
    assert found.described <= found.ids
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", [path for path in PAGES if path != "/login"])
def test_pages_ask_for_a_login(visitor: Visitor, path: str) -> None:
    answer = visitor.get(path)
    assert (answer.status, answer.headers["location"]) == (303, f"/login?next={path}")


def test_another_password_ends_other_sessions(people: People, visitor: Visitor) -> None:
    ada = people.add("ada")
    with people.log_in(ada) as here, people.log_in(ada) as there:
        refused = here.fill_in("/account/password", password="password1234")
        assert (refused.status, "soon be guessed" in refused.text) == (400, True)
        assert here.fill_in("/account/password", password=OTHER_PASSWORD).status == 303
        assert here.get("/account").status == 200
        assert there.get("/account").status == 303
    assert visitor.fill_in("/login", username="ada", password=PASSWORD).status == 403
    assert visitor.fill_in("/login", username="ada", password=OTHER_PASSWORD).status == 303


def test_an_authenticator_is_enrolled_by_its_first_code(people: People) -> None:
    """SEC-U2."""
    with people.log_in(people.add("ada")) as visitor:
        page = visitor.get("/account/second-factor").text
        assert "<svg" in page
        assert page == visitor.get("/account/second-factor").text, "the same until it is enrolled"
        assert visitor.fill_in("/account/second-factor", code="000000").status == 400
        assert "Your password alone" in visitor.get("/account").text
        secret, recovery = people.enrol(visitor)
        place = visitor.get("/account/second-factor").headers["location"]
        assert place.startswith("/login/again")
        assert visitor.fill_in(place, password=PASSWORD, code=code_now(secret, 1)).status == 303
        assert "10 recovery codes are left" in visitor.get("/account").text
        renewed = visitor.fill_in("/account")
        codes = re.findall(r"<li><code>([^<]+)</code>", renewed.text)
        assert len(codes) == 10
        assert not set(codes) & set(recovery)
        assert all(code not in visitor.get("/account").text for code in codes)


@pytest.mark.parametrize(
    ("expires", "words"),
    [
        pytest.param("2020-01-01", "Your training expired on 2020-01-01", id="SEC-U5/expired"),
        pytest.param("tomorrow", "Your training expires on", id="SEC-U5/soon"),
        pytest.param("2999-01-01", None, id="SEC-U5/in-force"),
        pytest.param(None, None, id="SEC-U5/none-asked-for"),
    ],
)
def test_training_is_told(people: People, expires: str | None, words: str | None) -> None:
    with people.log_in(people.add("ada")) as visitor:
        people.change("UPDATE account SET training_expires = %s::date", expires)
        page = visitor.get("/account").text
        assert "training" in page if words else "training" not in page
        assert words is None or words in page


def test_over_tls_the_cookie_is_this_hosts_alone(people: People) -> None:
    """SEC-U4: where the public URL is https."""
    people.add("ada")
    settings = replace(Settings(), public_url="https://fhir.example.org/fhir")
    services = Services(r4(), people.database, settings, allow_all, now_us, b"k" * 32)
    browser = create_console(services).test_client()
    answer = browser.post(
        "/login",
        data={"username": "ada", "password": PASSWORD},
        headers={"Origin": "https://fhir.example.org"},
        base_url="https://fhir.example.org",
    )
    name, *words = answer.headers["Set-Cookie"].split("; ")
    assert name.startswith("__Host-session=")
    assert set(words) == {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"}


@pytest.mark.parametrize("seconds", ["0", "780", "99999999999", "x"])
def test_the_notice_comes_by_a_style_sheet(visitor: Visitor, seconds: str) -> None:
    answer = visitor.get(f"/session/{seconds}.css")
    if seconds in ("0", "780"):
        assert answer.headers["content-type"].startswith("text/css")
        assert f"animation-delay: {seconds}s" in answer.text
    else:
        assert answer.status == 404


def test_secrets_and_names_are_nowhere_but_where_they_belong(people: People) -> None:
    """SEC-X6, SEC-T3: not in logs, nor in the database as they are."""
    with people.log_in(people.add("canary-username")) as visitor:
        secret, recovery = people.enrol(visitor)
        typed = {"username": "canary-username", "password": "canary-password-typed"}
        assert visitor.submit("/login", typed).status == 403
        visitor.get("/login?next=/canary-address")
        visitor.get("/account/nothing-canary")
        cookie = visitor.cookies["session"]
    log = people.secured.server.log.read_bytes()
    with people.database.connection() as connection:
        tables = ("account", "account_recovery", "account_session", "login_attempt")
        dump = b"".join(
            str(row).encode()
            for table in tables
            for row in connection.execute(f"SELECT * FROM {table}".encode())
        )
        sealed = [
            bytes(value)
            for (value,) in connection.execute("SELECT totp FROM account WHERE totp IS NOT NULL")
        ]
    for canary in (PASSWORD, "canary-password-typed", cookie, recovery[0]):
        assert canary.encode() not in log + dump
    for canary in ("canary-username", "Name of canary", "canary-address", "nothing-canary"):
        assert canary.encode() not in log
    assert len(sealed) == 1
    assert secret not in sealed[0]
