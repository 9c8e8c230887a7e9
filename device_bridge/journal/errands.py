"""Who is to be told of alarms, and who was.

    waiting ──> done        the channel took it
       │──────> failed      it refused it, again and again
       └──────> needless    the alarm was acknowledged, or ended, before it was due

What is due first is told first; of one alarm and one channel so in the order in which it happened.
"""

import sqlite3
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from fhirserver_device_bridge.alarms import recording
from fhirserver_device_bridge.alarms.alarm import Alarm, What
from fhirserver_device_bridge.journal.alarms import note_told
from fhirserver_device_bridge.journal.changes import Change
from fhirserver_device_bridge.journal.entries import instant_us

Fate = Literal["done", "failed", "refused", "again"]
"""`again` after no answer, which counts for nothing; `refused` counts as an attempt."""


@dataclass(frozen=True, slots=True)
class Errand:
    """One thing to tell one channel.

    Attributes:
        number: grows; stays the same when it is repeated.
        what: happened.
        step: of the escalation, from 0 on.
        attempts: that the channel refused.
        alarm: as it is now.
    """

    number: int
    what: What
    channel: str
    step: int
    attempts: int
    alarm: Alarm


def due_errand(connection: sqlite3.Connection, channel: str, now: datetime) -> Errand | None:
    """Find what a channel is to be told next; None for nothing yet."""
    found = connection.execute(
        "SELECT e.number, e.what, e.step, e.attempts, a.content"
        " FROM errand e JOIN alarm a ON a.id = e.alarm"
        " WHERE e.channel = ? AND e.state = 'waiting' AND e.due_us <= ?"
        " ORDER BY e.due_us, e.number LIMIT 1",
        (channel, instant_us(now)),
    ).fetchone()
    if found is None:
        return None
    number, what, step, attempts, content = found
    return Errand(number, what, channel, step, attempts, recording.decode(content))


def next_due_us(connection: sqlite3.Connection, channel: str) -> int | None:
    """Tell when a channel is to be told something next, in microseconds since 1970."""
    found = connection.execute(
        "SELECT min(due_us) FROM errand WHERE channel = ? AND state = 'waiting'", (channel,)
    ).fetchone()
    return None if found[0] is None else int(found[0])


def waiting_errands(connection: sqlite3.Connection, channel: str, now: datetime) -> int:
    """Count what a channel should have been told by now."""
    found = connection.execute(
        "SELECT count(*) FROM errand WHERE channel = ? AND state = 'waiting' AND due_us <= ?",
        (channel, instant_us(now)),
    )
    return int(found.fetchone()[0])


def settle_errand(errand: Errand, fate: Fate, now: datetime) -> Change[None]:
    """Note what became of an errand; what it means for the alarm is part of it."""

    def change(connection: sqlite3.Connection) -> None:
        state = fate if fate in ("done", "failed") else "waiting"
        connection.execute(
            "UPDATE errand SET state = ?, attempts = attempts + ? WHERE number = ?",
            (state, fate in ("failed", "refused"), errand.number),
        )
        if fate == "done" and errand.what == "started":
            note_told(errand.alarm.id, errand.channel, now)(connection)

    return change
