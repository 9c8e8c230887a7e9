"""The messages of one source, in the order of receipt: as many at once as wait, device by device.

A message that the server cannot take leaves the queue (dead letter) or waits aside (held); only
what would stop every message, a server that is away, stops the queue. After it fewer messages are
sent at once, down to one: what was too much for the time-out would be so again.
"""

import logging
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from fhirserver_device_bridge.config.settings import Delivery, Server
from fhirserver_device_bridge.convert import Conversion, convert
from fhirserver_device_bridge.journal.assignments import assignments_after
from fhirserver_device_bridge.journal.changes import count_attempt, settle
from fhirserver_device_bridge.journal.entries import Entry, waiting
from fhirserver_device_bridge.journal.journal import Journal
from fhirserver_device_bridge.journal.layout import JournalError, State
from fhirserver_device_bridge.journal.movements import movements_after, note
from fhirserver_device_bridge.metrics import Metrics
from fhirserver_device_bridge.sender.judgement import Judgement, pause_s
from fhirserver_device_bridge.sender.lane import WAITING, defect_of_bridge
from fhirserver_device_bridge.sender.lanes import Item, Judged, Lanes
from fhirserver_device_bridge.sender.merge import Window
from fhirserver_device_bridge.source import Source
from fhirserver_device_bridge.whereabouts import Whereabouts

_LOG = logging.getLogger("fhir-bridge")

_AT_ONCE = 64
"""Messages on their way at the same time."""

_LOOK_AGAIN_S = 1.0
"""Commands in other processes change the journal too, and ring no bell."""


@dataclass(frozen=True, slots=True)
class Sending:
    """What every worker works with."""

    journal: Journal
    server: Server
    delivery: Delivery
    metrics: Metrics


class Worker(threading.Thread):
    """Sends the messages of one source until it is told to stop.

    Args:
        drain: end when nothing waits any more.
    """

    def __init__(self, source: Source, sending: Sending, *, drain: bool = False) -> None:
        super().__init__(name=f"sender-{source.name}")
        self._source = source
        self._sending = sending
        self._drain = drain
        self._lanes = Lanes(sending.server, sending.delivery.connections)
        self._bell = threading.Event()
        self._stopping = threading.Event()
        self._failures = 0
        self._at_once = _AT_ONCE
        self._whereabouts = Whereabouts()
        self._learnt = self._assigned = 0

    def ring(self) -> None:
        """Tell that something may wait."""
        self._bell.set()

    def stop(self) -> None:
        """End after the messages that are under way."""
        self._stopping.set()
        self._bell.set()

    def run(self) -> None:
        """Send."""
        reader = self._sending.journal.reader()
        try:
            while not self._stopping.is_set():
                self._bell.clear()
                if self._step(reader):
                    continue
                if self._drain:
                    return
                self._bell.wait(_LOOK_AGAIN_S)
        finally:
            self._lanes.close()
            reader.close()

    def _step(self, reader: sqlite3.Connection) -> bool:
        """Deal with the oldest messages; False where there are none."""
        self._learn(reader)
        entries = waiting(reader, self._source.name, self._at_once)
        if not entries:
            return False
        try:
            self._act(self._lanes.deliver(self._taken(entries)))
        except JournalError as error:
            # What was delivered is delivered again later, which changes nothing.
            _LOG.error("source %s: %s", self._source.name, error)
            self._stopping.wait(_LOOK_AGAIN_S)
        return True

    def _learn(self, reader: sqlite3.Connection) -> None:
        for number, movement in movements_after(reader, self._learnt):
            self._whereabouts.learn([movement])
            self._learnt = number
        for number, key, said in assignments_after(reader, self._assigned):
            self._whereabouts.assignments.learn(key, said)
            self._assigned = number

    def _taken(self, entries: Sequence[Entry]) -> Iterator[Item]:
        """Convert messages, as long as they may be sent at once."""
        window = Window()
        for entry in entries:
            conversion = self._converted(entry)
            if not window.takes(conversion.bundle, conversion.patients):
                return
            yield Item(entry, conversion)
            if conversion.movements:
                # What follows is about whoever lies there now.
                return

    def _converted(self, entry: Entry) -> Conversion:
        try:
            return convert(entry.raw, self._source, entry.received, entry.id, self._whereabouts)
        except Exception as defect:  # noqa: BLE001 - whatever a message does, its queue goes on
            return Conversion(rejected=defect_of_bridge(defect).reason)

    def _act(self, delivered: Sequence[Judged]) -> None:
        ends = [self._counted(each) for each in delivered]
        self._settle([each for each in ends if each.judgement.verdict not in WAITING])
        waits = [each.judgement for each in ends if each.judgement.verdict in WAITING]
        if waits:
            self._try_later(max(waits, key=lambda each: each.pause_s or 0.0))
        else:
            self._failures = 0
            self._at_once = min(_AT_ONCE, self._at_once * 2)

    def _counted(self, judged: Judged) -> Judged:
        """Count an attempt that decided nothing; the last one decides against the message."""
        item, judgement = judged
        if judgement.verdict != "again":
            return judged
        self._sending.journal.ask(count_attempt(item.entry.id)).result()
        if item.entry.attempts + 1 < self._sending.delivery.attempts:
            return judged
        return Judged(item, replace(judgement, verdict="dead"))

    def _settle(self, ended: Sequence[Judged]) -> None:
        """Note what became of messages, in one wait for the disk."""
        at = datetime.now(UTC)
        for item, judgement in ended:
            if judgement.verdict == "done" and item.conversion.movements:
                self._sending.journal.ask(note(item.entry.id, item.conversion.movements)).result()
        asked = [
            self._sending.journal.ask(
                settle(item.entry.id, _state(judgement), judgement.reason, at)
            )
            for item, judgement in ended
        ]
        for each in asked:
            each.result()
        for item, judgement in ended:
            self._note(item, _state(judgement))

    def _try_later(self, judgement: Judgement) -> None:
        self._failures += 1
        self._at_once = max(1, self._at_once // 2)
        self._sending.metrics.count("attempts_failed", self._source.name)
        wait_s = pause_s(self._failures, self._sending.delivery.longest_pause_s)
        if self._failures == 1:
            _LOG.warning("source %s: the server does not take messages now", self._source.name)
        self._stopping.wait(max(wait_s, judgement.pause_s or 0.0))

    def _note(self, item: Item, state: State) -> None:
        metrics, name = self._sending.metrics, self._source.name
        metrics.count("delivered", name, outcome=state)
        if state == "dead":
            _LOG.warning("source %s: entry %d is a dead letter", name, item.entry.id)
        if state != "held":
            rejected = len(item.conversion.quarantined) + len(item.conversion.omitted)
            metrics.count("quarantined_readings", name, rejected)
        if state != "done":
            return
        systems = {each.path[0] for each in item.conversion.readings if each.path}
        for device in {each.value for system in systems for each in system.identifiers[:1]}:
            metrics.seen(name, device, item.entry.received.timestamp())
        metrics.count("unmapped_codes", name, len(item.conversion.unmapped))


def _state(judgement: Judgement) -> State:
    match judgement.verdict:
        case "done" | "held" | "dead" as state:
            return state
        case _:
            raise AssertionError(judgement.verdict)
