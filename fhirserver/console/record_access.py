"""The page `/record-access`: who saw a patient's record, in plain words.

Spec: 45 CFR 164.528 (accounting of disclosures)

    GET /record-access?patient=23&until=2026-03-31    the weeks up to a day

Whoever may search the patient's AuditEvents may see it: patients their own, proxies those of whom
they act for, auditors anybody's. Looking is in the audit trail too.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import NamedTuple

from flask import Blueprint, render_template, request

from fhirserver.audit import audit_row, record_refusal
from fhirserver.console.caller import caller
from fhirserver.console.names import actor_name, client_name, name_of
from fhirserver.console.signed_in import needs_session, services_here, session_here
from fhirserver.errors import InvalidRequestError, NotFoundError
from fhirserver.interactions.permit import permit
from fhirserver.model.reference import is_id
from fhirserver.smart.plain_words import type_words
from fhirserver.store.audit_row import AuditPlace, record
from fhirserver.store.record_access import Touched, latest_before, touched

RECORD_ACCESS = Blueprint("record_access", __name__)
SHOWN_DAYS = 31
_YEARS = range(1900, 3000)
_VERBS = {
    "read": "looked at",
    "vread": "looked at an earlier version of",
    "history-instance": "looked at earlier versions of",
    "history-type": "looked at earlier versions of",
    "history-system": "looked at earlier versions of",
    "search-type": "looked at",
    "search-system": "looked at",
    "search-compartment": "looked at",
    "create": "added to",
    "update": "changed",
    "patch": "changed",
    "delete": "deleted",
}
_BREAKING = "break-glass"


class Line(NamedTuple):
    """One line of a day: when last, who, what, through what, how often, and why."""

    time: str
    who: str
    what: str
    through: str
    times: int
    emergency: bool
    reason: str | None


@RECORD_ACCESS.get("/record-access")
@needs_session()
def index() -> str:
    """Show who saw a record.

    Raises:
        ForbiddenError: the role may see nobody's.
        NotFoundError: not this patient's.
        InvalidRequestError: `until` is no day.
    """
    services = services_here()
    patients = permit(services, caller(), "search-type", "AuditEvent").patients
    wanted = request.args.get("patient", "").strip().removeprefix("Patient/")
    patient = wanted or (patients[0] if patients else "")
    until = _day(request.args.get("until", ""))
    if not patient:
        return _page(patients, "", until, [], None)
    if not is_id(patient) or (patients is not None and patient not in patients):
        error = NotFoundError("There is no such patient, or not for you.", expression=("patient",))
        place = ("Patient", patient if is_id(patient) else None)
        record_refusal(services.database, caller(), "record-access", place, error)
        raise error
    end = datetime.combine(until + timedelta(days=1), datetime.min.time(), UTC)
    since = end - timedelta(days=SHOWN_DAYS)
    tid = services.definitions.type_id("Patient")
    with services.database.connection() as connection:
        record(connection, audit_row(caller(), "record-access"), 200, AuditPlace(tid, patient))
        found = touched(connection, tid, patient, since, end)
        earlier = latest_before(connection, tid, patient, since)
    return _page(patients, patient, until, found, earlier)


def _page(
    patients: tuple[str, ...] | None,
    patient: str,
    until: date,
    found: list[Touched],
    earlier: datetime | None,
) -> str:
    return render_template(
        "record_access.html",
        patient=patient,
        name=name_of(f"Patient/{patient}") if patient else "",
        own=patient == session_here().account.patient,
        others=[(each, name_of(f"Patient/{each}")) for each in patients or () if each != patient],
        anybody=patients is None,
        until=until,
        since=until - timedelta(days=SHOWN_DAYS - 1),
        days=[(day, list(_lines(rows))) for day, rows in groupby(found, key=lambda one: one.day)],
        earlier=None if earlier is None else earlier.astimezone(UTC).date(),
    )


def _lines(rows: Iterator[Touched]) -> Iterator[Line]:
    definitions, account = services_here().definitions, session_here().account
    for row in rows:
        type_ = None if row.tid is None else definitions.type_name(row.tid)
        yield Line(
            f"{row.last.astimezone(UTC):%H:%M}",
            "You" if row.actor == account.fhir_user else actor_name(row.actor),
            _what(row.interaction, type_),
            client_name(row.client),
            row.times,
            row.emergency,
            row.reason,
        )


def _what(interaction: str, type_: str | None) -> str:
    """Say what was done, e.g. "looked at visits"."""
    if interaction == _BREAKING:
        return "opened the record in an emergency"
    about = "the record" if type_ is None else type_words(type_)
    return f"{_VERBS.get(interaction, f'used {interaction} on')} {about}"


def _day(text: str) -> date:
    """Read a day; today where none is named."""
    if not text:
        return datetime.fromtimestamp(services_here().now() // 1_000_000, UTC).date()
    try:
        found = date.fromisoformat(text)
    except ValueError:
        found = date.min
    if found.year not in _YEARS:
        raise InvalidRequestError(
            f"until={text[:30]!r} is no day of the years {_YEARS[0]} to {_YEARS[-1]}, written like "
            "2026-03-31.",
            expression=("until",),
        )
    return found
