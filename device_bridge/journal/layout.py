"""The tables of the journal, and opening it.

    entry      what was received; never changed, removed only after its retention
    progress   what became of it; one row an entry
    movement   who lies where, as ADT messages told; outlives them
    assignment whose devices and beds are, as was said by hand; followed, up to when the server told
    alarm      each alarm as it is now; notice, what happened to it; errand, who is to be told
    heard      when each device was last heard; watched, up to which entry alarms were looked for

    received ──> done            delivered, or nothing in it to deliver
       │  ▲
       │  └───── held            its patient is not known yet; looked at again and again
       ├───────> dead            refused, with the reason; a person decides
       └──dead─> replaced        edited: another entry took its place

A replay makes an entry `received` again.
"""

import os
import sqlite3
from pathlib import Path
from typing import Literal

FILE_NAME = "journal.sqlite"
VERSION = 4

State = Literal["received", "held", "done", "dead", "replaced"]
STATES: tuple[State, ...] = ("received", "held", "done", "dead", "replaced")

_TABLES = """
CREATE TABLE entry (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    source TEXT NOT NULL,
    peer TEXT NOT NULL,
    received_us INTEGER NOT NULL,
    control_id TEXT NOT NULL,
    digest BLOB NOT NULL,
    raw BLOB NOT NULL,
    replaces INTEGER REFERENCES entry (id),
    UNIQUE (source, digest)
) STRICT;
CREATE TABLE progress (
    id INTEGER PRIMARY KEY REFERENCES entry (id) ON DELETE CASCADE,
    source TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('received', 'held', 'done', 'dead', 'replaced')),
    reason TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    changed_us INTEGER NOT NULL
) STRICT;
CREATE INDEX progress_waiting ON progress (source, id) WHERE state = 'received';
CREATE INDEX progress_unfinished ON progress (state, id) WHERE state IN ('held', 'dead');
CREATE INDEX progress_finished ON progress (changed_us) WHERE state IN ('done', 'replaced');
"""
"""A digest is of the whole message, so MSH-10 is in it: the key is (source, MSH-10, content)."""

_MOVEMENTS = """
CREATE TABLE movement (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    entry INTEGER NOT NULL,
    part INTEGER NOT NULL,
    event TEXT NOT NULL,
    at_us INTEGER NOT NULL,
    system TEXT NOT NULL,
    value TEXT NOT NULL,
    point_of_care TEXT,
    room TEXT,
    bed TEXT,
    facility TEXT,
    prior_system TEXT,
    prior_value TEXT,
    UNIQUE (entry, part)
) STRICT;
"""

_ALARMS = """
CREATE TABLE alarm (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    source TEXT NOT NULL,
    key TEXT NOT NULL,
    open INTEGER NOT NULL,
    changed_us INTEGER NOT NULL,
    content BLOB NOT NULL
) STRICT;
CREATE INDEX alarm_of_key ON alarm (source, key, number);
CREATE INDEX alarm_open ON alarm (number) WHERE open;
CREATE INDEX alarm_ended ON alarm (changed_us) WHERE NOT open;
CREATE TABLE notice (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    alarm TEXT NOT NULL REFERENCES alarm (id) ON DELETE CASCADE,
    what TEXT NOT NULL CHECK (what IN ('started', 'changed', 'ended', 'acknowledged', 'told')),
    content BLOB NOT NULL
) STRICT;
CREATE INDEX notice_of_alarm ON notice (alarm);
CREATE TABLE errand (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    alarm TEXT NOT NULL REFERENCES alarm (id) ON DELETE CASCADE,
    what TEXT NOT NULL,
    channel TEXT NOT NULL,
    step INTEGER NOT NULL,
    due_us INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'done', 'failed', 'needless'))
) STRICT;
CREATE INDEX errand_of_alarm ON errand (alarm);
CREATE INDEX errand_waiting ON errand (channel, due_us) WHERE state = 'waiting';
CREATE TABLE heard (
    source TEXT NOT NULL,
    system TEXT NOT NULL,
    value TEXT NOT NULL,
    at_us INTEGER NOT NULL,
    PRIMARY KEY (source, system, value)
) STRICT, WITHOUT ROWID;
CREATE TABLE watched (entry INTEGER NOT NULL) STRICT;
INSERT INTO watched SELECT coalesce(max(id), 0) FROM entry;
"""
"""What was received before this bridge watched for alarms is not news any more."""

_ASSIGNMENTS = """
CREATE TABLE assignment (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL,
    content BLOB NOT NULL
) STRICT;
CREATE INDEX assignment_of_key ON assignment (key, number);
CREATE TABLE followed (type TEXT PRIMARY KEY, until_us INTEGER NOT NULL) STRICT, WITHOUT ROWID;
"""
_STEPS = (_TABLES, _MOVEMENTS, _ALARMS, _ASSIGNMENTS)
"""What makes each version of the one before it."""

_BUSY_S = 30.0


class JournalError(Exception):
    """The journal cannot be used, or what is asked of it cannot be; the message says why."""


def open_journal(folder: Path, *, create: bool = False) -> sqlite3.Connection:
    """Open the journal of a folder, in autocommit mode.

    Args:
        folder: made where `create` says so, for this user's eyes only: messages name patients.
        create: make it where there is none.

    Raises:
        JournalError: there is none, or it is of another version.
    """
    file = folder / FILE_NAME
    if create:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
    elif not file.exists():
        raise JournalError(f"{folder} holds no journal; `fhir-bridge run` makes one")
    connection = sqlite3.connect(
        file, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
    )
    try:
        _prepare(connection, file)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, file: Path) -> None:
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        (found,) = connection.execute("PRAGMA user_version").fetchone()
        if found < VERSION:
            steps = "".join(_STEPS[found:])
            connection.executescript(f"BEGIN;{steps}PRAGMA user_version = {VERSION};COMMIT;")
            found = VERSION
    except sqlite3.DatabaseError as error:
        raise JournalError(f"{file} cannot be opened as a journal: {error}") from None
    if found != VERSION:
        raise JournalError(f"{file} is of version {found}, this bridge reads {VERSION}")
