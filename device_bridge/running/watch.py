"""Watches the journal for alarms, in a thread of its own: beside delivery, and whatever it does.

Entries are looked at in the order of receipt, each once: what they say of alarms, and how far was
looked, is committed together. So after a kill it goes on where it stood, and says nothing twice.

A device that is silent for longer than its source allows raises an alarm, and ends it when it is
heard again. What the bridge did not hear because it was not running is nobody's silence: every
device has its time anew from the start on.
"""

import logging
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from fhirserver_device_bridge.alarms.alarm import Condition, Phase, Report
from fhirserver_device_bridge.config.settings import Bridge
from fhirserver_device_bridge.hearing import UNREADABLE, Heard, Receipt, hear, limits_of
from fhirserver_device_bridge.journal.alarms import (
    Device,
    Look,
    Said,
    heard,
    note_look,
    open_keys,
    watched,
)
from fhirserver_device_bridge.journal.entries import Entry, after, instant_of, instant_us
from fhirserver_device_bridge.journal.journal import Journal
from fhirserver_device_bridge.journal.layout import JournalError
from fhirserver_device_bridge.metrics import Metrics
from fhirserver_device_bridge.reading import Level
from fhirserver_device_bridge.source import Source

_LOG = logging.getLogger("fhir-bridge")
_AT_ONCE = 256
_LOOK_AGAIN_S = 1.0
"""Commands in other processes write the journal too; and silence rings no bell."""

_SILENT = "nothing was heard of the device for longer than silence_s of its source allows"


class Watch(threading.Thread):
    """Looks at entries until it is told to stop.

    Args:
        bridge: its sources and what is configured of alarms.
    """

    def __init__(self, bridge: Bridge, journal: Journal, metrics: Metrics) -> None:
        super().__init__(name="watch")
        self._alarms = bridge.alarms
        self._sources = {each.name: each for each in bridge.sources}
        self._limits = {each.name: limits_of(each, bridge.alarms.limits) for each in bridge.sources}
        self._journal = journal
        self._metrics = metrics
        self._bell = threading.Event()
        self._stopping = threading.Event()
        self._open: defaultdict[str, set[str]] = defaultdict(set)
        self._heard: dict[Device, int] = {}

    def ring(self) -> None:
        """Tell that something was received."""
        self._bell.set()

    def stop(self) -> None:
        """End after what is under way."""
        self._stopping.set()
        self._bell.set()

    def run(self) -> None:
        """Watch."""
        reader = self._journal.reader()
        try:
            self._remember(reader)
            until = watched(reader)
            while not self._stopping.is_set():
                self._bell.clear()
                until = self._step(reader, until)
        finally:
            reader.close()

    def _remember(self, reader: sqlite3.Connection) -> None:
        self._open = defaultdict(set, open_keys(reader))
        now_us = instant_us(datetime.now(UTC))
        self._heard = {
            device: now_us for device in heard(reader) if self._allows_silence(device) is not None
        }

    def _step(self, reader: sqlite3.Connection, until: int) -> int:
        """Look at what is new, and at the clock once nothing is; tells how far was looked."""
        entries = after(reader, until, _AT_ONCE)
        look = self._look(entries) if entries else Look(None, list(self._silences()))
        if look.until is not None or look.said:
            try:
                self._note(reader, look)
            except JournalError as error:
                _LOG.error("alarms: %s", error)
                # What was just found to begin or end did not: it is looked at again.
                self._open = defaultdict(set, open_keys(reader))
                self._stopping.wait(_LOOK_AGAIN_S)
                return until
        if len(entries) < _AT_ONCE:
            self._bell.wait(_LOOK_AGAIN_S)
        return entries[-1].id if entries else until

    def _note(self, reader: sqlite3.Connection, look: Look) -> None:
        change = note_look(look, self._alarms.escalation, datetime.now(UTC))
        for what, alarm in self._journal.ask(change).result():
            self._metrics.count("alarms", alarm.source, kind=alarm.kind, what=what)
        self._heard |= {
            device: at_us
            for device, at_us in look.heard.items()
            if self._allows_silence(device) is not None
        }
        if look.said:
            self._open = defaultdict(set, open_keys(reader))

    def _look(self, entries: Sequence[Entry]) -> Look:
        said: list[Said] = []
        last: dict[Device, int] = {}
        for entry in entries:
            source = self._sources.get(entry.source)
            if source is None:
                continue
            found = self._heard_in(entry, source)
            said += [Said(source.name, entry.id, each) for each in found.reports]
            for each in found.devices:
                device = (source.name, each)
                last[device] = instant_us(entry.received)
                said += self._silence_over(device, entry)
            self._metrics.count("unchecked_readings", source.name, found.unchecked)
        return Look(entries[-1].id, said, last)

    def _heard_in(self, entry: Entry, source: Source) -> Heard:
        receipt = Receipt(entry.raw, source, entry.received, entry.id)
        try:
            return hear(receipt, self._limits[source.name], self._open[source.name])
        except UNREADABLE:
            # Delivery makes a dead letter of it, with the reason.
            return Heard()
        except Exception as defect:  # noqa: BLE001 - whatever an entry does, the others are heard
            _LOG.error("alarms: entry %d meets a defect: %s", entry.id, type(defect).__name__)
            return Heard()

    def _allows_silence(self, device: Device) -> float | None:
        source = self._sources.get(device[0])
        return None if source is None else source.silence_s

    def _silences(self) -> Iterator[Said]:
        """Raise an alarm for each device that is silent for too long, and has none yet."""
        now_us = instant_us(datetime.now(UTC))
        for device, last_us in self._heard.items():
            allowed_s = self._allows_silence(device)
            if allowed_s is None or now_us - last_us <= allowed_s * 1_000_000:
                continue
            if _key(device) not in self._open[device[0]]:
                yield Said(device[0], 0, _silence(device, "start", last_us))

    def _silence_over(self, device: Device, entry: Entry) -> Iterator[Said]:
        if _key(device) in self._open[device[0]]:
            report = _silence(device, "end", instant_us(entry.received))
            yield Said(device[0], entry.id, report)


def _key(device: Device) -> str:
    return f"silence|{device[1].system}|{device[1].value}"


def _silence(device: Device, phase: Phase, at_us: int) -> Report:
    at = instant_of(at_us).isoformat(timespec="milliseconds")
    path = (Level("mds", identifiers=(device[1],)),)
    condition = Condition(text=_SILENT, priority="medium", type="ST", path=path)
    return Report(_key(device), "silence", phase, at_us, at, condition)
