"""Contents kept apart: they belong to a version or to nobody, and damage is found."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from fhirserver.definitions import r4
from fhirserver.errors import UnavailableError
from fhirserver.jobs.unused_contents import forget_unused_contents
from fhirserver.model.content_apart import without_content
from fhirserver.store.contents import (
    CHUNK_BYTES,
    BegunContent,
    begin_content,
    find_content,
    forget_content,
    read_content,
)
from fhirserver.store.database import Database
from fhirserver.store.stream import stream_resources
from fhirserver.store.verify import verify
from fhirserver.store.write import Written, write
from tests.store.resources import AUDIT, put

PARTS = (b"a" * CHUNK_BYTES, b"b" * CHUNK_BYTES, b"c")


def store(database: Database, content: BegunContent) -> Written:
    resource = {"resourceType": "Binary", "id": "b", "contentType": "a/b"}
    noted = without_content(resource, content.apart)
    return write(database, [put(noted, upload=content)], AUDIT)[0]


@pytest.fixture
def sql(database_url: str) -> Iterator[Connection[Any]]:
    with psycopg.connect(database_url, autocommit=True) as opened:
        yield opened


def count(sql: Connection[Any], table: str) -> int:
    row = sql.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()
    assert row is not None
    return int(row[0])


def test_content_belongs_to_the_version_that_was_written(empty: Database) -> None:
    written = store(empty, begin_content(empty, PARTS))
    kept = find_content(empty, written.stored.rid, 1)
    assert kept is not None
    assert kept.size_bytes == 2 * CHUNK_BYTES + 1
    assert b"".join(read_content(empty, kept)) == b"".join(PARTS)
    assert find_content(empty, written.stored.rid, 2) is None
    forget_content(empty, kept.number)
    assert find_content(empty, written.stored.rid, 1) == kept


def test_an_export_has_the_content_in_the_resource(empty: Database, sql: Connection[Any]) -> None:
    store(empty, begin_content(empty, PARTS))
    ((_, line),) = [(tid, b"".join(parts)) for tid, parts in stream_resources(sql)]
    exported = json.loads(line)
    assert base64.b64decode(exported["data"]) == b"".join(PARTS)
    assert "_data" not in exported


def test_content_that_was_forgotten_makes_no_version(empty: Database, sql: Connection[Any]) -> None:
    content = begin_content(empty, PARTS)
    forget_content(empty, content.number)
    with pytest.raises(UnavailableError):
        store(empty, content)
    assert count(sql, "resource") == 0
    assert count(sql, "binary_chunk") == 0


def test_content_has_one_version(empty: Database) -> None:
    content = begin_content(empty, PARTS)
    store(empty, content)
    with pytest.raises(UnavailableError):
        store(empty, content)


def test_what_a_killed_process_leaves_goes_after_a_day(
    empty: Database, sql: Connection[Any]
) -> None:
    store(empty, begin_content(empty, PARTS))
    for _ in range(7):
        begin_content(empty, PARTS)
    assert forget_unused_contents(sql) is False
    assert count(sql, "binary_content") == 8
    sql.execute("UPDATE binary_content SET begun = begun - interval '25 hours'")
    assert forget_unused_contents(sql) is True
    assert forget_unused_contents(sql) is False
    assert count(sql, "binary_content") == 1
    assert count(sql, "binary_chunk") == len(PARTS)


@pytest.mark.parametrize(
    ("damage", "place"),
    [
        pytest.param("SELECT 1", None, id="none"),
        pytest.param("DELETE FROM binary_chunk WHERE place = 2", "Binary/b", id="cut"),
        pytest.param("UPDATE binary_chunk SET octets = 'x'", "Binary/b", id="changed"),
        pytest.param("DELETE FROM binary_content", "Binary/b", id="missing"),
        pytest.param(
            "UPDATE binary_content SET version = 9 WHERE rid IS NOT NULL",
            "Binary/b",
            id="of-no-version",
        ),
        pytest.param(
            "UPDATE binary_content SET version = 9 WHERE rid IS NOT NULL", "content", id="stray"
        ),
    ],
)
def test_damage_is_found(
    empty: Database, database_url: str, sql: Connection[Any], damage: str, place: str | None
) -> None:
    store(empty, begin_content(empty, PARTS))
    begin_content(empty, PARTS)
    sql.execute(damage.encode())
    report = verify(database_url, r4(), extract=None, extractor=0)
    found = {each.place for each in report.findings if each.rule == "content"}
    assert place in found if place is not None else report.sound
