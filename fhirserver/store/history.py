"""The history of an instance, a type or everything, newest first or oldest first.

Spec: https://hl7.org/fhir/R4/http.html#history

A version's place is (updated, row id): no two versions share one, so a page continues beyond the
last place that was sent, whatever has been written since.

Transactions become visible in another order than their instants. With `_since`, and oldest first,
a client asks for what it has not seen, so that answer stops before the oldest transaction still
under way: what commits later is above what this answer ended with, for the next one to find. One
instance's versions follow each other, so its history needs no such bound.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace

from psycopg import pq

from fhirserver.model.stored import StoredResource
from fhirserver.store import binary
from fhirserver.store.audit_row import AUDIT_COLUMNS, AUDIT_PARAMETERS, DURABILITY, AuditRow
from fhirserver.store.database import Database
from fhirserver.store.named import Named
from fhirserver.store.schema import method_name
from fhirserver.store.statement import Statement, run, statement

Place = tuple[int, int]
"""Instant in epoch microseconds and row id of a version."""


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """Which versions are wanted.

    Attributes:
        types: whose resources; None for all.
        id: of the only one wanted of the only type; None for every resource.
        since_us: versions made at or after this instant.
        at_us: versions that were current at some time in this half-open interval.
        ascending: oldest first.
        count: versions of a page; 0 asks for the total only.
        beyond: the place that the previous page ended with.
        reach: condition on the row `r` of `resource`, which the current version must fulfil; None
            for no limits.
    """

    types: tuple[str, ...] | None = None
    id: str | None = None
    since_us: int | None = None
    at_us: tuple[int, int] | None = None
    ascending: bool = False
    count: int = 20
    beyond: Place | None = None
    reach: Named | None = None


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """One page of a history.

    Attributes:
        entries: in order; deletes have no body.
        total: versions that match, of one instance; None elsewhere, where counting is dear.
        next_beyond: where the next page starts; None on the last one.
    """

    entries: list[StoredResource]
    total: int | None
    next_beyond: Place | None


_ONE = """v.rid = (SELECT rid FROM resource i WHERE i.tid = :tid::smallint AND i.id = :id::text)"""
_CONDITIONS = {
    "since": "v.updated >= :since::bigint",
    "settled": "v.xact < pg_snapshot_xmin(pg_current_snapshot())",
    "at": """v.updated < :at_upper::bigint AND NOT EXISTS (
        SELECT 1 FROM resource n WHERE n.rid = v.rid AND n.version = v.version + 1
        AND n.updated <= :at_lower::bigint
        UNION ALL
        SELECT 1 FROM history n WHERE n.rid = v.rid AND n.version = v.version + 1
        AND n.updated <= :at_lower::bigint)""",
    "below": "(v.updated, v.rid) < (:beyond_updated::bigint, :beyond_rid::bigint)",
    "above": "(v.updated, v.rid) > (:beyond_updated::bigint, :beyond_rid::bigint)",
}
_IN_REACH = """EXISTS (
    SELECT FROM resource r WHERE r.rid = v.rid AND r.state = 1 AND {reach})"""
_PAGE = """
page AS MATERIALIZED (
    SELECT tid, id, rid, version, updated, method, current
    FROM unnest(:tids::smallint[]) wanted (tid_wanted)
    CROSS JOIN LATERAL (
        (SELECT v.tid, v.id, v.rid, v.version, v.updated, v.method, true AS current
         FROM resource v WHERE v.tid = tid_wanted AND v.state <> 0 AND {conditions}
         ORDER BY {order} LIMIT :limit::bigint)
        UNION ALL
        (SELECT v.tid, v.id, v.rid, v.version, v.updated, v.method, false
         FROM history v WHERE v.tid = tid_wanted AND {conditions}
         ORDER BY {order} LIMIT :limit::bigint)
    ) version
    ORDER BY updated {direction}, rid {direction} LIMIT :limit::bigint)"""
_TOLD = f"""
told AS (
    INSERT INTO audit (tid, id, outcome, matches, rids, {AUDIT_COLUMNS})
    SELECT :audit_tid::smallint, :audit_id::text,
           CASE WHEN EXISTS (SELECT FROM page) THEN 200 ELSE :empty::smallint END,
           LEAST((SELECT count(*) FROM page), :limit::bigint - 1),
           (SELECT (array_agg(rid))[1:(:limit::bigint - 1)::integer] FROM page), {AUDIT_PARAMETERS}
    FROM (SELECT {DURABILITY}) always)"""  # noqa: S608
_BODIES = """
SELECT p.rid, p.tid, p.id, p.version, p.updated, p.method, b.body
FROM page p CROSS JOIN LATERAL (
    SELECT r.body FROM resource r WHERE p.current AND r.rid = p.rid
    UNION ALL
    SELECT h.body FROM history h
    WHERE NOT p.current AND h.rid = p.rid AND h.version = p.version) b
