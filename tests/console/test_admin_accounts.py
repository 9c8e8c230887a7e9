"""The JSON API for accounts: who may use it, what it makes, and that its document is true."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openapi_spec_validator import validate

from tests.client import Answer
from tests.console.people import PASSWORD, People
from tests.visitor import Visitor

API = "/admin/api/accounts"
NEW = {"username": "nora", "name": "Nora Quist", "role": "nurse", "fhirUser": "Practitioner/9"}


def post(visitor: Visitor, path: str, body: object = None, **headers: str) -> Answer:
    cookie = "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())
    sent = {
        "Origin": visitor.origin, "Cookie": cookie, "Content-Type": "application/json",
        "Accept": "application/json",
    } | {name.title(): value for name, value in headers.items()}  # fmt: skip
    raw = b"" if body is None else json.dumps(body).encode()
    return visitor.client.request("POST", path, raw, sent)


@pytest.fixture
def admin(people: People) -> Visitor:
    """Somebody who has just logged in as an administrator."""
    return people.log_in(people.add("root", "administrator", None))


def test_what_it_makes_logs_in(people: People, admin: Visitor) -> None:
    made = post(admin, API, {**NEW, "trainingExpires": "2999-01-01"})
    assert made.status == 201, made.text
    account: dict[str, Any] = made.json
    assert account.pop("warnings") == ["Practitioner/9 is not stored here"]
    with Visitor(people.secured.base) as nora:
        answer = nora.fill_in("/login", username="nora", password=account.pop("password"))
        assert answer.headers["location"] == "/login/new-password"
    assert admin.get(f"{API}/nora").json == account
    assert account == {
        **NEW, "id": account["id"], "trainingExpires": "2999-01-01", "disabled": False,
        "locked": False, "secondFactor": False, "mustChangePassword": True,
    }  # fmt: skip
    listed = admin.get(f"{API}?count=1").json
    assert [each["username"] for each in listed] == ["nora"]
    assert [each["username"] for each in admin.get(f"{API}?after=nora").json] == ["root"]


def test_it_shuts_out_and_lets_in_again(people: People, admin: Visitor) -> None:
    ada = people.add("ada")
    with people.log_in(ada) as visitor:
        assert post(admin, f"{API}/ada/disable").status == 204
        assert visitor.get("/account").status == 303
        assert admin.get(f"{API}/ada").json["disabled"] is True
        assert post(admin, f"{API}/ada/enable").status == 204
        people.fail("ada", 5)
        assert admin.get(f"{API}/ada").json["locked"] is True
        assert post(admin, f"{API}/ada/unlock").status == 204
        assert visitor.fill_in("/login", username="ada", password=PASSWORD).status == 303


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        pytest.param({"username": "root"}, 409, "username", id="taken"),
        pytest.param({"username": "a b"}, 400, "username", id="username"),
        pytest.param({"fhirUser": "Patient/1"}, 400, "fhirUser", id="reference-of-another-role"),
        pytest.param({"role": "surgeon"}, 422, "role", id="no-such-role"),
        pytest.param({"trainingExpires": "soon"}, 422, "trainingExpires", id="no-day"),
        pytest.param({"name": None}, 422, "name", id="null"),
        pytest.param({"password": PASSWORD}, 422, "password", id="nobody-chooses-anothers"),
    ],
)
def test_refusals_name_the_field(
    admin: Visitor, change: dict[str, object], status: int, field: str
) -> None:
    answer = post(admin, API, {**NEW, **change})
    assert (answer.status, field in json.dumps(answer.json["errors"])) == (status, True)
    assert admin.get(f"{API}/nora").status == 404


def test_only_administrators_who_are_sure_to_be(people: People, admin: Visitor) -> None:
    """SEC-U2: step-up; SEC-U5: not without training; SEC-A8: from pages of this server only."""

    def statuses(visitor: Visitor) -> set[int]:
        asked = (visitor.get(API), visitor.get(f"{API}/nobody"), post(visitor, API, NEW))
        return {answer.status for answer in asked}

    with Visitor(people.secured.base) as nobody:
        assert statuses(nobody) == {403}
    with people.log_in(people.add("ada")) as physician:
        assert statuses(physician) == {403}
    assert post(admin, API, NEW, origin="https://evil.example").status == 403
    people.change("UPDATE account SET training_expires = '2020-01-01' WHERE username = 'root'")
    assert statuses(admin) == {403}
    people.change("UPDATE account SET training_expires = NULL")
    people.change("UPDATE account_session SET auth_time = auth_time - 301000000")
    assert statuses(admin) == {403}
    assert admin.fill_in("/login/again", password=PASSWORD).status == 303
    assert statuses(admin) == {200, 404, 201}


def test_its_document_is_openapi(visitor: Visitor) -> None:
    document = visitor.get("/admin/api/openapi.json").json
    validate(document)
    assert set(document["paths"]) == {
        API, *(f"{API}/{{username}}{action}" for action in ("", "/disable", "/enable", "/unlock")),
    }  # fmt: skip


def test_errors_of_pages_stay_pages(visitor: Visitor) -> None:
    assert visitor.get("/no-such-page").headers["content-type"].startswith("text/html")
    assert visitor.get(f"{API}/x/y/z").headers["content-type"] == "application/json"
