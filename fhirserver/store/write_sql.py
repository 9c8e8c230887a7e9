"""The statements of a write. Arrays carry the rows, so one resource and 5,000 cost the same trips.

`write_statement` composes one statement from the parts that a write needs:

    target, fine   the rows that the new content refers to, locked against deletion in row-id
                   order; unless all are there, no part writes anything and the answer is false
    fresh          new identity rows
    kept, changed  superseded versions into history, then the current row
    *_gone         index rows that no longer hold, found through the table's patient index
    *_new          index rows that are new
    outbox, audit  what happened and who did it

All parts see the snapshot taken at the statement's start; the rows that they change were locked
by an earlier statement (or are new), so that snapshot is the latest state of them.
"""

from __future__ import annotations

import functools

from fhirserver.store.statement import Statement, statement

_CURRENT_COLUMNS = "rid, tid, id, pat, version, updated, state, method, keys"

_LOCK = """
SELECT {columns} FROM resource
WHERE rid = ANY (ARRAY(
    SELECT found.rid FROM unnest(:tids::smallint[], :ids::text[]) wanted (tid, id)
    CROSS JOIN LATERAL (
        SELECT r.rid FROM resource r WHERE r.tid = wanted.tid AND r.id = wanted.id OFFSET 0
    ) found))
ORDER BY rid FOR {strength}
"""

LOCK_FOR_UPDATE = statement(_LOCK.format(columns=_CURRENT_COLUMNS, strength="NO KEY UPDATE"))
LOCK_FOR_DELETE = statement(_LOCK.format(columns=_CURRENT_COLUMNS, strength="UPDATE"))
LOCK_WITH_BODY = statement(
    _LOCK.format(columns=_CURRENT_COLUMNS + ", body", strength="NO KEY UPDATE")
)

RESOLVE = statement("""
SELECT wanted.tid, wanted.id, found.rid, found.state
FROM unnest(:tids::smallint[], :ids::text[]) wanted (tid, id)
CROSS JOIN LATERAL (
    SELECT r.rid, r.state FROM resource r WHERE r.tid = wanted.tid AND r.id = wanted.id OFFSET 0
) found
""")

PLACEHOLDERS = statement("""
INSERT INTO resource (rid, pat, updated, version, tid, state, method, extractor, id, present, keys)
SELECT rid, rid, 0, 0, tid, 0, 0, 0, id, '{}', ''
FROM unnest(:rids::bigint[], :tids::smallint[], :ids::text[]) made (rid, tid, id)
ORDER BY tid, id
ON CONFLICT (tid, id) DO NOTHING
""")

REFERRERS = statement("""
SELECT gone.rid, r.tid, r.id
FROM unnest(:rids::bigint[]) gone (rid)
CROSS JOIN LATERAL (
    SELECT DISTINCT f.rid FROM unnest(:sps::smallint[]) s (sp)
    CROSS JOIN LATERAL (
        SELECT rid FROM ref WHERE ref.sp = s.sp AND ref.target = gone.rid AND ref.rid <> gone.rid
        LIMIT 10
    ) f
    LIMIT 10
) referrer
JOIN resource r ON r.rid = referrer.rid
""")

_TARGET = """
target AS MATERIALIZED (
    SELECT r.rid FROM unnest(:target_rids::bigint[], :target_tids::smallint[],
                             :target_ids::text[]) t (rid, tid, id)
    JOIN resource r ON r.rid = t.rid AND r.tid = t.tid AND r.id = t.id {live}),
fine AS MATERIALIZED (
    SELECT (SELECT count(*) FROM target) = :target_count::bigint AS yes)"""
_NO_TARGET = "fine AS MATERIALIZED (SELECT true AS yes)"

