"""Put files of FHIR resources into a server's database.

Bundles of type transaction and batch run as they would over HTTP; other Bundles are unwrapped
and their resources stored under the ids they bring, as are resources that stand alone. Everything
is validated, indexed and audited like any other write. A load that was interrupted goes on where
it stopped when it is called again; what was deleted or changed since is loaded again, or named.
"""

import argparse
import gc
import signal
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, replace
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Self

from fhirserver.commands.command_error import fail_on_path
from fhirserver.commands.load_earlier import Earlier, find_earlier
from fhirserver.commands.load_work import Report, Worker
from fhirserver.commands.options import (
    CommandError,
    add_store_options,
    reach_database,
    settings_from,
)
from fhirserver.commands.progress import Progress
from fhirserver.commands.sources import Item, Source, UnreadableError, find_sources, read_items
from fhirserver.config import Settings
from fhirserver.errors import Issue, UnavailableError
from fhirserver.model.json import write_json

EXAMPLES = """\
examples:
  fhirserver load hospitals.json patients/
  fhirserver sample-data --patients 1000 | fhirserver load -
  fhirserver load --refused refused.ndjson exported/
"""

CHUNK_ITEMS = 200
CHUNK_BYTES = 2_000_000
_AHEAD = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("paths", nargs="+", metavar="PATH", help="file, directory, or - for stdin")
    add_store_options(parser)
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="default: 2")
    parser.add_argument(
        "--refused", metavar="FILE", help="write what was refused here, a JSON object a line"
    )
    parser.add_argument(
        "--again",
        action="store_true",
        help="load also what an earlier load of the same file has stored",
    )


def run(args: argparse.Namespace) -> int:
    """Load; 1 where anything was refused, 2 where a path cannot be read."""
    try:
        found = find_sources(args.paths)
        keys = _keys(found.sources)
        if args.refused:
            Path(args.refused).write_bytes(b"")  # fails now rather than after the load
    except (OSError, ValueError) as error:
        fail_on_path(error)
    found.report_left_out()
    settings = settings_from(args)
    started_us = time.time_ns() // 1000
    try:
        with reach_database(settings, create=True) as url:
            earlier = {} if args.again else find_earlier(url, [key for key in keys.values() if key])
            with _Pool(settings, url, max(args.workers, 1)) as pool:
                report = _load(pool, keys, earlier)
            absent = _absent(url, started_us)
    except KeyboardInterrupt:
        sys.stderr.write("\ninterrupted: the same command goes on where this one stopped\n")
        raise
    except UnavailableError as error:
        raise CommandError(f"{error} Call the same command again to go on.") from None
    _write_report(report, absent, args.refused)
    return 1 if report.refused else 0


def _keys(sources: list[Source]) -> dict[Source, str | None]:
    """Give the sources with their keys, each content once: a second copy would create doubles."""
    keys: dict[Source, str | None] = {}
    first: dict[str | None, Source] = {}
    for source in sources:
        key = source.key()
        if key in first:
            sys.stderr.write(f"{source.name}: the same as {first[key].name}; it is loaded once\n")
        else:
            keys[source] = key
            first[key] = source
    return keys