ORDER BY p.updated {direction}, p.rid {direction}
"""
_TOTAL = """
SELECT (SELECT count(*) FROM resource v WHERE v.state <> 0 AND {conditions})
     + (SELECT count(*) FROM history v WHERE {conditions})
"""


def history(database: Database, query: HistoryQuery, audit: AuditRow) -> HistoryPage:
    """Read one page of a history; writes the audit row in the same statement.

    Returns:
        An empty page for an instance that never existed.
    """
    arguments = _arguments(database, query) | audit.parameters()
    with database.connection() as connection:
        result = run(connection, _page_statement(_conditions(query), query.ascending), arguments)
        total = None
        if query.id is not None:
            wanted = _total_statement(_conditions(replace(query, beyond=None)))
            total = binary.read_int8(run(connection, wanted, arguments).get_value(0, 0))
    entries = [_stored(database, result, row) for row in range(min(result.ntuples, query.count))]
    more = result.ntuples > query.count and entries
    return HistoryPage(entries, total, (entries[-1].updated_us, entries[-1].rid) if more else None)


def _conditions(query: HistoryQuery) -> tuple[str, ...]:
    wanted = {
        "since": query.since_us is not None,
        "settled": query.id is None and (query.ascending or query.since_us is not None),
        "at": query.at_us is not None,
        "below": query.beyond is not None and not query.ascending,
        "above": query.beyond is not None and query.ascending,
    }
    found = [_CONDITIONS[name] for name, present in wanted.items() if present]
    if query.reach is not None:
        found.append(_IN_REACH.format(reach=query.reach.text))
    return (*([_ONE] if query.id is not None else []), *found)


@functools.lru_cache(maxsize=512)
def _page_statement(conditions: tuple[str, ...], ascending: bool) -> Statement:
    direction = "ASC" if ascending else "DESC"
    # The statistics of a much-changed resource must not send others through all versions.
    order = "v.version {0}" if _ONE in conditions else "v.updated {0}, v.rid {0}"
    page = _PAGE.format(
        conditions=" AND ".join((*conditions, "true")),
        order=order.format(direction),
        direction=direction,
    )
    return statement(f"WITH {page},{_TOLD}{_BODIES.format(direction=direction)}")


@functools.lru_cache(maxsize=512)
def _total_statement(conditions: tuple[str, ...]) -> Statement:
    return statement(_TOTAL.format(conditions=" AND ".join(conditions)))


def _arguments(database: Database, query: HistoryQuery) -> dict[str, bytes | None]:
    definitions = database.definitions
    types = definitions.resource_types if query.types is None else query.types
    tids = [definitions.type_id(name) for name in types]
    lists_all = query.since_us is None and query.at_us is None
    arguments: dict[str, bytes | None] = {
        "tids": binary.int2_array(tids),
        "limit": binary.int8(query.count + 1),
        "lazy": binary.boolean(database.lazy_audit),
        "audit_tid": binary.int2(tids[0]) if len(tids) == 1 else None,
        "audit_id": None if query.id is None else query.id.encode(),
        "empty": binary.int2(404 if query.id is not None and lists_all else 200),
        **(query.reach.arguments if query.reach else {}),
    }
    if query.id is not None:
        arguments |= {"tid": binary.int2(tids[0]), "id": query.id.encode()}
    if query.since_us is not None:
        arguments["since"] = binary.int8(query.since_us)
    if query.at_us is not None:
        lower, upper = query.at_us
        arguments |= {"at_lower": binary.int8(lower), "at_upper": binary.int8(upper)}
    if query.beyond is not None:
        updated, rid = query.beyond
        arguments |= {"beyond_updated": binary.int8(updated), "beyond_rid": binary.int8(rid)}
    return arguments


def _stored(database: Database, result: pq.abc.PGresult, row: int) -> StoredResource:
    rid, tid, id, version, updated, method, body = (
        result.get_value(row, column) for column in range(7)
    )
    assert id is not None
    return StoredResource(
        binary.read_int8(rid),
        database.definitions.type_name(binary.read_int2(tid)),
        id.decode(),
        binary.read_int4(version),
        binary.read_int8(updated),
        method_name(binary.read_int2(method)),
        body,
    )
