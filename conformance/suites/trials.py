"""How the interactions and operations of a type are tried.

Spec: https://hl7.org/fhir/R4/http.html

The tables are by what a claim says after the type's name; see `statement`.
"""

from collections.abc import Iterator

from fhirserver_conformance.suites.statement import Offer
from fhirserver_conformance.suites.subject import JSON_PATCH, NOBODY, Subject, Trial
from fhirserver_conformance.suites.testscript import (
    Json,
    expect,
    expect_nothing,
    expect_okay,
    expect_status,
    expect_value,
    operation,
)

DELETED = "200,202,204"


def _create(subject: Subject) -> Iterator[Json]:
    yield subject.create("another")
    yield expect_status("201")
    yield expect_value(f"{subject.name}.id", "${id}", "notEquals")
    yield expect("it says where it is", {"headerField": "Location", "operator": "notEmpty"})
    yield from subject.remove("another")
    for source, codes in (("unlike", "400,404,422"), ("surplus", "400,422")):
        yield subject.create(f"{source}-answer", source)
        yield expect_status(codes)


def _read(subject: Subject) -> Iterator[Json]:
    yield subject.send("read", "/${id}")
    yield expect_okay()
    yield expect_value(f"{subject.name}.id", "${id}")
    if "update" in subject.offer.interactions:
        yield expect_value(f"{subject.name}.language", "de")
    if subject.world.statement.speaks("xml"):
        yield subject.send("read", "/${id}", {"accept": "xml"})
        yield expect("it is XML", {"contentType": "xml"})
        yield expect_value(f"{subject.name}.id", "${id}")
    yield subject.send("read", f"/{NOBODY}")
    yield expect_status("404")


def vread(subject: Subject) -> Iterator[Json]:
    """Read each version, and one that never was."""
    yield subject.send("vread", "/${id}/_history/${v1}")
    yield expect_okay()
    yield expect_nothing("version 1 has no language", f"{subject.name}.language")
    if "update" in subject.offer.interactions:
        yield subject.send("vread", "/${id}/_history/${v2}")
        yield expect_okay()
        yield expect_value(f"{subject.name}.language", "de")
    yield subject.send("vread", "/${id}/_history/${v1}99")
    yield expect_status("404")


def _update(subject: Subject) -> Iterator[Json]:
    yield subject.update("third", "third-answer")
    yield expect_status("200")
    yield expect_value(f"{subject.name}.language", "fr")
    yield expect_value(f"{subject.name}.meta.versionId", "${v2}", "notEquals")
    yield subject.update("misplaced", "misplaced-answer")
    yield expect_status("400")


def _patch(subject: Subject) -> Iterator[Json]:
    body = {"contentType": JSON_PATCH, "responseId": "patched"}
    yield subject.send("patch", "/${id}", {"sourceId": "fitting"} | body)
    yield expect_okay()
    yield subject.send("read", "/${id}")
    yield expect_value(f"{subject.name}.language", "it")
    yield subject.send("patch", "/${id}", {"sourceId": "unfitting"} | body)
    yield expect_status("400,409,422")


def _delete(subject: Subject) -> Iterator[Json]:
    yield subject.create("going")
    yield expect_status("201")
    yield operation("delete", {"targetId": "going"})
    yield expect_status(DELETED)
    yield operation("read", {"targetId": "going"})
    yield expect_status("404,410")
    yield subject.send("read", "/${id}")
    yield expect_okay()


def _history_instance(subject: Subject) -> Iterator[Json]:
    resources = f"Bundle.entry.resource.ofType({subject.name})"
    yield subject.send("history", "/${id}/_history?_count=1000")
    yield expect_okay()
    versions = "'${v1}' | '${v2}'" if "update" in subject.offer.interactions else "'${v1}'"
    listed = f"Bundle.select(({versions}).exclude(entry.resource.ofType({subject.name})"
    yield expect_nothing("its versions are listed", f"{listed}.meta.versionId))")
    yield expect_nothing("no other is listed", f"{resources}.id.where($this != '${{id}}')")
    yield subject.send("history", f"/{NOBODY}/_history")
    yield expect_status("404")


def _history_type(subject: Subject) -> Iterator[Json]:
    yield subject.create("recent")
    yield expect_status("201")
    # Others may write meanwhile. No _since: servers may hold back what is very new.
    yield subject.send("history", "/_history?_count=100")
    yield expect_okay()
    listed = f"'${{recent}}'.exclude(Bundle.entry.resource.ofType({subject.name}).id)"
    yield expect_nothing("what was written is listed", listed)
    others = f"Bundle.entry.resource.where(($this is {subject.name}).not()).id"
    yield expect_nothing("no other type is listed", others)
    yield from subject.remove("recent")


