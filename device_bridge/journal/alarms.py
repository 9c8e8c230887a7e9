"""What happens to alarms: each change with all that follows from it, in one transaction.

    said of an alarm ──> the alarm as it is now
                    ├──> a notice, which the stream shows; numbers grow
                    ├──> errands: who is to be told, and when if nobody acknowledges
                    └──> an entry of the journal, from which the server gets its resources

So a bridge that is killed at any time has done all of it, or will do all of it again.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from msgspec.structs import replace

from fhirserver_device_bridge.alarms import recording
from fhirserver_device_bridge.alarms.alarm import Alarm, Report, Told, What, is_urgent
from fhirserver_device_bridge.alarms.lifecycle import advance
from fhirserver_device_bridge.config.alarm_settings import EscalationStep
from fhirserver_device_bridge.journal.changes import Arrival, Change, append
from fhirserver_device_bridge.journal.entries import instant_us
from fhirserver_device_bridge.journal.layout import JournalError
from fhirserver_device_bridge.reading import Identifier

_STEP = 1000
"""Rows that retention removes at once."""

Device = tuple[str, Identifier]
"""A device by the name of its source."""


@dataclass(frozen=True, slots=True)
class Said:
    """What an entry says of one alarm; entry 0 for what none says."""

    source: str
    entry: int
    report: Report


@dataclass(frozen=True, slots=True)
class Look:
    """What was found when entries were looked at.

    Attributes:
        until: number of the last of them; None where it was only the clock that was looked at.
        said: of alarms, in order.
        heard: when devices were heard last, in microseconds since 1970.
    """

    until: int | None
    said: Sequence[Said] = ()
    heard: Mapping[Device, int] = field(default_factory=dict)


def watched(connection: sqlite3.Connection) -> int:
    """Give the number of the last entry that was looked at."""
    return int(connection.execute("SELECT entry FROM watched").fetchone()[0])


def heard(connection: sqlite3.Connection) -> dict[Device, int]:
    """Tell when each device was last heard, in microseconds since 1970."""
    rows = connection.execute("SELECT source, system, value, at_us FROM heard")
    return {(source, Identifier(system, value)): at_us for source, system, value, at_us in rows}


def note_look(
    look: Look, plan: Sequence[EscalationStep], now: datetime
) -> Change[list[tuple[What, Alarm]]]:
    """Keep what was found, and make what follows from it; gives what happened."""

    def change(connection: sqlite3.Connection) -> list[tuple[What, Alarm]]:
        happened = [step for each in look.said if (step := _note(connection, each, plan, now))]
        connection.executemany(
            "INSERT INTO heard (source, system, value, at_us) VALUES (?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET at_us = max(at_us, excluded.at_us)",
            [(name, each.system, each.value, us) for (name, each), us in look.heard.items()],
        )
        if look.until is not None:
            connection.execute("UPDATE watched SET entry = ?", (look.until,))
        return happened

    return change


def _note(
    connection: sqlite3.Connection, said: Said, plan: Sequence[EscalationStep], now: datetime
) -> tuple[What, Alarm] | None:
    last = _last(connection, said.source, said.report.key)
    step = advance(last, said.report, said.source, said.entry, now)
    if step is None:
        return None
    what, alarm = step
    _keep(connection, what, alarm)
    if what == "started":
        _escalate(connection, alarm, plan, now)
    else:
        _tell_those_who_know(connection, alarm, what, now, over=what == "ended")
    return step


def acknowledge(alarm_id: str, by: str, now: datetime) -> Change[Alarm]:
    """Note who takes an alarm over; the first who does it counts.

    The change raises JournalError where there is no such alarm.
    """

    def change(connection: sqlite3.Connection) -> Alarm:
        found = alarm(connection, alarm_id)
        if found.acknowledged is not None:
            return found
        at = max(now, found.changed)
        found = replace(found, acknowledged=at, acknowledged_by=by, changed=at)
        _keep(connection, "acknowledged", found)
        _tell_those_who_know(connection, found, "acknowledged", now, over=True)
        return found

    return change


def note_told(alarm_id: str, channel: str, now: datetime) -> Change[None]:
    """Note that a channel took the news of an alarm's start."""

    def change(connection: sqlite3.Connection) -> None:
        found = alarm(connection, alarm_id)
        at = max(now, found.changed)
        _keep(
            connection,
            "told",
            replace(found, told=(*found.told, Told(channel, at)), changed=at),
        )

    return change


def alarm(connection: sqlite3.Connection, alarm_id: str) -> Alarm:
    """Find an alarm by its id, or by the first digits of it.

    Raises:
        JournalError: there is none, or more than one.
    """
    rows = connection.execute(
        "SELECT content FROM alarm WHERE id >= ?1 AND id < ?1 || 'g' LIMIT 2", (alarm_id,)
    ).fetchall()
    if not rows:
        raise JournalError("no alarm has this id; `fhir-bridge alarms list` names them")
    if len(rows) > 1:
        raise JournalError("several alarms have ids that begin so; give more digits")
    return recording.decode(rows[0][0])


