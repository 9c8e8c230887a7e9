"""What access tokens cost: the same requests with a token and, between them, without.

    python bench/access.py [--seconds 2] [--rounds 5] [--clients 1] [--patients 400]

Starts a server that wants tokens, and beside it an open one on the same database, which take turns.
A line for each kind of request and each kind of token: the CPU time of a request in the server's
processes and p50, each open and with the token, and the ratio of the CPU. Both write the audit
trail, so that its cost is in neither difference.
"""

import argparse
import json
import os
import platform
import random
import statistics
import sys
import tempfile
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from client import Tally, request, run
from cpu import spent_below
from server import command, server

from fhirserver.running import read_note


@dataclass(frozen=True)
class Side:
    """One of the two servers.

    Attributes:
        port: on 127.0.0.1.
        pid: of its supervisor.
        header: that every request to it has; "" without a token.
    """

    port: int
    pid: int
    header: str = ""

    def get(self, path: str) -> bytes:
        """Write a request."""
        return request("GET", f"/fhir/{path}", headers=self.header)


@dataclass
class Cost:
    """What requests to one side have cost so far."""

    cpu_s: list[float] = field(default_factory=list)
    p50_ms: list[float] = field(default_factory=list)

    def add(self, tally: Tally, cpu_s: float) -> None:
        """Add a turn."""
        assert set(tally.statuses) == {200}, tally.statuses
        self.cpu_s.append(cpu_s / len(tally.latencies_ms))
        self.p50_ms.append(tally.percentile(0.5))


def main() -> int:
    """Run every case and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--clients", type=int, default=1)
    parser.add_argument("--patients", type=int, default=400)
    args = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder) / "data"
        sample = str(Path(folder) / "sample.ndjson")
        command("sample-data", "--patients", str(args.patients), "--output", sample)
        command("load", "--data-dir", str(data_dir), sample)
        command("demo-users", "--data-dir", str(data_dir))
        with server(data_dir, 1, "--no-jobs") as (port, pid):
            note = read_note(data_dir)
            assert note is not None
            beside = ("--open", "--no-jobs", "--database-url", note.database)
            with server(Path(folder) / "beside", 1, *beside) as (open_port, open_pid):
                measure(args, data_dir, Side(open_port, open_pid), (port, pid))
    return 0


def measure(
    args: argparse.Namespace, data_dir: Path, unguarded: Side, guarded: tuple[int, int]
) -> None:
    """Measure every case with every token."""
    base = f"http://127.0.0.1:{guarded[0]}/fhir/"
    for name, words in (
        ("system/", ()),
        ("user/, physician", ("--user", "physician")),
        ("patient/, physician", ("--user", "physician", "--scopes", "patient/*.rs", "--patient")),
    ):
        own = found(base, token(data_dir, "--user", "physician"), "Patient")
        chosen = (*words, own[0]) if words and words[-1] == "--patient" else words
        secret = token(data_dir, *chosen)
        reach = found(base, secret, "Patient")
        print(f"\n{name}: {len(reach)} patients in reach")
        side = Side(*guarded, f"Authorization: Bearer {secret}\r\n")
        for what, path in cases(reach, found(base, secret, "Observation")):
            compare(args, what, unguarded, side, path)


def cases(patients: list[str], observations: list[str]) -> list[tuple[str, Callable[[], str]]]:
    """Give kinds of requests, each with what gives the next one; all within reach."""
    chance = random.Random(1)
    return [
        ("read Patient", lambda: f"Patient/{chance.choice(patients)}"),
        ("read Observation", lambda: f"Observation/{chance.choice(observations)}"),
        (
            "search: patient + code, newest first",
            lambda: (
                f"Observation?patient={chance.choice(patients)}"
                "&code=http://loinc.org|8867-4&_sort=-date"
            ),
        ),
        (
            "search: code, newest 20",
            lambda: "Observation?code=http://loinc.org|8867-4&_sort=-date&_count=20",
        ),
        ("search: newest 20", lambda: "Observation?_sort=-date&_count=20"),
    ]


def compare(
    args: argparse.Namespace, what: str, unguarded: Side, guarded: Side, path: Callable[[], str]
) -> None:
    """Let both take turns, and print a line."""
    costs = {unguarded: Cost(), guarded: Cost()}
    for turn in range(args.rounds + 1):
        for side, cost in costs.items():
            before = spent_below(side.pid)
            tally = run(side.port, args.clients, args.seconds, lambda at=side: at.get(path()))
            if turn:  # the first one warms up
                cost.add(tally, spent_below(side.pid).since(before).server)
    without, with_token = costs.values()
    cpu, cpu_with = statistics.median(without.cpu_s), statistics.median(with_token.cpu_s)
    print(
        f"{what:38} CPU {cpu * 1e6:6.0f} -> {cpu_with * 1e6:6.0f} us ({cpu_with / cpu - 1:+.0%})"
        f"  p50 {statistics.median(without.p50_ms):6.2f}"
        f" -> {statistics.median(with_token.p50_ms):6.2f} ms",
        flush=True,
    )


def token(data_dir: Path, *words: str) -> str:
    """Issue an access token."""
    return command("token", "--data-dir", str(data_dir), "--minutes", "120", *words).strip()


def found(base: str, secret: str, type_: str) -> list[str]:
    """Give ids of resources within a token's reach."""
    headers = {"Authorization": f"Bearer {secret}"}
    called = urllib.request.Request(f"{base}{type_}?_count=500&_elements=id", headers=headers)
    with urllib.request.urlopen(called) as answer:
        bundle = json.load(answer)
    return [entry["resource"]["id"] for entry in bundle["entry"]]


if __name__ == "__main__":
    sys.exit(main())
