"""Who lies where, beside the journal: it is needed longer than the messages that told it."""

import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from fhirserver_device_bridge.journal.changes import Change
from fhirserver_device_bridge.journal.entries import instant_us
from fhirserver_device_bridge.movement import Movement
from fhirserver_device_bridge.reading import Identifier, Location

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COLUMNS = """number, entry, part, event, at_us, system, value,
              point_of_care, room, bed, facility, prior_system, prior_value"""


def note(entry: int, movements: Sequence[Movement]) -> Change[None]:
    """Keep what a message says; said again, it takes the place of what was said before."""

    def change(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM movement WHERE entry = ?", (entry,))
        connection.executemany(
            "INSERT INTO movement (entry, part, event, at_us, system, value, point_of_care, room,"
            " bed, facility, prior_system, prior_value)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [(entry, part, *_row(each)) for part, each in enumerate(movements)],
        )

    return change


def _row(movement: Movement) -> tuple[object, ...]:
    place = movement.place or Location()
    prior = movement.prior
    return (
        *(movement.event, instant_us(movement.at)),
        *(movement.patient.system, movement.patient.value),
        *(place.point_of_care, place.room, place.bed, place.facility),
        *((prior.system, prior.value) if prior else (None, None)),
    )


def movements_after(
    connection: sqlite3.Connection, number: int
) -> Iterator[tuple[int, tuple[int, int, Movement]]]:
    """List what was noted after a number, with its own; 0 for all of it."""
    rows = connection.execute(
        # The columns are this module's own.
        f"SELECT {_COLUMNS} FROM movement WHERE number > ? ORDER BY number",  # noqa: S608
        (number,),
    )
    for own, entry, part, event, at_us, system, value, *rest in rows:
        place = Location(*rest[:4])
        prior = Identifier(*rest[4:]) if rest[4] is not None else None
        at = _EPOCH + timedelta(microseconds=at_us)
        movement = Movement(
            event, at, Identifier(system, value), place if place != Location() else None, prior
        )
        yield own, (entry, part, movement)
