"""What background jobs do: gapless numbers in commit order, partitions ahead of time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from fhirserver.config import Settings
from fhirserver.definitions import r4
from fhirserver.jobs.audit_partitions import make_audit_partitions
from fhirserver.jobs.duties import Duty
from fhirserver.jobs.outbox_numbers import number_outbox
from fhirserver.jobs.reindexing import Reindexing
from fhirserver.jobs.runner import Runner
from fhirserver.search.extract import extract, extractor_of
from fhirserver.store.audit_row import AuditRow
from fhirserver.store.database import Database
from fhirserver.store.migrate import SchemaRevisionError
from fhirserver.store.write import Change, write
from tests.conftest import new_database
from tests.waiting import wait_for

_INSERT = "INSERT INTO outbox (rid, updated, version, tid, method) VALUES (%s, 0, 1, 1, 1)"


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection[Any]]:
    with psycopg.connect(database_url, autocommit=True) as opened:
        opened.execute("TRUNCATE outbox, lease")
        yield opened


def _number(connection: Connection[Any], count: int) -> list[tuple[int, int]]:
    """Number until so many have numbers: what others of the cluster are writing holds it up."""

    def enough() -> bool:
        number_outbox(connection)
        return len(_numbered(connection)) >= count

    wait_for(enough)
    return _numbered(connection)


def _numbered(connection: Connection[Any]) -> list[tuple[int, int]]:
    found = connection.execute(
        "SELECT number, rid FROM outbox WHERE number IS NOT NULL ORDER BY number"
    )
    return list(found.fetchall())


def test_numbers_wait_for_a_slow_transaction(
    connection: Connection[Any], database_url: str
) -> None:
    connection.execute(_INSERT, (1,))
    with psycopg.connect(database_url) as slow:
        slow.execute(_INSERT, (2,))
        connection.execute(_INSERT, (3,))
        assert _number(connection, 1) == [(1, 1)]
        slow.commit()
        connection.execute(_INSERT, (4,))
        assert _number(connection, 4) == [(1, 1), (2, 2), (3, 3), (4, 4)]


def test_numbers_have_no_gap_after_a_rollback(
    connection: Connection[Any], database_url: str
) -> None:
    with psycopg.connect(database_url) as failing:
        failing.execute(_INSERT, (1,))
        connection.execute(_INSERT, (2,))
        failing.rollback()
    connection.execute(_INSERT, (3,))
    assert _number(connection, 2) == [(1, 2), (2, 3)]


def test_partitions_exist_before_their_months(connection: Connection[Any]) -> None:
    for _ in range(2):
        assert make_audit_partitions(connection) is False
    missing = connection.execute(
        """SELECT n FROM generate_series(0, 3) n WHERE to_regclass(
            to_char(date_trunc('month', now()) + make_interval(months => n), '"audit_"YYYY_MM')
        ) IS NULL"""
    ).fetchall()
    assert missing == []


def test_a_failing_duty_does_not_stop_the_others(
    connection: Connection[Any], database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    stop = threading.Event()
    steps: list[str] = []

    def fail(of: Connection[Any]) -> bool:
        of.execute("SELECT 'a secret'::int")
        return False

    def work(_of: Connection[Any]) -> bool:
        steps.append("step")
        if len(steps) == 3:
            stop.set()
        return True

    Runner(database_url, (Duty("a", 0, fail), Duty("b", 0, work)), stop).run()
    assert len(steps) == 3
    assert caplog.messages == ["a failed: InvalidTextRepresentation 22P02"]


def test_two_runners_share_the_work(connection: Connection[Any], database_url: str) -> None:
    stop = threading.Event()
    running: set[int] = set()
    overlaps: list[int] = []
    done: list[int] = []

    def step(of: Connection[Any]) -> bool:
        running.add(id(of))
        overlaps.append(len(running))
        of.execute("SELECT pg_sleep(0.01)")
        running.discard(id(of))
        done.append(id(of))
        if len(done) == 20:
            stop.set()
        return True

    runners = [
        threading.Thread(target=Runner(database_url, (Duty("x", 0, step),), stop).run)
        for _ in range(2)
    ]
    for runner in runners:
        runner.start()
    for runner in runners:
        runner.join(30)
    assert set(overlaps) == {1}


def test_jobs_refuse_a_database_of_another_revision(postgres: str) -> None:
    url = new_database(postgres)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("UPDATE schema_revision SET version_num = '0000'")
    with pytest.raises(SchemaRevisionError, match="fhirserver migrate"):
        Runner(url, (), threading.Event()).run()


def test_rows_of_an_older_extractor_are_made_again(
    connection: Connection[Any], database_url: str, database: Database
) -> None:
    patient = {"resourceType": "Patient", "id": "p", "gender": "female"}
    rows = extract(patient, definitions=r4(), base_url=None)
    audit = AuditRow("create", "", "", "", "")
    write(database, [Change("Patient", "p", "PUT", patient, rows)], audit)
    connection.execute("UPDATE resource SET extractor = 0")
    reindexing = Reindexing(replace(Settings(), database_url=database_url))
    while reindexing.step(connection):
        pass
    extractors = connection.execute("SELECT DISTINCT extractor FROM resource WHERE state = 1")
    assert extractors.fetchall() == [(extractor_of(r4()),)]
