"""Give resources the index rows that today's extractor finds; their content stays as it is.

A step is one short transaction over some hundred resources in row-id order. It changes only what
differs from the packed keys, and marks every resource with the extractor's version, so that an
interrupted run goes on where it stopped and a repeated one does nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg import pq

from fhirserver.model.json import parse_json
from fhirserver.search.extract import extractor_of
from fhirserver.store import binary, row_types
from fhirserver.store.database import Database
from fhirserver.store.identities import Identity
from fhirserver.store.index_rows import TableRows, compartments, table_rows
from fhirserver.store.packed_keys import PackedKeys, keys_of, numbered, pack, unpack
from fhirserver.store.references import References
from fhirserver.store.search_registry import confirm
from fhirserver.store.statement import StoreConnection, run, statement
from fhirserver.store.write_arguments import index_arguments, index_rows
from fhirserver.store.write_session import WriteSession, run_write
from fhirserver.store.write_sql import reindex_statement

if TYPE_CHECKING:
    from fhirserver.search.extract import IndexRows

Extract = Callable[[Any], "IndexRows"]

_WANTED = """
FROM resource WHERE state = 1 AND {where}
AND (extractor <> :extractor::smallint AND extractor / 4 <= :extractor::smallint / 4
     OR tid = ANY (:tids::smallint[]))
"""
_NEXT = statement(
    f"SELECT rid {_WANTED.format(where='rid > :after::bigint')} ORDER BY rid LIMIT :count::bigint"
)
_LOCK = statement(
    f"SELECT rid, keys, body {_WANTED.format(where='rid = ANY (:rids::bigint[])')}"
    " ORDER BY rid FOR NO KEY UPDATE"
)


def is_stale(made: int, own: int) -> bool:
    """Tell whether rows of another extractor are to be made again, as _WANTED does. Pure.

    Args:
        made: its number (`extractor_of`); newer versions' rows are left to them.
        own: number of this one.
    """
    return made != own and made // 4 <= own // 4


@dataclass(frozen=True, slots=True)
class ReindexStep:
    """What a step did.

    Attributes:
        after: where the next step starts; None when nothing is left.
        looked_at: resources extracted again.
        rewritten: those whose index rows were different.
    """

    after: int | None
    looked_at: int
    rewritten: int


@dataclass(frozen=True, slots=True)
class _Rewrite:
    """New index rows of one resource."""

    rid: int
    pat: int
    keys: bytes
    present: Sequence[int]
    removed: TableRows
    added: TableRows


def reindex_step(
    database: Database,
    extract: Extract,
    *,
    after: int = 0,
    count: int = 200,
    types: Sequence[str] = (),
) -> ReindexStep:
    """Extract the next resources again, those of an older extractor and those of `types`.

    Args:
        database: where.
        extract: gives the index rows of a resource as writes do.
        after: row id that the previous step ended with.
        count: resources of the step at most.
        types: resource types whose search parameters have changed.
    """
    tids = [database.definitions.type_id(name) for name in types]
    selection: dict[str, bytes | None] = {
        "extractor": binary.int2(extractor_of(database.definitions)),
        "tids": binary.int2_array(tids),
        "after": binary.int8(after),
        "count": binary.int8(count),
    }

    def work(session: WriteSession) -> ReindexStep:
        connection = session.connection
        found = run(connection, _NEXT, selection)
        rids = [binary.read_int8(found.get_value(row, 0)) for row in range(found.ntuples)]
        if not rids:
            return ReindexStep(None, 0, 0)
        locked = run(connection, _LOCK, {**selection, "rids": binary.int8_array(rids)})
        looked_at, rewritten = rewrite(database, connection, extract, locked)
        return ReindexStep(rids[-1], looked_at, rewritten)

    return run_write(database, work)


def rewrite(
    database: Database, connection: StoreConnection, extract: Extract, locked: pq.abc.PGresult
) -> tuple[int, int]:
    """Extract locked resources again and write what differs.

    Args:
        database: whose search parameters are in force.
        connection: in the transaction that locked them.
        extract: gives the index rows of a resource.
        locked: columns rid, keys, body.

    Returns:
        How many there are, and how many had other index rows.

    Raises:
        StaleRegistryError: the search parameters have changed.
    """
    rewrites = _rewrites(database, connection, extract, locked)
    _write(database, connection, rewrites)
    return len(rewrites), sum(bool(each.removed) or bool(each.added) for each in rewrites)


def _rewrites(
    database: Database, connection: StoreConnection, extract: Extract, locked: pq.abc.PGresult
) -> list[_Rewrite]:
    """Extract locked resources again and find what differs."""
    resources: list[tuple[int, PackedKeys, PackedKeys, Sequence[int]]] = []
    wanted: set[Identity] = set()
    for row in range(locked.ntuples):
        rid, packed, body = (locked.get_value(row, column) for column in range(3))
        assert packed is not None
        assert body is not None
        rows = extract(parse_json(body))
        old = unpack(packed)
        new = numbered(
            keys_of(rows, database.definitions),
            old,
            lambda count: database.rids.take(connection, count),
        )
        wanted |= old.identities() | new.identities()
        resources.append((binary.read_int8(rid), old, new, rows.present))
    rids = References(database, connection, {}).find(wanted, (), (), "off")
    rewrites = []
    for own, old, new, present in resources:
        before, after = table_rows(old, own, rids), table_rows(new, own, rids)
        pat = compartments(new, own, rids)[0][0][0]
        rewrites.append(
            _Rewrite(own, pat, pack(new), present, before.minus(after), after.minus(before))
        )
    return rewrites


def _write(database: Database, connection: StoreConnection, rewrites: Sequence[_Rewrite]) -> None:
    gone = index_rows(each.removed for each in rewrites)
    new = index_rows(each.added for each in rewrites)
    rows = [
        (each.rid, each.pat, 0, 0, 0, 0, 0, "", binary.int2_array(each.present), None, each.keys)
        for each in rewrites
    ]
    arguments = {
        "extractor": binary.int2(extractor_of(database.definitions)),
        "registry": binary.int8(database.definitions.registry),
        "changed": row_types.RESOURCE.pack(connection.row_type_oids["resource_row"], rows),
        **index_arguments(connection, "gone", gone),
        **index_arguments(connection, "new", new),
    }
    result = run(connection, reindex_statement(frozenset(gone), frozenset(new)), arguments)
    confirm(database.registry, connection, result)
