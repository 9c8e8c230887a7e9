"""The loop of jobs: every job comes to an end, and a stop leaves it to the next process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from fhirserver.jobs.job_runner import ATTEMPTS_MAX, Beat, JobRunner, Kind
from fhirserver.store.job_rows import Job, JobLostError, end_job
from tests.jobs.test_job_rows import DELETE, add
from tests.waiting import PATIENCE_S


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection[Any]]:
    with psycopg.connect(database_url, autocommit=True) as opened:
        opened.execute("TRUNCATE job, job_entry, resource")
        yield opened


def rows(connection: Connection[Any]) -> list[tuple[str, int]]:
    return connection.execute("SELECT state, attempts FROM job ORDER BY number").fetchall()


def work(url: str, run: Callable[[Job, Beat], None], stop: threading.Event, **more: Any) -> None:
    give_up = more.get("give_up", lambda _job: pytest.fail("given up"))
    JobRunner(url, {"x": Kind(run, give_up)}, stop).run()


def test_a_job_that_fails_is_put_back_and_the_next_is_done(
    connection: Connection[Any], database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    stop = threading.Event()
    add(connection, 1)
    add(connection, 2)

    def run(job: Job, beat: Beat) -> None:
        beat()
        if job.parameters["rid"] == 1:
            raise ValueError("a secret")
        end_job(connection, job, "done")
        stop.set()

    work(database_url, run, stop)
    assert rows(connection) == [("waiting", 1), ("done", 1)]
    assert caplog.messages == ["x failed: ValueError "]


def test_a_job_that_was_tried_too_often_is_given_up(
    connection: Connection[Any], database_url: str
) -> None:
    """One that kills its worker fails nowhere: only the number of attempts tells."""
    stop = threading.Event()
    add(connection, 1)
    connection.execute("UPDATE job SET attempts = %s", (ATTEMPTS_MAX,))

    def give_up(job: Job) -> None:
        end_job(connection, job, "failed")
        stop.set()

    work(database_url, lambda _job, _beat: pytest.fail("tried again"), stop, give_up=give_up)
    assert rows(connection) == [("failed", ATTEMPTS_MAX + 1)]


def test_a_stop_leaves_the_job_to_the_next_process(
    connection: Connection[Any], database_url: str
) -> None:
    stop = threading.Event()
    add(connection, 1)

    def run(_job: Job, beat: Beat) -> None:
        stop.set()
        beat()
        pytest.fail("went on")

    work(database_url, run, stop)
    assert rows(connection) == [("waiting", 0)]


def test_a_job_whose_resource_is_deleted_ends(
    connection: Connection[Any], database_url: str
) -> None:
    stop = threading.Event()
    add(connection, 1)

    def run(_job: Job, beat: Beat) -> None:
        connection.execute(DELETE)
        with pytest.raises(JobLostError):
            beat()
        stop.set()
        raise JobLostError

    work(database_url, run, stop)
    assert rows(connection) == [("cancelled", 1)]


def test_many_runners_do_each_job_once(connection: Connection[Any], database_url: str) -> None:
    stop = threading.Event()
    done: list[int] = []
    for rid in range(1, 11):
        add(connection, rid)

    def run(job: Job, beat: Beat) -> None:
        beat()
        with psycopg.connect(database_url) as own:
            end_job(own, job, "done")
        done.append(job.parameters["rid"])
        if len(done) == 10:
            stop.set()

    runners = [threading.Thread(target=work, args=(database_url, run, stop)) for _ in range(3)]
    for runner in runners:
        runner.start()
    for runner in runners:
        runner.join(PATIENCE_S)
    assert sorted(done) == list(range(1, 11))


def test_the_database_may_go_away(connection: Connection[Any], database_url: str) -> None:
    stop = threading.Event()
    add(connection, 1)
    tries: list[int] = []

    def run(job: Job, beat: Beat) -> None:
        tries.append(job.attempts)
        if len(tries) == 1:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'fhirserver-jobs' AND datname = current_database()"
            )
            connection.execute("UPDATE job SET expires = clock_timestamp()")
            beat()
        end_job(connection, job, "done")
        stop.set()

    work(database_url, run, stop)
    assert tries == [1, 2]
