"""Index rows as they stand in the tables: one copy per compartment patient, targets by row id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from fhirserver.model.instant import MIN_US
from fhirserver.store.identities import Identity
from fhirserver.store.packed_keys import PackedKeys
from fhirserver.store.schema import COPIES_MAX

Row = tuple[Any, ...]


class TableRows(NamedTuple):
    """Rows per table, columns in the order of `row_types.INDEX_ROWS`."""

    token: set[Row]
    string: set[Row]
    date: set[Row]
    ref: set[Row]
    quantity: set[Row]
    composite: set[Row]
    narrative: set[Row]
    compartment: set[Row]

    def minus(self, other: TableRows) -> TableRows:
        """Return the rows that `other` lacks."""
        return TableRows(*(mine - theirs for mine, theirs in zip(self, other, strict=True)))

    def __bool__(self) -> bool:
        return any(map(len, self))


def table_rows(keys: PackedKeys, rid: int, rids: Mapping[Identity, int]) -> TableRows:
    """Lay out the rows of one resource. Pure.

    Args:
        keys: its index rows by identity.
        rid: its own row id.
        rids: row ids of everything in `keys.identities()`.
    """
    copies, members = compartments(keys, rid, rids)
    dt = MIN_US if keys.main_date is None else keys.main_date
    return TableRows(
        token={
            (sp, home, system, pat, dt, rid, code)
            for sp, system, code in keys.token
            for pat, home in copies
        },
        string={
            (sp, home, pat, rid, norm, exact)
            for sp, norm, exact in keys.string
            for pat, home in copies
        },
        date={(sp, home, lo, hi, pat, rid) for sp, lo, hi in keys.date for pat, home in copies},
        ref={
            (sp, home, rids[tid, id], pat, rid)
            for sp, tid, id in keys.reference
            for pat, home in copies
        },
        quantity={
            (sp, home, system, pat, rid, *amount)
            for sp, system, *amount in keys.quantity
            for pat, home in copies
        },
        composite={
            (sp, home, system, pat, rid, code, *parts)
            for sp, system, code, *parts in keys.composite
            for pat, home in copies
        },
        narrative={
            (sp, home, pat, rid, words) for sp, words in keys.narrative for pat, home in copies
        },
        compartment={(pat, rid) for pat in members},
    )


def compartments(
    keys: PackedKeys, rid: int, rids: Mapping[Identity, int]
) -> tuple[list[tuple[int, bool]], list[int]]:
    """Return (patient's row id, is home) per copy, and the members beyond COPIES_MAX."""
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
