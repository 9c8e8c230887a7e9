"""Reading versions by type and id, and resources by row id.

Spec: https://hl7.org/fhir/R4/http.html#read and #vread

A read for a caller is one statement: it fetches the version and writes the audit row of having
done so, which is durable before the answer leaves.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import Connection, pq

from fhirserver.definitions import Definitions
from fhirserver.model.stored import StoredResource
from fhirserver.store import binary
from fhirserver.store.audit_row import AUDIT_COLUMNS, AUDIT_PARAMETERS, DURABILITY, AuditRow
from fhirserver.store.database import Database
from fhirserver.store.named import Named
from fhirserver.store.schema import method_name
from fhirserver.store.standing import CONFIRMING, Presumed, beyond, treating
from fhirserver.store.statement import Statement, run, statement

_AUDITED = f"""
WITH presumed AS MATERIALIZED ({{presumed}}),
found AS MATERIALIZED (SELECT f.* FROM presumed CROSS JOIN ({{select}}) f),
so AS MATERIALIZED (SELECT FROM presumed WHERE {{holds}}),
told AS (
    INSERT INTO audit (rid, version, tid, id, outcome, {AUDIT_COLUMNS})
    SELECT f.rid, f.version, :tid::smallint, :id::text,
           CASE f.state WHEN 1 THEN 200 WHEN 2 THEN 410 ELSE 404 END, {AUDIT_PARAMETERS}
    FROM so CROSS JOIN (SELECT {DURABILITY}) always LEFT JOIN found f ON true)