def alarms(connection: sqlite3.Connection, *, ended: bool = False) -> Iterator[Alarm]:
    """List open alarms, and ended ones where asked for, the oldest first."""
    clause = "" if ended else "WHERE open"
    # The clause is this function's own.
    rows = connection.execute(f"SELECT content FROM alarm {clause} ORDER BY number")  # noqa: S608
    return (recording.decode(content) for (content,) in rows)


def open_keys(connection: sqlite3.Connection) -> dict[str, set[str]]:
    """Give the keys of open alarms by source."""
    found: dict[str, set[str]] = {}
    for source, key in connection.execute("SELECT source, key FROM alarm WHERE open"):
        found.setdefault(source, set()).add(key)
    return found


def notices_after(
    connection: sqlite3.Connection, number: int, most: int
) -> list[tuple[int, What, bytes]]:
    """List what happened behind a notice: number, what, and the alarm as JSON as it was then."""
    rows = connection.execute(
        "SELECT number, what, content FROM notice WHERE number > ? ORDER BY number LIMIT ?",
        (number, most),
    )
    return [(own, what, content) for own, what, content in rows]


def last_notice(connection: sqlite3.Connection) -> int:
    """Give the number of the last notice; 0 for none."""
    found = connection.execute("SELECT coalesce(max(number), 0) FROM notice")
    return int(found.fetchone()[0])


def forget_alarms(before: datetime) -> Change[int]:
    """Remove what ended before then, some at a time; gives how many alarms went.

    Devices that were heard before then are forgotten, too.
    """

    def change(connection: sqlite3.Connection) -> int:
        connection.execute("DELETE FROM heard WHERE at_us < ?", (instant_us(before),))
        return connection.execute(
            "DELETE FROM alarm WHERE number IN"
            " (SELECT number FROM alarm WHERE NOT open AND changed_us < ? LIMIT ?)",
            (instant_us(before), _STEP),
        ).rowcount

    return change


def _last(connection: sqlite3.Connection, source: str, key: str) -> Alarm | None:
    found = connection.execute(
        "SELECT content FROM alarm WHERE source = ? AND key = ? ORDER BY number DESC LIMIT 1",
        (source, key),
    ).fetchone()
    return None if found is None else recording.decode(found[0])


def _keep(connection: sqlite3.Connection, what: What, alarm: Alarm) -> None:
    """Write an alarm as it is now, its notice, and its entry for the server."""
    content = recording.encode(alarm)
    row = (alarm.id, alarm.source, alarm.key, alarm.is_open, instant_us(alarm.changed), content)
    connection.execute(
        "INSERT INTO alarm (id, source, key, open, changed_us, content) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET open = excluded.open, changed_us = excluded.changed_us,"
        " content = excluded.content",
        row,
    )
    connection.execute(
        "INSERT INTO notice (alarm, what, content) VALUES (?, ?, ?)", (alarm.id, what, content)
    )
    raw = recording.write(alarm)
    append(Arrival(alarm.source, "alarms", alarm.changed, "", raw))(connection)


def _escalate(
    connection: sqlite3.Connection, alarm: Alarm, plan: Sequence[EscalationStep], now: datetime
) -> None:
    """Make the errands of a new alarm; what is over already is told, but not escalated."""
    connection.executemany(
        "INSERT INTO errand (alarm, what, channel, step, due_us, state)"
        " VALUES (?, 'started', ?, ?, ?, 'waiting')",
        [
            (alarm.id, channel, number, instant_us(now) + round(step.after_s * 1_000_000))
            for number, step in enumerate(plan)
            if is_urgent(alarm.condition.priority, step.priority)
            if alarm.is_open or step.after_s == 0
            for channel in step.channels
        ],
    )


def _tell_those_who_know(
    connection: sqlite3.Connection, alarm: Alarm, what: What, now: datetime, *, over: bool
) -> None:
    """Make errands to the channels that know of an alarm, or are just being told.

    `over` where nobody else needs to be told any more.
    """
    if over:
        connection.execute(
            "UPDATE errand SET state = 'needless' WHERE alarm = ? AND state = 'waiting'"
            " AND what = 'started' AND due_us > ?",
            (alarm.id, instant_us(now)),
        )
    connection.execute(
        "INSERT INTO errand (alarm, what, channel, step, due_us, state)"
        " SELECT ?1, ?2, channel, min(step), ?3, 'waiting' FROM errand"
        " WHERE alarm = ?1 AND what = 'started' AND state IN ('waiting', 'done') AND due_us <= ?3"
        " GROUP BY channel",
        (alarm.id, what, instant_us(now)),
    )
