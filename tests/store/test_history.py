"""Histories: order, pages, instants, compartments, and the order of commits."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from fhirserver.search.conditions import Fragment
from fhirserver.store.database import Database
from fhirserver.store.history import HistoryPage, HistoryQuery, history
from fhirserver.store.named import named
from fhirserver.store.write import run_write, write
from tests.store.resources import AUDIT, delete, observation, patient, put

SECOND = 1_000_000


class Clock:
    """A clock that a test sets, in whole seconds."""

    def __init__(self) -> None:
        self.second = 0

    def __call__(self) -> int:
        return self.second * SECOND


@pytest.fixture
def story(database_url: str, empty: Database) -> Any:
    """Patients p and q, an Observation of p; second by second."""
    clock = Clock()
    database = Database(database_url, clock=clock)
    for second, change in enumerate(
        (
            put(patient("p", "one")),
            put(patient("q", "one")),
            put(observation("o", "Patient/p")),
            put(patient("p", "two")),
            delete("Patient", "q"),
            put(patient("q", "three")),
        ),
        start=10,
    ):
        clock.second = second
        write(database, [change], AUDIT)
    yield database
    database.close()


def names(page: HistoryPage) -> list[str]:
    return [f"{each.id}{each.version}{'' if each.body else ' deleted'}" for each in page.entries]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param({}, "q3,q2 deleted,p2,o1,q1,p1", id="system"),
        pytest.param({"types": ("Patient",)}, "q3,q2 deleted,p2,q1,p1", id="type"),
        pytest.param({"types": ("Patient",), "id": "p"}, "p2,p1", id="instance"),
        pytest.param({"types": ("Patient",), "id": "none"}, "", id="instance that never was"),
        pytest.param(
            {"since_us": 13 * SECOND}, "q3,q2 deleted,p2", id="_since includes its instant"
        ),
        pytest.param(
            {"types": ("Patient",), "id": "q", "since_us": 11 * SECOND + 1},
            "q3,q2 deleted",
            id="instance _since",
        ),
        pytest.param(
            {"at_us": (12 * SECOND, 13 * SECOND)}, "o1,q1,p1", id="_at: what was current then"
        ),
        pytest.param(
            {"at_us": (13 * SECOND, 14 * SECOND)}, "p2,o1,q1", id="_at: superseded at its start"
        ),
        pytest.param({"at_us": (0, SECOND)}, "", id="_at before everything"),
        pytest.param({"ascending": True}, "p1,q1,o1,p2,q2 deleted,q3", id="oldest first"),
        pytest.param(
            {"ascending": True, "types": ("Patient",), "id": "q"},
            "q1,q2 deleted,q3",
            id="instance, oldest first",
        ),
        pytest.param(
            {"reach": named(Fragment("r.id = ANY(%s::text[]) AND r.tid > %s", (["p", "o"], 0)))},
            "p2,o1,p1",
            id="of resources in reach",
        ),
        pytest.param(
            {"reach": named(Fragment("r.version = %s", (1,)))},
            "o1",
            id="the current version counts",
        ),
        pytest.param({"reach": named(Fragment("FALSE"))}, "", id="nothing in reach"),
    ],
)
def test_history_lists_versions_in_order(
    story: Database, query: dict[str, Any], expected: str
) -> None:
    page = history(story, HistoryQuery(**query), AUDIT)
    assert ",".join(names(page)) == expected
    assert page.next_beyond is None
    assert page.total == (len(page.entries) if "id" in query else None)


@pytest.mark.parametrize("ascending", [False, True])
@pytest.mark.parametrize("count", [1, 2, 3, 5, 6, 7])
@pytest.mark.parametrize("kind", [{}, {"types": ("Patient",)}, {"types": ("Patient",), "id": "q"}])
def test_pages_joined_are_one_big_page(
    story: Database, kind: dict[str, Any], count: int, ascending: bool
) -> None:
    whole = history(story, HistoryQuery(**kind, count=100), AUDIT)
    found: list[str] = []
    beyond = None
    while True:
        query = HistoryQuery(**kind, ascending=ascending, count=count, beyond=beyond)
        page = history(story, query, AUDIT)
        assert page.total == whole.total
        found += names(page)
        beyond = page.next_beyond
        if beyond is None:
            break
        assert len(page.entries) == count
    assert found == names(whole)[:: -1 if ascending else 1]


def test_count_zero_gives_the_total_alone(story: Database) -> None:
    page = history(story, HistoryQuery(("Patient",), "q", count=0), AUDIT)
    assert (page.entries, page.total, page.next_beyond) == ([], 3, None)


def test_who_reads_on_stops_before_a_transaction_under_way(empty: Database) -> None:
    """Fast writers commit while a slow one, with an earlier instant, has not."""
    written, may_commit = threading.Event(), threading.Event()

    def slow(session: Any) -> None:
        session.apply([put(patient("slow"))], AUDIT)
        written.set()
        assert may_commit.wait(30)

    thread = threading.Thread(target=lambda: run_write(empty, slow))
    thread.start()
    assert written.wait(30)
    write(empty, [put(patient("fast"))], AUDIT)
    during = history(empty, HistoryQuery(since_us=0), AUDIT)
    unbounded = history(empty, HistoryQuery(), AUDIT)
    ascending = history(empty, HistoryQuery(ascending=True), AUDIT)
    may_commit.set()
    thread.join()
    after = history(empty, HistoryQuery(since_us=0), AUDIT)
    assert names(during) == names(ascending) == []
    assert names(unbounded) == ["fast1"]
    assert names(after) == ["fast1", "slow1"]
