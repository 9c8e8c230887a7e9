"""What was asked for and came back is on the disk; entries end as they should. DEV-02, 04, 26."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fhirserver_device_bridge.journal.changes import (
    Appended,
    Arrival,
    Change,
    append,
    count_attempt,
    edit,
    forget,
    release_held,
    replay,
    settle,
)
from fhirserver_device_bridge.journal.entries import (
    counts,
    entries_in,
    entry,
    oldest_waiting,
    unfinished,
    waiting,
)
from fhirserver_device_bridge.journal.journal import Journal
from fhirserver_device_bridge.journal.layout import FILE_NAME, JournalError, State, open_journal
from fhirserver_device_bridge.journal.movements import movements_after, note
from fhirserver_device_bridge.journal.ownership import owned
from fhirserver_device_bridge.journal.verify import verify
from fhirserver_device_bridge.movement import Movement
from fhirserver_device_bridge.reading import Identifier, Location

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path / "j")
    yield opened
    opened.close()


@pytest.fixture
def reader(journal: Journal) -> Iterator[sqlite3.Connection]:
    with closing(journal.reader()) as opened:
        yield opened


def arrived(raw: bytes, source: str = "icu", refused: str | None = None) -> Change[Appended]:
    return append(Arrival(source, "127.0.0.1:1", NOW, "17", raw, refused))


def test_what_is_appended_is_there_for_others(journal: Journal, reader: sqlite3.Connection) -> None:
    appended = journal.ask(arrived(b"MSH|a")).result()
    (found,) = waiting(reader, "icu", 5)
    assert (found.id, found.raw, found.received) == (appended.id, b"MSH|a", NOW)
    assert (found.state, found.attempts, found.control_id) == ("received", 0, "17")
    assert waiting(reader, "other", 5) == []
    assert oldest_waiting(reader, "icu") == NOW


@pytest.mark.parametrize(
    ("source", "raw", "duplicate"),
    [
        pytest.param("icu", b"MSH|a", True, id="byte-identical resend is stored once"),
        pytest.param("icu", b"MSH|b", False, id="same control id, new content is kept"),
        pytest.param("ward", b"MSH|a", False, id="same bytes of another source are kept"),
    ],
)
def test_duplicates(journal: Journal, source: str, raw: bytes, duplicate: bool) -> None:
    first = journal.ask(arrived(b"MSH|a"))
    second = journal.ask(arrived(raw, source))
    assert first.result().duplicate is False
    assert second.result().duplicate is duplicate
    assert (second.result().id == first.result().id) is duplicate


def test_many_threads_share_commits_and_keep_their_order(journal: Journal) -> None:
    commits: list[int] = []
    journal._decided = lambda: commits.append(1)
    asked = [journal.ask(arrived(b"MSH|%d" % number)) for number in range(1000)]
    ids = [future.result().id for future in asked]
    assert ids == sorted(set(ids))
    assert len(commits) < 1000


def test_a_refused_frame_is_a_dead_letter_at_once(
    journal: Journal, reader: sqlite3.Connection
) -> None:
    journal.ask(arrived(b"noise", refused="no MSH")).result()
    (found,) = entries_in(reader, "dead")
    assert (found.raw, found.reason) == (b"noise", "no MSH")
    assert waiting(reader, "icu", 5) == []


def states(reader: sqlite3.Connection) -> dict[State, int]:
    return {state: number for (_, state), number in counts(reader).items()}


def test_an_entry_ends_once(journal: Journal, reader: sqlite3.Connection) -> None:
    number = journal.ask(arrived(b"a")).result().id
    journal.ask(count_attempt(number)).result()
    journal.ask(settle(number, "dead", "HTTP 422", NOW)).result()
    journal.ask(settle(number, "done", None, NOW)).result()
    found = entry(reader, number)
    assert (found.state, found.reason, found.attempts) == ("dead", "HTTP 422", 1)
    assert unfinished(reader, "icu") == {"received": 0, "held": 0, "dead": 1}


def test_held_entries_rest_before_they_are_tried_again(
    journal: Journal, reader: sqlite3.Connection
) -> None:
    number = journal.ask(arrived(b"a")).result().id
    journal.ask(settle(number, "held", "patient unknown", NOW)).result()
    assert journal.ask(release_held("icu", NOW - timedelta(seconds=1))).result() == 0
    assert journal.ask(release_held("ward", NOW)).result() == 0
    assert journal.ask(release_held("icu", NOW)).result() == 1
    assert entry(reader, number).state == "received"


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        pytest.param({}, {1, 2}, id="delivered and held"),
        pytest.param({"dead": True}, {1, 2, 3}, id="dead ones where asked for"),
        pytest.param({"first": 2}, {2}, id="from"),
        pytest.param({"last": 1}, {1}, id="to"),
        pytest.param({"source": "ward"}, set(), id="of another source"),
    ],
)
def test_replay(
    journal: Journal, reader: sqlite3.Connection, choice: dict[str, object], expected: set[int]
) -> None:
    ends: tuple[State, ...] = ("done", "held", "dead")
    for number, state in enumerate(ends, 1):
        journal.ask(arrived(b"%d" % number)).result()
        journal.ask(settle(number, state, "x", NOW)).result()
    assert journal.ask(replay(**choice)).result() == len(expected)  # type: ignore[arg-type]
    assert {each.id for each in entries_in(reader, "received")} == expected


def test_an_edited_message_takes_the_place_of_a_dead_one(
    journal: Journal, reader: sqlite3.Connection
) -> None:
    number = journal.ask(arrived(b"wrong", refused="no MSH")).result().id
    edited = journal.ask(edit(number, b"right", NOW)).result().id
    assert entry(reader, number).state == "replaced"
    assert entry(reader, number).raw == b"wrong"
    assert (entry(reader, edited).replaces, entry(reader, edited).state) == (number, "received")
    for refused, raw in ((number, b"again"), (edited, b"x"), (99, b"x")):
        with pytest.raises(JournalError, match="no dead letter"):
            journal.ask(edit(refused, raw, NOW)).result()


def test_a_refusal_leaves_others_of_its_commit_alone(
    journal: Journal, reader: sqlite3.Connection
) -> None:
    asked: list[Future[Appended]] = [
        journal.ask(change) for change in (arrived(b"a"), edit(99, b"x", NOW), arrived(b"b"))
    ]
    assert [future.exception() is None for future in asked] == [True, False, True]
    assert states(reader) == {"received": 2}


def test_retention_removes_what_was_delivered_and_nothing_else(
    journal: Journal, reader: sqlite3.Connection
) -> None:
    ends: tuple[State, ...] = ("done", "done", "held", "dead")
    for number, state in enumerate(ends, 1):
        journal.ask(arrived(b"%d" % number)).result()
        journal.ask(settle(number, state, None, NOW + timedelta(days=number))).result()
    journal.ask(arrived(b"waits")).result()
    assert journal.ask(forget(NOW + timedelta(days=1, hours=1))).result() == 1
    assert journal.ask(forget(NOW + timedelta(days=9))).result() == 1
    assert states(reader) == {"held": 1, "dead": 1, "received": 1}


def test_damage_is_found_and_named(journal: Journal) -> None:
    for raw in (b"a", b"b", b"c"):
        journal.ask(arrived(raw)).result()
    with closing(sqlite3.connect(journal.folder / FILE_NAME, isolation_level=None)) as hand:
        assert list(verify(hand)) == []
        hand.execute("UPDATE entry SET raw = x'00' WHERE id = 1")
        hand.execute("DELETE FROM progress WHERE id = 3")
        assert list(verify(hand)) == [
            "entry 1: its content is not what was received",
            "entry 3: nothing tells what became of it",
        ]


def test_a_journal_that_cannot_be_written_says_so_and_goes_on(journal: Journal) -> None:
    with closing(sqlite3.connect(journal.folder / FILE_NAME, isolation_level=None)) as other:
        journal._connection.execute("PRAGMA busy_timeout = 1")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(JournalError, match="cannot be written"):
            journal.ask(arrived(b"a")).result()
        other.execute("ROLLBACK")
    assert journal.ask(arrived(b"a")).result().duplicate is False


def test_it_is_for_its_owner_only(journal: Journal) -> None:
    assert (journal.folder / FILE_NAME).stat().st_mode & 0o077 == 0


def test_after_the_end_nothing_is_taken(tmp_path: Path) -> None:
    ended = Journal(tmp_path / "j")
    kept = ended.ask(arrived(b"a"))
    ended.close()
    assert kept.result().id == 1
    with pytest.raises(JournalError, match="closed"):
        ended.ask(arrived(b"b")).result()


def test_files_that_are_no_journal_are_refused(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="holds no journal"):
        open_journal(tmp_path)
    (tmp_path / FILE_NAME).write_bytes(b"text " * 1000)
    with pytest.raises(JournalError, match="cannot be opened"):
        open_journal(tmp_path)
    (tmp_path / FILE_NAME).unlink()
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as other:
        other.execute("PRAGMA user_version = 99")
    with pytest.raises(JournalError, match="of version 99"):
        open_journal(tmp_path)


def test_a_journal_of_the_first_version_is_taken_on(journal: Journal) -> None:
    number = journal.ask(arrived(b"MSH|a")).result().id
    journal.close()
    with sqlite3.connect(journal.folder / FILE_NAME) as other:
        other.executescript(
            "DROP TABLE movement; DROP TABLE errand; DROP TABLE notice; DROP TABLE alarm;"
            "DROP TABLE heard; DROP TABLE watched; DROP TABLE assignment; DROP TABLE followed;"
            "PRAGMA user_version = 1"
        )
    other.close()
    movement = Movement("A01", NOW, Identifier("urn:x", "1"), Location("ICU", "1", "A"))
    again = Journal(journal.folder)
    again.ask(note(number, [movement])).result()
    again.ask(note(number, [movement])).result()
    with closing(again.reader()) as opened:
        (found,) = movements_after(opened, 0)
        assert found[1] == (number, 0, movement)
        assert [each.raw for each in waiting(opened, "icu", 5)] == [b"MSH|a"]
        assert list(movements_after(opened, found[0])) == []
    again.close()


def test_one_bridge_at_a_time(tmp_path: Path) -> None:
    with owned(tmp_path), pytest.raises(JournalError, match="another bridge"), owned(tmp_path):
        pass
    with owned(tmp_path):
        pass
