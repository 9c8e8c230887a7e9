"""The statements of a write. Arrays carry the rows, so one resource and 5,000 cost the same trips.

`write_statement` composes one statement from the parts that a write needs:

    known          whether the index rows were made with the search parameters that are in force
    target, fine   the rows that the new content refers to, locked against deletion in row-id
                   order; unless all are there and the parameters known, no part writes anything
                   and the answer is false
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

from fhirserver.store.row_types import INDEX_ROWS
from fhirserver.store.schema import INDEX_TABLES
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

_KNOWN = """
known AS MATERIALIZED (SELECT search_registry_version() = :registry::bigint AS yes)"""
_TARGET = """
target AS MATERIALIZED (
    SELECT r.rid FROM unnest(:target::target_row[]) t
    JOIN resource r ON r.rid = t.rid AND r.tid = t.tid AND r.id = t.id {live}),
fine AS MATERIALIZED (
    SELECT yes AND (SELECT count(*) FROM target) = cardinality(:target::target_row[]) AS yes
    FROM known)"""
_NO_TARGET = "fine AS MATERIALIZED (SELECT yes FROM known)"

_FRESH = """
fresh AS (
    INSERT INTO resource (rid, pat, updated, version, tid, state, method, extractor, id, present,
                          body, keys)
    SELECT rid, pat, updated, version, tid, state, method, :extractor::smallint, id, present,
           body, keys
    FROM unnest(:fresh::resource_row[]) WHERE (SELECT yes FROM fine))"""

_CHANGED = """
kept AS (
    INSERT INTO history (rid, pat, updated, xact, version, tid, state, method, id, body)
    SELECT r.rid, r.pat, r.updated, r.xact, r.version, r.tid, r.state, r.method, r.id, r.body
    FROM unnest(:changed::resource_row[]) n JOIN resource r ON r.rid = n.rid
    WHERE r.state <> 0 AND (SELECT yes FROM fine)),
changed AS (
    UPDATE resource r SET pat = n.pat, updated = n.updated, xact = pg_current_xact_id(),
        version = n.version, state = n.state, method = n.method, extractor = :extractor::smallint,
        present = n.present, body = n.body, keys = n.keys
    FROM unnest(:changed::resource_row[]) n
    WHERE r.rid = n.rid AND (SELECT yes FROM fine))"""

_REINDEXED = """
reindexed AS (
    UPDATE resource r SET pat = n.pat, extractor = :extractor::smallint, present = n.present,
        keys = n.keys
    FROM unnest(:changed::resource_row[]) n
    WHERE r.rid = n.rid AND (SELECT yes FROM fine))"""

_OUTBOX = """
{kind}_outbox AS (
    INSERT INTO outbox (rid, updated, version, tid, method)
    SELECT rid, updated, version, tid, method
    FROM unnest(:{kind}::resource_row[]) WHERE (SELECT yes FROM fine))"""
_AUDIT = """
audit_new AS (
    INSERT INTO audit (rid, version, tid, outcome, id, interaction, actor, client, request_id,
                       address, query, token, purpose)
    SELECT NULLIF(rid, 0), NULLIF(version, 0), tid, outcome, id, interaction, actor, client,
           request_id, address, query, token, purpose
    FROM unnest(:audit::audited_row[]) WHERE (SELECT yes FROM fine))"""
_LIVE = "WHERE r.state = 1 ORDER BY r.rid FOR KEY SHARE OF r"

_ANSWER = "SELECT fine.yes, known.yes FROM fine, known"

_CASTS = {
    **dict.fromkeys(("low", "high", "c_low", "c_high"), "::numeric"),
    **dict.fromkeys(("q_low", "q_high", "q_c_low", "q_c_high", "e_low", "e_high"), "::numeric"),
    **dict.fromkeys(("t_system", "q_system", "d_lo", "d_hi"), "::bigint"),
}
"""Columns that come as texts because they may be NULL, or are numbers of any length."""


def _columns(row: str) -> str:
    """List the columns of a composite's later parts."""
    columns = INDEX_ROWS["composite"].columns
    later = columns[columns.index("code") + 1 :]
    return ", ".join(f"{row}{column}{_CASTS.get(column, '')}" for column in later)


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
    "composite": "i.sp = k.sp AND i.code = k.code AND i.pat = k.pat AND i.rid = k.rid"
    f" AND i.system = k.system AND ({_columns('i.')}) IS NOT DISTINCT FROM ({_columns('k.')})",
    "narrative": "i.sp = k.sp AND i.pat = k.pat AND i.rid = k.rid AND i.words = k.words",
    "compartment": "i.pat = k.pat AND i.rid = k.rid",
    "contained": "i.rid = k.rid",
}
_MATCH["content"] = _MATCH["narrative"]
_MATCH |= {f"contained_{table}": _MATCH[table] for table in INDEX_TABLES}


def _gone(table: str) -> str:
    """Delete rows through their address: the search for each goes by index whatever the sizes."""
    return f"""
{table}_gone AS (
    DELETE FROM {table} WHERE ctid = ANY (ARRAY(
        SELECT found.ctid FROM unnest(:{table}_gone::{INDEX_ROWS[table].name}[]) k
        CROSS JOIN LATERAL (SELECT i.ctid FROM {table} i WHERE {_MATCH[table]} OFFSET 0) found
        WHERE (SELECT yes FROM fine))))"""  # noqa: S608 - constants


def _new(table: str) -> str:
    columns = INDEX_ROWS[table].columns
    values = ", ".join(column + _CASTS.get(column, "") for column in columns)
    return f"""
{table}_new AS (
    INSERT INTO {table} ({", ".join(columns)})
    SELECT {values} FROM unnest(:{table}_new::{INDEX_ROWS[table].name}[])
    WHERE (SELECT yes FROM fine))"""  # noqa: S608 - constants


@functools.cache
def write_statement(
    *,
    targets: bool,
    live: bool,
    fresh: bool,
    changed: bool,
    gone: frozenset[str],
    new: frozenset[str],
) -> Statement:
    """Compose the statement of one shape of write.

    Args:
        targets: the new content refers to stored resources.
        live: those must be live and stay so; otherwise any identity row will do.
        fresh: there are new identity rows.
        changed: there are superseded versions.
        gone: tables from which index rows go.
        new: tables into which index rows come.
    """
    parts = [_KNOWN, _TARGET.format(live=_LIVE if live else "") if targets else _NO_TARGET]
    if fresh:
        parts += [_FRESH, _OUTBOX.format(kind="fresh")]
    if changed:
        parts += [_CHANGED, _OUTBOX.format(kind="changed")]
    parts += [_gone(table) for table in sorted(gone)]
    parts += [_new(table) for table in sorted(new)]
    parts.append(_AUDIT)
    return statement(f"WITH {','.join(parts)}\n{_ANSWER}")


@functools.cache
def reindex_statement(gone: frozenset[str], new: frozenset[str]) -> Statement:
    """Compose the statement that replaces index rows without making versions."""
    parts = [_KNOWN, _NO_TARGET, _REINDEXED, *map(_gone, sorted(gone)), *map(_new, sorted(new))]
    return statement(f"WITH {','.join(parts)}\n{_ANSWER}")
