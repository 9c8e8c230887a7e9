"""Index what was there before for search parameters of one's own, and take away retired rows.

A pass goes through the resources of one type in the order of their ids, for all parameters of the
type that are ready for it. A step is one short transaction that writes how far it is, so a pass
that is interrupted goes on where it was.

Writers that saw an older version of the registry must have ended before a pass begins. Their
transactions had their numbers before they looked (`search_registry_version`), so it is enough to
take a number after the change was visible, the horizon, and to wait until no transaction up to it
is running. Retired rows wait longer: until no search can be running that began before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from fhirserver.definitions import Definitions
from fhirserver.store import binary
from fhirserver.store.database import Database
from fhirserver.store.reindex import rewrite
from fhirserver.store.search_registry import RAISE, lock_registry
from fhirserver.store.statement import StoreConnection, run, statement
from fhirserver.store.write_session import WriteSession, run_write

if TYPE_CHECKING:
    from fhirserver.search.extract import IndexRows

ExtractWith = Callable[[Any, Definitions], "IndexRows"]

GRACE_S = 300.0
"""How long a search may go on that looked at the registry before a parameter was retired."""

# A number above all that were given is of another cluster: the database was restored from a dump.
_HORIZON = """
UPDATE search_parameter SET horizon = pg_current_xact_id()
WHERE state IN ('waiting', 'retired')
AND (horizon IS NULL OR horizon > pg_snapshot_xmax(pg_current_snapshot()))
"""
_BEGIN = """
UPDATE search_parameter p
SET state = CASE state WHEN 'waiting' THEN 'indexing' ELSE 'removing' END, after = '', done = 0,
    total = (SELECT count(*) FROM resource r WHERE r.tid = %(tid)s AND r.state = 1)
WHERE base = %(base)s AND horizon < pg_snapshot_xmin(pg_current_snapshot())
AND (state = 'waiting' OR state = 'retired'
     AND since < clock_timestamp() - make_interval(secs => %(grace)s))
AND NOT EXISTS (SELECT FROM search_parameter u
                WHERE u.base = p.base AND u.state IN ('indexing', 'removing'))
"""
_READY = """
SELECT DISTINCT base FROM search_parameter
WHERE horizon < pg_snapshot_xmin(pg_current_snapshot())
AND (state = 'waiting' OR state = 'retired'
     AND since < clock_timestamp() - make_interval(secs => %(grace)s))
"""
_UNDER_WAY = """
SELECT base, after, array_agg(sp) FROM search_parameter WHERE state IN ('indexing', 'removing')
GROUP BY base, after ORDER BY base, after LIMIT 1
"""
_NEXT = statement("""
SELECT rid, id FROM resource
WHERE tid = :tid::smallint AND id > :after::text AND state = 1 ORDER BY id LIMIT :count::bigint
""")
_LOCK = statement("""
SELECT rid, keys, body FROM resource WHERE rid = ANY (:rids::bigint[]) AND state = 1
ORDER BY rid FOR NO KEY UPDATE
""")
_ADVANCE = """
UPDATE search_parameter SET after = %s, done = done + %s
WHERE sp = ANY (%s) AND state IN ('indexing', 'removing') AND after = %s
"""
_ACTIVATE = """
UPDATE search_parameter SET state = 'active' WHERE sp = ANY (%s) AND state = 'indexing'
"""
_FORGET = "DELETE FROM search_parameter WHERE sp = ANY (%s) AND state = 'removing'"


class _Pass(NamedTuple):
    """A pass under way: its type, the id it has come to, and the parameters it is for."""

    base: str
    after: str
    sps: list[int]


def search_parameter_step(
    database: Database, extract: ExtractWith, *, count: int = 200, grace_s: float = GRACE_S
) -> bool:
    """Do the next piece of what parameters of one's own need.

    Args:
        database: where.
        extract: gives the index rows of a resource under given definitions, as writes do.
        count: resources of the step at most.
        grace_s: how long to leave retired rows alone.

    Returns:
        Whether more can be done at once; False also while older transactions are waited for.
    """
    with database.connection() as connection:
        connection.execute(_HORIZON)
        for (base,) in connection.execute(_READY, {"grace": grace_s}).fetchall():
            tid = database.definitions.type_id(base)
            connection.execute(_BEGIN, {"base": base, "tid": tid, "grace": grace_s})
        found = connection.execute(_UNDER_WAY).fetchone()
        database.registry.renew(connection)
    if found is None:
        return False
    run_write(database, lambda session: _step(database, session, extract, _Pass(*found), count))
    return True


def _step(
    database: Database, session: WriteSession, extract: ExtractWith, at: _Pass, count: int
) -> None:
    connection = session.connection
    found = run(
        connection,
        _NEXT,
        {
            "tid": binary.int2(database.definitions.type_id(at.base)),
            "after": at.after.encode(),
            "count": binary.int8(count),
        },
    )
    if not found.ntuples:
        _finish(connection, at)
        return
    rids = [binary.read_int8(found.get_value(row, 0)) for row in range(found.ntuples)]
    locked = run(connection, _LOCK, {"rids": binary.int8_array(rids)})
    definitions = database.definitions
    rewrite(database, connection, lambda resource: extract(resource, definitions), locked)
    last = found.get_value(found.ntuples - 1, 1)
    assert last is not None
    connection.execute(_ADVANCE, (last.decode(), found.ntuples, at.sps, at.after))


def _finish(connection: StoreConnection, at: _Pass) -> None:
    lock_registry(connection)
    active = connection.execute(_ACTIVATE, (at.sps,)).rowcount
    connection.execute(_FORGET, (at.sps,))
    if active:
        connection.execute(RAISE)
