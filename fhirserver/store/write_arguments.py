"""Steps of a write as the parameters of its statement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from fhirserver.store import binary, row_types
from fhirserver.store.audit_row import AuditRow
from fhirserver.store.identities import Identity
from fhirserver.store.index_rows import Row, TableRows
from fhirserver.store.row_types import RowType
from fhirserver.store.statement import StoreConnection
from fhirserver.store.write_plan import Step, Written

Arguments = dict[str, bytes | None]


def index_rows(rows: Iterable[TableRows]) -> dict[str, list[Row]]:
    """Put the index rows of many resources together, by table; tables without rows are absent."""
    together: dict[str, list[Row]] = {}
    for each in rows:
        for table, some in each.items():
            together.setdefault(table, []).extend(some)
    return together


def index_arguments(
    connection: StoreConnection, suffix: str, rows: Mapping[str, Sequence[Row]]
) -> Arguments:
    """Pack index rows by table, for `gone` or `new`."""
    return {
        f"{table}_{suffix}": _packed(connection, row_types.INDEX_ROWS[table], some)
        for table, some in rows.items()
    }


def target_argument(connection: StoreConnection, targets: Mapping[Identity, int]) -> bytes:
    """Pack the stored resources that the new content refers to."""
    rows = [(rid, tid, id) for (tid, id), rid in targets.items()]
    return _packed(connection, row_types.TARGET, rows)


def resource_argument(connection: StoreConnection, steps: Iterable[Step]) -> bytes:
    """Pack rows of `resource`."""
    rows = []
    for step in steps:
        stored = step.stored
        fixed = (stored.rid, step.pat, stored.updated_us, stored.version, step.tid, step.state)
        present = binary.int2_array(step.present)
        rows.append((*fixed, step.method, stored.id, present, stored.body, step.keys))
    return _packed(connection, row_types.RESOURCE, rows)


def audit_argument(
    connection: StoreConnection, rows: Iterable[tuple[AuditRow, int, int, Written]]
) -> bytes:
    """Pack one audit row per change, also for those that changed nothing.

    Args:
        connection: where it goes.
        rows: who asked, the type's number, the HTTP status, and what came of it.
    """
    packed = []
    for who, tid, status, written in rows:
        stored = written.stored
        what = (stored.rid, stored.version, tid, status, stored.id, who.interaction)
        by = (who.actor, who.client, who.request_id, who.address)
        packed.append((*what, *by, who.query, who.token, who.purpose))
    return _packed(connection, row_types.AUDITED, packed)


def _packed(connection: StoreConnection, row_type: RowType, rows: Sequence[Row]) -> bytes:
    return row_type.pack(connection.row_type_oids[row_type.name], rows)
