"""Logging in and out as a browser does: each step, each refusal, and what a session is worth."""

from __future__ import annotations

import base64
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from urllib.parse import quote

import pytest

from fhirserver.console.signed_in import local_path
from fhirserver.identity import account_changes
from tests.client import Answer
from tests.console.people import PASSWORD, People, code_now
from tests.visitor import Visitor

OTHER_PASSWORD = "marble heron parliament 7"
WRONG = "The username or the password is wrong."


def log_in(visitor: Visitor, username: str, password: str = PASSWORD) -> Answer:
    return visitor.submit("/login", {"username": username, "password": password})


def is_in(visitor: Visitor) -> bool:
    return visitor.get("/account").status == 200


@pytest.mark.parametrize(
    ("second_factor", "must_change"),
    [
        pytest.param(False, False, id="password"),
        pytest.param(False, True, id="SEC-U1/one-that-was-handed-out"),
        pytest.param(True, False, id="SEC-U2/second-factor"),
        pytest.param(True, True, id="SEC-U2/second-factor-and-one-that-was-handed-out"),
    ],
)
def test_the_steps(
    people: People, visitor: Visitor, second_factor: bool, must_change: bool
) -> None:
    ada = people.add("ada")
    secret = b""
    if second_factor:
        with people.log_in(ada) as earlier:
            secret, _ = people.enrol(earlier)
    people.change("UPDATE account SET must_change = %s, totp_step = 0", must_change)
    cookies: list[str] = []

    def took(answer: Answer) -> str:
        assert answer.status == 303, answer.text
        assert visitor.cookies["session"] not in cookies, "another secret at every step"
        cookies.append(visitor.cookies["session"])
        return answer.headers["location"]

    place = took(visitor.fill_in("/login", username="Ada ", password=PASSWORD))
    if second_factor:
        assert place == "/login/second-factor"
        assert not is_in(visitor)
        place = took(visitor.fill_in(place, code=code_now(secret)))
    if must_change:
        assert place == "/login/new-password"
        assert not is_in(visitor)
        refused = visitor.fill_in(place, password=PASSWORD)
        assert (refused.status, "password so far" in refused.text) == (400, True)
        place = took(visitor.fill_in(place, password=OTHER_PASSWORD))
    assert place == "/account"
    assert "Name of ada" in visitor.get(place).text
    last = visitor.cookies["session"]
    for cookie in cookies[:-1]:
        visitor.cookies["session"] = cookie
        assert not is_in(visitor)
    visitor.cookies["session"] = last
    assert visitor.fill_in("/logout").headers["location"] == "/login"
    assert visitor.cookies == {}
    visitor.cookies["session"] = last
    assert not is_in(visitor), "it ended in the server, not in the browser only"


@pytest.mark.parametrize(
    "must_change", [False, True], ids=["SEC-U2/forced", "SEC-U2/forced-and-one-that-was-handed-out"]
)
def test_who_must_have_a_second_factor_gets_nowhere_without(
    people: People, visitor: Visitor, must_change: bool
) -> None:
    """The server of these tests wants one of the front desk."""
    desk = people.add("desk", "front-desk", None, must_change=must_change)
    with people.log_in(desk) as earlier:
        assert not is_in(earlier), "a session that was begun with the password alone"
    place = log_in(visitor, "desk").headers["location"]
    assert place == "/login/enrol"
    for path in ("/account", "/account/second-factor", "/apps", "/login/second-factor",
                 "/login/new-password"):  # fmt: skip
        assert visitor.get(path).headers["location"].startswith("/login")
    wrong = visitor.fill_in(place, code="000000")
    assert (wrong.status, "This is not the code" in wrong.text) == (400, True)
    assert not is_in(visitor)
    before = visitor.cookies["session"]
    secret, _ = people.enrol(visitor, place)
    assert visitor.cookies["session"] != before
    assert visitor.get(place).headers["location"] == "/login", "that step is over"
    if must_change:
        assert not is_in(visitor)
        assert visitor.fill_in("/login/new-password", password=OTHER_PASSWORD).status == 303
    assert is_in(visitor)
    password = OTHER_PASSWORD if must_change else PASSWORD
    assert log_in(visitor, "desk", password).headers["location"] == "/login/second-factor"
    assert visitor.fill_in("/login/second-factor", code=code_now(secret, 1)).status == 303
    assert is_in(visitor)


