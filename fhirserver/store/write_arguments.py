"""Steps of a write as the arrays of its statement. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from fhirserver.store import binary
from fhirserver.store.audit_row import AuditRow
from fhirserver.store.identities import Identity
from fhirserver.store.index_rows import Row, TableRows
from fhirserver.store.write_plan import Step, Written
from fhirserver.store.write_sql import TABLE_COLUMNS

Arguments = dict[str, bytes | None]
_Packer = Callable[[Sequence[Any]], bytes]

_PACKERS: dict[str, _Packer] = {
    "smallint": binary.int2_array,
    "integer": binary.int4_array,
    "bigint": binary.int8_array,
    "boolean": binary.bool_array,
    "text": binary.text_array,
}
_TABLES: dict[str, tuple[tuple[str, _Packer], ...]] = {
    table: tuple(
        (name, _PACKERS[kind]) for name, kind in (column.split("::") for column in columns.split())
    )
    for table, columns in TABLE_COLUMNS.items()
}


def target_arguments(targets: dict[Identity, int]) -> Arguments:
    """Pack the stored resources that the new content refers to."""
    return {
        "target_rids": binary.int8_array(list(targets.values())),
        "target_tids": binary.int2_array([tid for tid, _ in targets]),
        "target_ids": binary.text_array([id for _, id in targets]),
        "target_count": binary.int8(len(targets)),
    }


def resource_arguments(prefix: str, steps: Sequence[Step]) -> Arguments:
    """Pack the current rows, for `fresh` or `changed`."""
    stored = [step.stored for step in steps]
    return {
        f"{prefix}_rid": binary.int8_array([each.rid for each in stored]),
        f"{prefix}_pat": binary.int8_array([step.pat for step in steps]),
        f"{prefix}_updated": binary.int8_array([each.updated_us for each in stored]),
        f"{prefix}_version": binary.int4_array([each.version for each in stored]),
        f"{prefix}_tid": binary.int2_array([step.tid for step in steps]),
        f"{prefix}_state": binary.int2_array([step.state for step in steps]),
        f"{prefix}_method": binary.int2_array([step.method for step in steps]),
        f"{prefix}_id": binary.text_array([each.id for each in stored]),
        f"{prefix}_present": binary.text_array(
            [f"{{{','.join(map(str, step.present))}}}" for step in steps]
        ),
        f"{prefix}_body": binary.bytea_array([each.body for each in stored]),
        f"{prefix}_keys": binary.bytea_array([step.keys for step in steps]),
    }


def index_arguments(suffix: str, rows: Iterable[TableRows]) -> Arguments:
    """Pack index rows, for `gone` or `new`."""
    arguments: Arguments = {}
    for (table, columns), sets in zip(_TABLES.items(), zip(*rows, strict=True), strict=True):
        together: list[Row] = [row for rows_of_one in sets for row in rows_of_one]
        values: Iterable[Sequence[Any]] = (
            zip(*together, strict=True) if together else [()] * len(columns)
        )
        for (name, pack), column in zip(columns, values, strict=True):
            arguments[f"{table}_{suffix}_{name}"] = pack(column)
    return arguments


def outbox_arguments(steps: Sequence[Step]) -> Arguments:
    """Pack one outbox row per version made."""
    return {
        "done_rid": binary.int8_array([step.stored.rid for step in steps]),
        "done_updated": binary.int8_array([step.stored.updated_us for step in steps]),
        "done_version": binary.int4_array([step.stored.version for step in steps]),
        "done_tid": binary.int2_array([step.tid for step in steps]),
        "done_method": binary.int2_array([step.method for step in steps]),
    }


def audit_arguments(rows: Sequence[tuple[AuditRow, int, int, Written]]) -> Arguments:
    """Pack one audit row per change, also for those that changed nothing.

    Args:
        rows: who asked, the type's number, the HTTP status, and what came of it.
    """
    who = [audit for audit, _, _, _ in rows]
    stored = [written.stored for _, _, _, written in rows]
    return {
        "audit_rid": binary.int8_array([each.rid for each in stored]),
        "audit_version": binary.int4_array([each.version for each in stored]),
        "audit_tid": binary.int2_array([tid for _, tid, _, _ in rows]),
        "audit_outcome": binary.int2_array([status for _, _, status, _ in rows]),
        "audit_id": binary.text_array([each.id for each in stored]),
        "audit_interaction": binary.text_array([each.interaction for each in who]),
        "audit_actor": binary.text_array([each.actor for each in who]),
        "audit_client": binary.text_array([each.client for each in who]),
        "audit_request_id": binary.text_array([each.request_id for each in who]),
        "audit_address": binary.text_array([each.address for each in who]),
        "audit_query": binary.text_array([each.query for each in who]),
    }
