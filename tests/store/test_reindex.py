"""Reindexing after an extractor or a search parameter has changed."""

from __future__ import annotations

from typing import Any

import psycopg

from fhirserver.search.extract import IndexRows
from fhirserver.store.database import Database
from fhirserver.store.reindex import ReindexStep, reindex_step
from fhirserver.store.write import Change, write
from tests.store.resources import AUDIT, observation, patient, put
from tests.store.test_verify import check, extract_here


def older(change: Change) -> Change:
    """Let a change carry what an older extractor found: too little and too much."""
    assert change.rows is not None
    rows = IndexRows(
        token=[*change.rows.token[1:], (31_999, 7, "stale")],
        string=[(31_999, "stale", "Stale")],
        references=change.rows.references,
    )
    return Change(change.type, change.id, change.method, change.content, rows)


def reindex_all(database: Database, **options: Any) -> list[ReindexStep]:
    steps = [reindex_step(database, extract_here, **options)]
    while steps[-1].after is not None:
        steps.append(reindex_step(database, extract_here, after=steps[-1].after, **options))
    return steps


def test_rows_of_an_older_extractor_are_replaced_and_nothing_else(
    empty: Database, database_url: str, sql: psycopg.Connection[Any]
) -> None:
    write(empty, [put(patient(f"p{n}")) for n in range(3)], AUDIT)
    old = [older(put(observation(f"o{n}", f"Patient/p{n % 3}"))) for n in range(7)]
    write(empty, old, AUDIT)
    sql.execute("UPDATE resource SET extractor = 0 WHERE starts_with(id, 'o')")
    before = sql.execute("SELECT rid, version, updated, body FROM resource ORDER BY 1").fetchall()
    assert not check(database_url).sound

    steps = reindex_all(empty, count=3)

    assert [(each.looked_at, each.rewritten) for each in steps] == [(3, 3), (3, 3), (1, 1), (0, 0)]
    assert check(database_url).findings == []
    after = sql.execute("SELECT rid, version, updated, body FROM resource ORDER BY 1").fetchall()
    assert after == before
    assert sql.execute("SELECT count(*) FROM history").fetchone() == (0,)
    assert sql.execute("SELECT count(*) FROM outbox").fetchone() == (10,)
    assert reindex_all(empty) == [ReindexStep(None, 0, 0)]


def test_types_with_changed_parameters_are_extracted_again(
    empty: Database, database_url: str
) -> None:
    write(empty, [put(patient("p")), older(put(observation("o")))], AUDIT)
    assert reindex_all(empty)[-1].looked_at == 0
    steps = reindex_all(empty, types=("Observation",))
    assert sum(each.looked_at for each in steps) == sum(each.rewritten for each in steps) == 1
    assert check(database_url).findings == []


def test_rows_of_a_newer_extractor_are_left_to_the_newer_servers(
    empty: Database, sql: psycopg.Connection[Any]
) -> None:
    write(empty, [older(put(patient("p")))], AUDIT)
    sql.execute("UPDATE resource SET extractor = extractor + 4")
    assert reindex_all(empty) == [ReindexStep(None, 0, 0)]