def _load(pool: "_Pool", keys: Mapping[Source, str | None], earlier: dict[str, Earlier]) -> Report:
    progress = Progress("load", sum(source.size_bytes for source in keys))
    report = Report()
    waiting: list[_Chunk] = []
    before = 0
    for source, key in keys.items():
        known = earlier.get(key or "", Earlier())
        chunks = _chunks(source, key or "stdin", known, before, report)
        waiting.extend(_drain(pool, chunks, report, progress, last_try=False))
        report.notes.extend(known.report(source))
        report.refused.extend(known.refused(source))
        before += source.size_bytes
    while waiting:
        count = len(waiting)
        waiting = _drain(pool, waiting, report, progress, last_try=False)
        if len(waiting) == count:
            _drain(pool, waiting, report, progress, last_try=True)
            break
    progress.finish()
    return report


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Items of one source that are stored together; `offset_bytes` is for the progress bar."""

    key: str
    items: tuple[Item, ...]
    offset_bytes: int


def _chunks(
    source: Source, key: str, earlier: Earlier, before: int, report: Report
) -> Iterator[_Chunk]:
    """Cut what is left of a source into chunks; one that cannot be read to its end is reported."""
    items = (item for item in _readable(source, report) if not earlier.passes_over(item))
    while first := next(items, None):
        chunk, size = [first], len(first.raw)
        while size < CHUNK_BYTES and len(chunk) < CHUNK_ITEMS and not _is_large(chunk[-1]):
            following = next(items, None)
            if following is None:
                break
            chunk.append(following)
            size += len(following.raw)
        yield _Chunk(key, tuple(chunk), before + chunk[-1].offset_bytes)


def _readable(source: Source, report: Report) -> Iterator[Item]:
    count = 0
    try:
        for count, item in enumerate(read_items(source), start=1):  # noqa: B007 - used below
            yield item
    except UnreadableError as error:
        issue = Issue("error", "incomplete", f"{error}. What stands before is loaded.")
        report.refused.append((source.name, (issue,)))
    else:
        if not count:
            report.notes.append(f"{source.name}: holds no resources")


def _is_large(item: Item) -> bool:
    """Bundles go one at a time; a resource alone is rarely this long."""
    return len(item.raw) > 20_000


class _Pool:
    """Processes that store chunks; results come back as they are ready."""

    def __init__(self, settings: Settings, url: str, workers: int) -> None:
        self._executor = ProcessPoolExecutor(
            workers, get_context("spawn"), initializer=_start, initargs=(settings, url)
        )
        self.ahead = workers * _AHEAD

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._executor.shutdown(cancel_futures=True)

    def submit(self, chunk: _Chunk, *, last_try: bool) -> "Future[Report]":
        """Store a chunk in one of the processes, which may be started for it.

        A process has the mask of signals that it was started under: Ctrl-C is the command's, which
        ends its processes, from their very beginning on.
        """
        before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT,))
        try:
            return self._executor.submit(_store, chunk, last_try)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


_worker: Worker | None = None


def _start(settings: Settings, url: str) -> None:
    global _worker  # noqa: PLW0603 - the pool's processes keep their database connections here
    from fhirserver.app import build_services

    _worker = Worker(build_services(replace(settings, database_url=url), cursor_key=b""))
    # A Bundle is some 100,000 objects without a cycle among them: look for cycles seldom, and
    # never again among the definitions.
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def _store(chunk: _Chunk, last_try: bool) -> Report:
    assert _worker is not None
    return _worker.store(chunk.key, chunk.items, last_try=last_try)


def _drain(
    pool: _Pool,
    chunks: Iterable[_Chunk],
    report: Report,
    progress: Progress,
    *,
    last_try: bool,
) -> list[_Chunk]:
    """Store chunks a few at a time; give back, as chunks of one, the items that must wait."""
    remaining = iter(chunks)
    running = {
        pool.submit(chunk, last_try=last_try): chunk for chunk in islice(remaining, pool.ahead)
    }
    waiting: list[_Chunk] = []
    while running:
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            chunk = running.pop(future)
            part = future.result()
            waiting.extend(_Chunk(chunk.key, (item,), chunk.offset_bytes) for item in part.waiting)
            progress.advance(part.stored.total(), chunk.offset_bytes)
            part.waiting = []
            report.add(part)
            for following in islice(remaining, 1):
                running[pool.submit(following, last_try=last_try)] = following
    return waiting


def _absent(url: str, since_us: int) -> list[str]:
    import psycopg

    from fhirserver.definitions import r4
    from fhirserver.store.loaded import absent_targets

    with psycopg.connect(url) as connection:
        return absent_targets(connection, r4(), since_us, 20)


def _write_report(report: Report, absent: list[str], refused_file: str | None) -> None:
    for kind, count in sorted(report.stored.items()):
        sys.stderr.write(f"  {kind:32} {count:10,}\n")
    sys.stderr.writelines(f"{note}\n" for note in report.notes[:10])
    if len(report.notes) > 10:
        sys.stderr.write(f"and {len(report.notes) - 10:,} more such lines\n")
    if absent:
        sys.stderr.write(f"References to what is not here, among them: {', '.join(absent[:5])}\n")
    if not report.refused:
        return
    sys.stderr.write(f"{len(report.refused)} refused:\n")
    for place, issues in report.refused[:10]:
        sys.stderr.write(f"  {place}: {_said(issues)}\n")
    if len(report.refused) > 10 and refused_file is None:
        sys.stderr.write("  ... --refused FILE writes them all\n")
    if refused_file is not None:
        with Path(refused_file).open("wb") as file:
            for place, issues in report.refused:
                file.write(write_json({"place": place, "issues": [_line(i) for i in issues]}))
                file.write(b"\n")


def _said(issues: tuple[Issue, ...]) -> str:
    return "; ".join(
        f"{', '.join(issue.expression)}: {issue.diagnostics}".removeprefix(": ")
        for issue in issues[:3]
    )


def _line(issue: Issue) -> dict[str, object]:
    return {
        "severity": issue.severity,
        "code": issue.code,
        "expression": list(issue.expression),
        "diagnostics": issue.diagnostics,
    }
