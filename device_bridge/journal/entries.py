"""What an entry is, and how entries are looked for. Every function is one query."""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from fhirserver_device_bridge.journal.layout import JournalError, State

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COLUMNS = """e.id, e.source, e.peer, e.received_us, e.control_id, e.raw, e.replaces,
              p.state, p.reason, p.attempts"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One message with what became of it.

    Attributes:
        id: grows with the order of receipt.
        peer: address of the sender, or the command that brought it.
        control_id: MSH-10; empty where there is none.
        replaces: the dead entry that this one was edited from.
        reason: of `held` and `dead`; without values of the patient.
        attempts: answers of the server that did not decide it.
    """

    id: int
    source: str
    peer: str
    received: datetime
    control_id: str
    raw: bytes
    replaces: int | None
    state: State
    reason: str | None
    attempts: int


def instant_us(instant: datetime) -> int:
    """Give microseconds since 1970."""
    return (instant - _EPOCH) // timedelta(microseconds=1)


def instant_of(microseconds: int) -> datetime:
    """Give the instant of microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=microseconds)


def waiting(connection: sqlite3.Connection, source: str, most: int) -> list[Entry]:
    """Find the oldest entries of a source that wait for delivery, in the order of receipt."""
    clause = "WHERE p.source = ? AND p.state = 'received' ORDER BY p.id LIMIT ?"
    return list(_all(connection, clause, source, most))


def after(connection: sqlite3.Connection, number: int, most: int) -> list[Entry]:
    """Find the entries behind one, in the order of receipt, but those that were refused at once.

    What was refused later, by the server, is among them.
    """
    clause = (
        "WHERE p.id > ? AND NOT (p.state = 'dead' AND p.changed_us = e.received_us)"
        " ORDER BY p.id LIMIT ?"
    )
    return list(_all(connection, clause, number, most))


def entry(connection: sqlite3.Connection, number: int) -> Entry:
    """Find an entry. Raises JournalError where there is none."""
    found = next(_all(connection, "WHERE p.id = ?", number), None)
    if found is None:
        raise JournalError(f"the journal has no entry {number}")
    return found


def entries_in(connection: sqlite3.Connection, state: State) -> Iterator[Entry]:
    """List the entries of a state, the oldest first."""
    return _all(connection, "WHERE p.state = ? ORDER BY p.id", state)


def counts(connection: sqlite3.Connection) -> dict[tuple[str, State], int]:
    """Count entries by source and state; one pass over the index of ids."""
    found = connection.execute("SELECT source, state, count(*) FROM progress GROUP BY 1, 2")
    return {(source, state): number for source, state, number in found}


def sources_waiting(connection: sqlite3.Connection, sources: Iterable[str]) -> list[str]:
    """Tell which of some sources have entries that wait for delivery; one look-up each."""
    rows = connection.execute(
        "SELECT value FROM json_each(?) WHERE EXISTS (SELECT 1 FROM progress p"
        " WHERE p.source = value AND p.state = 'received')",
        (json.dumps(list(sources)),),
    )
    return [name for (name,) in rows]


def unfinished(connection: sqlite3.Connection, source: str) -> dict[State, int]:
    """Count what is not decided of a source, in indexes that hold nothing else."""
    waiting = connection.execute(
        "SELECT count(*) FROM progress WHERE state = 'received' AND source = ?", (source,)
    ).fetchone()[0]
    others = connection.execute(
        "SELECT state, count(*) FROM progress WHERE state IN ('held', 'dead') AND source = ?"
        " GROUP BY 1",
        (source,),
    )
    return {"received": waiting, "held": 0, "dead": 0, **dict(others)}


def oldest_waiting(connection: sqlite3.Connection, source: str) -> datetime | None:
    """Tell since when the oldest entry of a source has waited."""
    found = connection.execute(
        "SELECT e.received_us FROM progress p JOIN entry e USING (id)"
        " WHERE p.source = ? AND p.state = 'received' ORDER BY p.id LIMIT 1",
        (source,),
    ).fetchone()
    return None if found is None else instant_of(found[0])


def _all(connection: sqlite3.Connection, clause: str, *values: object) -> Iterator[Entry]:
    rows = connection.execute(
        # The clauses are this module's own.
        f"SELECT {_COLUMNS} FROM progress p JOIN entry e USING (id) {clause}",  # noqa: S608
        values,
    )
    for number, source, peer, received_us, *rest in rows:
        yield Entry(number, source, peer, instant_of(received_us), *rest)
