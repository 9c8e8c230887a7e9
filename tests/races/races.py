"""Let many clients send the same condition at the same moment, round after round.

    python -m tests.races.races [--clients 50] [--workers 4] [--rounds 100]

In each round all clients ask for the same resource, each in its own spelling, in one form of these:

    create        POST with If-None-Exist
    update        PUT with the condition as its address, each client with content of its own
    transaction   two conditional creates, their order different from client to client, and a
                  resource that refers to one of them
    mixed         a third of the clients each: create, entry of a batch, entry of a transaction

One client creates it (201), the others get it (200), all the same. Exit code 0 only then.
"""

import argparse
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from tests.client import Answer, Client
from tests.server import ServerProcess

PATIENCE_S = 120.0
URN = "urn:uuid:11111111-1111-1111-1111-111111111111"


class Got(NamedTuple):
    """What one client got: status, and "Type/id" of the resource that its condition means."""

    status: int
    place: str


Ask = Callable[[Client, str, int], list[Got]]
"""Sends one client's request: connection, name of the round, number of the client."""


def spelled(name: str, number: int) -> str:
    """Write the condition of a round, each client in its own way."""
    token = f"urn:race|{name}"
    return (
        f"identifier={token}&active=true",
        f"active=true&identifier={token}",
        f"active=true&identifier={quote(token, safe='')}",
        f"identifier={token}&active=true&identifier={token}",
        f"identifier={token},{token}&active=true",
    )[number % 5]


def content(type_: str, name: str, number: int = 0) -> dict[str, Any]:
    """Make a resource that the condition of a round selects."""
    return {
        "resourceType": type_,
        "identifier": [{"system": "urn:race", "value": name}],
        "active": True,
        "telecom": [{"system": "other", "value": f"client {number}"}],
    }


def create(client: Client, name: str, number: int) -> list[Got]:
    """Create unless it is there."""
    answer = client.post("Patient", content("Patient", name), if_none_exist=spelled(name, number))
    return [_got(answer)]


def update(client: Client, name: str, number: int) -> list[Got]:
    """Update, or create."""
    return [_got(client.put(f"Patient?{spelled(name, number)}", content("Patient", name, number)))]


def transaction(client: Client, name: str, number: int) -> list[Got]:
    """Create two unless they are there, and refer to one."""
    refers = {
        "resourceType": "Basic",
        "identifier": [{"system": "urn:race", "value": name}],
        "code": {"text": "refers"},
        "subject": {"reference": URN},
    }
    entries = [
        _entry("Patient", name, number) | {"fullUrl": URN},
        _entry("Organization", name, number),
    ]
    entries = entries[::-1] if number % 2 else entries
    created = {"resource": refers, "request": {"method": "POST", "url": "Basic"}}
    return sorted(_entries_of(client, "transaction", [*entries, created])[:2], key=_place)


def mixed(client: Client, name: str, number: int) -> list[Got]:
    """Create unless it is there, in one of three ways."""
    if number % 3 == 0:
        return create(client, name, number)
    type_ = "batch" if number % 3 == 1 else "transaction"
    return _entries_of(client, type_, [_entry("Patient", name, number)])


FORMS: dict[str, Ask] = {
    "create": create,
    "update": update,
    "transaction": transaction,
    "mixed": mixed,
}


def race(base: str, form: str, clients: int, rounds: int) -> tuple[Counter[int], list[str]]:
    """Run all rounds of one form.

    Args:
        base: FHIR base of the server.
        form: name of a row of `FORMS`.
        clients: that ask at the same moment.
        rounds: how often.

    Returns:
        How often each status came, and what was wrong, a line each.
    """
    names = [f"{form}-{number}" for number in range(rounds)]
    start = threading.Barrier(clients, timeout=PATIENCE_S)

    def take_part(number: int) -> list[list[Got]]:
        got = []
        with Client(base, PATIENCE_S) as client:
            client.get("metadata?_elements=id")
            for name in names:
                start.wait()
                got.append(FORMS[form](client, name, number))
        return got

    with ThreadPoolExecutor(clients) as pool:
        all_of_them = list(pool.map(take_part, range(clients)))
    statuses: Counter[int] = Counter()
    wrong: list[str] = []
    for name, round_ in zip(names, zip(*all_of_them, strict=True), strict=True):
        for same in zip(*round_, strict=True):
            statuses.update(got.status for got in same)
            wrong += _faults(name, same)
    with Client(base, PATIENCE_S) as client:
        wrong += [fault for name in names for fault in _left_behind(client, name)]
    return statuses, wrong


def _faults(name: str, same: tuple[Got, ...]) -> list[str]:
    told = Counter(got.status for got in same)
    places = {got.place for got in same}
    if told == {201: 1, 200: len(same) - 1} and len(places) == 1:
        return []
    return [f"{name}: {dict(told)}, {sorted(places)[:5]}"]


def _left_behind(client: Client, name: str) -> list[str]:
    """Look for what is stored twice, and for references that lead elsewhere."""
    there = client.search(f"Patient?identifier=urn:race|{name}")
    wrong = [] if len(there) == 1 else [f"{name}: {len(there)} are stored"]
    meant = {f"Patient/{each['id']}" for each in there}
    referring = client.search(f"Basic?identifier=urn:race|{name}&_count=1000")
    led = {each["subject"]["reference"] for each in referring}
    return wrong if led <= meant else [*wrong, f"{name}: references lead to {led - meant}"]


def _entry(type_: str, name: str, number: int) -> dict[str, Any]:
    request = {"method": "POST", "url": type_, "ifNoneExist": spelled(name, number)}
    return {"resource": content(type_, name), "request": request}


def _entries_of(client: Client, type_: str, entries: list[dict[str, Any]]) -> list[Got]:
    answer = client.post("", {"resourceType": "Bundle", "type": type_, "entry": entries})
    if answer.status != 200:
        return [Got(answer.status, answer.text)] * len(entries)
    told = (entry["response"] for entry in answer.json["entry"])
    return [
        Got(int(each["status"][:3]), each.get("location", str(each)).partition("/_history")[0])
        for each in told
    ]


def _got(answer: Answer) -> Got:
    if answer.status >= 300:
        return Got(answer.status, answer.text)
    return Got(answer.status, f"{answer.json['resourceType']}/{answer.json['id']}")


def _place(got: Got) -> str:
    return got.place


def main() -> int:
    """Race; 0 if every round came out as it must."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=100)
    args = parser.parse_args()
    wrong: list[str] = []
    with tempfile.TemporaryDirectory(prefix="races-") as folder:
        arguments = ("--data-dir", f"{folder}/data", "--workers", str(args.workers))
        with ServerProcess(Path(folder) / "log", arguments) as server:
            for form in FORMS:
                began = time.monotonic()
                statuses, faults = race(server.base, form, args.clients, args.rounds)
                took_s = time.monotonic() - began
                print(f"{form}: {args.rounds} rounds, {dict(statuses)}, {took_s:.1f} s", flush=True)
                wrong += faults
    print("\n".join(wrong[:50]) or "one creates, the others find it, each time")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
