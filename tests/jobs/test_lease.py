"""Leases: one owner, a fence that grows, steps of a former owner refused."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from fhirserver.jobs.lease import LeaseLostError, fenced, release_lease, take_lease


@pytest.fixture
def one(database_url: str) -> Iterator[Connection[Any]]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("TRUNCATE lease")
        yield connection


@pytest.fixture
def two(database_url: str) -> Iterator[Connection[Any]]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


def test_only_one_process_has_a_lease(one: Connection[Any], two: Connection[Any]) -> None:
    first = take_lease(one, "duty", "one", 60)
    assert first is not None
    assert take_lease(two, "duty", "two", 60) is None
    assert take_lease(one, "duty", "one", 60) == first


def test_a_released_lease_is_free_at_once(one: Connection[Any], two: Connection[Any]) -> None:
    first = take_lease(one, "duty", "one", 60)
    assert first is not None
    release_lease(one, first)
    second = take_lease(two, "duty", "two", 60)
    assert second is not None
    assert second.fence > first.fence


def test_a_step_of_a_former_owner_is_refused(one: Connection[Any], two: Connection[Any]) -> None:
    stale = take_lease(one, "duty", "one", 0)
    assert stale is not None
    assert take_lease(two, "duty", "two", 60) is not None
    with pytest.raises(LeaseLostError), fenced(one, stale):
        pytest.fail("a stale step ran")


def test_nobody_takes_over_in_the_middle_of_a_step(
    one: Connection[Any], two: Connection[Any]
) -> None:
    lease = take_lease(one, "duty", "one", 0)
    assert lease is not None
    taken = threading.Event()

    def take_over() -> None:
        take_lease(two, "duty", "two", 60)
        taken.set()

    successor = threading.Thread(target=take_over)
    with fenced(one, lease):
        successor.start()
        assert not taken.wait(0.3)
    successor.join(10)
    assert taken.is_set()
