"""The jobs of TestScript/$run, one attempt at a time: what is stored when a run has no result.

What a run with a result comes to is shown in tests/app, against a whole server. Here the server
under test is a socket that never answers, or a tool that has nothing to do.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import psycopg
import pytest
from psycopg import Connection

from fhirserver.access import AuthContext, allow_all
from fhirserver.config import Settings
from fhirserver.definitions import r4
from fhirserver.interactions import Query, Services
from fhirserver.interactions.delete import delete
from fhirserver.interactions.read import read
from fhirserver.jobs.job_runner import StopError
from fhirserver.jobs.test_run import test_run_kind as make_kind
from fhirserver.operations import Call, invoke
from fhirserver.store.database import Database, now_us
from fhirserver.store.job_rows import Job, JobLostError, take_job
from tests.conftest import truncate_all
from tests.operations.scripts import script

AUTH = AuthContext("Practitioner/7", "tests", "request-1")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is to be cleaned up on a server that says nothing."""
    monkeypatch.setattr("fhirserver.jobs.tethered._PATIENCE_S", 0.1)


@pytest.fixture
def silent() -> Iterator[str]:
    """Base of a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/fhir"


@pytest.fixture
def services(database: Database, database_url: str, silent: str) -> Services:
    truncate_all(database_url)
    database.identities.forget()
    settings = Settings(public_url=silent, test_run_timeout_s=60)
    return Services(r4(), database, settings, allow_all, now_us, b"")


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection[Any]]:
    with psycopg.connect(database_url, autocommit=True) as opened:
        yield opened


def taken(services: Services, connection: Connection[Any], content: Any) -> Job:
    """Ask for a run and take its job."""
    invoke("run", Call(services, AUTH, "TestScript", None, Query(), content), "POST")
    job = take_job(connection, "tests", ("test-run",), 60)
    assert job is not None
    return job


def report(services: Services, job: Job) -> Any:
    return json.loads(read(services, AUTH, "TestReport", job.parameters["report"]).body or b"")


def state(connection: Connection[Any]) -> str:
    row = connection.execute("SELECT state FROM job").fetchone()
    assert row is not None
    return str(row[0])


def nothing() -> None:
    """A beat of a job that is nobody else's."""


def run(services: Services, job: Job) -> None:
    make_kind(services).run(job, nothing)


def give_up(services: Services, job: Job) -> None:
    make_kind(services).give_up(job)


class Case(NamedTuple):
    """An attempt without a result; `content` stands in for the script where it is given."""

    attempt: Callable[[Services, Job], None]
    words: str
    ended: str
    content: str | None = None
    timeout_s: int = 60


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(Case(run, "longer than 1 s", "done", timeout_s=1), id="too-long"),
        pytest.param(Case(run, "without a report: ", "done", content="[]"), id="no-report"),
        pytest.param(Case(give_up, "several times", "failed"), id="tried-too-often"),
    ],
)
def test_a_run_without_a_result_is_stopped_and_says_why(
    services: Services, connection: Connection[Any], case: Case
) -> None:
    job = taken(services, connection, script())
    if case.content is not None:
        job.parameters["script"] = case.content
    settings = replace(services.settings, test_run_timeout_s=case.timeout_s)
    case.attempt(replace(services, settings=settings), job)
    found = report(services, job)
    assert (found["status"], found["result"]) == ("stopped", "fail")
    assert case.words in found["test"][0]["action"][0]["operation"]["message"]
    assert state(connection) == case.ended


@pytest.mark.parametrize("error", [StopError, JobLostError])
def test_what_a_beat_raises_ends_the_attempt(
    services: Services, connection: Connection[Any], error: type[Exception]
) -> None:
    def beat() -> None:
        raise error

    job = taken(services, connection, script())
    with pytest.raises(error):
        make_kind(services).run(job, beat)
    assert report(services, job)["status"] == "in-progress"
    assert state(connection) == "running", "what becomes of it is said elsewhere"


@pytest.mark.parametrize("attempt", [run, give_up])
def test_a_report_that_was_deleted_is_not_written_again(
    services: Services,
    connection: Connection[Any],
    attempt: Callable[[Services, Job], None],
) -> None:
    job = taken(services, connection, script())
    delete(services, AUTH, "TestReport", job.parameters["report"])
    with pytest.raises(JobLostError):
        attempt(services, job)


def test_a_former_owner_writes_nothing(services: Services, connection: Connection[Any]) -> None:
    stale = taken(services, connection, script())
    connection.execute("UPDATE job SET expires = clock_timestamp()")
    job = take_job(connection, "others", ("test-run",), 60)
    assert job is not None
    with pytest.raises(JobLostError):
        give_up(services, stale)
    assert report(services, job)["status"] == "waiting"


def test_its_writes_are_audited_under_who_asked(
    services: Services, connection: Connection[Any]
) -> None:
    give_up(services, taken(services, connection, script()))
    rows = connection.execute(
        "SELECT actor, client, request_id, version FROM audit WHERE interaction = 'update'"
    )
    assert rows.fetchall() == [("Practitioner/7", "tests", "request-1", 2)]
