"""The jobs of asynchronous requests, one attempt at a time: who sees what, and what is done once.

Two patients, a and b. What a whole server makes of such requests is shown in tests/app.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from fhirserver.access import Access, AuthContext, Decision, Grant, allow_all
from fhirserver.config import Settings
from fhirserver.definitions import r4
from fhirserver.errors import FhirError
from fhirserver.interactions import Query, Services
from fhirserver.interactions.deferred import Deferred, cancel, defer, followed
from fhirserver.interactions.transaction import transaction
from fhirserver.interactions.update import update
from fhirserver.jobs.async_request import async_kind
from fhirserver.jobs.expiry import Expiry
from fhirserver.jobs.job_runner import ATTEMPTS_MAX, StopError
from fhirserver.model.json import parse_json
from fhirserver.store.database import Database, now_us
from fhirserver.store.job_answers import forget_ended
from fhirserver.store.job_rows import Job, JobLostError, put_back_job, take_job
from tests.conftest import truncate_all

AUTH = AuthContext("Patient/a", "app", "request-1")
TTL_S = 100
PATIENTS = Deferred("search-type", "Patient", query=Query((("_sort", "_id"),)))
SYSTEM = Deferred("search-system", query=Query((("_type", "Patient"),)))
COMPARTMENT_OF_B = Deferred("search-compartment", "Observation", "b", "Patient")
Policy = Callable[[AuthContext, Access], Decision]


def only_a(_auth: AuthContext, _access: Access) -> Decision:
    return Decision(allowed=True, reason="the patient's own record", grants=(Grant(("a",)),))


def nobody(_auth: AuthContext, _access: Access) -> Decision:
    return Decision(allowed=False, reason="closed")


class KilledError(BaseException):
    """Ends an attempt as the death of its process would: nobody catches it."""


def breaks_at(interaction: str, how: type[BaseException]) -> Policy:
    """Make a policy that is broken where it is asked about an interaction."""

    def policy(_auth: AuthContext, access: Access) -> Decision:
        if access.interaction == interaction:
            raise how(interaction)
        return Decision(allowed=True, reason="open")

    return policy


def patient(id_: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": id_, **more}


def bundle(type_: str, *entries: dict[str, Any]) -> Deferred:
    return Deferred(type_, bundle={"resourceType": "Bundle", "type": type_, "entry": list(entries)})


def entry(method: str, url: str, resource: Any = None, **more: str) -> dict[str, Any]:
    made: dict[str, Any] = {"request": {"method": method, "url": url, **more}}
    return made if resource is None else {**made, "resource": resource}


CREATE = entry("POST", "Patient", patient("x", active=False))


@pytest.fixture
def services(database: Database, database_url: str) -> Services:
    truncate_all(database_url)
    database.identities.forget()
    settings = Settings(async_result_ttl_s=TTL_S)
    made = Services(r4(), database, settings, allow_all, now_us, b"k" * 32)
    for id_ in ("a", "b"):
        update(made, AUTH, "Patient", id_, patient(id_))
        update(made, AUTH, "Patient", id_, patient(id_, active=True))
    return made


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection[Any]]:
    with psycopg.connect(database_url, autocommit=True) as opened:
        yield opened


def start(services: Services, request: Deferred) -> str:
    return defer(services, AUTH, request).rpartition("/")[2]


def take(connection: Connection[Any], ttl_s: float = 60) -> Job:
    job = take_job(connection, "worker", ("async",), ttl_s)
    assert job is not None
    return job


def attempt(services: Services, job: Job, policy: Policy = allow_all) -> None:
    async_kind(replace(services, policy=policy)).run(job, lambda: None)


def answer(services: Services, key: str) -> Any:
    found = followed(services, AUTH, key)
    assert found.answer is not None
    (only,) = json.loads(found.answer)["entry"]
    return only


def performed(
    services: Services, connection: Connection[Any], request: Deferred, policy: Policy = allow_all
) -> Any:
    """Have a request performed under a policy, and give the entry that tells what came of it."""
    key = start(services, request)
    attempt(services, take(connection), policy)
    return answer(services, key)


def ids(resource: Any) -> list[str]:
    return [each["resource"]["id"] for each in resource.get("entry", ())]


def created(connection: Connection[Any]) -> int:
    row = connection.execute("SELECT count(*) FROM resource WHERE id NOT IN ('a', 'b')").fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize(
    ("request_", "count"),
    [
        pytest.param(PATIENTS, 1, id="search-type"),
        pytest.param(SYSTEM, 1, id="search-system"),
        pytest.param(COMPARTMENT_OF_B, 0, id="search-compartment"),
        pytest.param(Deferred("history-type", "Patient"), 2, id="history"),
    ],
)
@pytest.mark.parametrize("limit", [1, 100])
def test_a_confined_caller_learns_nothing_of_others(
    services: Services, connection: Connection[Any], request_: Deferred, count: int, limit: int
) -> None:
    """Neither entries, nor the total, nor that an answer was cut short, tell of patient b."""
    services = replace(services, settings=replace(services.settings, async_result_limit=limit))
    found = performed(services, connection, request_, only_a)
    resource = found["resource"]
    assert ids(resource) == ["a"] * min(count, limit)
    assert resource.get("total", count) == count, "a history of a type has none"
    assert ("outcome" in found["response"]) == (count > limit)


def test_the_policy_is_asked_when_a_request_comes_is_performed_and_is_fetched(
    services: Services, connection: Connection[Any]
) -> None:
    closed = replace(services, policy=nobody)
    with pytest.raises(FhirError) as caught:
        defer(closed, AUTH, PATIENTS)
    assert caught.value.status == 403
    assert take_job(connection, "worker", ("async",), 60) is None, "nothing was accepted"
    refused = performed(services, connection, PATIENTS, nobody)["response"]
    assert refused["status"] == "403 Forbidden"
    assert refused["outcome"]["resourceType"] == "OperationOutcome"
    key = start(services, PATIENTS)
    attempt(services, take(connection))
    assert ids(answer(services, key)["resource"]) == ["a", "b"]
    with pytest.raises(FhirError) as caught:
        followed(closed, AUTH, key)
    assert caught.value.status == 403


@pytest.mark.parametrize(
    "other",
    [replace(AUTH, actor="Patient/b"), replace(AUTH, client="other")],
    ids=["another-actor", "another-client"],
)
@pytest.mark.parametrize("is_done", [False, True], ids=["waiting", "done"])
def test_only_its_caller_follows_and_cancels_a_request(
    services: Services, connection: Connection[Any], other: AuthContext, is_done: bool
) -> None:
    key = start(services, PATIENTS)
    if is_done:
        attempt(services, take(connection))
    for touch in (followed, cancel):
        with pytest.raises(FhirError) as caught:
            touch(services, other, key)
        assert caught.value.status == 404
    assert followed(services, AUTH, key).state == ("done" if is_done else "waiting")
    cancel(services, AUTH, key)
    with pytest.raises(FhirError):
        followed(services, AUTH, key)


def test_answers_expire_and_are_removed(services: Services, connection: Connection[Any]) -> None:
    waits = start(services, PATIENTS)
    key = start(services, PATIENTS)
    first = take(connection)
    attempt(services, take(connection))
    put_back_job(connection, first)
    ended_us = followed(services, AUTH, key).ended_us
    assert ended_us is not None
    expiry_us = ended_us + TTL_S * 1_000_000
    assert followed(replace(services, now=lambda: expiry_us - 1), AUTH, key).answer
    with pytest.raises(FhirError) as caught:
        followed(replace(services, now=lambda: expiry_us), AUTH, key)
    assert caught.value.status == 404
    assert Expiry(forget_ended, TTL_S, lambda: expiry_us - 1).step(connection) is False
    assert followed(services, AUTH, key).answer, "not yet"
    assert Expiry(forget_ended, TTL_S, lambda: expiry_us).step(connection) is False
    with pytest.raises(FhirError):
        followed(services, AUTH, key)
    assert followed(services, AUTH, waits).state == "waiting", "what has not ended stays"


@pytest.mark.parametrize("request_", [bundle("batch", CREATE), bundle("transaction", CREATE)])
def test_a_worker_that_lost_a_job_writes_nothing(
    services: Services, connection: Connection[Any], request_: Deferred
) -> None:
    """It was frozen until another had the job, and wakes up before or after that is done."""
    key = start(services, request_)
    frozen = take(connection, ttl_s=-1)
    second = take(connection)
    with pytest.raises(JobLostError):
        attempt(services, frozen)
    assert created(connection) == 0
    attempt(services, second)
    assert created(connection) == 1
    with pytest.raises(JobLostError):
        attempt(services, frozen)
    assert created(connection) == 1
    (only,) = answer(services, key)["resource"]["entry"]
    assert only["response"]["status"] == "201 Created"


@pytest.mark.parametrize(
    ("type_", "done"),
    [pytest.param("batch", 1, id="batch"), pytest.param("transaction", 0, id="transaction")],
)
def test_what_an_interrupted_attempt_has_done_is_not_done_again(
    services: Services, connection: Connection[Any], type_: str, done: int
) -> None:
    """The first attempt breaks off after its create: a batch keeps that, a transaction does not."""
    key = start(services, bundle(type_, CREATE, entry("GET", "Patient/a")))
    job = take(connection)
    with pytest.raises(KilledError):
        attempt(services, job, breaks_at("read", KilledError))
    assert created(connection) == done
    assert followed(services, AUTH, key).entries == done
    put_back_job(connection, job)
    attempt(services, take(connection))
    assert created(connection) == 1
    entries = answer(services, key)["resource"]["entry"]
    assert [each["response"]["status"] for each in entries] == ["201 Created", "200 OK"]


def test_a_defect_met_by_an_entry_of_a_batch_is_the_answer_to_that(
    services: Services, connection: Connection[Any], caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged once, and nothing is logged of the entries that are in order."""
    asked = bundle(
        "batch", CREATE, entry("GET", "Patient/a"), entry("PUT", "Patient/x", patient("x"))
    )
    made = performed(services, connection, asked, breaks_at("read", RuntimeError))
    told = [each["response"]["status"] for each in made["resource"]["entry"]]
    assert told == ["201 Created", "500 Internal Server Error", "201 Created"]
    assert created(connection) == 2
    (record,) = caplog.records
    assert record.getMessage().startswith("request request-1 failed: RuntimeError at ")


