"""The errands of one channel, one after the other, in a thread of its own.

A channel that is away is tried again without end, for it may have to tell of many alarms; one that
refuses an errand is asked `attempts` times. Channels do not wait for each other, and the next step
of an escalation does not wait for the one before it: its time comes anyway.
"""

import logging
import sqlite3
import threading
from datetime import UTC, datetime

import msgspec

from fhirserver_device_bridge.config.alarm_settings import Channel
from fhirserver_device_bridge.journal.entries import instant_us
from fhirserver_device_bridge.journal.errands import (
    Errand,
    Fate,
    due_errand,
    next_due_us,
    settle_errand,
)
from fhirserver_device_bridge.journal.journal import Journal
from fhirserver_device_bridge.journal.layout import JournalError
from fhirserver_device_bridge.metrics import Metrics
from fhirserver_device_bridge.notification.webhook import UndeliveredError, post

_LOG = logging.getLogger("fhir-bridge")
_FIRST_PAUSE_S = 0.25
_LOOK_AGAIN_S = 1.0
"""Alarms are acknowledged in other processes too, which ring no bell."""


class Courier(threading.Thread):
    """Tells one channel until it is told to stop."""

    def __init__(self, channel: Channel, journal: Journal, metrics: Metrics) -> None:
        super().__init__(name=f"channel-{channel.name}")
        self._channel = channel
        self._journal = journal
        self._metrics = metrics
        self._bell = threading.Event()
        self._stopping = threading.Event()
        self._failures = 0

    def ring(self) -> None:
        """Tell that something may have happened."""
        self._bell.set()

    def stop(self) -> None:
        """End after the errand that is under way."""
        self._stopping.set()
        self._bell.set()

    def run(self) -> None:
        """Run errands."""
        reader = self._journal.reader()
        try:
            while not self._stopping.is_set():
                self._bell.clear()
                self._step(reader)
        finally:
            reader.close()

    def _step(self, reader: sqlite3.Connection) -> None:
        now = datetime.now(UTC)
        errand = due_errand(reader, self._channel.name, now)
        if errand is None:
            due_us = next_due_us(reader, self._channel.name)
            until_s = _LOOK_AGAIN_S if due_us is None else (due_us - instant_us(now)) / 1_000_000
            self._bell.wait(min(_LOOK_AGAIN_S, max(0.0, until_s)))
            return
        fate = self._tried(errand, now)
        try:
            self._journal.ask(settle_errand(errand, fate, datetime.now(UTC))).result()
        except JournalError as error:
            # It is told again later, under the same number.
            _LOG.error("channel %s: %s", self._channel.name, error)
            self._stopping.wait(_LOOK_AGAIN_S)
        if fate in ("again", "refused"):
            self._stopping.wait(self._pause_s())

    def _tried(self, errand: Errand, now: datetime) -> Fate:
        """Post once, and tell what becomes of the errand."""
        name, source = self._channel.name, errand.alarm.source
        try:
            post(self._channel, webhook_id(errand), body_of(errand), now)
        except UndeliveredError as error:
            self._failures += 1
            if self._failures == 1:
                _LOG.warning("channel %s: %s", name, error)
            fate: Fate = "refused" if error.refused else "again"
            if error.refused and errand.attempts + 1 >= self._channel.attempts:
                _LOG.error("channel %s: errand %d is given up", name, errand.number)
                fate = "failed"
        else:
            self._failures = 0
            fate = "done"
        self._metrics.count("notifications", source, channel=name, outcome=fate)
        return fate

    def _pause_s(self) -> float:
        return min(
            self._channel.longest_pause_s, _FIRST_PAUSE_S * 2.0 ** min(self._failures - 1, 30)
        )


def webhook_id(errand: Errand) -> str:
    """Give what a repeated post is recognised by."""
    return f"{errand.alarm.id}.{errand.number}"


def body_of(errand: Errand) -> bytes:
    """Write what a channel is told: what happened, and the alarm as it is now."""
    told = {
        "what": errand.what,
        "channel": errand.channel,
        "step": errand.step,
        "alarm": errand.alarm,
    }
    return msgspec.json.encode(told)