def test_what_is_shown_to_one_browser_is_enrolled_by_no_other(
    people: People, visitor: Visitor
) -> None:
    """SEC-U2: a password alone gives nobody the authenticator of somebody else, nor replaces it."""
    place = "/login/enrol"
    people.add("desk", "front-desk", None)
    with Visitor(people.secured.base) as other:
        for browser in (other, visitor):
            log_in(browser, "desk")
        shown = [_secret_shown(browser, place) for browser in (other, visitor)]
        assert shown[0] != shown[1]
        assert visitor.fill_in(place, code=code_now(shown[0])).status == 400
        assert _secret_shown(visitor, place) == shown[1], "the same until it is another browser's"
        people.enrol(visitor, place)
        assert other.get(place).headers["location"] == "/login", "that step is over here, too"
        assert other.submit(place, {"code": code_now(shown[0])}).status == 303
    assert is_in(visitor)


def _secret_shown(visitor: Visitor, place: str) -> bytes:
    found = re.search(r'class="secret">([^<]+)<', visitor.get(place).text)
    assert found is not None
    return base64.b32decode(found[1].replace(" ", ""))


def test_others_may_do_without_a_second_factor(people: People, visitor: Visitor) -> None:
    """SEC-U2: and nobody enrols where nothing was asked for."""
    people.add("ada")
    assert log_in(visitor, "ada").headers["location"] == "/account"
    assert visitor.get("/login/enrol").headers["location"] == "/login"
    assert visitor.submit("/login/enrol", {"code": "000000"}).status == 303


def test_refusals_tell_nobody_which_accounts_there_are(people: People, visitor: Visitor) -> None:
    """SEC-U3: a wrong password, no such account, a disabled one: the same answer."""
    people.add("ada")
    account_changes.disable(people.database, people.add("gone"))
    tried = [
        ("ada", "wrong"), ("nobody", PASSWORD), ("gone", PASSWORD), ("", ""),
        ("ada", "x" * 300), ("ada\x00--", PASSWORD),
    ]  # fmt: skip
    answers = [log_in(visitor, *each) for each in tried]
    assert {answer.status for answer in answers} == {403}
    pages = {re.sub(r'(id="username"[^>]*value=")[^"]*', r"\1", each.text) for each in answers}
    assert len(pages) == 1
    assert WRONG in pages.pop()
    assert visitor.cookies == {}


def test_the_sixth_attempt_waits_whoever_is_tried(people: People, visitor: Visitor) -> None:
    """SEC-U3: also with the right password, also for nobody; an administrator opens it."""
    ada = people.add("ada")
    seen = []
    for name in ("ada", "nobody"):
        people.fail(name, 4)
        assert log_in(visitor, name, "wrong").status == 403
        sixth = log_in(visitor, name, PASSWORD)
        seen.append((sixth.status, sixth.headers["retry-after"], "administrator" in sixth.text))
    assert seen == [(429, "960", True)] * 2
    account_changes.unlock(people.database, ada)
    assert log_in(visitor, "ada").status == 303


def test_guesses_at_once_are_counted_before_they_are_compared(people: People) -> None:
    people.add("ada")
    people.fail("ada", 3)

    def guess(_: int) -> int:
        with Visitor(people.secured.base) as visitor:
            return log_in(visitor, "ada", "wrong").status

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(guess, range(8))) == [403] * 2 + [429] * 6


def test_codes_count_once_and_guesses_at_them_are_limited(people: People, visitor: Visitor) -> None:
    """SEC-U2, SEC-U3."""
    ada = people.add("ada")
    with people.log_in(ada) as earlier:
        secret, recovery = people.enrol(earlier)

    def with_code(*codes: str) -> list[int]:
        assert log_in(visitor, "ada").status == 303
        return [visitor.submit("/login/second-factor", {"code": each}).status for each in codes]

    later = code_now(secret, 1)  # once: a moment later it may be another
    assert with_code(people.last_code(ada, secret), later) == [403, 303], "one was used to enrol"
    spent = recovery[0].upper().replace("-", " ")
    assert with_code(later, spent) == [403, 303]
    guesses = [recovery[0], "000000", "", "x" * 5000]
    assert with_code(*guesses, recovery[1]) == [403] * 4 + [429]
    assert not is_in(visitor)


