"""The audit trail by what is asked of it: whose record, who, what was refused.

Spec: 45 CFR 164.528 (accounting of disclosures)

Rows are found by patient once they are sealed, about a second after they were written.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from psycopg import Connection

from fhirserver.store.audit_trail import TRAIL_COLUMNS, TrailRow

_COLUMNS = ", ".join(f"a.{name}" for name in TRAIL_COLUMNS)
_CONCERNED = """
ARRAY(SELECT p.id FROM audit_patient m JOIN resource p ON p.rid = m.pat
    WHERE m.entry = a.entry AND m.at = a.at AND m.pat = ANY(
        SELECT r.pat FROM resource r WHERE r.rid = a.rid OR r.rid = ANY(a.rids)
        UNION SELECT h.pat FROM history h WHERE h.rid = a.rid OR h.rid = ANY(a.rids)
        UNION SELECT c.pat FROM compartment c WHERE c.rid = a.rid OR c.rid = ANY(a.rids))
    ORDER BY p.id)
"""
_OF_PATIENT = """
JOIN audit_patient w ON w.entry = a.entry AND w.at = a.at
    AND w.pat = (SELECT rid FROM resource WHERE tid = %(tid)s AND id = %(patient)s)
"""
_CONDITIONS = {
    "actor": "a.actor = %(actor)s",
    "since": "a.at >= %(since)s",
    "until": "a.at < %(until)s",
    "refused": "a.outcome IN (401, 403)",
    "broken_glass": "(a.interaction = 'break-glass' OR a.purpose = 'BTG')",
    "others": "a.actor <> %(own)s",
    "before": "(a.at, a.entry) < (%(before_at)s, %(before_entry)s)",
}


class Place(NamedTuple):
    """A row's place in the order of the trail."""

    at: datetime
    entry: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows; what is not given does not matter.

    Attributes:
        patient: logical id of the patient whose record was touched.
        actor: who did it, e.g. "Practitioner/7".
        since: the first instant.
        until: the instant after the last.
        refused: only what was refused.
        broken_glass: only what was done with the glass broken, and the breaking itself.
        others: only what others than the patient did; needs `patient`.
        before: only rows before this one.
        limit: rows at most, the newest; None for all, the oldest first.
    """

    patient: str | None = None
    actor: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    refused: bool = False
    broken_glass: bool = False
    others: bool = False
    before: Place | None = None
    limit: int | None = None


def find_rows(
    connection: Connection[Any], wanted: Wanted, patient_tid: int
) -> Iterator[tuple[TrailRow, tuple[str, ...]]]:
    """Find rows, each with the logical ids of the patients that it concerns.

    Args:
        connection: in a transaction: the rows come in portions.
        wanted: which.
        patient_tid: number of the type Patient.
    """
    given = {
        "patient": wanted.patient,
        "tid": patient_tid,
        "actor": wanted.actor,
        "since": wanted.since,
        "until": wanted.until,
        "own": f"Patient/{wanted.patient}",
        "before_at": wanted.before and wanted.before.at,
        "before_entry": wanted.before and wanted.before.entry,
    }
    tests = [sql for name, sql in _CONDITIONS.items() if getattr(wanted, name)]
    last = "" if wanted.limit is None else f"LIMIT {wanted.limit:d}"
    order = "a.at, a.entry" if wanted.limit is None else "a.at DESC, a.entry DESC"
    sql = (
        f"SELECT {_CONCERNED}, {_COLUMNS} FROM audit a"  # noqa: S608 - constants
        f" {_OF_PATIENT if wanted.patient else ''}"
        f" WHERE {' AND '.join(tests) or 'true'} ORDER BY {order} {last}"
    )
    with connection.cursor("audit_report") as cursor:
        cursor.itersize = 1000
        for concerned, *columns in cursor.execute(sql.encode(), given):
            said = dict(zip(TRAIL_COLUMNS, columns, strict=True))
            yield TrailRow(said), tuple(concerned)
