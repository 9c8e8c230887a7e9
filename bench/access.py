"""What access tokens cost: the same requests with a token and, between them, without.

    python bench/access.py [--seconds 1] [--rounds 5] [--patients 200] [--clients 8] [--only reads]

Starts a server that wants tokens, and beside it an open one on the same database. All callers take
turns, so that a busy machine is as busy for each, and ratios are of medians. Three tables:

    reads       with and without the rows of the audit; one connection
    searches    the same callers; one connection
    team        of a physician who treats 100 patients by care teams; --clients connections

CPU is of a request, in the processes of the server that is asked and in those of the PostgreSQL
that all share. Statements are what PostgreSQL counts as transactions; each is a round trip. Where
the audit is left out a trigger drops its rows: what it costs the server to name them stays in.
"""

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from access_data import (
    TEAM,
    Caller,
    add_team,
    audit_dropped,
    known_caller,
    reads,
    searches,
    statements,
    team_token,
    token,
)
from client import Tally, run
from cpu import Spent
from server import command, server

from fhirserver.running import read_note

Turns = list[tuple[Tally, Spent]]
NextPath = Callable[[], str]


def main() -> int:
    """Run every case and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--patients", type=int, default=200)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--only", choices=("reads", "searches", "team"))
    args = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder) / "data"
        sample = str(Path(folder) / "sample.ndjson")
        command("sample-data", "--patients", str(args.patients), "--output", sample)
        command("load", "--data-dir", str(data_dir), sample)
        command("demo-users", "--data-dir", str(data_dir))
        with server(data_dir, 1, "--no-jobs") as guarded:
            note = read_note(data_dir)
            assert note is not None
            beside = ("--open", "--no-jobs", "--database-url", note.database)
            with server(Path(folder) / "beside", 1, *beside) as unguarded:
                _measure(args, data_dir, note.database, unguarded, guarded)
    return 0


def _measure(
    args: argparse.Namespace,
    data_dir: Path,
    database: str,
    unguarded: tuple[int, int],
    guarded: tuple[int, int],
) -> None:
    (port, pid), (_, owner) = unguarded, guarded
    everybody = known_caller("open", port, pid, owner=owner)
    add_team(data_dir, everybody.port, everybody.patients[:TEAM])
    lead = known_caller("physician of 100", *guarded, team_token(data_dir))
    own = ("--user", "patient", "--scopes", "patient/*.rs")
    callers = [
        everybody,
        known_caller("program", *guarded, token(data_dir)),
        known_caller("physician", *guarded, token(data_dir, "--user", "physician")),
        lead,
        known_caller("patient", *guarded, token(data_dir, *own)),
    ]
    for each in callers:
        print(f"{each.name}: {len(each.patients)} patients in reach")
    if args.only in (None, "reads"):
        _reads(args, database, callers)
    if args.only in (None, "searches"):
        _searches(args, database, callers)
    if args.only in (None, "team"):
        shapes = searches(lead.patients)
        for what, path in shapes.items():
            cases = [(each, path) for each in (everybody, lead)]
            _compare(args, database, f"{what}, {args.clients} clients", cases, args.clients)


def _reads(args: argparse.Namespace, database: str, callers: Sequence[Caller]) -> None:
    for type_ in ("Patient", "Observation"):
        cases = [(each, reads(each, type_)) for each in callers]
        _compare(args, database, f"read {type_}", cases)
        with audit_dropped(database):
            _compare(args, database, f"read {type_}, without the audit", cases)


def _searches(args: argparse.Namespace, database: str, callers: Sequence[Caller]) -> None:
    for what in searches(()):
        cases = [(each, searches(each.patients)[what]) for each in callers]
        _compare(args, database, what, cases)


def _compare(
    args: argparse.Namespace,
    database: str,
    what: str,
    cases: Sequence[tuple[Caller, NextPath]],
    clients: int = 1,
) -> None:
    """Let all take turns, and print a line for each."""
    turns: list[Turns] = [[] for _ in cases]
    for turn in range(args.rounds + 1):
        for (caller, path), kept in zip(cases, turns, strict=True):
            found = _turn(caller, path, args.seconds, clients)
            if turn:  # the first one warms up
                kept.append(found)
    print(f"\n{what}", flush=True)
    (without, *_), *_ = (_medians(each) for each in turns)
    for (caller, path), kept in zip(cases, turns, strict=True):
        server_us, postgres_us, p50, p99 = _medians(kept)
        each = statements(database, lambda for_s, at=caller, to=path: _asked(at, to, for_s))
        print(
            f"  {caller.name:17} server {server_us:5.0f} us ({server_us / without - 1:+4.0%})"
            f"  PostgreSQL {postgres_us:5.0f} us  p50 {p50:6.2f} ms  p99 {p99:6.2f} ms"
            f"  statements {each:.2f}",
            flush=True,
        )


def _turn(caller: Caller, path: NextPath, seconds: float, clients: int) -> tuple[Tally, Spent]:
    before = caller.spent()
    tally = run(caller.port, clients, seconds, lambda: caller.get(path()))
    assert set(tally.statuses) == {200}, (caller.name, tally.statuses)
    return tally, caller.spent().since(before)


def _asked(caller: Caller, path: NextPath, seconds: float) -> int:
    return len(_turn(caller, path, seconds, 1)[0].latencies_ms)


def _medians(turns: Turns) -> tuple[float, float, float, float]:
    """Give CPU of a request in the server and in PostgreSQL, us, and p50 and p99, ms."""
    counts = [len(tally.latencies_ms) for tally, _ in turns]
    each = list(zip(turns, counts, strict=True))
    return (
        1e6 * median(spent.server / count for (_, spent), count in each),
        1e6 * median(spent.postgres / count for (_, spent), count in each),
        median(tally.percentile(0.5) for tally, _ in turns),
        median(tally.percentile(0.99) for tally, _ in turns),
    )


if __name__ == "__main__":
    sys.exit(main())