SELECT f.rid, f.version, f.updated, f.method, f.body FROM so LEFT JOIN found f ON true
"""  # noqa: S608 - constants

_CURRENT = """
    SELECT rid, version, updated, method, state, body FROM resource
    WHERE tid = :tid::smallint AND id = :id::text AND state <> 0"""
_VERSION = """
    SELECT rid, version, updated, method, state, body FROM resource
    WHERE tid = :tid::smallint AND id = :id::text AND version = :version::integer AND state <> 0
    UNION ALL
    SELECT h.rid, h.version, h.updated, h.method, h.state, h.body
    FROM resource r JOIN history h ON h.rid = r.rid AND h.version = :version::integer
    WHERE r.tid = :tid::smallint AND r.id = :id::text"""
_IN_REACH = """
    SELECT r.rid, r.version, r.updated, r.method, r.state, r.body FROM resource r
    WHERE r.tid = :tid::smallint AND r.id = :id::text AND r.state = 1 AND {reach}"""
_NOTHING, _ALWAYS, _FOUND = "SELECT", "TRUE", "EXISTS (SELECT FROM found)"
_NOT_BEYOND = """NOT EXISTS (SELECT FROM resource r
    WHERE r.tid = :tid::smallint AND r.id = :id::text AND r.state = 1 AND {beyond})"""
_VREAD = statement(_AUDITED.format(presumed=_NOTHING, select=_VERSION, holds=_ALWAYS))
_UNAUDITED = "SELECT rid, version, updated, method, body FROM ({select}) found"
_LOOK = statement(_UNAUDITED.format(select=_CURRENT))
_LOOK_AT_VERSION = statement(_UNAUDITED.format(select=_VERSION))
_READ_MANY = """
SELECT r.rid, r.tid, r.id, r.version, r.updated, r.method, r.body
FROM unnest(%s::bigint[]) WITH ORDINALITY wanted (rid, place)
JOIN resource r ON r.rid = wanted.rid
WHERE r.state = 1
ORDER BY wanted.place
"""
_PEEK = "SELECT body FROM resource WHERE tid = %s AND id = %s AND state = 1"
_COUNTS = "SELECT tid, count(*) FROM resource WHERE state = 1 GROUP BY tid"


def read(
    database: Database,
    type: str,
    id: str,
    audit: AuditRow,
    *,
    reach: Named | None = None,
    presumed: Presumed | None = None,
) -> StoredResource | None:
    """Read the current version, which may be a delete; recorded as what the caller gets.

    Args:
        database: where to look.
        type: resource type.
        id: logical id.
        audit: who asks.
        reach: condition on the row `r` of `resource`. What does not fulfil it is as if nothing were
            there; a deleted one never does. None for no condition.
        presumed: what `audit` and `reach` take for granted. Where that is not so, nothing is read
            or recorded, and it stays unconfirmed. A clinician with `reach`, or in reach of all whom
            it treats, is shown nothing but of patients treated now; what is not found stays
            unconfirmed too, for patients that came since may be in reach, unless all of them are
            and no more than compartments and `reach` decides.

    Returns:
        None if nothing was ever stored under this id.
    """
    parameters = audit.parameters()
    if reach is not None:
        parameters |= reach.arguments
    if presumed is not None:
        parameters |= presumed.arguments(database.definitions)
    wanted = _reading(
        database.definitions,
        type,
        None if reach is None else reach.text,
        presumed=presumed is not None,
        treats=presumed is not None and presumed.clinician is not None,
        of_all=presumed is not None and presumed.of_all,
    )
    return _fetch(database, wanted, type, id, parameters, presumed)


@functools.lru_cache(maxsize=1024)
def _reading(
    definitions: Definitions,
    type: str,
    reach: str | None,
    *,
    presumed: bool,
    treats: bool,
    of_all: bool,
) -> Statement:
    presuming = CONFIRMING if presumed else _NOTHING
    if reach is None and not of_all:
        return statement(_AUDITED.format(presumed=presuming, select=_CURRENT, holds=_ALWAYS))
    condition, holds = reach or _ALWAYS, _ALWAYS
    if treats:
        condition += f" AND {treating(definitions, type)}"
        holds = _FOUND
    if of_all:
        condition += f" AND NOT {beyond(definitions)}"
        holds += f" OR {_NOT_BEYOND.format(beyond=beyond(definitions))}"
    select = _IN_REACH.format(reach=condition)
    return statement(_AUDITED.format(presumed=presuming, select=select, holds=holds))


def vread(
    database: Database, type: str, id: str, version: int, audit: AuditRow
) -> StoredResource | None:
    """Read one version, which may be a delete; None if there is no such version."""
    arguments = {"version": binary.int4(version), **audit.parameters()}
    return _fetch(database, _VREAD, type, id, arguments)


def look(
    database: Database, type: str, id: str, version: int | None = None
) -> StoredResource | None:
    """Read a version, the current one unless it is named, that is to be judged before it is shown.

    There is no audit row: whoever judges records what became of it.
    """
    if version is None:
        return _fetch(database, _LOOK, type, id, {})
    return _fetch(database, _LOOK_AT_VERSION, type, id, {"version": binary.int4(version)})


def read_many(
    connection: Connection[Any], definitions: Definitions, rids: Sequence[int]
) -> list[StoredResource]:
    """Read live resources by row id, in the order given; others are left out."""
    rows = connection.execute(_READ_MANY, (list(rids),), binary=True)
    return [
        StoredResource(
            rid, definitions.type_name(tid), id, version, updated, method_name(method), body
        )
        for rid, tid, id, version, updated, method, body in rows
    ]


def peek(database: Database, type: str, id: str) -> bytes | None:
    """Give the current body for a decision about another resource; None unless it is live.

    Nothing of it may leave: there is no audit row.
    """
    with database.search_connection() as connection:
        values = (database.definitions.type_id(type), id)
        row = connection.execute(_PEEK, values, binary=True).fetchone()
    return None if row is None else bytes(row[0])


def count_types(database: Database) -> dict[str, int]:
    """Count the live resources of each type that has any, by type."""
    with database.search_connection() as connection:
        rows = connection.execute(_COUNTS).fetchall()
    return dict(sorted((database.definitions.type_name(tid), count) for tid, count in rows))


def _fetch(
    database: Database,
    wanted: Statement,
    type: str,
    id: str,
    parameters: Mapping[str, bytes | None],
    presumed: Presumed | None = None,
) -> StoredResource | None:
    arguments = {
        "tid": binary.int2(database.definitions.type_id(type)),
        "id": id.encode(),
        "lazy": binary.boolean(database.lazy_audit),
        **parameters,
    }
    with database.connection() as connection:
        result: pq.abc.PGresult = run(connection, wanted, arguments)
    if result.ntuples == 0:
        return None
    if presumed is not None:
        presumed.confirmed = True
    rid, version, updated, method, body = (result.get_value(0, column) for column in range(5))
    if rid is None:
        return None
    return StoredResource(
        binary.read_int8(rid),
        type,
        id,
        binary.read_int4(version),
        binary.read_int8(updated),
        method_name(binary.read_int2(method)),
        body,
    )
