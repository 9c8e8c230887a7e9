"""Idempotency-Key: a request that is sent again is answered again and done once.

Spec: https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from fhirserver.access import Access, AuthContext, Decision, Grant, allow_all
from fhirserver.config import Settings
from fhirserver.definitions import r4
from fhirserver.errors import FhirError
from fhirserver.interactions import Result, Services
from fhirserver.interactions.create import create
from fhirserver.interactions.once import Keyed, once
from fhirserver.jobs.expiry import Expiry
from fhirserver.store.database import Database, now_us
from fhirserver.store.kept_answers import forget_answers
from tests.client import Answer, Client
from tests.conftest import truncate_all
from tests.operations.scripts import script

KEY = "8e03978e-40d5-43e8-bc93-6894a57f9324"
PATIENT = {"resourceType": "Patient", "active": True, "multipleBirthInteger": 2}
PATCH = b'[{"op":"add","path":"/name","value":[{"family":"x"}]}]'
VOLATILE = ("date", "x-request-id", "idempotency-replayed", "server", "connection")
_MADE = "SELECT count(*) FROM outbox WHERE version = 1 OR tid <> %s"
_AUDITED = "SELECT interaction, outcome, version, id FROM audit WHERE request_id = %s"


def bundle(type_: str, *entries: tuple[str, str, Any]) -> dict[str, Any]:
    return {
        "resourceType": "Bundle",
        "type": type_,
        "entry": [
            {"request": {"method": method, "url": url}}
            | ({} if resource is None else {"resource": resource})
            for method, url, resource in entries
        ],
    }


WRITES = [
    pytest.param("POST", "Patient", PATIENT, {}, id="create"),
    pytest.param("POST", "Patient", PATIENT, {"Prefer": "return=minimal"}, id="minimal"),
    pytest.param("POST", "Patient", PATIENT, {"If-None-Exist": "_id=none"}, id="conditional"),
    pytest.param("POST", "Binary", b"\x00x", {"Content-Type": "image/png"}, id="binary"),
    pytest.param(
        "PATCH", "Patient/a", PATCH, {"Content-Type": "application/json-patch+json"}, id="patch"
    ),
    pytest.param("PUT", "Patient/a", {**PATIENT, "id": "a"}, {"If-Match": 'W/"1"'}, id="update"),
    pytest.param("DELETE", "Patient/a", None, {"If-Match": 'W/"1"'}, id="delete"),
    pytest.param(
        "POST",
        "",
        bundle("transaction", ("POST", "Patient", PATIENT), ("GET", "Patient/a", None)),
        {},
        id="transaction",
    ),
    pytest.param(
        "POST",
        "",
        bundle(
            "batch",
            ("POST", "Patient", PATIENT),
            ("PUT", "Patient/b", {"resourceType": "Patient", "id": "b", "active": 1}),
            ("GET", "Patient?active=true", None),
        ),
        {},
        id="batch",
    ),
    pytest.param("POST", "TestScript/$run", script(), {}, id="operation"),
]


@pytest.fixture
def client(client: Client, clean: None) -> Client:
    assert client.put("Patient/a", {"resourceType": "Patient", "id": "a"}).status == 201
    return client


def versions(url: str) -> int:
    """Count the versions that requests have made; of a TestReport later ones are the run's."""
    with psycopg.connect(url) as connection:
        report = r4().type_id("TestReport")
        row = connection.execute(_MADE, (report,)).fetchone()
    return 0 if row is None else int(row[0])


def told(answer: Answer) -> tuple[int, dict[str, str], bytes]:
    headers = {name: value for name, value in answer.headers.items() if name not in VOLATILE}
    return answer.status, headers, answer.body


