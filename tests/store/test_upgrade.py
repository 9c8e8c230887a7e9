"""A database kept from an earlier version is upgraded while servers of that version write.

`fixtures/first-landing.sql.gz` is a plain dump (`pg_dump --inserts`) of schema revision 0002, as
the code of that revision wrote it through its own store: patients, observations, references to
what is absent, deleted and revived resources, one shared by twelve patients; invented data only.
It is never made again: what matters is that it is old.
"""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

import psycopg
import pytest

from fhirserver.definitions import r4
from fhirserver.model.json import JsonObject
from fhirserver.search.extract import IndexRows, extract, extractor_of
from fhirserver.store.database import Database
from fhirserver.store.migrate import current_revision, migrate
from fhirserver.store.read import read
from fhirserver.store.reindex import reindex_step
from fhirserver.store.schema import EXPECTED_REVISION
from fhirserver.store.verify import verify
from fhirserver.store.write import write
from tests.store.resources import AUDIT, observation, put
from tests.waiting import wait_for

_DUMP = Path(__file__).parent / "fixtures" / "first-landing.sql.gz"
_WRITTEN = "p3"

# What the statement of revision 0002 does for an update that changes no index row.
_OLD_UPDATE = """
WITH next AS (
    SELECT (r.rid, r.pat, r.updated + 1, r.version + 1, r.tid, r.state, 2, r.id, r.present,
            convert_to(jsonb_set(convert_from(r.body, 'UTF8')::jsonb, '{meta}',
                jsonb_build_object('versionId', (r.version + 1)::text, 'lastUpdated',
                    to_char('epoch'::timestamp + (r.updated + 1) * interval '1 microsecond',
                            'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')))::text, 'UTF8'),
            r.keys)::resource_row AS row
    FROM resource r WHERE r.tid = %(tid)s AND r.id = %(id)s FOR NO KEY UPDATE
),
kept AS (
    INSERT INTO history (rid, pat, updated, xact, version, tid, state, method, id, body)
    SELECT r.rid, r.pat, r.updated, r.xact, r.version, r.tid, r.state, r.method, r.id, r.body
    FROM next JOIN resource r ON r.rid = (next.row).rid
),
changed AS (
    UPDATE resource r SET pat = (n.row).pat, updated = (n.row).updated,
        xact = pg_current_xact_id(), version = (n.row).version, state = (n.row).state,
        method = (n.row).method, extractor = r.extractor, present = (n.row).present,
        body = (n.row).body, keys = (n.row).keys
    FROM next n WHERE r.rid = (n.row).rid
),
changed_outbox AS (
    INSERT INTO outbox (rid, updated, version, tid, method)
    SELECT (row).rid, (row).updated, (row).version, (row).tid, (row).method FROM next
)
INSERT INTO audit (rid, version, tid, outcome, id, interaction, actor, client, request_id, address)
SELECT (row).rid, (row).version, (row).tid, 0, (row).id, 'update', 'a', 'b', 'c', '127.0.0.1'
FROM next
"""


def _rows_of(content: JsonObject) -> IndexRows:
    return extract(content, definitions=r4(), base_url=None)


@pytest.fixture
def old_url(postgres: str) -> Iterator[str]:
    """URL of a database restored from the dump."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("CREATE DATABASE first_landing")
        url = postgres.replace("/postgres?", "/first_landing?")
        with psycopg.connect(url, autocommit=True) as restored:
            restored.execute(gzip.decompress(_DUMP.read_bytes()))
        yield url
        connection.execute("DROP DATABASE first_landing WITH (FORCE)")


class _OldServer:
    """Updates one patient again and again, as a server of revision 0002 does."""

    def __init__(self, url: str) -> None:
        self.acknowledged = 0
        self._url = url
        self._stop = threading.Event()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._work)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._stop.set()
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def _work(self) -> None:
        tid = r4().type_id("Patient")
        try:
            with psycopg.connect(self._url, autocommit=True) as connection:
                while not self._stop.is_set():
                    done = connection.execute(_OLD_UPDATE, {"tid": tid, "id": _WRITTEN})
                    assert done.rowcount == 1
                    self.acknowledged += 1
        except Exception as error:  # noqa: BLE001 - raised again where the test sees it
            self._failure = error


def _more_than(server: _OldServer, count: int) -> Callable[[], bool]:
    return lambda: server.acknowledged > count


def test_a_database_of_the_first_landing_is_upgraded_under_load(old_url: str) -> None:
    """Nothing acknowledged is lost, and everything agrees afterwards."""
    with _OldServer(old_url) as server:
        wait_for(_more_than(server, 0))
        with psycopg.connect(old_url) as connection:
            assert current_revision(connection) == "0002"
        before = server.acknowledged
        assert migrate(old_url) == EXPECTED_REVISION
        wait_for(_more_than(server, server.acknowledged))
        assert server.acknowledged > before

    database = Database(old_url)
    stored = read(database, "Patient", _WRITTEN, AUDIT)
    assert stored is not None
    assert stored.version == 2 + server.acknowledged
    with psycopg.connect(old_url) as connection:
        superseded = connection.execute(
            "SELECT version FROM history WHERE id = %s ORDER BY version", (_WRITTEN,)
        )
        assert [version for (version,) in superseded] == list(range(1, stored.version))
    write(database, [put(observation("new", f"Patient/{_WRITTEN}"))], AUDIT)
    after = 0
    while (step := reindex_step(database, _rows_of, after=after)).after is not None:
        after = step.after
    database.close()

    report = verify(old_url, r4(), extract=_rows_of, extractor=extractor_of(r4()))
    assert report.findings == []
    assert (report.resources, report.dangling) == (45, 1)
