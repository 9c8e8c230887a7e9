"""Index rows as they stand in the tables: one copy per compartment patient, targets by row id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fhirserver.model.instant import MIN_US
from fhirserver.search.extract.rows import WHOLE
from fhirserver.store import binary
from fhirserver.store.identities import Identity
from fhirserver.store.packed_keys import ContainedKeys, PackedKeys
from fhirserver.store.schema import COPIES_MAX

Row = tuple[Any, ...]
Copies = list[tuple[int, bool]]
"""(patient's row id, is home) per copy."""


class TableRows(dict[str, set[Row]]):
    """Rows by table, columns in the order of `row_types.INDEX_ROWS`; no table is empty."""

    def minus(self, other: TableRows) -> TableRows:
        """Return the rows that `other` lacks."""
        found = TableRows()
        for table, mine in self.items():
            left = mine - other[table] if table in other else mine
            if left:
                found[table] = left
        return found


def table_rows(keys: PackedKeys, rid: int, rids: Mapping[Identity, int]) -> TableRows:
    """Lay out the rows of one resource, and of what it contains. Pure.

    Args:
        keys: its index rows by identity.
        rid: its own row id.
        rids: row ids of everything in `keys.identities()`.
    """
    copies, members = compartments(keys, rid, rids)
    found = _index_rows(keys, rid, rids, copies)
    if members:
        found["compartment"] = {(pat, rid) for pat in members}
    if keys.internal:
        _add(found, "ref", _internal(keys, rid, copies, _places(keys, rid)))
    for inside in keys.contained:
        _add_contained(found, inside, rids, copies, _places(keys, rid))
    return TableRows({table: rows for table, rows in found.items() if rows})


def _index_rows(
    keys: PackedKeys, rid: int, rids: Mapping[Identity, int], copies: Copies
) -> dict[str, set[Row]]:
    dt = MIN_US if keys.main_date is None else keys.main_date
    return {
        "token": {
            (sp, home, system, pat, dt, rid, code)
            for sp, system, code in keys.token
            for pat, home in copies
        },
        "string": {
            (sp, home, pat, rid, norm, exact)
            for sp, norm, exact in keys.string
            for pat, home in copies
        },
        "date": {(sp, home, lo, hi, pat, rid) for sp, lo, hi in keys.date for pat, home in copies},
        "ref": {
            (sp, home, rids[tid, id], pat, rid)
            for sp, tid, id in keys.reference
            for pat, home in copies
        },
        "quantity": {
            (sp, home, system, pat, rid, *amount)
            for sp, system, *amount in keys.quantity
            for pat, home in copies
        },
        "composite": {
            (sp, home, system, pat, rid, code, *parts)
            for sp, system, code, *parts in keys.composite
            for pat, home in copies
        },
        "narrative": {
            (sp, home, pat, rid, words) for sp, words in keys.narrative for pat, home in copies
        },
        "content": {
            (sp, home, pat, rid, words) for sp, words in keys.content for pat, home in copies
        },
    }


def _add(found: dict[str, set[Row]], table: str, rows: set[Row]) -> None:
    found[table] = found.get(table, set()) | rows


def _places(keys: PackedKeys, rid: int) -> dict[int, int]:
    """Give the row ids of what references within a resource lead to, by place."""
    return {WHOLE: rid} | {each.place: each.rid for each in keys.contained}


def _internal(keys: PackedKeys, rid: int, copies: Copies, places: Mapping[int, int]) -> set[Row]:
    return {
        (sp, home, places[place], pat, rid) for sp, place in keys.internal for pat, home in copies
    }


def _add_contained(
    found: dict[str, set[Row]],
    inside: ContainedKeys,
    rids: Mapping[Identity, int],
    copies: Copies,
    places: Mapping[int, int],
) -> None:
    """Lay out the rows of a contained resource; its compartments are its container's."""
    home, present = copies[0][0], binary.int2_array(inside.present)
    row = (inside.rid, home, places[WHOLE], inside.place, inside.tid, inside.id, present)
    _add(found, "contained", {row})
    for table, rows in _index_rows(inside.keys, inside.rid, rids, copies).items():
        _add(found, f"contained_{table}", rows)
    references = _internal(inside.keys, inside.rid, copies, places)
    _add(found, "contained_ref", references)


def compartments(
    keys: PackedKeys, rid: int, rids: Mapping[Identity, int]
) -> tuple[Copies, list[int]]:
    """Return the copies, the home compartment's first, and the members beyond COPIES_MAX."""
    patients = [rids[patient] for patient in keys.patients]
    if not patients:
        return [(rid, True)], []
    if len(patients) > COPIES_MAX:
        return [(rid, True)], patients
    return [(pat, number == 0) for number, pat in enumerate(patients)], []


def home(keys: PackedKeys, rid: int, rids: Mapping[Identity, int]) -> int:
    """Return the row id of the home compartment's patient; its own where it has none."""
    patients = keys.patients
    return rids[patients[0]] if 0 < len(patients) <= COPIES_MAX else rid
