"""Who touched a patient's record, day by day, for the patient.

Spec: 45 CFR 164.528 (accounting of disclosures)

Rows of the audit trail are added up by day, person, application and what was done, so that a busy
day is a few lines. Those are found that are sealed, about a second after they were written.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, NamedTuple

from psycopg import Connection

_OF_PATIENT = """
FROM audit a JOIN audit_patient w ON w.entry = a.entry AND w.at = a.at
WHERE w.pat = (SELECT rid FROM resource WHERE tid = %(tid)s AND id = %(patient)s)
    AND a.outcome < 400
"""
_TOUCHED = f"""
SELECT (a.at AT TIME ZONE 'UTC')::date, max(a.at), a.actor, a.client, a.interaction, a.tid,
    a.purpose IS NOT DISTINCT FROM 'BTG' OR a.interaction = 'break-glass',
    max(a.reason) FILTER (WHERE a.interaction = 'break-glass'), count(*)
{_OF_PATIENT} AND w.at >= %(since)s AND w.at < %(until)s
GROUP BY 1, 3, 4, 5, 6, 7 ORDER BY 2 DESC, 3, 4, 5, 6
"""  # noqa: S608 - constants
_EARLIER = f"SELECT max(w.at) {_OF_PATIENT} AND w.at < %(until)s"


class Touched(NamedTuple):
    """What somebody did with a record on a day.

    Attributes:
        day: of UTC.
        last: when it was done last.
        actor, client: who, through which application.
        interaction: R4 code, or an operation's.
        tid: number of the resource type; None for several.
        emergency: whether it was done with the glass broken, or is the breaking.
        reason: that was given for breaking the glass.
        times: how often.
    """

    day: date
    last: datetime
    actor: str
    client: str
    interaction: str
    tid: int | None
    emergency: bool
    reason: str | None
    times: int


def touched(
    connection: Connection[Any],
    patient_tid: int,
    patient: str,
    since: datetime,
    until: datetime,
) -> list[Touched]:
    """List what was done with a record between two instants, the latest first.

    Args:
        connection: in any transaction state.
        patient_tid: number of the type Patient.
        patient: logical id.
        since: the first instant.
        until: the instant after the last.
    """
    values = {"tid": patient_tid, "patient": patient, "since": since, "until": until}
    return [Touched(*row) for row in connection.execute(_TOUCHED.encode(), values)]


def latest_before(
    connection: Connection[Any], patient_tid: int, patient: str, until: datetime
) -> datetime | None:
    """Tell when a record was last touched before an instant; None for never."""
    values = {"tid": patient_tid, "patient": patient, "until": until}
    row = connection.execute(_EARLIER.encode(), values).fetchone()
    return None if row is None else row[0]