def test_a_batch_in_the_background_is_answered_as_any_other(
    services: Services, connection: Connection[Any]
) -> None:
    """Every kind of write joins the transaction that remembers it; one that fails is undone."""
    fhirpath = {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": [
        {"name": "type", "valueCode": "replace"}, {"name": "path", "valueString": "Patient.active"},
        {"name": "value", "valueBoolean": False}]}]}  # fmt: skip
    missing = {"generalPractitioner": [{"reference": "Practitioner/none"}]}
    asked = bundle(
        "batch",
        CREATE,
        entry("POST", "Patient", patient("y"), ifNoneExist="_id=a"),
        entry("POST", "Patient", patient("z", **missing)),
        entry("PUT", "Patient/a", patient("a", active=True)),
        entry("PUT", "Patient/c", patient("c")),
        entry("PUT", "Patient?_id=c", patient("c", active=True)),
        entry("PUT", "Patient/c", patient("c"), ifMatch='W/"9"'),
        entry("PATCH", "Patient/b", fhirpath),
        entry("DELETE", "Patient/d"),
        entry("DELETE", "Patient?_id=e"),
        entry("GET", "Patient?_id=c"),
        entry("GET", "nonsense"),
    )
    found = performed(services, connection, asked)["resource"]
    assert created(connection) == 2, "the one created, and c; nothing of what failed"
    assert [each["response"]["status"][:3] for each in found["entry"]] == [
        *("201", "200", "409", "200", "201", "200", "412", "200", "204", "204", "200", "404")
    ]
    rows = connection.execute("SELECT count(*) FROM job_entry").fetchone()
    assert rows == (0,), "what was remembered goes with the end of the job"
    truncate_all(services.database.url)
    services.database.identities.forget()
    for id_ in ("a", "b"):
        update(services, AUTH, "Patient", id_, patient(id_, active=True))
    body = transaction(services, AUTH, asked.bundle).body
    assert body is not None
    at_once = json.loads(body)
    assert [each["response"]["status"] for each in at_once["entry"]] == [
        each["response"]["status"] for each in found["entry"]
    ]


