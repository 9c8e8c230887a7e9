"""The job table: jobs are taken one by one, in order; who lost one changes nothing of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from fhirserver.store.job_rows import (
    Job,
    JobLostError,
    add_job,
    count_jobs,
    end_job,
    hold_job,
    prolong_job,
    put_back_job,
    take_job,
    withdraw_jobs,
)

CALLER = {"actor": "Practitioner/7", "client": "", "request_id": "r", "address": ""}
_RESOURCE = """
INSERT INTO resource (rid, pat, updated, version, tid, state, method, extractor, id, present, body,
    keys) VALUES (%s, 1, 1, 1, 130, 1, 1, 1, %s, '{}', '{}', '')
"""
DELETE = "UPDATE resource SET state = 2, body = NULL"


@pytest.fixture
def one(database_url: str) -> Iterator[Connection[Any]]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("TRUNCATE job, job_entry, resource")
        yield connection


@pytest.fixture
def two(database_url: str) -> Iterator[Connection[Any]]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


def add(connection: Connection[Any], rid: int, kind: str = "x") -> None:
    connection.execute(_RESOURCE, (rid, f"r{rid}"))
    add_job(connection, kind, {"rid": rid}, CALLER, rid)


def take(connection: Connection[Any], owner: str = "one", ttl_s: float = 60) -> Job | None:
    return take_job(connection, owner, ("x",), ttl_s)


def taken(connection: Connection[Any], owner: str = "one", ttl_s: float = 60) -> Job:
    job = take(connection, owner, ttl_s)
    assert job is not None
    return job


def state(connection: Connection[Any]) -> tuple[str, int]:
    row = connection.execute("SELECT state, attempts FROM job").fetchone()
    assert row is not None
    return row[0], row[1]


def test_jobs_are_taken_in_their_order_with_what_they_need(one: Connection[Any]) -> None:
    add(one, 1)
    add(one, 2)
    first, second = taken(one), taken(one)
    assert [first.parameters["rid"], second.parameters["rid"]] == [1, 2]
    assert (first.kind, first.caller, first.attempts) == ("x", CALLER, 1)
    assert take(one) is None


def test_a_kind_that_this_process_does_not_know_is_left_to_others(one: Connection[Any]) -> None:
    add(one, 1, kind="y")
    assert take(one) is None


def test_a_job_that_somebody_is_about_to_take_is_passed_over(
    one: Connection[Any], two: Connection[Any]
) -> None:
    add(one, 1)
    add(one, 2)
    with one.transaction():
        assert taken(one).parameters["rid"] == 1
        assert taken(two, "two").parameters["rid"] == 2


def test_a_job_whose_worker_is_silent_is_taken_over(
    one: Connection[Any], two: Connection[Any]
) -> None:
    add(one, 1)
    stale = taken(one, ttl_s=0)
    job = taken(two, "two")
    assert (job.number, job.attempts) == (stale.number, 2)
    assert job.fence > stale.fence


def test_a_prolonged_job_is_not_taken_over(one: Connection[Any], two: Connection[Any]) -> None:
    add(one, 1)
    job = taken(one, ttl_s=0)
    prolong_job(one, job, 60)
    assert take(two, "two") is None


CHANGES: dict[str, Callable[[Connection[Any], Job], None]] = {
    "prolong": lambda connection, job: prolong_job(connection, job, 60),
    "hold": hold_job,
    "end": lambda connection, job: end_job(connection, job, "done"),
    "put-back": put_back_job,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_former_owner_changes_nothing(
    one: Connection[Any], two: Connection[Any], change: Callable[[Connection[Any], Job], None]
) -> None:
    add(one, 1)
    stale = taken(one, ttl_s=0)
    taken(two, "two")
    with pytest.raises(JobLostError):
        change(one, stale)
    assert state(one) == ("running", 2)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_who_has_a_cancelled_job_has_lost_it(
    one: Connection[Any], change: Callable[[Connection[Any], Job], None]
) -> None:
    add(one, 1)
    job = taken(one)
    withdraw_jobs(one)
    prolong_job(one, job, 60)
    one.execute(DELETE)
    withdraw_jobs(one)
    with pytest.raises(JobLostError):
        change(one, job)
    assert state(one) == ("cancelled", 1)


def test_a_waiting_job_is_cancelled_with_its_resource(one: Connection[Any]) -> None:
    add(one, 1)
    one.execute(DELETE)
    withdraw_jobs(one)
    assert take(one) is None
    assert state(one) == ("cancelled", 0)


@pytest.mark.parametrize("ended", ["done", "failed"])
def test_an_ended_job_stays_ended(one: Connection[Any], ended: Any) -> None:
    add(one, 1)
    end_job(one, taken(one, ttl_s=0), ended)
    one.execute(DELETE)
    withdraw_jobs(one)
    assert take(one) is None
    assert state(one) == (ended, 1)


@pytest.mark.parametrize(
    ("counted", "pause_s", "found"),
    [
        pytest.param(True, 0.0, 2, id="an-attempt"),
        pytest.param(False, 0.0, 1, id="no-attempt"),
        pytest.param(True, 60.0, None, id="left-alone-for-a-while"),
    ],
)
def test_a_job_put_back_is_taken_again(
    one: Connection[Any], counted: bool, pause_s: float, found: int | None
) -> None:
    add(one, 1)
    put_back_job(one, taken(one), pause_s=pause_s, counted=counted)
    job = take(one)
    assert (job.attempts if job else None) == found


def test_what_is_over_keeps_nothing_of_what_it_needed(one: Connection[Any]) -> None:
    for rid in (1, 2, 3):
        add(one, rid)
    one.execute(f"{DELETE} WHERE rid = 3".encode())
    withdraw_jobs(one)
    end_job(one, taken(one), "done")
    kept = one.execute("SELECT parameters FROM job ORDER BY number").fetchall()
    assert kept == [({},), ({"rid": 2},), ({},)]


def test_what_counts_for_a_caller_is_what_waits_or_runs(one: Connection[Any]) -> None:
    for rid in range(1, 6):
        add(one, rid)
    end_job(one, taken(one), "done")
    taken(one)
    one.execute(f"{DELETE} WHERE rid = 5".encode())
    assert count_jobs(one, CALLER["actor"]) == 3
    assert count_jobs(one, "somebody else") == 0
