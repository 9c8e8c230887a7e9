"""`/developer` and `/admin/apps`: who registers applications, and who approves them.

Spec: RFC 7591
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, NamedTuple

import pytest

from fhirserver.identity.accounts import Account
from fhirserver.smart import clients
from fhirserver.smart.clients import Client as Application
from fhirserver.smart.registration import OWNED_MAX
from tests.client import Answer
from tests.console.people import People
from tests.visitor import Visitor

REDIRECT = "https://app.example.org/after"
Fields = dict[str, str | list[str]]
FORM: Fields = {
    "name": "Growth <chart>",
    "redirect_uris": REDIRECT,
    "launch_url": "https://app.example.org/launch",
    "method": "none",
    "level": "patient",
    "see": ["Patient", "Observation"],
    "also": ["openid", "launch"],
}


@pytest.fixture
def developer(people: People) -> Account:
    people.change("DELETE FROM oauth_client WHERE owner IS NOT NULL")
    return people.add("dev")


def register(people: People, account: Account, **changes: str | list[str]) -> Answer:
    with people.enter(account) as visitor:
        return visitor.press("/developer", "/developer", **{**FORM, **changes})


def made(people: People, account: Account) -> Application:
    """Give the latest application of somebody."""
    with people.database.connection() as connection:
        return clients.owned_by(connection, account.id)[-1]


def told(people: People) -> list[Any]:
    with people.database.connection() as connection:
        return connection.execute(
            "SELECT interaction, detail->>'client' FROM audit WHERE interaction LIKE '%%app%%'"
            " ORDER BY at DESC LIMIT 1"
        ).fetchall()


class Made(NamedTuple):
    """What becomes of a registration."""

    kind: str
    secret: bool
    approved: bool
    scopes: str


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param(
            {},
            Made("public", False, True, "patient/Patient.rs patient/Observation.rs openid launch"),
            id="SEC-G3/one-patients-record",
        ),
        pytest.param(
            {"method": "client_secret_basic", "write": ["Task"], "see": []},
            Made("confidential-symmetric", True, True, "patient/Task.cu openid launch"),
            id="SEC-G1/secret",
        ),
        pytest.param(
            {
                "method": "private_key_jwt",
                "jwks_uri": "https://app.example.org/keys",
                "see": "Goal",
            },
            Made("confidential-asymmetric", False, True, "patient/Goal.rs openid launch"),
            id="SEC-G1/keys",
        ),
        pytest.param(
            {"level": "user", "also": [], "more": "patient/Goal.r", "see": "Task"},
            Made("public", False, False, "user/Task.rs patient/Goal.r"),
            id="SEC-G3/user-level-waits",
        ),
    ],
)
def test_an_application_is_registered(
    people: People, developer: Account, changes: Fields, expected: Made
) -> None:
    answer = register(people, developer, **changes)
    assert answer.status == 201, answer.text
    client = made(people, developer)
    says_secret = "never shown again" in answer.text
    assert Made(client.kind, says_secret, client.approved, client.scopes) == expected
    assert client.id in answer.text
    assert "Growth &lt;chart&gt;" in answer.text
    assert (client.redirect_uris, client.dynamically_registered) == ((REDIRECT,), True)
    assert ("Launch now" in answer.text) == expected.approved
    assert ("asks for more than one" in answer.text) != expected.approved
    assert told(people) == [("register-app", client.id)]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        pytest.param({"redirect_uris": "http://evil.example.org/"}, "https", id="SEC-G1/plain"),
        pytest.param({"redirect_uris": "https://*.example.org/"}, "wildcard", id="SEC-G1/wild"),
        pytest.param({"redirect_uris": "\0"}, "redirect_uris", id="SEC-G1/none"),
        pytest.param({"launch_url": "javascript:alert(1)"}, "https address", id="SEC-G1/script"),
        pytest.param({"method": "private_key_jwt"}, "jwks", id="SEC-G1/no-keys"),
        pytest.param({"method": "private_key_jwt", "jwks": "{"}, "no JSON", id="SEC-G1/bad-keys"),
        pytest.param({"method": "private_key_jwt", "jwks": "[]"}, "jwks", id="SEC-G1/odd-keys"),
        pytest.param({"method": "x"}, "one of none", id="SEC-G1/method"),
        pytest.param({"more": "patient/Observation.sr"}, "order", id="SEC-S1/scope"),
        pytest.param({"more": "system/*.rs"}, "client_credentials", id="SEC-B4/system"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_typed_is_lost(
    people: People, developer: Account, changes: Fields, says: str
) -> None:
    answer = register(people, developer, **changes)
    assert (answer.status, says in answer.text) == (400, True), answer.text
    assert 'value="Growth &lt;chart&gt;"' in answer.text
    with people.database.connection() as connection:
        assert clients.owned_by(connection, developer.id) == []


@pytest.mark.parametrize(
    ("role", "status"),
    [("patient", 403), ("proxy", 403), ("researcher", 201), ("administrator", 201)],
)
def test_staff_registers(people: People, developer: Account, role: str, status: int) -> None:
    account = people.add("x", role)
    with people.enter(account) as visitor:
        assert visitor.get("/developer").status == (200 if status == 201 else status)
        assert visitor.press("/logout", "/developer", **FORM).status == status


def test_nobody_looks_after_many(people: People, developer: Account) -> None:
    with people.database.connection() as connection:
        for number in range(OWNED_MAX):
            clients.add(
                connection, Application(f"many-{number}", "x", "public", owner=developer.id)
            )
    answer = register(people, developer)
    assert (answer.status, f"look after {OWNED_MAX}" in answer.text) == (400, True)


def test_ones_own_are_looked_after(people: People, developer: Account) -> None:
    """SEC-B5: another secret, shown once, beside the one so far; and deleting."""
    register(people, developer, method="client_secret_basic")
    client = made(people, developer)
    with people.enter(people.add("other")) as other:
        for path in ("/developer/secret", "/developer/delete"):
            assert other.press("/developer", path, client=client.id).status == 404
    assert len(clients.secrets_of(people.database, client.id)) == 1
    with people.enter(developer) as visitor:
        answer = visitor.press("/developer", "/developer/secret", client=client.id)
        assert re.search(r"<code>[\w-]{43}</code>", answer.text)
        assert len(clients.secrets_of(people.database, client.id)) == 2
        assert visitor.press("/developer", "/developer/delete", client=client.id).status == 303
    assert clients.find(people.database, client.id) is None
    assert told(people) == [("delete-app", client.id)]


def test_an_administrator_approves_and_disables(people: People, developer: Account) -> None:
    """SEC-G3, SEC-B6."""
    register(people, developer)
    register(people, developer, level="user")
    client = made(people, developer)
    with people.enter(people.add("root", "administrator", None)) as visitor:
        page = visitor.get("/admin/apps").text
        assert page.index("Waits for approval") < page.index("Approved")
        assert "see measurements and test results in all records" in page
        for change, expected in (
            ("approve", {"approved": True, "disabled": False}),
            ("disable", {"approved": True, "disabled": True}),
            ("enable", {"approved": True, "disabled": False}),
        ):
            sent = {"client": client.id, "shown": shown(visitor, client), "change": change}
            assert visitor.press("/admin/apps", "/admin/apps", **sent).status == 303
            found = clients.find(people.database, client.id)
            assert {name: getattr(found, name) for name in expected} == expected
            assert told(people) == [(f"{change}-app", client.id)]


def shown(visitor: Visitor, client: Application) -> str:
    """Find what the administrators' page has shown of an application."""
    page = visitor.get("/admin/apps").text
    found = re.search(f'name="client" value="{client.id}">\n.*name="shown" value="([^"]+)"', page)
    return "" if found is None else found[1]


