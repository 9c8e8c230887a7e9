"""A sandbox: everybody may register applications, up to so many a day.

Spec: security requirement G1 (sandbox-only open mode); RFC 6585 section 4
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from fhirserver.store.database import Database
from tests.client import Answer
from tests.conftest import new_database
from tests.secured import Secured
from tests.server import ServerProcess

OF_ADDRESS, IN_ALL, DAY_S = 3, 5, 86_400
SAID = {"redirect_uris": ["https://app.example.org/a"], "token_endpoint_auth_method": "none"}
_SETTINGS = {
    "FHIRSERVER_OPEN_REGISTRATION": "true",
    "FHIRSERVER_OPEN_REGISTRATIONS": str(IN_ALL),
    "FHIRSERVER_OPEN_REGISTRATIONS_PER_ADDRESS": str(OF_ADDRESS),
    "FHIRSERVER_TRUSTED_PROXIES": "127.0.0.0/8",
}
_PASS = "UPDATE login_attempt SET last = last - %s * 1000000::bigint"


@pytest.fixture(scope="module")
def open_house(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    folder = tmp_path_factory.mktemp("sandbox")
    url = new_database(postgres)
    arguments = ("--database-url", url, "--data-dir", str(folder / "data"), "--workers", "2")
    with (
        ServerProcess(folder / "log", (*arguments, "--no-jobs"), _SETTINGS, open=False) as running,
        closing(Database(url)) as database,
    ):
        yield Secured(running, database)


@pytest.fixture
def sandbox(open_house: Secured) -> Secured:
    """The server on a day on which nobody has registered."""
    with open_house.database.connection() as connection:
        connection.execute("TRUNCATE login_attempt, oauth_client CASCADE")
    return open_house


def register(sandbox: Secured, address: str, **changes: object) -> Answer:
    headers = {"Content-Type": "application/json", "X-Forwarded-For": address}
    with sandbox.server.client() as client:
        return client.request(
            "POST", "/oauth/register", json.dumps({**SAID, **changes}).encode(), headers
        )


def statuses(sandbox: Secured, *addresses: str) -> list[int]:
    return [register(sandbox, address).status for address in addresses]


def registered(sandbox: Secured) -> int:
    with sandbox.database.connection() as connection:
        row = connection.execute("SELECT count(*) FROM oauth_client").fetchone()
    assert row is not None
    return int(row[0])


def let_pass(sandbox: Secured, seconds: int) -> None:
    with sandbox.database.connection() as connection:
        connection.execute(_PASS, (seconds,))


@pytest.mark.parametrize(
    ("addresses", "most"),
    [
        pytest.param(["192.0.2.1"] * 10, OF_ADDRESS, id="SEC-G1-one-address"),
        pytest.param([f"192.0.2.{n}" for n in range(10)], IN_ALL, id="SEC-G1-in-all"),
        pytest.param(
            [f"2001:db8:0:1::{n}" for n in range(10)], OF_ADDRESS, id="SEC-G1-a-network-of-ipv6"
        ),
    ],
)
def test_of_many_at_once_no_more_than_may_register(
    sandbox: Secured, addresses: list[str], most: int
) -> None:
    """In two workers."""
    with ThreadPoolExecutor(len(addresses)) as pool:
        answers = list(pool.map(lambda address: register(sandbox, address), addresses))
    assert sorted(answer.status for answer in answers) == [201] * most + [429] * (10 - most)
    assert registered(sandbox) == most
    for answer in answers:
        if answer.status == 429:
            assert answer.json["error"] == "temporarily_unavailable"
            assert 0 < int(answer.headers["retry-after"]) <= DAY_S


def test_one_address_does_not_shut_others_out_and_what_is_refused_does_not_count(
    sandbox: Secured,
) -> None:
    bad = [register(sandbox, "192.0.2.1", redirect_uris=["ftp://x"]).status for _ in range(4)]
    assert bad == [400] * 4
    assert statuses(sandbox, *["192.0.2.1"] * 5) == [201] * 3 + [429] * 2
    assert statuses(sandbox, *["192.0.2.2"] * 3) == [201] * 2 + [429]
    let_pass(sandbox, DAY_S)
    assert statuses(sandbox, *["192.0.2.2"] * 4) == [201] * 3 + [429]


def test_retry_after_is_when_the_day_of_the_first_is_over(sandbox: Secured) -> None:
    assert statuses(sandbox, "192.0.2.1") == [201]
    let_pass(sandbox, DAY_S - 600)
    assert statuses(sandbox, "192.0.2.1", "192.0.2.1") == [201, 201]
    wait_s = int(register(sandbox, "192.0.2.1").headers["retry-after"])
    assert 0 < wait_s <= 600
    let_pass(sandbox, wait_s)
    assert statuses(sandbox, "192.0.2.1") == [201]
