"""Many writers at once: versions, identities, references and deletes, conditions, durability."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from fhirserver.errors import ConflictError, PreconditionFailedError, UnavailableError
from fhirserver.store.database import Database
from fhirserver.store.history import HistoryQuery, history
from fhirserver.store.read import read
from fhirserver.store.write import WriteSession, Written, run_write, write
from tests.store.resources import AUDIT, delete, observation, patient, post, put
from tests.waiting import wait_for

WRITERS = 8
_OURS = "FROM pg_stat_activity WHERE application_name = 'fhirserver' AND datname = %s"


@pytest.fixture
def busy(database_url: str, empty: Database) -> Iterator[Database]:
    """A database with fewer connections than writers."""
    opened = Database(database_url, max_size=WRITERS - 2, timeout_s=60)
    yield opened
    opened.close()


def at_once(work: Callable[[int], Any], calls: int) -> list[Any]:
    """Run `work(0)`, `work(1)` ... on WRITERS threads; exceptions are results too."""

    def outcome(number: int) -> Any:
        try:
            return work(number)
        except (ConflictError, PreconditionFailedError) as refused:
            return refused

    with ThreadPoolExecutor(WRITERS) as pool:
        return list(pool.map(outcome, range(calls)))


def test_thousand_updates_of_one_resource_make_a_chain_without_gaps(busy: Database) -> None:
    outcomes = at_once(lambda n: write(busy, [put(patient("hot", f"n{n}"))], AUDIT)[0], 1000)
    assert sorted(each.stored.version for each in outcomes) == list(range(1, 1001))
    assert sum(each.created for each in outcomes) == 1
    chain = history(busy, HistoryQuery(("Patient",), "hot", count=2000), AUDIT)
    assert chain.total == 1000
    assert {each.body for each in chain.entries} == {each.stored.body for each in outcomes}
    instants = [each.updated_us for each in chain.entries]
    assert instants == sorted(set(instants), reverse=True)


def test_if_match_has_one_winner_for_each_version(busy: Database) -> None:
    write(busy, [put(patient("hot"))], AUDIT)

    def contend(number: int) -> Written:
        version = number // 10 + 1
        change = put(patient("hot", f"n{number}"), expected=frozenset({version}))
        return write(busy, [change], AUDIT)[0]

    outcomes = at_once(contend, 200)
    won = [each.stored.version for each in outcomes if isinstance(each, Written)]
    assert len(won) == len(set(won))
    assert sorted(won) == list(range(2, len(won) + 2))


def test_equal_conditions_create_once(busy: Database) -> None:
    """What a conditional create does: lock the condition, search, write if there is none."""

    def create_unless_there(number: int) -> bool:
        def work(session: WriteSession) -> bool:
            session.lock_conditions([f"Patient?n={number // WRITERS}"])
            found = session.connection.execute(
                "SELECT 1 FROM resource WHERE starts_with(id, %s)", (f"c{number // WRITERS}-",)
            ).fetchall()
            if not found:
                session.apply([post(patient(f"c{number // WRITERS}-{number}"))], AUDIT)
            return not found

        return run_write(busy, work)

    created = at_once(create_unless_there, WRITERS * 25)
    assert sum(created) == 25


def test_bundles_that_overlap_in_opposite_orders_all_succeed(busy: Database) -> None:
    ids = [f"p{n}" for n in range(6)]

    def bundle(number: int) -> list[Written]:
        order = ids if number % 2 else ids[::-1]
        return write(busy, [put(patient(each, f"n{number}")) for each in order], AUDIT)

    at_once(bundle, 80)
    for each in ids:
        stored = read(busy, "Patient", each, AUDIT)
        assert stored is not None
        assert stored.version == 80


def test_placeholders_of_many_writers_are_one_identity(
    busy: Database, sql: psycopg.Connection[Any]
) -> None:
    def refer(number: int) -> None:
        subjects = [f"Patient/p{(number + n) % 5}" for n in range(3)]
        write(busy, [post(observation(f"o{number}", *subjects))], AUDIT, "off")

    at_once(refer, 120)
    rows = sql.execute("SELECT id, count(*) FROM resource WHERE state = 0 GROUP BY id").fetchall()
    assert sorted(rows) == [(f"p{n}", 1) for n in range(5)]
    lost = sql.execute("SELECT count(*) FROM ref WHERE target NOT IN (SELECT rid FROM resource)")
    assert lost.fetchone() == (0,)


def test_no_reference_to_a_deleted_resource_slips_in(
    busy: Database, sql: psycopg.Connection[Any]
) -> None:
    """A delete and creates that refer to its resource, round after round."""

    def either(number: int) -> Any:
        target = f"p{number // 8}"
        if number % 8 == 3:
            return write(busy, [delete("Patient", target)], AUDIT)
        return write(busy, [post(observation(f"o{number}", f"Patient/{target}"))], AUDIT)

    rounds = 40
    write(busy, [put(patient(f"p{n}")) for n in range(rounds)], AUDIT)
    outcomes = at_once(either, 8 * rounds)
    dangling = sql.execute(
        "SELECT count(*) FROM ref JOIN resource r ON r.rid = ref.target WHERE r.state <> 1"
    ).fetchone()
    assert dangling == (0,)
    assert any(isinstance(each, ConflictError) for each in outcomes)


def test_connections_cut_off_while_idle_are_not_lent(busy: Database, postgres: str) -> None:
    """Each pool of each process loses its idle connections when the database restarts."""

    def use_all(number: int) -> tuple[int, ...]:
        with busy.connection() as main, busy.search_connection() as search:
            together.wait(30)
            return tuple(each.execute("SELECT 1").fetchone()[0] for each in (main, search))

    together = threading.Barrier(WRITERS - 2)
    assert at_once(use_all, WRITERS - 2) == [(1, 1)] * (WRITERS - 2)
    ours = (urlsplit(busy.url).path.removeprefix("/"),)
    with psycopg.connect(postgres, autocommit=True) as other:
        cut = other.execute(f"SELECT pg_terminate_backend(pid) {_OURS}", ours).fetchall()
        assert len(cut) >= 2 * (WRITERS - 2)
        wait_for(lambda: other.execute(f"SELECT count(*) {_OURS}", ours).fetchone() == (0,))
    assert at_once(use_all, WRITERS - 2) == [(1, 1)] * (WRITERS - 2)


def test_connection_cut_off_in_use_gives_503_and_then_recovers(busy: Database) -> None:
    with (
        pytest.raises(UnavailableError) as unavailable,
        busy.connection() as connection,
    ):
        connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    assert unavailable.value.headers[0][0] == "Retry-After"
    assert read(busy, "Patient", "p", AUDIT) is None


def test_exhausted_pool_gives_503(database_url: str, empty: Database) -> None:
    narrow = Database(database_url, max_size=1, timeout_s=1)
    released, taken = threading.Event(), threading.Event()

    def hold() -> None:
        with narrow.connection():
            taken.set()
            assert released.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    assert taken.wait(30)
    with pytest.raises(UnavailableError, match="connection is in use"):
        read(narrow, "Patient", "p", AUDIT)
    released.set()
    thread.join()
    assert read(narrow, "Patient", "p", AUDIT) is None
    narrow.close()
