"""What earlier loads have stored, whether it is still there, and what one refers to in vain.

The audit rows of a load are written in the same transaction as its resources, under a request id
that names the source and the items; so they are the record of what need not be loaded again.

    load:KEY:FIRST-LAST      FIRST and LAST number the items of the source that KEY stands for
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg

from fhirserver.definitions import Definitions

_LOADED = """
WITH mine AS (
    SELECT request_id, at, rid, tid, id, wrote, met,
           max(version) FILTER (WHERE wrote AND NOT met) OVER (PARTITION BY rid) AS latest
    FROM (
        SELECT *, interaction IN ('create', 'update', 'patch', 'delete') AS wrote,
               interaction = 'create' AND outcome = 200 AS met
        FROM audit
        WHERE client = %s AND outcome < 300 AND split_part(request_id, ':', 2) = ANY(%s)
    ) audited
),
judged AS (
    SELECT mine.*, wrote AND CASE WHEN met THEN r.state <> 1 ELSE r.version <> latest END AS other
    FROM mine LEFT JOIN resource r USING (rid)
)
SELECT request_id, max(at), count(DISTINCT rid) FILTER (WHERE wrote AND NOT other),
       array_agg(DISTINCT tid || '/' || id) FILTER (WHERE other)
FROM judged GROUP BY request_id
"""
"""A conditional create that met an existing resource wrote nothing: it asks that it be live. What
one of the sources wrote over another's is no change from outside."""


@dataclass(frozen=True, slots=True)
class LoadedRequest:
    """One request of earlier loads.

    Attributes:
        key: of the source.
        first, last: numbers of the items that were stored together.
        at: when, the last time.
        unchanged: number of resources that are as the loads left them.
        changed: those deleted or changed since, e.g. "Patient/12".
    """

    key: str
    first: int
    last: int
    at: datetime
    unchanged: int
    changed: frozenset[str]


def loaded_requests(
    connection: psycopg.Connection, definitions: Definitions, client: str, keys: Sequence[str]
) -> list[LoadedRequest]:
    """Give what a client's loads of some sources have stored.

    Args:
        connection: to the database.
        definitions: of the types.
        client: as the audit rows name it.
        keys: of the sources.
    """
    found = []
    for request_id, at, unchanged, others in connection.execute(_LOADED, (client, list(keys))):
        _, key, items = request_id.split(":")
        first, last = items.split("-")
        pairs = (other.split("/", 1) for other in others or ())
        changed = frozenset(f"{definitions.type_name(int(tid))}/{id}" for tid, id in pairs)
        found.append(LoadedRequest(key, int(first), int(last), at, unchanged, changed))
    return found


def absent_targets(
    connection: psycopg.Connection, definitions: Definitions, since_us: int, limit: int
) -> list[str]:
    """Give what is referred to and not there, e.g. "Patient/12".

    Args:
        connection: to the database.
        definitions: of the types.
        since_us: instant; only what was written since refers.
        limit: number of targets at most.
    """
    rows = connection.execute(
        "SELECT r.tid, r.id FROM resource r WHERE r.state <> 1 AND EXISTS ("
        "SELECT 1 FROM ref f JOIN resource s USING (rid) WHERE f.target = r.rid"
        " AND s.updated >= %s) ORDER BY r.rid LIMIT %s",
        (since_us, limit),
    )
    return [f"{definitions.type_name(tid)}/{id}" for tid, id in rows]
