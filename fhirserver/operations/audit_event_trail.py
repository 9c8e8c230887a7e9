"""AuditEvent/$trail: the audit trail as AuditEvents, the newest first; our own addition to FHIR.

Spec: https://hl7.org/fhir/R4/auditevent.html, https://profiles.ihe.net/ITI/BALP/

    patient   id of the patient whose record was touched; rows are found so a second after the fact
    agent     who did it, e.g. Practitioner/7
    since     a date or instant, the first; by default `_DAYS` before the last
    until     the last, a day to its end; by default now
    _count    AuditEvents a page
    before    where a page goes on, as the link `next` has it

AuditEvents that clients store are resources like others, and are not among these. An event names
all patients that it is about and the words of searches, so it is for those alone whom nothing
confines in AuditEvents; others see their own record's at /record-access. Asking is told, too.
"""

import re
from typing import NamedTuple

from fhirserver.audit import audit_event, audit_row
from fhirserver.errors import ForbiddenError, InvalidRequestError
from fhirserver.interactions import Result, Services
from fhirserver.interactions.bundle import bundle_json, entry_json
from fhirserver.interactions.permit import permit
from fhirserver.model.instant import format_instant, interval_us, to_moment, to_us
from fhirserver.model.json import write_json
from fhirserver.model.reference import is_id
from fhirserver.operations.definition_parts import MAYBE, ONE, parameter
from fhirserver.operations.parameters import read_parameters
from fhirserver.operations.types import Call, Operation
from fhirserver.search.render import join_pairs
from fhirserver.store.audit_reports import Place, Wanted, find_rows
from fhirserver.store.audit_row import AuditPlace, record
from fhirserver.store.audit_trail import TrailRow

CODE = "trail"
_TYPE = "AuditEvent"
_DAYS = 31
_NAMES = ("patient", "agent", "since", "until", "_count", "before")
_BEFORE = re.compile(r"(\d{1,17})-(\d{1,18})", re.ASCII)
_MATCH = {"search": {"mode": "match"}}

Row = tuple[TrailRow, tuple[str, ...]]


class Asked(NamedTuple):
    """What is asked for: the rows, one more than a page has, and the words of the page's links."""

    wanted: Wanted
    page_size: int
    words: dict[str, str]


def trail(call: Call) -> Result:
    """Give a page of the trail.

    Raises:
        ForbiddenError: the caller may not see all AuditEvents.
        InvalidRequestError: a parameter that is unknown or wrong.
    """
    services = call.services
    decision = permit(services, call.auth, "search-type", _TYPE)
    if not decision.unconfined:
        raise ForbiddenError(
            "The trail is for those who may see all AuditEvents; /record-access shows people who "
            "saw their own record."
        )
    given = {name: str(value) for name, value in read_parameters(call, CODE, _NAMES).items()}
    asked = _read(services, given)
    patient_tid = services.definitions.type_id("Patient")
    with services.database.connection() as connection, connection.transaction():
        found = list(find_rows(connection, asked.wanted, patient_tid))
        row = audit_row(call.auth, CODE, tuple(given.items()))
        record(connection, row, 200, AuditPlace(services.definitions.type_id(_TYPE)))
    return Result(200, body=_bundle(services, asked, found), no_store=True)


def _read(services: Services, given: dict[str, str]) -> Asked:
    until = _interval("until", given)[1] if "until" in given else services.now()
    since = until - _DAYS * 86_400_000_000
    if "since" in given:
        since = _interval("since", given)[0]
    patient = given.get("patient", "").removeprefix("Patient/")
    if "patient" in given and not is_id(patient):
        raise _wrong("patient", given, "give the logical id of a patient")
    settings = services.settings
    count = min(_number("_count", given, settings.page_size), settings.page_size_max)
    first = to_moment(since)
    wanted = Wanted(
        patient=patient or None,
        actor=given.get("agent"),
        since=first,
        until=to_moment(until),
        before=_place(given),
        limit=count + 1,
    )
    named = {name: given[name] for name in ("patient", "agent") if name in given}
    words = named | {"since": format_instant(to_us(first)), "until": given.get("until", "")}
    return Asked(wanted, count, {**words, "_count": str(count)})


def _bundle(services: Services, asked: Asked, found: list[Row]) -> bytes:
    base = services.settings.public_url
    url = f"{base}/{_TYPE}/${CODE}"
    words = {name: value for name, value in asked.words.items() if value}
    links = [("self", f"{url}?{join_pairs(tuple(words.items()))}")]
    if len(found) > asked.page_size:
        last = found[asked.page_size - 1][0].said
        words["before"] = f"{to_us(last['at'])}-{last['entry']}"
        links.append(("next", f"{url}?{join_pairs(tuple(words.items()))}"))
    entries = (_entry(services, *each) for each in found[: asked.page_size])
    return bundle_json("searchset", entries, links=links)


def _entry(services: Services, row: TrailRow, patients: tuple[str, ...]) -> bytes:
    event = audit_event(row.said, patients, services.definitions, services.settings.public_url)
    return entry_json(write_json(event), f"urn:fhirserver:audit:{row.said['entry']}", _MATCH)


def _interval(name: str, given: dict[str, str]) -> tuple[int, int]:
    try:
        return interval_us(given[name])
    except ValueError:
        raise _wrong(name, given, "write a date or an instant, like 2026-03-31") from None


def _number(name: str, given: dict[str, str], otherwise: int) -> int:
    text = given.get(name, str(otherwise))
    if not (text.isascii() and text.isdigit() and 0 < len(text) < 10 and int(text)):
        raise _wrong(name, given, "give a number from 1 on")
    return int(text)


def _place(given: dict[str, str]) -> Place | None:
    if "before" not in given:
        return None
    match = _BEFORE.fullmatch(given["before"])
    if match is None:
        raise _wrong("before", given, "follow the link next as it is")
    return Place(to_moment(int(match[1])), int(match[2]))


def _wrong(name: str, given: dict[str, str], remedy: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"{name}={given[name][:100]!r}: {remedy}.", expression=(f"http.{name}",)
    )


_DOCUMENT = {
    "resourceType": "OperationDefinition",
    "name": "AuditEventTrail",
    "title": "The audit trail",
    "status": "active",
    "kind": "operation",
    "description": "Gives what the server has recorded of who did what, as AuditEvents in the "
    "shape of IHE's Basic Audit Log Patterns, the newest first, a page at a time.",
    "affectsState": False,
    "code": CODE,
    "resource": [_TYPE],
    "system": False,
    "type": True,
    "instance": False,
    "parameter": [
        parameter("patient", "in", MAYBE, "Whose record was touched; an id.", "string"),
        parameter("agent", "in", MAYBE, "Who did it, as Practitioner/7.", "string"),
        parameter("since", "in", MAYBE, "Date or instant; else 31 days before the last.", "string"),
        parameter("until", "in", MAYBE, "Date, to its end, or instant; else now.", "string"),
        parameter("_count", "in", MAYBE, "AuditEvents a page.", "string"),
        parameter("before", "in", MAYBE, "As the link next has it.", "string"),
        parameter("return", "out", ONE, "A searchset.", "Bundle"),
    ],
}

OPERATION = Operation(
    code=CODE,
    definition="OperationDefinition/AuditEvent-trail",
    levels=frozenset(("type",)),
    types=frozenset((_TYPE,)),
    affects_state=False,
    run=trail,
    document=write_json(_DOCUMENT),
)
