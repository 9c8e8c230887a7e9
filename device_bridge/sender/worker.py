"""The messages of one source, one after the other, in the order of receipt.

A message that the server cannot take leaves the queue (dead letter) or waits aside (held); only
what would stop every message, a server that is away, stops the queue.
"""

import logging
import sqlite3
import threading
from dataclasses import dataclass
from datetime import UTC, datetime

from fhirserver_device_bridge.config.settings import Delivery, Server
from fhirserver_device_bridge.convert import Conversion, convert
from fhirserver_device_bridge.journal.changes import count_attempt, settle
from fhirserver_device_bridge.journal.entries import Entry, next_waiting
from fhirserver_device_bridge.journal.journal import Journal
from fhirserver_device_bridge.journal.layout import JournalError, State
from fhirserver_device_bridge.metrics import Metrics
from fhirserver_device_bridge.reading import Source
from fhirserver_device_bridge.sender.deliver import deliver
from fhirserver_device_bridge.sender.fhir_client import FhirClient
from fhirserver_device_bridge.sender.judgement import Judgement, pause_s
from fhirserver_device_bridge.sender.lookup import Lookup

_LOG = logging.getLogger("fhir-bridge")

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
        self._client = FhirClient(sending.server)
        self._lookup = Lookup(self._client)
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
        try:
            while not self._stopping.is_set():
                self._bell.clear()
                if self._step(reader):
                    continue
                if self._drain:
                    return
                self._bell.wait(_LOOK_AGAIN_S)
        finally:
            self._client.close()
            reader.close()

    def _step(self, reader: sqlite3.Connection) -> bool:
        """Deal with the oldest message; False where there is none."""
        entry = next_waiting(reader, self._source.name)
        if entry is None:
            return False
        try:
            self._act(entry, self._delivered(entry))
        except JournalError as error:
            # What was delivered is delivered again later, which changes nothing.
            _LOG.error("source %s: %s", self._source.name, error)
            self._stopping.wait(_LOOK_AGAIN_S)
        return True

    def _delivered(self, entry: Entry) -> Judgement:
        try:
            conversion = convert(entry.raw, self._source, entry.received, entry.id)
            judgement = deliver(conversion, self._client, self._lookup)
            if judgement.verdict == "done":
                self._note(conversion, entry)
            return judgement  # noqa: TRY300 - all of it may meet the defect
        except Exception as defect:  # noqa: BLE001 - whatever a message does, its queue goes on
            # Only its name: the text of an exception may quote the message.
            return Judgement("dead", f"defect of the bridge: {type(defect).__name__}")

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
        metrics, name = self._sending.metrics, self._source.name
        systems = {reading.path[0] for reading in conversion.readings if reading.path}
        for device in {each.value for system in systems for each in system.identifiers[:1]}:
            metrics.seen(name, device, entry.received.timestamp())
        metrics.count("quarantined_readings", name, len(conversion.quarantined))
        metrics.count("unmapped_codes", name, len(conversion.unmapped))
