"""Check a whole database: bodies, versions, contents, index rows, references.

Every table is read once, in row-id order, from one snapshot, and the streams are merged; so it
runs beside the server, whatever the size, in the memory of one batch.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import Connection

from fhirserver.definitions import Definitions
from fhirserver.store.identities import Identity
from fhirserver.store.index_rows import Row
from fhirserver.store.packed_keys import unpack
from fhirserver.store.row_types import INDEX_ROWS
from fhirserver.store.schema import State
from fhirserver.store.verify_contents import content_findings
from fhirserver.store.verify_resource import (
    Extract,
    Finding,
    ResourceRow,
    Rules,
    VersionRow,
    as_row,
)

_BATCH_ROWS = 500
_FETCH_ROWS = 5000
_RESOURCES = (
    "SELECT rid, tid, id, pat, version, updated, state, extractor, present, body, keys"
    " FROM resource ORDER BY rid"
)
_VERSIONS = "SELECT rid, version, updated, state, body FROM history ORDER BY rid, version"
_RIDS = """
SELECT r.tid, r.id, r.rid FROM unnest(%s::smallint[], %s::text[]) wanted (tid, id)
JOIN resource r ON r.tid = wanted.tid AND r.id = wanted.id
"""
_DANGLING = """
SELECT count(*) FROM ref f JOIN resource r ON r.rid = f.target WHERE f.home AND r.state <> 1
"""


@dataclass(slots=True)
class Report:
    """What was looked at and what was found.

    Attributes:
        resources, versions, rows: how many of each were checked.
        dangling: references whose target is absent or deleted; a fault only where integrity has
            always been enforced.
        counts: findings by rule.
        findings: the first of them.
    """

    resources: int = 0
    versions: int = 0
    rows: int = 0
    dangling: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether nothing was found."""
        return not self.counts

    def add(self, finding: Finding, limit: int) -> None:
        """Count a finding and keep it while there are fewer than `limit`."""
        self.counts[finding.rule] += 1
        if len(self.findings) < limit:
            self.findings.append(finding)


_CHANGING = "SELECT DISTINCT base FROM search_parameter WHERE state <> 'active'"


def verify(
    url: str,
    definitions: Definitions,
    *,
    extract: Extract | None,
    extractor: int,
    findings_max: int = 100,
    progress: Callable[[int], None] = lambda _: None,
) -> Report:
    """Check everything that a database holds.

    Args:
        url: libpq URL; one connection is used, reading only.
        definitions: the type numbers and search parameters that the database was written with.
        extract: gives the index rows of a resource as writes do; None to leave that check out.
        extractor: version of `extract`.
        findings_max: findings kept in the report; all are counted.
        progress: called with the number of resources checked so far.
    """
    report = Report()
    with psycopg.connect(url) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        changing = {definitions.type_id(base) for (base,) in connection.execute(_CHANGING)}
        rules = Rules(definitions, extract, extractor, frozenset(changing))
        for finding in _findings(connection, rules, report, progress):
            report.add(finding, findings_max)
        for finding in content_findings(connection, definitions):
            report.add(finding, findings_max)
        row = connection.execute(_DANGLING).fetchone()
        report.dangling = 0 if row is None else row[0]
    return report


def _findings(
    connection: Connection[Any],
    rules: Rules,
    report: Report,
    progress: Callable[[int], None],
) -> Iterator[Finding]:
    resources = map(as_row, _stream(connection, "resource", _RESOURCES))
    history = _Groups("history", _stream(connection, "history", _VERSIONS))
    tables = {table: _index_groups(connection, table) for table in INDEX_ROWS}
    while batch := list(itertools.islice(resources, _BATCH_ROWS)):
        rids = _row_ids(connection, batch)
        for row in batch:
            versions = [VersionRow(*each[1:]) for each in history.take(row.rid)]
            found = {table: groups.take(row.rid) for table, groups in tables.items()}
            report.resources += row.state is State.LIVE
            report.versions += len(versions) + (row.state is not State.ABSENT)
            report.rows += sum(map(len, found.values()))
            yield from rules.check(row, versions, found, rids)
        progress(report.resources)
    for groups in (history, *tables.values()):
        groups.finish()
        if groups.orphans:
            yield Finding(groups.name, "orphans", f"{groups.orphans} rows without a resource")


class _Groups:
    """Rows of a table that is sorted by row id, handed out resource by resource."""

    def __init__(self, name: str, rows: Iterator[Row]) -> None:
        self.name = name
        self.orphans = 0
        self._groups = itertools.groupby(rows, key=lambda row: row[0])
        self._next = next(self._groups, None)
        self._rows = [] if self._next is None else list(self._next[1])

    def take(self, rid: int) -> list[Any]:
        """Return the rows of a resource; rows of smaller row ids belong to nobody."""
        while self._next is not None and self._next[0] < rid:
            self.orphans += len(self._rows)
            self._advance()
        if self._next is None or self._next[0] != rid:
            return []
        found = self._rows
        self._advance()
        return found

    def finish(self) -> None:
        """Count the rows behind the last resource."""
        while self._next is not None:
            self.orphans += len(self._rows)
            self._advance()

    def _advance(self) -> None:
        self._next = next(self._groups, None)
        self._rows = [] if self._next is None else list(self._next[1])


class _IndexGroups(_Groups):
    """Rows of an index table, handed out without the leading sort key."""

    def take(self, rid: int) -> list[Any]:
        """Return the rows of a resource as `TableRows` has them."""
        return [row[1:] for row in super().take(rid)]


def _index_groups(connection: Connection[Any], table: str) -> _Groups:
    columns = ", ".join(f"i.{column}" for column in INDEX_ROWS[table].columns)
    if table == "contained":
        place, source = "i.container", "contained i"
    elif table.startswith("contained_"):
        # Rows of no contained resource come first, where no resource takes them.
        place = "coalesce(c.container, 0)"
        source = f"{table} i LEFT JOIN contained c ON c.rid = i.rid"
    else:
        place, source = "i.rid", f"{table} i"
    query = f"SELECT {place}, {columns} FROM {source} ORDER BY 1"  # noqa: S608 - constants
    return _IndexGroups(table, _stream(connection, table, query))


def _stream(connection: Connection[Any], name: str, query: str) -> Iterator[Row]:
    cursor = connection.cursor(name=f"verify_{name}", binary=True)
    cursor.itersize = _FETCH_ROWS if name not in ("resource", "history") else _BATCH_ROWS
    cursor.execute(query.encode())
    return iter(cursor)


def _row_ids(connection: Connection[Any], batch: Sequence[ResourceRow]) -> dict[Identity, int]:
    identities = set().union(*(unpack(row.keys).identities() for row in batch))
    tids, ids = [tid for tid, _ in identities], [id for _, id in identities]
    return {(tid, id): rid for tid, id, rid in connection.execute(_RIDS, (tids, ids))}