_FRESH = """
fresh AS (
    INSERT INTO resource (rid, pat, updated, version, tid, state, method, extractor, id, present,
                          body, keys)
    SELECT rid, pat, updated, version, tid, state, method, :extractor::smallint, id,
           present::smallint[], body, keys
    FROM unnest(:fresh_rid::bigint[], :fresh_pat::bigint[], :fresh_updated::bigint[],
                :fresh_version::integer[], :fresh_tid::smallint[], :fresh_state::smallint[],
                :fresh_method::smallint[], :fresh_id::text[], :fresh_present::text[],
                :fresh_body::bytea[], :fresh_keys::bytea[])
         n (rid, pat, updated, version, tid, state, method, id, present, body, keys)
    WHERE (SELECT yes FROM fine))"""

_CHANGED = """
kept AS (
    INSERT INTO history (rid, pat, updated, xact, version, tid, state, method, id, body)
    SELECT rid, pat, updated, xact, version, tid, state, method, id, body
    FROM resource WHERE rid = ANY (:changed_rid::bigint[]) AND state <> 0
    AND (SELECT yes FROM fine)),
changed AS (
    UPDATE resource r SET pat = n.pat, updated = n.updated, xact = pg_current_xact_id(),
        version = n.version, state = n.state, method = n.method, extractor = :extractor::smallint,
        present = n.present::smallint[], body = n.body, keys = n.keys
    FROM unnest(:changed_rid::bigint[], :changed_pat::bigint[], :changed_updated::bigint[],
                :changed_version::integer[], :changed_state::smallint[],
                :changed_method::smallint[], :changed_present::text[], :changed_body::bytea[],
                :changed_keys::bytea[])
         n (rid, pat, updated, version, state, method, present, body, keys)
    WHERE r.rid = n.rid AND (SELECT yes FROM fine))"""

_REINDEXED = """
reindexed AS (
    UPDATE resource r SET pat = n.pat, extractor = :extractor::smallint,
        present = n.present::smallint[], keys = n.keys
    FROM unnest(:changed_rid::bigint[], :changed_pat::bigint[], :changed_present::text[],
                :changed_keys::bytea[]) n (rid, pat, present, keys)
    WHERE r.rid = n.rid AND (SELECT yes FROM fine))"""


def _gone(table: str, columns: str, match: str) -> str:
    """Delete rows through their address: the search for each goes by index whatever the sizes."""
    names = [column.split("::")[0] for column in columns.split()]
    arrays = ", ".join(f":{table}_gone_{column}[]" for column in columns.split())
    return f"""
{table}_gone AS (
    DELETE FROM {table} WHERE ctid = ANY (ARRAY(
        SELECT found.ctid FROM unnest({arrays}) k ({", ".join(names)})
        CROSS JOIN LATERAL (SELECT i.ctid FROM {table} i WHERE {match} OFFSET 0) found
        WHERE (SELECT yes FROM fine))))"""  # noqa: S608 - constants


def _new(table: str, columns: str, values: str | None = None) -> str:
    names = ", ".join(column.split("::")[0] for column in columns.split())
    arrays = ", ".join(f":{table}_new_{column}[]" for column in columns.split())
    return f"""
{table}_new AS (
    INSERT INTO {table} ({names}) SELECT {values or names}
    FROM unnest({arrays}) n ({names}) WHERE (SELECT yes FROM fine))"""  # noqa: S608


_COPY = " pat::bigint rid::bigint home::boolean"
TABLE_COLUMNS = {
    "token": "sp::smallint code::text system::bigint pat::bigint dt::bigint rid::bigint"
    " home::boolean",
    "string": "sp::smallint norm::text exact::text" + _COPY,
    "date": "sp::smallint lo::bigint hi::bigint" + _COPY,
    "ref": "sp::smallint target::bigint" + _COPY,
    "quantity": "sp::smallint system::bigint code::text unit::text low::text high::text"
    " c_unit::text c_low::text c_high::text" + _COPY,
    "compartment": "pat::bigint rid::bigint",
}
"""Columns of `TableRows`, with the types their arrays travel in."""