@pytest.mark.parametrize(("method", "path", "body", "headers"), WRITES)
def test_the_first_answer_is_given_again_and_nothing_is_done_again(
    client: Client,
    server_database_url: str,
    method: str,
    path: str,
    body: Any,
    headers: dict[str, str],
) -> None:
    before = versions(server_database_url)
    first, again, bare = (
        client.request(method, path, body, {**headers, "Idempotency-Key": key})
        for key in (f'"{KEY}"', f'"{KEY}"', KEY)
    )
    assert first.status in (200, 201, 202, 204), first.text
    assert told(first) == told(again) == told(bare)
    replayed = [each.headers.get("idempotency-replayed") for each in (first, again, bare)]
    assert replayed == [None, "true", "true"]
    assert versions(server_database_url) - before == 1
    other = client.request(method, path, body, {**headers, "Idempotency-Key": "another"})
    assert "idempotency-replayed" not in other.headers


def test_the_answer_comes_in_the_format_that_is_wanted_now(client: Client) -> None:
    client.post("Patient", PATIENT, idempotency_key=KEY)
    again = client.post("Patient", PATIENT, idempotency_key=KEY, accept="application/fhir+xml")
    assert '<multipleBirthInteger value="2"/>' in again.text


@pytest.mark.parametrize(
    ("method", "path", "body", "headers"),
    [
        pytest.param("POST", "Patient", {**PATIENT, "active": False}, {}, id="body"),
        pytest.param(
            "POST",
            "Basic",
            PATIENT | {"resourceType": "Basic", "code": {"text": "x"}},
            {},
            id="path",
        ),
        pytest.param("POST", "Patient?_pretty=true", PATIENT, {}, id="query"),
        pytest.param("POST", "Patient", PATIENT, {"If-None-Exist": "_id=none"}, id="condition"),
        pytest.param("POST", "Patient", PATIENT, {"Prefer": "return=minimal"}, id="preference"),
        pytest.param("POST", "", bundle("batch", ("POST", "Patient", PATIENT)), {}, id="batch"),
    ],
)
def test_a_key_is_of_one_request(
    client: Client,
    server_database_url: str,
    method: str,
    path: str,
    body: Any,
    headers: dict[str, str],
) -> None:
    assert client.post("Patient", PATIENT, idempotency_key=KEY).status == 201
    before = versions(server_database_url)
    refused = client.request(method, path, body, {**headers, "Idempotency-Key": KEY})
    assert refused.status == 422, refused.text
    assert refused.json["issue"][0]["expression"] == ["http.Idempotency-Key"]
    assert versions(server_database_url) == before


def test_what_fails_is_not_kept_and_leaves_its_key_free(client: Client) -> None:
    missing = {"resourceType": "Basic", "code": {"text": "x"}, "subject": {"reference": "Group/g"}}
    assert client.post("Basic", missing, idempotency_key=KEY).status == 409
    client.put("Group/g", {"resourceType": "Group", "id": "g", "type": "person", "actual": True})
    assert client.post("Basic", missing, idempotency_key=KEY).status == 201
    assert client.post("Basic", missing, idempotency_key=KEY).headers["idempotency-replayed"]


@pytest.mark.parametrize(
    "key",
    [
        pytest.param("", id="empty"),
        pytest.param('""', id="empty-quotes"),
        pytest.param("a b", id="blank-without-quotes"),
        pytest.param('"a', id="one-quote"),
        pytest.param('"a", "b"', id="two-keys"),
        pytest.param("x" * 256, id="long"),
    ],
)
def test_a_malformed_key_is_refused(client: Client, key: str) -> None:
    refused = client.post("Patient", PATIENT, idempotency_key=key)
    assert refused.status == 400
    assert refused.json["issue"][0]["expression"] == ["http.Idempotency-Key"]


def test_reads_and_checks_have_nothing_to_repeat(client: Client) -> None:
    for method, path, body in (
        ("GET", "Patient/a", None),
        ("POST", "Patient/$validate", PATIENT),
        ("POST", "Patient/_search", None),
    ):
        for _ in range(2):
            answer = client.request(method, path, body, {"Idempotency-Key": KEY})
            assert answer.status == 200, answer.text
            assert "idempotency-replayed" not in answer.headers


