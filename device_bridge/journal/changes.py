"""The changes of the journal, each a function that runs its statements in an open transaction.

A change that refuses (JournalError) has written nothing: others are committed together with it.
"""

import hashlib
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from fhirserver_device_bridge.journal.entries import instant_us
from fhirserver_device_bridge.journal.layout import JournalError, State

T = TypeVar("T")
Change = Callable[[sqlite3.Connection], T]

_STEP = 1000
"""Rows that retention removes at once; a long change would hold up acknowledgements."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A frame as it came.

    Attributes:
        refused: why it cannot be delivered at all; None for what is to be delivered.
        replaces: the entry that it was edited from.
    """

    source: str
    peer: str
    received: datetime
    control_id: str
    raw: bytes
    refused: str | None = None
    replaces: int | None = None


@dataclass(frozen=True, slots=True)
class Appended:
    """Where a frame stands; `duplicate` where the same bytes of the same source were there."""

    id: int
    duplicate: bool


def append(arrival: Arrival) -> Change[Appended]:
    """Keep a frame; the same bytes of the same source are kept once."""
    digest = hashlib.sha256(arrival.raw).digest()

    def change(connection: sqlite3.Connection) -> Appended:
        instant = instant_us(arrival.received)
        inserted = connection.execute(
            "INSERT INTO entry (source, peer, received_us, control_id, digest, raw, replaces)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (source, digest) DO NOTHING",
            (
                *(arrival.source, arrival.peer, instant, arrival.control_id),
                *(digest, arrival.raw, arrival.replaces),
            ),
        )
        if not inserted.rowcount:
            found = connection.execute(
                "SELECT id FROM entry WHERE source = ? AND digest = ?", (arrival.source, digest)
            )
            return Appended(found.fetchone()[0], duplicate=True)
        state: State = "received" if arrival.refused is None else "dead"
        connection.execute(
            "INSERT INTO progress (id, source, state, reason, changed_us) VALUES (?, ?, ?, ?, ?)",
            (inserted.lastrowid, arrival.source, state, arrival.refused, instant),
        )
        assert inserted.lastrowid is not None
        return Appended(inserted.lastrowid, duplicate=False)

    return change


def settle(number: int, state: State, reason: str | None, at: datetime) -> Change[None]:
    """Note what became of an entry that was waiting."""

    def change(connection: sqlite3.Connection) -> None:
        connection.execute(
            "UPDATE progress SET state = ?, reason = ?, changed_us = ?"
            " WHERE id = ? AND state = 'received'",
            (state, reason, instant_us(at), number),
        )

    return change


def count_attempt(number: int) -> Change[None]:
    """Note an answer of the server that did not decide an entry."""

    def change(connection: sqlite3.Connection) -> None:
        connection.execute("UPDATE progress SET attempts = attempts + 1 WHERE id = ?", (number,))

    return change


def release_held(source: str, before: datetime) -> Change[int]:
    """Let held entries that have rested since then look for their patient again."""

    def change(connection: sqlite3.Connection) -> int:
        return connection.execute(
            "UPDATE progress SET state = 'received'"
            " WHERE state = 'held' AND source = ? AND changed_us <= ?",
            (source, instant_us(before)),
        ).rowcount

    return change


def replay(
    *, source: str | None = None, first: int = 1, last: int | None = None, dead: bool = False
) -> Change[int]:
    """Let entries be delivered again; held ones too, dead ones where asked for."""
    states = ("done", "held", "dead" if dead else "held")

    def change(connection: sqlite3.Connection) -> int:
        return connection.execute(
            "UPDATE progress SET state = 'received', reason = NULL, attempts = 0"
            " WHERE state IN (?, ?, ?) AND id >= ? AND id <= ? AND source = coalesce(?, source)",
            (*states, first, last if last is not None else 2**63 - 1, source),
        ).rowcount

    return change


def edit(number: int, raw: bytes, at: datetime) -> Change[Appended]:
    """Put an edited message in the place of a dead entry, which stays for the record."""

    def change(connection: sqlite3.Connection) -> Appended:
        found = connection.execute(
            "SELECT e.source, e.control_id, p.state FROM progress p JOIN entry e USING (id)"
            " WHERE id = ?",
            (number,),
        ).fetchone()
        if found is None or found[2] != "dead":
            raise JournalError(f"entry {number} is no dead letter")
        arrival = Arrival(found[0], "edited", at, found[1], raw, replaces=number)
        appended = append(arrival)(connection)
        if appended.duplicate:
            raise JournalError(f"entry {appended.id} already holds exactly this message")
        connection.execute(
            "UPDATE progress SET state = 'replaced', changed_us = ? WHERE id = ?",
            (instant_us(at), number),
        )
        return appended

    return change


def forget(before: datetime) -> Change[int]:
    """Remove what was delivered before then, some at a time; gives how many went."""

    def change(connection: sqlite3.Connection) -> int:
        return connection.execute(
            "DELETE FROM entry WHERE id IN (SELECT p.id FROM progress p"
            " WHERE p.state IN ('done', 'replaced') AND p.changed_us < ?"
            " AND NOT EXISTS (SELECT 1 FROM entry later WHERE later.replaces = p.id) LIMIT ?)",
            (instant_us(before), _STEP),
        ).rowcount

    return change