_MATCH = {
    "token": "i.sp = k.sp AND i.code = k.code AND i.pat = k.pat AND i.dt = k.dt"
    " AND i.rid = k.rid AND i.system = k.system",
    "string": 'i.sp = k.sp AND i.pat = k.pat AND "left"(i.norm, 200) = "left"(k.norm, 200)'
    " AND i.rid = k.rid AND i.norm = k.norm AND i.exact = k.exact",
    "date": "i.sp = k.sp AND i.pat = k.pat AND i.lo = k.lo AND i.hi = k.hi AND i.rid = k.rid",
    "ref": "i.sp = k.sp AND i.target = k.target AND i.pat = k.pat AND i.rid = k.rid",
    "quantity": "i.sp = k.sp AND i.pat = k.pat AND i.rid = k.rid AND i.system = k.system"
    " AND i.code = k.code AND i.unit = k.unit AND i.low = k.low::numeric"
    " AND i.high = k.high::numeric",
    "compartment": "i.pat = k.pat AND i.rid = k.rid",
}
_QUANTITY_VALUES = (
    "sp, system, code, unit, low::numeric, high::numeric, c_unit, c_low::numeric,"
    " c_high::numeric, pat, rid, home"
)
_GONE = [_gone(table, columns, _MATCH[table]) for table, columns in TABLE_COLUMNS.items()]
_NEW = [
    _new(table, columns, _QUANTITY_VALUES if table == "quantity" else None)
    for table, columns in TABLE_COLUMNS.items()
]

_OUTBOX = """
outbox_new AS (
    INSERT INTO outbox (rid, updated, version, tid, method)
    SELECT rid, updated, version, tid, method
    FROM unnest(:done_rid::bigint[], :done_updated::bigint[], :done_version::integer[],
                :done_tid::smallint[], :done_method::smallint[])
         n (rid, updated, version, tid, method)
    WHERE (SELECT yes FROM fine))"""
_AUDIT = """
audit_new AS (
    INSERT INTO audit (rid, version, tid, outcome, id, interaction, actor, client, request_id,
                       address, query)
    SELECT NULLIF(rid, 0), NULLIF(version, 0), tid, outcome, id, interaction, actor, client,
           request_id, address, query
    FROM unnest(:audit_rid::bigint[], :audit_version::integer[], :audit_tid::smallint[],
                :audit_outcome::smallint[], :audit_id::text[], :audit_interaction::text[],
                :audit_actor::text[], :audit_client::text[], :audit_request_id::text[],
                :audit_address::text[], :audit_query::text[])
         n (rid, version, tid, outcome, id, interaction, actor, client, request_id, address, query)
    WHERE (SELECT yes FROM fine))"""
_LIVE = "WHERE r.state = 1 ORDER BY r.rid FOR KEY SHARE OF r"


@functools.cache
def write_statement(
    *, targets: bool, live: bool, fresh: bool, changed: bool, gone: bool, new: bool
) -> Statement:
    """Compose the statement of one shape of write.

    Args:
        targets: the new content refers to stored resources.
        live: those must be live and stay so; otherwise any identity row will do.
        fresh: there are new identity rows.
        changed: there are superseded versions.
        gone: index rows go.
        new: index rows come.
    """
    parts = [_TARGET.format(live=_LIVE if live else "") if targets else _NO_TARGET]
    if fresh:
        parts.append(_FRESH)
    if changed:
        parts.append(_CHANGED)
    if gone:
        parts.extend(_GONE)
    if new:
        parts.extend(_NEW)
    parts.extend((_OUTBOX, _AUDIT))
    return statement(f"WITH {','.join(parts)}\nSELECT yes FROM fine")


REINDEX = statement(
    f"WITH {','.join([_NO_TARGET, _REINDEXED, *_GONE, *_NEW])}\nSELECT yes FROM fine"
)
"""Replaces index rows without making versions; the rows are locked already."""
