"""How what rest.resource promises beside interactions is tried.

Spec: https://hl7.org/fhir/R4/http.html#cond-update and
https://hl7.org/fhir/R4/capabilitystatement-definitions.html#CapabilityStatement.rest.resource
"""

from collections.abc import Callable, Iterator

from fhirserver_conformance.suites.statement import Offer
from fhirserver_conformance.suites.subject import Subject, Trial
from fhirserver_conformance.suites.testscript import (
    REFUSED,
    WHOLE,
    Json,
    expect_okay,
    expect_status,
    expect_value,
    header,
    operation,
)
from fhirserver_conformance.suites.trials import DELETED, vread


def _create(subject: Subject) -> Iterator[Json]:
    condition = header("If-None-Exist", subject.tagged("tag-create"))
    yield subject.create("once", "tag-create", condition)
    yield expect_status("201")
    yield subject.create("twice", "tag-create", condition)
    yield expect_status("200")
    yield from subject.remove("once")


def _read(subject: Subject) -> Iterator[Json]:
    promise = subject.offer.stated["conditionalRead"]
    yield subject.send("read", "/${id}", {"responseId": "known"})
    yield expect_okay()
    for name, value, status in (
        ("If-None-Match", "${etag}", "304"),
        ("If-None-Match", 'W/"no-version"', "200"),
        ("If-Modified-Since", "${modified}", "304"),
        ("If-Modified-Since", "Mon, 01 Jan 1990 00:00:00 GMT", "200"),
    ):
        if promise in ("full-support", _PROMISES[name]):
            yield subject.send("read", "/${id}", {"requestHeader": [header(name, value)]})
            yield expect_status(status)


_PROMISES = {"If-None-Match": "not-match", "If-Modified-Since": "modified-since"}


def _update(subject: Subject) -> Iterator[Json]:
    where = f"?{subject.tagged('tag-update')}"
    for response_id, status in (("matching", "201"), ("matched", "200")):
        body = {"sourceId": "tag-update", "responseId": response_id}
        yield subject.send("update", where, {"requestHeader": [WHOLE], **body})
        yield expect_status(status)
    yield subject.create("second-match", "tag-update")
    yield expect_status("201")
    yield subject.send("update", where, {"sourceId": "tag-update"})
    yield expect_status("412")
    for response_id in ("matching", "second-match"):
        yield from subject.remove(response_id)


def _delete(subject: Subject) -> Iterator[Json]:
    where = f"?{subject.tagged('tag-delete')}"
    for response_id in ("delete-1", "delete-2"):
        yield subject.create(response_id, "tag-delete")
        yield expect_status("201")
    if subject.offer.stated["conditionalDelete"] == "single":
        yield subject.send("deleteCondSingle", where)
        yield expect_status("412")
        yield from subject.remove("delete-1")
    yield subject.send("deleteCondSingle", where)
    yield expect_status(DELETED)
    yield operation("read", {"targetId": "delete-2"})
    yield expect_status("404,410")
    yield subject.send("read", "/${id}")
    yield expect_okay()


def _update_create(subject: Subject) -> Iterator[Json]:
    id_ = f"{subject.world.prefix}-chosen"
    body = {"sourceId": "chosen", "responseId": "chosen-answer"}
    yield subject.send("update", f"/{id_}", {"requestHeader": [WHOLE], **body})
    yield expect_status("201")
    yield expect_value(f"{subject.name}.id", id_)
    yield from subject.remove("chosen-answer")


def _reference_policy(subject: Subject) -> Iterator[Json]:
    policies = subject.offer.lists("referencePolicy")
    if "literal" in policies:
        yield subject.create("pointing-answer", "pointing")
        yield expect_status("201")
        yield from subject.remove("pointing-answer")
    if "enforced" in policies:
        yield subject.create("stray-answer", "stray")
        yield expect_status(REFUSED)


_Actions = Callable[[Subject], Iterator[Json]]
_ROWS: dict[str, tuple[str, str, _Actions, str]] = {
    "conditionalCreate": ("Only where nothing matches.", "STO-04", _create, "_tag"),
    "conditionalDelete": ("The one that matches.", "STO-04", _delete, "_tag"),
    "conditionalRead": ("Nothing new for who has it.", "STO-03", _read, "read"),
    "conditionalUpdate": ("None, one, several matches.", "STO-04", _update, "_tag"),
    "readHistory": ("A version of before can be read.", "STO-01", vread, "vread"),
    "referencePolicy": ("References as the policy says.", "STO-09", _reference_policy, "create"),
    "updateCreate": ("A client chooses an id.", "STO-02", _update_create, "update"),
    "versioning": ("Versions are kept apart.", "STO-02", vread, "vread"),
}
"""By element: what must be, the requirement, the actions, and what they need besides."""


def _trial(element: str) -> Trial:
    description, shows, actions, needed = _ROWS[element]

    def is_claimed(offer: Offer) -> bool:
        return offer.promises(element) and needed in {*offer.parameters, *offer.interactions}

    return Trial(description, ("STO-13", shows), actions, is_claimed)


STATED = {f" {element}": _trial(element) for element in _ROWS}
"""By what a claim says after the type's name; see `statement`."""
