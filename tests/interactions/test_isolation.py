"""Transactions that touch the same resources at the same time: whole for everybody, or nothing.

Spec: https://hl7.org/fhir/R4/http.html#trules
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from tests.client import Answer, Client
from tests.server import ServerProcess
from tests.waiting import wait_for

pytestmark = pytest.mark.usefixtures("clean")

ACCOUNTS = ("a0", "a1", "a2", "a3")
SYSTEM = "urn:transfer"
WRITERS = 6
TRANSFERS = 12
_WAITING = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock'
    AND application_name <> 'fhirserver-jobs'
"""


def account(id_: str, amount: int, transfer: str) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": id_,
        "identifier": [{"system": SYSTEM, "value": transfer}],
        "status": "final",
        "code": {"text": "account"},
        "valueInteger": amount,
    }


def put(resource: dict[str, Any], **more: str) -> dict[str, Any]:
    url = f"{resource['resourceType']}/{resource['id']}"
    return {"resource": resource, "request": {"method": "PUT", "url": url, **more}}


def receipt(transfer: str) -> dict[str, Any]:
    identifier = [{"system": SYSTEM, "value": transfer}]
    basic = {"resourceType": "Basic", "identifier": identifier, "code": {"text": "receipt"}}
    condition = f"identifier={SYSTEM}|{transfer}"
    return {
        "resource": basic,
        "request": {"method": "POST", "url": "Basic", "ifNoneExist": condition},
    }


def transact(client: Client, *entries: dict[str, Any]) -> Answer:
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": list(entries)}
    return client.post("", bundle)


class Bank:
    """Clients that move amounts from one account to another, and others that look on."""

    def __init__(self, server: ServerProcess) -> None:
        self._server = server
        self._closed = threading.Event()

    def transfer(self, writer: int) -> Counter[int]:
        """Try some transfers; a third of them ask for something that is not there, at the end."""
        chance = random.Random(writer)
        told: Counter[int] = Counter()
        with self._server.client() as client:
            for number in range(TRANSFERS):
                name = f"{writer}-{number}"
                ids = chance.sample(ACCOUNTS, 2)
                entries = []
                for id_, change in zip(ids, (-1, 1), strict=True):
                    stored = client.get(f"Observation/{id_}")
                    changed = account(id_, stored.json["valueInteger"] + change, name)
                    entries.append(put(changed, ifMatch=stored.headers["etag"]))
                entries.append(receipt(name))
                chance.shuffle(entries)
                if number % 3 == 2:
                    entries.append({"request": {"method": "GET", "url": "Observation/none"}})
                told[transact(client, *entries).status] += 1
        return told

    def look_on(self) -> int:
        """Look until the bank closes: money is neither made nor lost, no transfer is half done."""
        looks = 0
        with self._server.client() as client:
            while not self._closed.is_set():
                looks += 1
                amounts = [
                    each["valueInteger"] for each in client.search("Observation?status=final")
                ]
                assert (len(amounts), sum(amounts)) == (len(ACCOUNTS), 0)
                receipts = transfers(client, "Basic")
                sides = transfers(client, "Observation")
                assert set(sides.values()) <= {2}
                assert receipts.keys() <= sides.keys()
        return looks

    def close(self) -> None:
        """End the looking on."""
        self._closed.set()


def transfers(client: Client, type_: str) -> Counter[str]:
    """Count by transfer the versions that a type's history shows, opening balances aside."""
    history = client.get(f"{type_}/_history?_count=1000").json
    named = (each["resource"]["identifier"][0]["value"] for each in history.get("entry", []))
    return Counter(each for each in named if each != "opening")


def test_transfers_are_whole_for_everybody_who_looks(server: ServerProcess, client: Client) -> None:
    for id_ in ACCOUNTS:
        assert client.put(f"Observation/{id_}", account(id_, 0, "opening")).status == 201
    bank = Bank(server)
    with ThreadPoolExecutor(WRITERS + 2) as pool:
        lookers = [pool.submit(bank.look_on) for _ in range(2)]
        try:
            told = sum(pool.map(bank.transfer, range(WRITERS)), Counter[int]())
        finally:
            bank.close()
        assert all(each.result() > 0 for each in lookers)
    assert set(told) <= {200, 404, 412}
    assert told[200] > 0
    done = transfers(client, "Observation")
    assert len(done) == told[200]
    assert transfers(client, "Basic") == dict.fromkeys(done, 1)
    assert sum(each["valueInteger"] for each in client.search("Observation?status=final")) == 0


def test_a_deadlock_is_tried_again_and_nobody_hears_of_it(
    server: ServerProcess, server_database_url: str
) -> None:
    """Two that each delete what the other refers to, and hold their own when they look for it."""
    ids = ("one", "two")

    def delete_and_refer(number: int) -> int:
        mine, other = ids[number], ids[1 - number]
        refers = {
            "resourceType": "Basic",
            "code": {"text": "x"},
            "subject": {"reference": f"Patient/{other}"},
        }
        with server.client() as client:
            return transact(
                client,
                {"request": {"method": "DELETE", "url": f"Patient/{mine}"}},
                {"resource": refers, "request": {"method": "POST", "url": "Basic"}},
            ).status

    with server.client() as client:
        for id_ in ids:
            client.put(f"Patient/{id_}", {"resourceType": "Patient", "id": id_})
        with (
            ThreadPoolExecutor(2) as pool,
            psycopg.connect(server_database_url) as holder,
            psycopg.connect(server_database_url, autocommit=True) as watcher,
        ):
            # Both come as far as the statement that writes: then each has locked what it deletes.
            holder.execute("LOCK TABLE audit IN ACCESS EXCLUSIVE MODE")
            answers = pool.map(delete_and_refer, range(2))
            wait_for(lambda: watcher.execute(_WAITING).fetchone() == (2,))
            holder.rollback()
            assert sorted(answers) == [200, 409]
        (left,) = client.search("Patient")
        (basic,) = client.search("Basic")
        assert basic["subject"]["reference"] == f"Patient/{left['id']}"


def test_a_condition_holds_for_what_it_deletes(server: ServerProcess, client: Client) -> None:
    """Somebody else changes the only candidate all the time; no active one is ever deleted."""
    rounds = 60

    def change() -> None:
        with server.client() as other:
            for number in range(2 * rounds):
                other.put(
                    "Patient/p", {"resourceType": "Patient", "id": "p", "active": number % 2 == 0}
                )

    def delete() -> set[int]:
        with server.client() as other:
            return {other.delete("Patient?_id=p&active=false").status for _ in range(rounds)}

    with ThreadPoolExecutor(3) as pool:
        changing = pool.submit(change)
        deleting = [pool.submit(delete) for _ in range(2)]
        changing.result()
        assert set().union(*(each.result() for each in deleting)) == {204}
    history = client.get("Patient/p/_history?_count=1000").json["entry"][::-1]
    before = [
        history[at - 1]["resource"]["active"]
        for at, each in enumerate(history)
        if each["request"]["method"] == "DELETE"
    ]
    assert before
    assert not any(before)