def test_a_code_is_taken_by_one_of_many(people: People, browsers: ExitStack) -> None:
    """SEC-U2: each browser has given the password; one code opens one of them."""
    ada = people.add("ada")
    with people.log_in(ada) as earlier:
        secret, recovery = people.enrol(earlier)
    people.change("UPDATE account SET totp_step = 0")

    visitors = [browsers.enter_context(people.log_in_halfway(ada)) for _ in range(4)]

    def spend(code: str) -> list[int]:
        people.change("TRUNCATE login_attempt")

        def send(visitor: Visitor) -> int:
            return visitor.submit("/login/second-factor", {"code": code}).status

        with ThreadPoolExecutor(4) as pool:
            return sorted(pool.map(send, visitors))

    assert spend(code_now(secret)) == [303, 403, 403, 403]
    assert spend(recovery[5]) == [303, 303, 403, 403], "who is in has nothing to give a code for"


def test_a_planted_cookie_is_worth_nothing(people: People, visitor: Visitor) -> None:
    """SEC-U4: who plants a secret in a browser does not know it after the login."""
    people.add("ada")
    with people.log_in(people.add("eve")) as eve:
        visitor.cookies["session"] = planted = eve.cookies["session"]
        assert log_in(visitor, "ada").status == 303
        assert visitor.cookies["session"] != planted
        assert not is_in(eve)
    visitor.cookies["session"] = "x" * 4000
    assert not is_in(visitor)


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(
    people: People, visitor: Visitor
) -> None:
    """SEC-U4; over TLS its name begins with __Host-, see test_over_tls."""
    people.add("ada")
    log_in(visitor, "ada")
    words = set(visitor.cookie_lines[-1].split("; ")[1:])
    assert words == {"HttpOnly", "Path=/", "SameSite=Lax"}


@pytest.mark.parametrize(
    ("asked", "path", "in_after"),
    [
        pytest.param({}, "/account", True, id="browser-without-fetch-metadata"),
        pytest.param(
            {"sec_fetch_mode": "navigate", "sec_fetch_user": "?1"}, "/account", True, id="click"
        ),
        pytest.param({"sec_fetch_mode": "navigate"}, "/account", False, id="page-by-itself"),
        pytest.param({"sec_fetch_mode": "cors"}, "/account", False, id="script"),
    ],
)
def test_only_a_person_keeps_a_session_alive(
    people: People, asked: dict[str, str], path: str, in_after: bool
) -> None:
    """SEC-U4: idle after 15 minutes; pages that load themselves again do not extend it."""
    ada = people.add("ada")
    with people.log_in(ada) as visitor:
        people.let_pass(ada, 800)
        assert visitor.get(path, **asked).status == 200
        people.let_pass(ada, 800)
        assert is_in(visitor) is in_after


def test_a_session_ends_when_it_must(people: People) -> None:
    """SEC-U4: after 12 hours in any case, when the account is disabled, everywhere at once."""
    ada = people.add("ada")
    with people.log_in(ada) as visitor, people.log_in(ada) as elsewhere:
        for _ in range(60):
            people.let_pass(ada, 710)
            assert is_in(visitor)
        assert not is_in(elsewhere), "idle"
        people.let_pass(ada, 710)
        assert not is_in(visitor), "more than twelve hours"
    with people.log_in(ada) as visitor, people.log_in(ada) as elsewhere:
        page = visitor.get("/account").text
        assert page.count("Log out there") == 2, "one, in words and in its label"
        assert visitor.fill_in("/account").status == 303
        assert (is_in(visitor), is_in(elsewhere)) == (True, False)
        account_changes.disable(people.database, ada)
        assert not is_in(visitor)
        account_changes.enable(people.database, ada)
        assert not is_in(visitor), "what has ended does not come back"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"csrf": ""}, id="SEC-A8/no-token"),
        pytest.param({"csrf": "0" * 64}, id="SEC-A8/made-up"),
        pytest.param({"csrf": "of-another-session"}, id="SEC-A9/of-another-session"),
    ],
)
def test_forms_of_elsewhere_change_nothing(people: People, change: dict[str, str]) -> None:
    ada = people.add("ada")
    with people.log_in(ada) as visitor, people.log_in(people.add("eve")) as eve:
        token = re.search(r'name="csrf" value="([^"]+)"', eve.get("/logout").text)
        assert token is not None
        sent = {"csrf": token[1]} if change["csrf"].startswith("of") else change
        for path in ("/logout", "/account/password", "/account/sessions/end", "/login/again"):
            assert visitor.submit(path, sent | {"password": OTHER_PASSWORD}).status == 403
        away = visitor.submit("/logout", sent, origin="https://evil.example")
        assert (away.status, is_in(visitor)) == (403, True)
        login = visitor.submit(
            "/login", {"username": "ada", "password": PASSWORD}, origin="https://evil.example"
        )
        assert login.status == 403, "nobody logs a browser in from elsewhere"