@pytest.mark.parametrize("error", [StopError, JobLostError])
def test_what_a_beat_raises_cuts_the_statement_off(
    services: Services, connection: Connection[Any], database_url: str, error: type[Exception]
) -> None:
    """The statement waits for a lock that is not let go before it has ended."""
    key = start(services, PATIENTS)
    job = take(connection)

    def beat() -> None:
        raise error

    with psycopg.connect(database_url) as locking:
        locking.execute("LOCK TABLE audit IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(error):
            async_kind(services).run(job, beat)
    assert followed(services, AUTH, key).answer is None, "nobody was told that it took too long"


def test_a_request_that_was_tried_too_often_has_an_answer_that_says_so(
    services: Services, connection: Connection[Any]
) -> None:
    key = start(services, PATIENTS)
    connection.execute("UPDATE job SET attempts = %s", (ATTEMPTS_MAX,))
    async_kind(services).give_up(take(connection))
    response = answer(services, key)["response"]
    assert response["status"] == "500 Internal Server Error"
    assert "request-1" in response["outcome"]["issue"][0]["diagnostics"]


def test_a_bundle_keeps_its_digits_and_its_order_on_the_way(
    services: Services, connection: Connection[Any]
) -> None:
    observation = (
        '{"resourceType":"Observation","id":"o","code":{"text":"x"},"status":"final",'
        '"valueQuantity":{"value":1.50,"unit":"\\u00b5g"}}'
    )
    performed(
        services,
        connection,
        bundle("transaction", entry("PUT", "Observation/o", parse_json(observation.encode()))),
    )
    row = connection.execute("SELECT body FROM resource WHERE id = 'o'").fetchone()
    assert row is not None
    assert b'"code":{"text":"x"},"status":"final"' in row[0]
    assert b'"value":1.50' in row[0]
