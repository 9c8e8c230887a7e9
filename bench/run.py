"""First speed figures: read, create, update, search and transaction, with the floor in one run.

    python bench/run.py [--seconds 5] [--clients 32] [--workers 2] [--patients 1000]

Starts a server of its own on an empty data directory, loads synthetic patients and prints a table
of requests a second, p50, p99, the ratio to a bare WSGI application on the same HTTP server, and
the CPU time of a request in the server's processes and in PostgreSQL's. A case with any unexpected
status is reported as wrong instead of as fast.
"""

import argparse
import itertools
import os
import platform
import random
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from client import Tally, request, run
from cpu import Spent, spent_below
from server import command, server

from fhirserver.model.json import JsonObject, write_json
from fhirserver.samples import sample_bundles
from fhirserver.samples.clinic import Clinic
from fhirserver.samples.record import patient_record

HERE = Path(__file__).parent
NEWCOMERS = range(1_000_000, 1_000_060)
"""Numbers of patients that are not in the loaded sample."""


@dataclass(slots=True)
class Live:
    """Values drawn from the loaded data."""

    patients: list[JsonObject]
    observations: list[JsonObject]
    encounters: list[JsonObject]
    bundles: list[bytes]


def main() -> int:
    """Run every case and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--patients", type=int, default=1000)
    args = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    with _floor(args.workers) as (port, pid):
        floor, spent = _run(port, pid, args, lambda: request("GET", "/"))
        _print("floor: bare WSGI", floor, floor, spent, {200})
    with tempfile.TemporaryDirectory() as folder:
        sample = Path(folder) / "sample.ndjson"
        live = _write_sample(sample, args.patients)
        data_dir = Path(folder) / "data"
        command("load", "--data-dir", str(data_dir), str(sample))
        with server(data_dir, args.workers) as (port, pid):
            for name, statuses, next_request in _cases(live):
                tally, spent = _run(port, pid, args, next_request)
                _print(name, tally, floor, spent, statuses)
    entries = sum(body.count(b'"fullUrl"') for body in live.bundles) / len(live.bundles)
    print(f"a transaction has {entries:.0f} entries on average")
    return 0


def _run(
    port: int, pid: int, args: argparse.Namespace, next_request: Callable[[], bytes]
) -> tuple[Tally, Spent]:
    before = spent_below(pid)
    tally = run(port, args.clients, args.seconds, next_request)
    return tally, spent_below(pid).since(before)


def _cases(live: Live) -> Iterator[tuple[str, set[int], Callable[[], bytes]]]:
    chance = random.Random(1)

    def get(path: Callable[[], str]) -> Callable[[], bytes]:
        return lambda: request("GET", "/fhir/" + path())

    def body(resource: JsonObject) -> bytes:
        return write_json({key: item for key, item in resource.items() if key != "id"})

    bodies = [body(resource) for resource in live.observations[:2000]]
    yield "read Patient", {200}, get(lambda: f"Patient/{chance.choice(live.patients)['id']}")
    yield (
        "read Observation",
        {200},
        get(lambda: f"Observation/{chance.choice(live.observations)['id']}"),
    )
    yield (
        "create Observation",
        {201},
        lambda: request("POST", "/fhir/Observation", chance.choice(bodies)),
    )
    yield "update Observation", {200}, lambda: _update(chance.choice(live.observations))
    yield from _searches(live, chance, get)
    bundles = itertools.cycle(live.bundles)
    yield "transaction (one patient)", {200}, lambda: request("POST", "/fhir", next(bundles))


def _searches(
    live: Live, chance: random.Random, get: Callable[[Callable[[], str]], Callable[[], bytes]]
) -> Iterator[tuple[str, set[int], Callable[[], bytes]]]:
    def patient() -> str:
        return str(chance.choice(live.patients)["id"])

    shapes: dict[str, Callable[[], str]] = {
        "patient + code, newest first": lambda: (
            f"Observation?patient={patient()}&code=http://loinc.org|8867-4&_sort=-date"
        ),
        "code across patients, newest": lambda: (
            "Observation?code=http://loinc.org|2345-7&_sort=-date&_count=20"
        ),
        "name prefix": lambda: (
            "Patient?name=" + _quoted(chance.choice(live.patients)["name"][0]["family"][:4])
        ),
        "identifier": lambda: (
            "Patient?identifier="
            + _quoted(
                "urn:fhirserver:sample:mrn|"
                + chance.choice(live.patients)["identifier"][0]["value"]
            )
        ),
        "birthdate": lambda: f"Patient?birthdate={chance.choice(live.patients)['birthDate']}",
        "quantity": lambda: "Observation?value-quantity=gt200|http://unitsofmeasure.org|mg/dL",
        "encounters with _include": lambda: (
            f"Encounter?patient={patient()}&_include=Encounter:patient"
        ),
        "patient with _revinclude": lambda: (
            f"Patient?_id={patient()}&_revinclude=Observation:patient&_count=50"
        ),
    }
    for name, path in shapes.items():
        yield f"search: {name}", {200}, get(path)


def _update(resource: JsonObject) -> bytes:
    changed = dict(resource)
    changed["issued"] = f"2026-01-01T00:00:{random.randrange(60):02d}.{random.randrange(1000):03d}Z"
    return request("PUT", f"/fhir/Observation/{resource['id']}", write_json(changed))


def _quoted(text: str) -> str:
    return urllib.parse.quote(text)


def _write_sample(path: Path, patients: int) -> Live:
    live = Live([], [], [], [])
    with path.open("wb") as file:
        for bundle in sample_bundles(patients, 1):
            file.write(write_json(bundle) + b"\n")
            for entry in bundle["entry"]:
                resource = entry["resource"]
                if resource["resourceType"] == "Patient":
                    live.patients.append(resource)
                elif resource["resourceType"] == "Observation" and len(live.observations) < 20_000:
                    live.observations.append(resource)
    clinic = Clinic(1)
    live.bundles = [_as_creates(patient_record(clinic, 1, number)) for number in NEWCOMERS]
    return live


def _as_creates(resources: list[JsonObject]) -> bytes:
    """Make a transaction of creates that refer to each other by urn:uuid."""
    entries = [
        {
            "fullUrl": f"urn:uuid:{resource['id']}",
            "resource": {key: item for key, item in resource.items() if key != "id"},
            "request": {"method": "POST", "url": resource["resourceType"]},
        }
        for resource in resources
    ]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    text = write_json(bundle).decode()
    for resource in resources:
        local = f'"{resource["resourceType"]}/{resource["id"]}"'
        text = text.replace(local, f'"urn:uuid:{resource["id"]}"')
    return text.encode()


@contextmanager
def _floor(workers: int) -> Iterator[tuple[int, int]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([sys.executable, "floor.py", str(port), str(workers)], cwd=HERE)
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                continue
            break
        yield port, process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _print(name: str, tally: Tally, floor: Tally, spent: Spent, statuses: set[int]) -> None:
    wrong = {status: count for status, count in tally.statuses.items() if status not in statuses}
    answers = len(tally.latencies_ms)
    verdict = f"WRONG {wrong}" if wrong else f"{tally.rate / floor.rate:6.2f}"
    print(
        f"{name:42} {tally.rate:9.0f}/s  p50 {tally.percentile(0.5):7.2f} ms"
        f"  p99 {tally.percentile(0.99):7.2f} ms  of floor {verdict}"
        f"  CPU {spent.server / answers * 1e6:7.0f} us + PostgreSQL"
        f" {spent.postgres / answers * 1e6:6.0f} us",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