def test_an_asynchronous_batch_is_accepted_once(client: Client) -> None:
    sent = bundle("batch", ("POST", "Patient", PATIENT))
    places = {
        client.post("", sent, idempotency_key=KEY, prefer="respond-async").headers[
            "content-location"
        ]
        for _ in range(3)
    }
    assert len(places) == 1


AUTH = AuthContext("Patient/a", "app", "request-1")
KEYED = Keyed("k", b"digest", "create", "Patient")
Policy = Callable[[AuthContext, Access], Decision]


def confined_to(*patients: str) -> Policy:
    return lambda _auth, _access: Decision(
        allowed=True, reason="own record", grants=(Grant(patients),)
    )


def nobody(_auth: AuthContext, _access: Access) -> Decision:
    return Decision(allowed=False, reason="closed")


@pytest.fixture
def services(database: Database, database_url: str) -> Services:
    truncate_all(database_url)
    database.identities.forget()
    return Services(r4(), database, Settings(), allow_all, now_us, b"")


def ask(services: Services, auth: AuthContext = AUTH) -> Result:
    return once(services, auth, KEYED, lambda inside: create(inside, auth, "Patient", PATIENT))


@pytest.mark.parametrize(
    ("first", "then", "again"),
    [
        pytest.param(allow_all, allow_all, True, id="unbounded"),
        pytest.param(allow_all, nobody, False, id="refused-by-now"),
        pytest.param(allow_all, confined_to("p"), False, id="confined-by-now"),
        pytest.param(confined_to("p"), allow_all, True, id="unbounded-by-now"),
        pytest.param(confined_to("p"), confined_to("q", "p"), True, id="more-patients"),
        pytest.param(confined_to("p", "q"), confined_to("p"), False, id="fewer-patients"),
    ],
)
def test_only_who_may_see_it_is_answered_again(
    services: Services, first: Policy, then: Policy, again: bool
) -> None:
    def work(_inside: Services) -> Result:
        return Result(200, body=b"{}")

    once(replace(services, policy=first), AUTH, KEYED, work)
    asked = replace(services, policy=then)
    if again:
        assert once(asked, AUTH, KEYED, work).replayed
    else:
        with pytest.raises(FhirError) as refused:
            once(asked, AUTH, KEYED, work)
        assert refused.value.status == 403


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(replace(AUTH, actor="Patient/b"), id="actor"),
        pytest.param(replace(AUTH, client="other"), id="client"),
    ],
)
def test_a_key_belongs_to_its_caller(services: Services, other: AuthContext) -> None:
    first = ask(services)
    second = ask(services, other)
    assert first.stored is not None
    assert second.stored is not None
    assert first.stored.id != second.stored.id


def test_an_answer_that_is_given_again_is_audited(services: Services, database_url: str) -> None:
    stored = ask(services).stored
    assert stored is not None
    ask(services, replace(AUTH, request_id="request-2"))
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(_AUDITED, ("request-2",)).fetchall()
    assert rows == [("create", 201, 1, stored.id)]


def test_keys_expire(services: Services, database_url: str) -> None:
    """At once, and their rows are forgotten by the duty."""
    first = ask(services)
    ttl_us = services.settings.idempotency_ttl_s * 1_000_000
    later = replace(services, now=lambda: now_us() + ttl_us)
    second = ask(later)
    assert not second.replayed
    assert first.stored != second.stored
    with psycopg.connect(database_url, autocommit=True) as connection:
        ttl_s = services.settings.idempotency_ttl_s
        count = "SELECT count(*) FROM idempotency"
        Expiry(forget_answers, ttl_s, later.now).step(connection)
        assert connection.execute(count).fetchone() == (1,)
        Expiry(forget_answers, ttl_s, lambda: later.now() + ttl_us).step(connection)
        assert connection.execute(count).fetchone() == (0,)