@pytest.mark.parametrize("change", ["approve", "consent", "enable"])
def test_what_is_approved_is_what_was_shown(
    people: People, developer: Account, change: str
) -> None:
    """SEC-G3: an application that asks for more meanwhile."""
    register(people, developer, level="user")
    client = made(people, developer)
    with people.enter(people.add("root", "administrator", None)) as visitor:
        sent = {"client": client.id, "shown": shown(visitor, client), "change": change}
        wider = replace(client, scopes="user/*.cruds")
        with people.database.connection() as connection:
            clients.replace_all(connection, wider)
        assert visitor.press("/admin/apps", "/admin/apps", **sent).status == 409
    assert made(people, developer) == wider


@pytest.mark.parametrize(
    ("role", "fields", "status"),
    [
        pytest.param("physician", {"change": "approve"}, 403, id="SEC-G3/not-for-developers"),
        pytest.param("auditor", {"change": "approve"}, 403, id="SEC-G3/not-for-auditors"),
        pytest.param("administrator", {"change": "x"}, 400, id="SEC-G3/no-change"),
        pytest.param(
            "administrator", {"change": "approve", "client": "\0"}, 404, id="SEC-G3/no-client"
        ),
        pytest.param("administrator", {"change": "approve", "csrf": "x"}, 403, id="SEC-A8/token"),
    ],
)
def test_nobody_else_approves(
    people: People, developer: Account, role: str, fields: Fields, status: int
) -> None:
    register(people, developer, level="user")
    client = made(people, developer)
    with people.enter(people.add("x", role)) as visitor:
        sent: Fields = {"client": client.id, **fields}
        assert visitor.press("/logout", "/admin/apps", **sent).status == status
    assert not made(people, developer).approved


def test_administration_needs_a_fresh_proof(people: People, developer: Account) -> None:
    account = people.add("root", "administrator", None)
    with people.enter(account) as visitor:
        people.let_pass(account, 600)
        assert visitor.get("/admin/apps").headers["location"].startswith("/login/again")
