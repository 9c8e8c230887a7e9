"""What failed attempts cost: per account, per address, for names that do not exist (SEC-U3)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import count as numbers

import pytest

from fhirserver.errors import ThrottledError
from fhirserver.identity import attempts
from fhirserver.identity.attempts import Guessed
from fhirserver.store.database import Database

MINUTE_US = 60_000_000
DAY_US = 24 * 60 * MINUTE_US
START = 2_000_000_000_000_000
MOST = 50
_names = numbers()


def tried(database: Database, guessed: Guessed, now: int, most: int = MOST) -> bool:
    """Try once; whether it was looked at."""
    with database.connection() as connection:
        try:
            attempts.count(connection, guessed, most, now=now)
        except ThrottledError:
            return False
    return True


def somebody(*, administrator: bool = False) -> Guessed:
    """Make up somebody at an address of their own."""
    number = next(_names)
    return Guessed(f"user{number}", f"10.1.{number // 250}.{number % 250}", administrator)


@pytest.mark.parametrize(
    ("administrator", "waits"),
    [
        pytest.param(False, [0, 0, 0, 0, 1, 2, 4, 8, 16, None], id="SEC-U3/ordinary"),
        pytest.param(
            True, [0, 0, 0, 0, 1, 2, 4, 8, 16, 16, 16, 16], id="SEC-U3/never-an-administrator"
        ),
    ],
)
def test_waits_double_until_an_account_is_shut(
    database: Database, administrator: bool, waits: list[int | None]
) -> None:
    guessed, now = somebody(administrator=administrator), START
    for wait in waits:
        assert tried(database, guessed, now)
        if wait is None:
            assert not tried(database, guessed, now + 1000 * DAY_US)
            return
        if wait:
            assert not tried(database, guessed, now + wait * MINUTE_US - 1)
        now += wait * MINUTE_US


def test_an_administrator_opens_what_is_shut(database: Database) -> None:
    guessed = somebody()
    for _ in range(5):
        tried(database, guessed, START)
    with database.connection() as connection:
        names = [guessed.username, "nobody"]
        assert attempts.shut(connection, names, START) == {guessed.username}
        attempts.forget(connection, guessed.username.upper())
    assert tried(database, guessed, START)


def test_a_day_of_peace_is_forgotten(database: Database) -> None:
    guessed = somebody()
    for _ in range(4):
        assert tried(database, guessed, START)
    for _ in range(4):
        assert tried(database, guessed, START + DAY_US + 1)


@pytest.mark.parametrize(
    "addresses",
    [
        pytest.param(["192.0.2.1"], id="one"),
        pytest.param([f"2001:db8:7:1::{number}" for number in range(1, 9)], id="network-of-IPv6"),
        pytest.param(["192.0.2.9", "::ffff:192.0.2.9"], id="mapped"),
        pytest.param(["", "no address"], id="unknown"),
    ],
)
def test_an_address_waits_until_its_quarter_of_an_hour_is_over(
    database: Database, addresses: list[str]
) -> None:
    def at(number: int) -> Guessed:
        name = f"somebody{next(_names)}"
        return Guessed(name, addresses[number % len(addresses)], administrator=False)

    assert all(tried(database, at(number), START + number, most=8) for number in range(8))
    assert not tried(database, at(8), START + 14 * MINUTE_US, most=8)
    assert tried(database, Guessed("x", "198.51.100.7", administrator=False), START, most=8)
    assert tried(database, at(9), START + 15 * MINUTE_US + 1, most=8)


def test_what_succeeds_counts_nothing_of_an_address(database: Database) -> None:
    for _ in range(20):
        guessed = Guessed(f"user{next(_names)}", "192.0.2.77", administrator=False)
        assert tried(database, guessed, START, most=5)
        with database.connection() as connection:
            attempts.forgive(connection, guessed.address)


def test_many_at_once_are_no_way_round(database: Database) -> None:
    guessed = somebody()
    with ThreadPoolExecutor(6) as pool:
        looked_at = list(pool.map(lambda _: tried(database, guessed, START), range(24)))
    assert looked_at.count(True) == 5


def test_old_rows_go_and_shut_ones_stay(database: Database) -> None:
    with database.connection() as connection:
        connection.execute("TRUNCATE login_attempt")
    shut, old = somebody(), somebody()
    for _ in range(9):
        tried(database, old, START)
    now = START
    for _ in range(10):
        tried(database, shut, now)
        now += 16 * MINUTE_US
    for _ in range(3):
        tried(database, somebody(), START + 3 * DAY_US)
    with database.connection() as connection:
        keys = {bytes(key) for (key,) in connection.execute("SELECT key FROM login_attempt")}
    assert attempts.account_key(shut.username) in keys
    assert attempts.account_key(old.username) not in keys
