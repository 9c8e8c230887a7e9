"""Everything started, and stopped in order: ports first, then senders, then the journal."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from fhirserver_device_bridge.config.settings import Bridge
from fhirserver_device_bridge.journal.alarms import open_keys
from fhirserver_device_bridge.journal.entries import oldest_waiting, unfinished
from fhirserver_device_bridge.journal.errands import waiting_errands
from fhirserver_device_bridge.journal.journal import Journal
from fhirserver_device_bridge.journal.ownership import owned
from fhirserver_device_bridge.metrics import NOTHING_COUNTED, Metrics, Sample
from fhirserver_device_bridge.notification.stream import Bell
from fhirserver_device_bridge.running.back import Back
from fhirserver_device_bridge.running.beside import Beside
from fhirserver_device_bridge.running.capacity import Capacity
from fhirserver_device_bridge.running.commits import Commits
from fhirserver_device_bridge.running.front import Behind, Front
from fhirserver_device_bridge.running.housekeeping import keep_house
from fhirserver_device_bridge.running.line_source import LineSource
from fhirserver_device_bridge.running.listener import Port
from fhirserver_device_bridge.running.poller import Poller
from fhirserver_device_bridge.running.rehearsal import Rehearsal
from fhirserver_device_bridge.running.reloading import keep_files_fresh
from fhirserver_device_bridge.running.shared_line import SharedLine


class BackError(Exception):
    """What sends and watches ended by a defect; started again, it goes on where the journal is."""


class RunningBridge:
    """A bridge at work.

    Args:
        beside: what sends and watches, once this listens; None where nothing is to be sent.

    Raises:
        JournalError: the journal cannot be opened, or another bridge runs on it.
    """

    def __init__(self, bridge: Bridge, beside: Beside | None = None) -> None:
        self._bridge = bridge
        self._beside = beside
        self._metrics = Metrics()
        self._bell = Bell()
        self._ports: list[Port] = []
        self._commits: Commits | None = None
        with contextlib.ExitStack() as stack:
            stack.enter_context(owned(bridge.journal.folder))
            self._journal = Journal(bridge.journal.folder, self._ring)
            stack.callback(self._journal.close)
            if beside is not None:
                stack.callback(beside.stop)
            self._stack = stack.pop_all()
        self._capacity = Capacity(bridge.journal)

    def close(self) -> None:
        """Let senders finish what is under way, and commit what was asked for."""
        self._stack.close()

    def drain(self) -> None:
        """Send what waits, without listening, until nothing does."""
        back = Back(self._bridge, self._journal, self._metrics, drain=True)
        back.start()
        back.join()

    async def run(self, stop: asyncio.Event, announce: Callable[[str], None]) -> None:
        """Listen and send until `stop` is set.

        Args:
            stop: set by whoever wants it to end.
            announce: gets one line for each port, one for the metrics, and "ready".

        Raises:
            OSError: an address is taken, or TLS files cannot be used.
        """
        commits = self._commits = Commits(self._journal, asyncio.get_running_loop())
        self._ports = [
            Port(listener, commits, self._capacity, self._metrics)
            for listener in self._bridge.listeners
        ]
        sharing = Counter(each.line for each in self._bridge.polls)
        lines = {line: SharedLine(line, devices) for line, devices in sharing.items()}
        asking = [
            Poller(each, lines[each.line], commits, self._capacity, self._metrics)
            for each in self._bridge.polls
        ]
        tasks: list[asyncio.Task[Any]] = [
            asyncio.create_task(keep_house(self._bridge, commits, self._capacity)),
            asyncio.create_task(self._work_beside()),
            asyncio.create_task(keep_files_fresh()),
        ]
        serial = [
            LineSource(each, commits, self._capacity, self._metrics)
            for each in self._bridge.line_listeners
        ]
        tasks += [asyncio.create_task(each.run()) for each in asking]
        tasks += [asyncio.create_task(each.run()) for each in serial]
        try:
            for port in self._ports:
                await port.open()
                announce(
                    f"listening {port.listener.source.name} {port.listener.protocol} {port.address}"
                )
            with self._front(announce):
                announce("ready")
                await _first_of([asyncio.create_task(stop.wait()), *tasks])
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for line in lines.values():
                line.close()
            for port in self._ports:
                await port.close()

    async def _work_beside(self) -> None:
        """Let senders and watch work, and hear of what they write; ends with a defect of theirs.

        Raises:
            BackError: their process ended.
        """
        if self._beside is None:
            await asyncio.Event().wait()
            return
        self._beside.begin()
        with contextlib.suppress(OSError):
            while await asyncio.get_running_loop().sock_recv(self._beside.bells, 4096):
                self._bell.ring()
        raise BackError

    def _ring(self) -> None:
        if self._commits is not None:
            self._commits.ring()
        if self._beside is not None:
            self._beside.ring()
        self._bell.ring()

    @contextlib.contextmanager
    def _front(self, announce: Callable[[str], None]) -> Iterator[None]:
        if self._bridge.desk is None:
            yield
            return
        rehearsal = Rehearsal(self._bridge.sources)
        behind = Behind(self._journal, self._render, self._healthy, self._bell, rehearsal)
        front = Front(self._bridge.desk, behind)
        announce(f"metrics {front.url}/metrics")
        try:
            yield
        finally:
            front.close()

    def _healthy(self) -> bool:
        return self._journal.is_writing

    def _render(self) -> bytes:
        beside = self._beside.counted() if self._beside is not None else NOTHING_COUNTED
        return self._metrics.add(beside).render(self._gauges)

    def _gauges(self) -> Iterator[Sample]:
        now = datetime.now(UTC)
        with contextlib.closing(self._journal.reader()) as reader:
            open_ = open_keys(reader)
            for each in self._bridge.sources:
                source = each.name
                labels = (("source", source),)
                numbers = unfinished(reader, source)
                oldest = oldest_waiting(reader, source)
                lag_s = 0.0 if oldest is None else (now - oldest).total_seconds()
                yield "waiting", labels, numbers["received"]
                yield "held", labels, numbers["held"]
                yield "dead_letters", labels, numbers["dead"]
                yield "lag_seconds", labels, lag_s
                yield "open_alarms", labels, len(open_.get(source, ()))
            for channel in self._bridge.alarms.channels:
                late = waiting_errands(reader, channel.name, now)
                yield "waiting_notifications", (("channel", channel.name),), late
        for port in self._ports:
            labels = (("source", port.listener.source.name),)
            yield "open_connections", labels, port.open_connections
        yield "journal_free_bytes", (), self._capacity.free_bytes


async def _first_of(tasks: list[asyncio.Task[Any]]) -> None:
    """Wait until a task ends; a defect that ended it is raised."""
    ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in ended:
        task.result()
