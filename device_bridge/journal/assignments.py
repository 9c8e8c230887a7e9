"""Whose devices and beds are, beside the journal: it is needed longer than the messages."""

import sqlite3
from collections.abc import Iterator, Mapping
from datetime import datetime

import msgspec

from fhirserver_device_bridge.assignments import Assignment
from fhirserver_device_bridge.journal.changes import Change
from fhirserver_device_bridge.journal.entries import instant_of, instant_us

Said = tuple[Assignment, ...]
_DECODER = msgspec.json.Decoder(Said)


def note_assignments(
    said: Mapping[str, Said], followed: tuple[str, datetime] | None = None
) -> Change[int]:
    """Keep what is news, and let held messages look for their patient again.

    Args:
        said: by its key, as it is now.
        followed: a type of FHIR, and up to when the server's resources of it are known.

    Returns:
        How many keys had news.
    """

    def change(connection: sqlite3.Connection) -> int:
        news = {key: now for key, now in said.items() if _last(connection, key) != now}
        connection.executemany(
            "INSERT INTO assignment (key, content) VALUES (?, ?)",
            [(key, msgspec.json.encode(now)) for key, now in news.items()],
        )
        if news:
            connection.execute("UPDATE progress SET state = 'received' WHERE state = 'held'")
        if followed is not None:
            connection.execute(
                "INSERT INTO followed (type, until_us) VALUES (?, ?)"
                " ON CONFLICT DO UPDATE SET until_us = max(until_us, excluded.until_us)",
                (followed[0], instant_us(followed[1])),
            )
        return len(news)

    return change


def _last(connection: sqlite3.Connection, key: str) -> Said:
    found = connection.execute(
        "SELECT content FROM assignment WHERE key = ? ORDER BY number DESC LIMIT 1", (key,)
    ).fetchone()
    return () if found is None else _DECODER.decode(found[0])


def assignments_after(
    connection: sqlite3.Connection, number: int = 0
) -> Iterator[tuple[int, str, Said]]:
    """List what was said after a number: its own, the key, and what is said; 0 for all of it."""
    rows = connection.execute(
        "SELECT number, key, content FROM assignment WHERE number > ? ORDER BY number", (number,)
    )
    return ((own, key, _DECODER.decode(content)) for own, key, content in rows)


def assignments_now(connection: sqlite3.Connection) -> dict[str, Said]:
    """Give what is said under each key now."""
    return {key: said for _, key, said in assignments_after(connection)}


def followed_until(connection: sqlite3.Connection, type_: str) -> datetime | None:
    """Tell up to when the server's resources of a type are known; None for none."""
    found = connection.execute("SELECT until_us FROM followed WHERE type = ?", (type_,)).fetchone()
    return None if found is None else instant_of(found[0])