def _search_type(subject: Subject) -> Iterator[Json]:
    ids = "Bundle.entry.where(search.mode.empty() or search.mode = 'match').resource.id"
    for more in ({}, {"method": "post"}):
        yield subject.send("search", "?_id=${id}", more)
        yield expect_okay()
        yield expect_value(f"{ids}.distinct()", "${id}")
        yield subject.send("search", f"?_id={NOBODY}", more)
        yield expect_okay()
        yield expect_nothing("nothing has this id", ids)


def _validate(subject: Subject) -> Iterator[Json]:
    grave = "OperationOutcome.issue.where(severity = 'error' or severity = 'fatal').diagnostics"
    counted = "OperationOutcome.issue.where(severity = 'error' or severity = 'fatal').exists()"
    yield subject.send("validate", "/$validate", {"method": "post", "sourceId": "first"})
    yield expect_okay()
    yield expect_nothing("the smallest valid resource has no faults", grave)
    yield subject.send("validate", "/$validate", {"method": "post", "sourceId": "surplus"})
    yield expect_value(counted, "true")


def _run(subject: Subject) -> Iterator[Json]:
    yield subject.send("run", "/$run", {"method": "post", "sourceId": "first", "responseId": "ran"})
    yield expect_status("202")
    yield expect(
        "it says where to follow", {"headerField": "Content-Location", "operator": "notEmpty"}
    )
    yield operation("read", {"targetId": "ran"})
    yield expect_value("TestReport.testScript.exists()", "true")
    yield operation("delete", {"targetId": "ran"})
    yield expect_status(DELETED)
    yield subject.send("run", "/$run", {"method": "post", "sourceId": "surplus"})
    yield expect_status("400,422")


def _status(subject: Subject) -> Iterator[Json]:
    for place in ("", "/${id}"):
        yield subject.send("status", f"{place}/$status")
        yield expect_okay()
        yield expect_value("Parameters.exists()", "true")
    yield subject.send("status", f"/{NOBODY}/$status")
    yield expect_status("404")
    yield subject.send("status", "/$status?surplus=1")
    yield expect_status("400")


def _trail(subject: Subject) -> Iterator[Json]:
    yield subject.send("trail", "/$trail?_count=1")
    yield expect_okay()
    yield expect_value("Bundle.type", "searchset")
    yield expect_value("Bundle.entry.resource.ofType(AuditEvent).count()", "1")
    yield expect("there is more", {"expression": "Bundle.link.where(relation = 'next').exists()"})
    yield subject.send("trail", "/$trail?surplus=1")
    yield expect_status("400")


def _claims(code: str, *parameters: str) -> Trial:
    """Make the row of an interaction that needs these search parameters to be tried."""

    def is_claimed(offer: Offer) -> bool:
        return code in offer.interactions and set(parameters) <= set(offer.parameters)

    description, shows, actions = _ROWS[code]
    return Trial(description, ("STO-13", *shows), actions, is_claimed)


_ROWS = {
    "create": ("It gets an id; what is wrong is refused.", ("STO-01", "STO-02"), _create),
    "read": ("The current version comes; nothing for an unknown id.", ("STO-01",), _read),
    "vread": ("Each version comes; none that never was.", ("STO-01",), vread),
    "update": ("A new version; a body with another id is refused.", ("STO-01",), _update),
    "patch": ("An element changes; what does not fit is refused.", ("STO-05",), _patch),
    "history-instance": ("Its versions, and no other's.", ("STO-06",), _history_instance),
    "history-type": ("Versions of the type, and of no other.", ("STO-06",), _history_type),
    "search-type": ("By GET and POST, only what matches.", ("SEA-05",), _search_type),
    "delete": ("One goes, and no other.", ("STO-01", "STO-06"), _delete),
}
INTERACTIONS = {
    f" {code}": _claims(code, *(("_id",) if code == "search-type" else ())) for code in _ROWS
}
OPERATIONS = {
    "/$validate": Trial(
        "A valid resource is without faults; one with an element too many is not.",
        ("STO-13", "VAL-01"),
        _validate,
        lambda offer: "validate" in offer.operations,
    ),
    "/$run": Trial(
        "A script is accepted, and a report tells how it goes; a broken script is refused.",
        ("STO-13", "CON-03"),
        _run,
        lambda offer: offer.type == "TestScript" and "run" in offer.operations,
    ),
    "/$status": Trial(
        "It tells of the parameters of all, and of one; of none that is not there.",
        ("STO-13", "SEA-12"),
        _status,
        lambda offer: offer.type == "SearchParameter" and "status" in offer.operations,
    ),
    "/$trail": Trial(
        "A page of what the server has recorded.",
        ("STO-13", "SEC-T13"),
        _trail,
        lambda offer: offer.type == "AuditEvent" and "trail" in offer.operations,
    ),
}
