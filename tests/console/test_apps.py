"""`/apps`: what somebody has allowed applications to do, and taking it back.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html (management_endpoint)
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from fhirserver.identity.accounts import Account
from fhirserver.smart import clients, grants, tokens
from fhirserver.smart.clients import Client as Application
from fhirserver.smart.consents import remember
from fhirserver.smart.grants import TokenGrant
from fhirserver.smart.tokens import NewToken, new_secret
from fhirserver.store.database import now_us
from tests.console.people import People

SCOPES = "launch/patient offline_access patient/Observation.rs patient/Encounter.rs"
APP = Application("growth", "Growth <chart>", "public", scopes=SCOPES)


@pytest.fixture
def account(people: People, ward: None) -> Account:
    """A physician who has allowed an application a lot."""
    people.secured.register(APP)
    return people.add("ada", fhir_user="Practitioner/70")


def allow(people: People, account: Account, scopes: str = SCOPES) -> dict[str, str]:
    """Let the application have an access and a refresh token; give their secrets."""
    base, now = people.secured.base, now_us()
    granted = TokenGrant(APP.id, base, scopes, account.id, None, "ward-ann")
    made = {kind: new_secret() for kind in ("access", "refresh")}
    with people.database.connection() as connection:
        under = grants.add(connection, granted, now)
        tokens.add(connection, under, NewToken(made["access"], "access", scopes, 3600), now)
        tokens.add(connection, under, NewToken(made["refresh"], "refresh", scopes, 9000), now)
        client = clients.find(people.database, APP.id)
        assert client is not None
        remember(connection, client, account.id, scopes, now)
    return made


def status(people: People, secret: str, path: str) -> int:
    with people.secured.caller(secret) as caller:
        return caller.get(path).status


def refresh(people: People, secret: str, **more: str) -> Any:
    with people.secured.caller() as caller:
        form = {"grant_type": "refresh_token", "refresh_token": secret, "client_id": APP.id, **more}
        body = "&".join(f"{name}={value}" for name, value in form.items()).encode()
        kind = "application/x-www-form-urlencoded"
        return caller.request("POST", "/oauth/token", body, Content_Type=kind).json


def told(people: People) -> list[tuple[Any, ...]]:
    with people.database.connection() as connection:
        return connection.execute(
            "SELECT interaction, actor, id, detail->>'client' FROM audit"
            " WHERE interaction LIKE '%%-app' ORDER BY at DESC LIMIT 1"
        ).fetchall()


def consents(people: People) -> int:
    with people.database.connection() as connection:
        row = connection.execute("SELECT count(*) FROM oauth_consent").fetchone()
    assert row is not None
    return int(row[0])


def number_on(page: str) -> str:
    found = re.search(r'name="number" value="(\d+)"', page)
    assert found is not None, page
    return found[1]


def test_it_says_what_an_application_may_do(people: People, account: Account) -> None:
    """SEC-I3: in plain words, for whom, how long; the same of several launches once."""
    allow(people, account)
    allow(people, account)
    with people.enter(account) as visitor:
        text = visitor.get("/apps").text
    assert text.count("Growth &lt;chart&gt;</h2>") == 1
    assert text.count("<h3>For Ann &lt;b&gt;Anns</h3>") == 1
    for words in (
        "It may see measurements and test results in this patient’s record.",
        "It may see visits in this patient’s record.",
        "when you are not there",
        "Last used",
        "Ends",
    ):
        assert words in text


def test_taking_everything_back_counts_at_once(people: People, account: Account) -> None:
    """SEC-I3, SEC-I2: no token is good any more, consent is asked for again, and it is told."""
    made = allow(people, account)
    assert status(people, made["access"], "Observation?patient=ward-ann") == 200
    with people.enter(account) as visitor:
        assert visitor.press("/apps", "/apps/end", client=APP.id).status == 303
        assert "No application may see" in visitor.get("/apps").text
    assert status(people, made["access"], "Observation?patient=ward-ann") == 401
    assert refresh(people, made["refresh"])["error"] == "invalid_grant"
    assert consents(people) == 0
    assert told(people) == [("revoke-app", "Practitioner/70", "ward-ann", APP.id)]


def test_what_is_left_is_what_is_ticked(people: People, account: Account) -> None:
    """SEC-I3: for the tokens that are there, and for all that come of the refresh token."""
    first, second = allow(people, account), allow(people, account)
    with people.enter(account) as visitor:
        number = number_on(visitor.get("/apps").text)
        ticked = ["patient/Encounter.rs", "system/*.cruds"]
        answer = visitor.press(
            "/apps", "/apps/narrow", number=number, scope=ticked, refreshing="on"
        )
        assert answer.status == 303
        assert "measurements" not in visitor.get("/apps").text
    wider = refresh(people, second["refresh"], scope="patient/Observation.rs")
    assert wider["error"] == "invalid_scope"
    again = refresh(people, second["refresh"])
    assert "Observation" not in again["scope"]
    for secret in (first["access"], second["access"], again["access_token"]):
        assert status(people, secret, "Encounter?patient=ward-ann") == 200
        assert status(people, secret, "Observation?patient=ward-ann") == 403
    assert consents(people) == 0
    assert told(people) == [("narrow-app", "Practitioner/70", "ward-ann", APP.id)]


@pytest.mark.parametrize(
    ("fields", "access", "refreshes"),
    [
        pytest.param({"scope": ["patient/Encounter.rs"]}, 200, False, id="SEC-I3/not-lasting"),
        pytest.param({"refreshing": "on"}, 401, False, id="SEC-I3/nothing-ticked-is-all-back"),
        pytest.param(
            {"scope": ["patient/Encounter.rs"], "refreshing": "on", "number": "0"},
            200,
            True,
            id="SEC-I3/not-ones-own",
        ),
        pytest.param(
            {"scope": ["patient/Encounter.rs"], "csrf": "x"}, 200, True, id="SEC-A8/no-token"
        ),
    ],
)
def test_less_than_that(
    people: People,
    account: Account,
    fields: dict[str, str | list[str]],
    access: int,
    refreshes: bool,
) -> None:
    made = allow(people, account)
    with people.enter(account) as visitor:
        number = number_on(visitor.get("/apps").text)
        answer = visitor.press("/apps", "/apps/narrow", **{"number": number, **fields})
        expected = {"0": 409, number: 303}[str(fields.get("number", number))]
        assert answer.status == (403 if "csrf" in fields else expected)
    assert status(people, made["access"], "Encounter?patient=ward-ann") == access
    assert ("access_token" in refresh(people, made["refresh"])) == refreshes


@pytest.mark.parametrize("client", [APP.id, "nobody", "\0"])
def test_nobody_takes_back_what_is_anothers(people: People, account: Account, client: str) -> None:
    made = allow(people, account)
    with people.enter(people.add("bob", fhir_user="Practitioner/70")) as visitor:
        assert "No application" in visitor.get("/apps").text
        assert visitor.press("/logout", "/apps/end", client=client).status == 303
    assert status(people, made["access"], "Encounter?patient=ward-ann") == 200


def test_a_code_that_was_under_way_is_worth_nothing(people: People, account: Account) -> None:
    """What is issued late under the old grant, after it was narrowed, does not count."""
    made = allow(people, account)
    with people.database.connection() as connection:
        held = tokens.find(connection, made["refresh"], now_us())
    assert held is not None
    with people.enter(account) as visitor:
        number = number_on(visitor.get("/apps").text)
        visitor.press("/apps", "/apps/narrow", number=number, scope=["patient/Encounter.rs"])
    late = new_secret()
    with people.database.connection() as connection:
        tokens.add(connection, held.under, NewToken(late, "access", SCOPES, 3600), now_us())
    assert status(people, late, "Observation?patient=ward-ann") == 401
