"""Work that goes on after its request ends when its caller may not have it done any more.

Spec: security requirement E26. The caller is a physician who has to do with Patient/a alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from fhirserver.access import Access, AuthContext, Decision, principal
from fhirserver.app import build_services, for_callers
from fhirserver.config import Settings
from fhirserver.interactions import Query, Services
from fhirserver.interactions.deferred import Deferred, defer
from fhirserver.interactions.update import update
from fhirserver.jobs.async_request import async_kind
from fhirserver.smart import clients, tokens
from fhirserver.smart.clients import Client
from fhirserver.smart.grants import TokenGrant
from fhirserver.store.database import now_us
from fhirserver.store.job_answers import find_followed
from fhirserver.store.job_rows import take_job
from tests.conftest import truncate_all

BASE = "http://127.0.0.1/fhir"
SCOPES = "user/*.cruds"
OPERATOR = AuthContext("operator", "", "request-0")
_ACCOUNT = """
INSERT INTO account (id, username, name, role, fhir_user, created, password, must_change)
VALUES ('doc', 'doc', 'Doc', 'physician', 'Practitioner/7', 0, '', false)
"""
_RELATION = "INSERT INTO account_patient (account, patient, expires) VALUES ('doc', %s, 9e15)"

_GLASS = """INSERT INTO broken_glass (account, patient, reason, broken, expires)
VALUES ('doc', 'a', 'x', 0, 9e15)"""

PATIENTS = Deferred("search-type", "Patient", query=Query((("_sort", "_id"),)))
HISTORY = Deferred("history-type", "Patient")


def pulse(id_: str, patient: str = "a") -> dict[str, Any]:
    resource = {
        "resourceType": "Observation",
        "id": id_,
        "status": "final",
        "code": {"text": "pulse"},
        "subject": {"reference": f"Patient/{patient}"},
    }
    return {"request": {"method": "POST", "url": "Observation"}, "resource": resource}


def bundle(type_: str) -> Deferred:
    entries = [pulse("1"), {"request": {"method": "GET", "url": "Patient/a"}}, pulse("2")]
    return Deferred(type_, bundle={"resourceType": "Bundle", "type": type_, "entry": entries})


@pytest.fixture
def services(database_url: str) -> Iterator[Services]:
    truncate_all(database_url)
    settings = Settings(public_url=BASE, database_url=database_url, open=False)
    made = build_services(settings, cursor_key=b"k" * 32)
    with closing(made.database):
        for id_ in ("a", "b"):
            update(made, OPERATOR, "Patient", id_, {"resourceType": "Patient", "id": id_})
        with made.database.connection() as connection:
            connection.execute(_ACCOUNT)
            connection.execute(_RELATION, ("a",))
            clients.add(connection, Client("app", "App", "public", scopes=SCOPES))
        yield for_callers(made)


@pytest.fixture
def auth(services: Services) -> AuthContext:
    """The caller, with an access token of five minutes."""
    grant = TokenGrant("app", BASE, SCOPES, "doc")
    issued = tokens.issue(services.database, grant, now_us=now_us(), lifetime_s=300)
    found = services.find_caller(services, f"token:{issued.number}")
    assert found is not None
    return replace(found, request_id="request-1")


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection[Any]]:
    with psycopg.connect(database_url, autocommit=True) as opened:
        yield opened


def start(services: Services, auth: AuthContext, request: Deferred) -> str:
    return defer(services, auth, request).rpartition("/")[2]


def finish(
    services: Services, connection: Connection[Any], auth: AuthContext, key: str
) -> dict[str, Any]:
    """Perform a request that waits, and give the entry that tells what came of it."""
    job = take_job(connection, "worker", ("async",), 60)
    assert job is not None
    async_kind(services).run(job, lambda: None)
    found = find_followed(connection, key, principal(auth))
    assert found is not None
    assert found.answer is not None
    (only,) = json.loads(found.answer)["entry"]
    entry: dict[str, Any] = only
    return entry


def told(connection: Connection[Any]) -> list[tuple[str, int]]:
    """List what the trail has of refusals."""
    sql = "SELECT interaction, outcome FROM audit WHERE outcome > 400 AND request_id = 'request-1'"
    return connection.execute(sql).fetchall()


TAKEN_AWAY = [
    pytest.param("DELETE FROM oauth_token", "401", id="SEC-E26-token-revoked"),
    pytest.param("UPDATE oauth_grant SET revoked = 1", "401", id="SEC-E26-grant-taken-back"),
    pytest.param("UPDATE account SET disabled = true", "401", id="SEC-E26-account-disabled"),
    pytest.param("UPDATE oauth_client SET disabled = true", "401", id="SEC-E26-client-disabled"),
    pytest.param("UPDATE oauth_token SET scopes = 'user/*.rs'", "403", id="SEC-E26-scopes-fewer"),
    pytest.param("UPDATE account SET role = 'nurse'", "403", id="SEC-E26-another-role"),
    pytest.param("UPDATE account SET training_expires = '2020-01-01'", "403",
                 id="SEC-U5-training-expired"),
    pytest.param("DELETE FROM account_patient", "403", id="SEC-E26-relation-ended"),
]  # fmt: skip


@pytest.mark.parametrize("request_", [PATIENTS, HISTORY, bundle("transaction")],
                         ids=["search", "history", "transaction"])  # fmt: skip
@pytest.mark.parametrize(("sql", "status"), TAKEN_AWAY)
def test_what_is_taken_away_before_the_work_starts_ends_it(
    services: Services, auth: AuthContext, connection: Connection[Any], request_: Deferred,
    sql: str, status: str,
) -> None:  # fmt: skip
    key = start(services, auth, request_)
    connection.execute(sql.encode())
    found = finish(services, connection, auth, key)
    assert found["response"]["status"].startswith(status)
    assert "resource" not in found
    assert connection.execute("SELECT count(*) FROM resource").fetchone() == (2,)
    assert told(connection) == [(request_.interaction, int(status))]


def test_broken_glass_shows_more_than_a_relation(
    services: Services, auth: AuthContext, connection: Connection[Any]
) -> None:
    """SEC-E26, SEC-N4: what was asked for with the glass broken ends with it."""
    connection.execute(_GLASS)
    opened = services.find_caller(services, f"token:{auth.token}")
    assert opened is not None
    key = start(services, opened, PATIENTS)
    connection.execute("DELETE FROM broken_glass")
    assert finish(services, connection, opened, key)["response"]["status"].startswith("403")


@pytest.mark.parametrize(
    ("type_", "statuses", "stored", "refused"),
    [
        pytest.param(
            "batch", ["201", "401", "401"], 3, ["read", "create"], id="SEC-E26-rest-of-a-batch"
        ),
        pytest.param(
            "transaction", ["401"], 2, ["transaction"], id="SEC-E26-transaction-before-it-commits"
        ),
    ],
)
def test_what_is_taken_away_meanwhile_ends_the_rest(  # noqa: PLR0917 - fixtures and a row
    services: Services, auth: AuthContext, connection: Connection[Any], type_: str,
    statuses: list[str], stored: int, refused: list[str],
) -> None:  # fmt: skip
    """The token is revoked while the first entry is being decided on; refusals are told."""
    key = start(services, auth, bundle(type_))

    def policy(asking: AuthContext, access: Access) -> Decision:
        if access.interaction == "create":
            connection.execute("DELETE FROM oauth_token")
        return services.policy(asking, access)

    found = finish(replace(services, policy=policy), connection, auth, key)
    answered = found.get("resource", {}).get("entry", [found])
    assert [each["response"]["status"][:3] for each in answered] == statuses
    assert connection.execute("SELECT count(*) FROM resource").fetchone() == (stored,)
    assert sorted(told(connection)) == sorted((each, 401) for each in refused)


@pytest.mark.parametrize(
    "sql",
    [
        pytest.param("UPDATE oauth_token SET expires = 1", id="token-expired-by-itself"),
        pytest.param("INSERT INTO account_patient VALUES ('doc', 'b', 9e15)", id="relation-added"),
        pytest.param("SELECT 1", id="nothing"),
    ],
)
def test_other_changes_leave_the_work_what_it_was(
    services: Services, auth: AuthContext, connection: Connection[Any], sql: str
) -> None:
    """It does neither less nor more than its caller could when it asked."""
    key = start(services, auth, PATIENTS)
    connection.execute(sql.encode())
    found = finish(services, connection, auth, key)
    assert [each["resource"]["id"] for each in found["resource"]["entry"]] == ["a"]
    assert found["response"]["status"] == "200 OK"