@pytest.mark.parametrize(
    ("target", "place"),
    [
        pytest.param("/conformance/?a=b%26c", "/conformance/?a=b%26c", id="page-of-ours"),
        pytest.param("https://evil.example/", "/account", id="SEC-A9/elsewhere"),
        pytest.param("//evil.example/", "/account", id="SEC-A9/without-scheme"),
        pytest.param("///evil.example/", "/account", id="SEC-A9/three-slashes"),
        pytest.param("/\\evil.example/", "/account", id="SEC-A9/backslash"),
        pytest.param("/\t/evil.example/", "/account", id="SEC-A9/tabulator"),
        pytest.param("javascript:alert(1)", "/account", id="SEC-A9/script"),
        pytest.param("evil.example", "/account", id="SEC-A9/relative"),
        pytest.param("/é", "/account", id="beyond-ascii"),
        pytest.param("", "/account", id="empty"),
    ],
)
def test_a_login_leads_to_pages_of_this_server_only(target: str, place: str) -> None:
    assert local_path(target, "/account") == place


def test_a_login_comes_back_to_what_asked_for_it(people: People, visitor: Visitor) -> None:
    people.add("ada")
    asked = visitor.get("/account/stay?x=1")
    place = asked.headers["location"]
    assert place == "/login?next=/account/stay?x%3D1"
    answer = visitor.fill_in(place, username="ada", password=PASSWORD)
    assert answer.headers["location"] == "/account/stay?x=1"
    away = (
        log_in(visitor, "ada")
        if not visitor.cookies
        else visitor.submit(
            f"/login?next={quote('/oauth/authorize?client_id=x&state=%22')}",
            {"username": "ada", "password": PASSWORD},
        )
    )
    assert (away.status, "location" in away.headers) == (200, False)
    assert "0; url=/oauth/authorize?client_id=x&amp;state=%22" in away.text, "no redirect of a form"


def test_a_fresh_proof_is_asked_for_once_more(people: People) -> None:
    """SEC-U2: with the second factor where there is one; wrong proofs are counted."""
    ada = people.add("ada")
    with people.log_in(ada) as visitor:
        assert visitor.get("/account/password").status == 200
        people.let_pass(ada, 301)
        place = visitor.get("/account/password").headers["location"]
        assert place == "/login/again?next=/account/password"
        assert visitor.fill_in(place, password="wrong").status == 403
        before = visitor.cookies["session"]
        assert visitor.fill_in(place, password=PASSWORD).headers["location"] == "/account/password"
        assert visitor.cookies["session"] != before
        secret, recovery = people.enrol(visitor)
        place = visitor.get("/account/password").headers["location"]
        used = people.last_code(ada, secret)
        assert visitor.fill_in(place, password=PASSWORD, code=used).status == 403
        assert visitor.fill_in(place, password=PASSWORD, code=recovery[0]).status == 303
        assert visitor.get("/account/password").status == 200
        people.let_pass(ada, 301)
        people.fail("ada", 4)
        assert visitor.fill_in(place, password="wrong").status == 403
        assert visitor.fill_in(place, password=PASSWORD, code=recovery[1]).status == 429
        assert visitor.get("/account/password").status == 303


def test_a_login_that_takes_too_long_begins_again(people: People, visitor: Visitor) -> None:
    ada = people.add("ada", must_change=True)
    log_in(visitor, "ada")
    people.let_pass(ada, 301)
    assert visitor.get("/login/new-password").headers["location"] == "/login"
    assert visitor.submit("/login/new-password", {"password": OTHER_PASSWORD}).status == 303
    assert log_in(visitor, "ada", OTHER_PASSWORD).status == 403
