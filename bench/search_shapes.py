"""Search shapes as patients grow: latency, CPU time, and PostgreSQL's own time.

    python bench/search_shapes.py [--patients 1000 4000 16000] [--visits 3] [--clients 8]
                                  [--seconds 3] [--folder DIR] [--only WORDS]

Loads synthetic patients into data directories (`shape_data`), which stay where --folder names a
place for them, and asks each shape (`shapes`) with values that are stored. Each number of patients
has a server, and a shape is measured on one after the other, so that what else the machine does
tells little in the growth. Answers are checked before a shape is measured; a wrong one is reported
instead of its speed.
"""

import argparse
import itertools
import json
import os
import platform
import sys
import tempfile
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from client import Tally, request, run
from cpu import Spent, spent_below
from server import server
from shape_data import data_dirs
from shape_plans import Cost, costs, middle_and_most
from shape_values import Live, WrongAnswerError, check, live
from shapes import DEEP, SHAPES

from fhirserver.model.json import JsonObject
from fhirserver.running import read_note
from fhirserver.store.database import Database

CHECKED = 8
"""Answers of a shape that are checked and explained."""
DRAWN = 300


class Measured(NamedTuple):
    """One shape at one scale."""

    tally: Tally
    spent: Spent
    costs: list[Cost]


def main() -> int:
    """Measure every shape at every scale, one scale after the other, then print the growth."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--patients", type=int, nargs="+", default=[1000, 4000, 16000])
    parser.add_argument("--visits", type=int, default=3, help="of each patient at most")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--folder", type=Path, help="keep the data here")
    parser.add_argument("--only", default="", help="shapes whose name holds this")
    args = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    with tempfile.TemporaryDirectory() as passing, ExitStack() as running:
        folder = args.folder or Path(passing)
        scales = {
            scale: (_asking(running, args, data_dir), live(scale, args.visits, counts))
            for scale, data_dir, counts in list(data_dirs(folder, args.patients, args.visits))
        }
        found: dict[int, dict[str, Measured]] = {scale: {} for scale in scales}
        for name in (each for each in (*SHAPES, *DEEP) if args.only in each):
            for scale, (ask, known) in scales.items():
                _measure(ask, name, known, found[scale])
    _print_growth(found)
    return 0


def _asking(running: ExitStack, args: argparse.Namespace, data_dir: Path) -> "_Asking":
    port, pid = running.enter_context(server(data_dir, args.workers))
    note = read_note(data_dir)
    assert note is not None
    database = Database(note.database)
    running.callback(database.close)
    return _Asking(args, data_dir.name, port, pid, database)


def _measure(ask: "_Asking", name: str, known: Live, measured: dict[str, Measured]) -> None:
    try:
        measured[name] = ask.shape(name, known)
    except WrongAnswerError as error:
        print(f"{ask.scale:>6} {name:44} WRONG {error}", flush=True)
    else:
        print(f"{ask.scale:>6} ", end="")
        _print(name, measured[name])


class _Asking(NamedTuple):
    """A server and how it is asked."""

    args: argparse.Namespace
    scale: str
    port: int
    pid: int
    database: Database

    def shape(self, name: str, known: Live) -> Measured:
        """Check some answers of a shape, then measure it.

        Raises:
            WrongAnswerError: an answer is not what the data say.
        """
        if name in DEEP:
            path, links = DEEP[name]
            return self._measured([self._behind(path, links)], [])
        asked = [SHAPES[name](known) for _ in range(DRAWN)]
        for each in asked[:CHECKED]:
            check(each, self._get(each.path))
        paths = [each.path for each in asked]
        return self._measured(paths, costs(self.database, paths[:CHECKED]))

    def _measured(self, paths: list[str], found: list[Cost]) -> Measured:
        requests = itertools.cycle([request("GET", f"/fhir/{path}") for path in paths])
        next_request: Callable[[], bytes] = requests.__next__
        run(self.port, self.args.clients, 0.3, next_request)
        before = spent_below(self.pid)
        tally = run(self.port, self.args.clients, self.args.seconds, next_request)
        if set(tally.statuses) != {200}:
            raise WrongAnswerError(f"{paths[0]}: statuses {tally.statuses}")
        return Measured(tally, spent_below(self.pid).since(before), found)

    def _behind(self, path: str, links: int) -> str:
        """Follow the links to the next page."""
        for _ in range(links):
            found = self._get(path)
            (following,) = (each["url"] for each in found["link"] if each["relation"] == "next")
            path = following.partition("/fhir/")[2]
        return path

    def _get(self, path: str) -> JsonObject:
        url = f"http://127.0.0.1:{self.port}/fhir/{path}"
        with urllib.request.urlopen(url) as answer:
            found: JsonObject = json.load(answer)
        return found


def _print(name: str, measured: Measured) -> None:
    tally, spent, found = measured
    answers = len(tally.latencies_ms)
    text = (
        f"{name:44} p50 {tally.percentile(0.5):7.2f} ms  p99 {tally.percentile(0.99):7.2f} ms"
        f"  CPU {spent.server / answers * 1e6:6.0f} + {spent.postgres / answers * 1e6:6.0f} us"
    )
    if found:
        planning, _ = middle_and_most([each.planning_ms for each in found])
        usual, longest = middle_and_most([each.execution_ms for each in found])
        pages, most = middle_and_most([each.buffers for each in found])
        scanned = sorted(frozenset[str]().union(*(each.scanned for each in found)))
        text += (
            f"  PostgreSQL plans {planning:5.2f} ms, runs {usual:6.2f} ms (most {longest:6.2f}),"
            f" {pages:.0f} pages (most {most})" + (f"  SCANS {scanned}" if scanned else "")
        )
    print(text, flush=True)


def _print_growth(found: dict[int, dict[str, Measured]]) -> None:
    smallest, largest = found[min(found)], found[max(found)]
    print(f"\ngrowth from {min(found)} to {max(found)} patients")
    for name in (each for each in largest if each in smallest):
        one, other = smallest[name], largest[name]
        text = f"{name:44} p50 {other.tally.percentile(0.5) / one.tally.percentile(0.5):5.2f}"
        if one.costs:
            pages = [middle_and_most([each.buffers for each in m.costs])[0] for m in (other, one)]
            text += f"  pages {pages[0] / max(pages[1], 1):6.2f}"
        print(text)


if __name__ == "__main__":
    sys.exit(main())
