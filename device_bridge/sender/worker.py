"""The messages of one source, one after the other, in the order of receipt.

A message that the server cannot take leaves the queue (dead letter) or waits aside (held); only what
would stop every message, a server that is away, stops the queue.
"""

import logging
import sqlite3
import threading
from dataclasses import dataclass
from datetime import UTC, datetime

from fhirserver_device_bridge.config.settings import Delivery, Server
from fhirserver_device_bridge.convert import Conversion
from fhirserver_device_bridge.journal.changes import count_attempt, settle
from fhirserver_device_bridge.journal.entries import Entry, next_waiting
from fhirserver_device_bridge.journal.journal import Journal
from fhirserver_device_bridge.journal.layout import JournalError, State
from fhirserver_device_bridge.metrics import Metrics
from fhirserver_device_bridge.reading import Source
from fhirserver_device_bridge.sender.deliver import Convert, converted, deliver
from fhirserver_device_bridge.sender.fhir_client import FhirClient
from fhirserver_device_bridge.sender.judgement import Judgement, pause_s
from fhirserver_device_bridge.sender.reconcile import Supersedes

_LOG = logging.getLogger("fhir-bridge")

_LOOK_AGAIN_S = 1.0
"""Commands in other processes change the journal too, and ring no bell."""


@dataclass(frozen=True, slots=True)
class Sending:
    """What every worker works with.

    Attributes:
        convert: bytes of a message -> what it says, as FHIR.
        supersedes: tells older from newer resources.
    """

    journal: Journal
    server: Server
    delivery: Delivery
    metrics: Metrics
    convert: Convert
    supersedes: Supersedes


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
        self._bell = threading.Event()
        self._stopping = threading.Event()
        self._failures = 0

    def ring(self) -> None:
        """Tell that something may wait."""
        self._bell.set()

    def stop(self) -> None:
        """End after the message that is under way."""
        self._stopping.set()
        self._bell.set()

    def run(self) -> None:
        """Send."""
        reader = self._sending.journal.reader()
        client = FhirClient(self._sending.server)
        try:
            while not self._stopping.is_set():
                self._bell.clear()
                if self._step(reader, client):
                    continue
                if self._drain:
                    return
                self._bell.wait(_LOOK_AGAIN_S)
        finally:
            client.close()
            reader.close()

    def _step(self, reader: sqlite3.Connection, client: FhirClient) -> bool:
        """Deal with the oldest message; False where there is none."""
        entry = next_waiting(reader, self._source.name)
        if entry is None:
            return False
        conversion = converted(entry, self._source, self._sending.convert)
        if isinstance(conversion, Judgement):
            judgement = conversion
        else:
            self._note(conversion, entry)
            judgement = deliver(conversion, client, self._sending.supersedes)
        try:
            self._act(entry, judgement)
        except JournalError as error:
            # What was delivered is delivered again later, which changes nothing.
            _LOG.error("source %s: %s", self._source.name, error)
            self._stopping.wait(_LOOK_AGAIN_S)
        return True

    def _act(self, entry: Entry, judgement: Judgement) -> None:
        match judgement.verdict:
            case "done" | "held" | "dead" as state:
                self._failures = 0
                self._settle(entry, state, judgement.reason)
            case "later":
                self._try_later(judgement)
            case "again":
                self._sending.journal.ask(count_attempt(entry.id)).result()
                if entry.attempts + 1 < self._sending.delivery.attempts:
                    self._try_later(judgement)
                else:
                    self._settle(entry, "dead", judgement.reason)

    def _settle(self, entry: Entry, state: State, reason: str | None) -> None:
        self._sending.journal.ask(settle(entry.id, state, reason, datetime.now(UTC))).result()
        self._sending.metrics.count("delivered", self._source.name, outcome=state)
        if state == "dead":
            _LOG.warning("source %s: entry %d is a dead letter", self._source.name, entry.id)

    def _try_later(self, judgement: Judgement) -> None:
        self._failures += 1
        self._sending.metrics.count("attempts_failed", self._source.name)
        wait_s = pause_s(self._failures, self._sending.delivery.longest_pause_s)
        if self._failures == 1:
            _LOG.warning("source %s: the server does not take messages now", self._source.name)
        self._stopping.wait(max(wait_s, judgement.pause_s or 0.0))

    def _note(self, conversion: Conversion, entry: Entry) -> None:
        for reading in conversion.readings:
            devices = [each.value for level in reading.path[:1] for each in level.identifiers[:1]]
            if devices:
                at_s = entry.received.timestamp()
                self._sending.metrics.seen(self._source.name, devices[0], at_s)
