"""A Binary without a context is read by whoever may read what it is attached to, nobody else.

Spec: https://hl7.org/fhir/R4/binary.html#security-context

Patients a and b; the callers reach the record of a.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.client import Answer
from tests.secured import Caller, Secured

A, B = "attached-a", "attached-b"
Open = Callable[..., Caller]


def ref(to: str) -> dict[str, str]:
    return {"reference": to}


def attachment(name: str, base: str = "") -> dict[str, str]:
    return {"contentType": "text/plain", "url": f"{base}Binary/attached-{name}"}


def document(name: str, patient: str = A, **more: Any) -> dict[str, Any]:
    return {"resourceType": "DocumentReference", "status": "current",
            "subject": ref(f"Patient/{patient}"), "content": [{"attachment": attachment(name)}],
            **more}  # fmt: skip


def related(name: str) -> dict[str, Any]:
    content = [{"attachment": {"title": "elsewhere"}}]
    context = {"related": [ref(f"Binary/attached-{name}")]}
    return {**document(name), "content": content, "context": context}


def report(name: str, base: str) -> dict[str, Any]:
    return {"resourceType": "DiagnosticReport", "status": "final", "code": {"text": "x"},
            "subject": ref(f"Patient/{A}"), "presentedForm": [attachment(name, base)]}  # fmt: skip


def media(name: str) -> dict[str, Any]:
    return {"resourceType": "Media", "status": "completed", "subject": ref(f"Patient/{A}"),
            "content": attachment(name)}  # fmt: skip


def message(name: str) -> dict[str, Any]:
    return {"resourceType": "Communication", "status": "completed", "subject": ref(f"Patient/{A}"),
            "payload": [{"contentAttachment": attachment(name)}]}  # fmt: skip


def attaching(base: str) -> dict[str, dict[str, Any] | None]:
    """Give what refers to each Binary; the names are those of the Binaries."""
    return {
        "document": document("document"),
        "report": report("report", f"{base}/"),
        "media": media("media"),
        "related": related("related"),
        "foreign": document("foreign", B),
        "shared": document("shared", author=[ref(f"Patient/{B}")]),
        "context": document("context"),
        "message": message("message"),
        "nothing": None,
    }


SEEN = {"document": True, "report": True, "media": True, "related": True, "foreign": False,
        "shared": False, "context": False, "message": False, "nothing": False}  # fmt: skip


def binary(name: str, context: str | None = None) -> dict[str, Any]:
    made = {"resourceType": "Binary", "id": f"attached-{name}", "contentType": "text/plain",
            "data": "aGlkZGVu"}  # fmt: skip
    return made if context is None else {**made, "securityContext": ref(context)}


def put(resource: dict[str, Any]) -> dict[str, Any]:
    url = f"{resource['resourceType']}/{resource['id']}"
    return {"resource": resource, "request": {"method": "PUT", "url": url}}


@pytest.fixture(scope="module")
def call(secured: Secured) -> Iterator[Open]:
    with ExitStack() as opened:

        def open_(scopes: str, **whose: Any) -> Caller:
            token = secured.issue(scopes, **whose).secret
            return opened.enter_context(secured.caller(token))

        found = attaching(secured.base)
        stored = [
            *({"resourceType": "Patient", "id": each} for each in (A, B)),
            *(binary(each, f"Patient/{B}" if each == "context" else None) for each in found),
            binary("own", f"Patient/{A}"),
            *({**each, "id": f"attached-by-{name}"} for name, each in found.items() if each),
        ]
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": list(map(put, stored))}
        answer = open_("system/*.cruds").request("POST", "", bundle)
        assert answer.status == 200, answer.text
        yield open_


@pytest.fixture(scope="module")
def physician(call: Open) -> Caller:
    return call("user/*.cruds", role="physician", user="Practitioner/attached", patients=(A,))


READS: list[tuple[str, dict[str, str]]] = [
    ("Binary/{id}", {}), ("Binary/{id}", {"accept": "text/plain"}), ("Binary/{id}/_history/1", {}),
    ("Binary/{id}", {"range": "bytes=0-1", "accept": "text/plain"}),
    ("Binary/{id}", {"if_none_match": 'W/"1"'}), ("Binary/{id}?_elements=contentType", {}),
]  # fmt: skip


@pytest.mark.parametrize("name", SEEN)
def test_reads(call: Open, physician: Caller, name: str) -> None:
    """SEC-E17: by a document, a report, a picture; hidden is as absent."""
    for caller in (physician, call("patient/*.rs", patient=A)):
        for path, headers in READS:
            asked = caller.get(path.format(id=f"attached-{name}"), **headers)
            absent = caller.get(path.format(id="attached-0"), **headers)
            assert absent.status == 404
            assert (asked.status in (200, 206, 304)) is SEEN[name], (path, asked.text)
            if not SEEN[name]:
                assert asked.text.replace(f"attached-{name}", "attached-0") == absent.text
        entry = {"request": {"method": "GET", "url": f"Binary/attached-{name}"}}
        batch = {"resourceType": "Bundle", "type": "batch", "entry": [entry]}
        answer = caller.request("POST", "", batch).json["entry"][0]
        assert answer["response"]["status"][:3] == ("200" if SEEN[name] else "404")


def test_scopes_for_both_are_needed(call: Open) -> None:
    """SEC-E17, SEC-E2."""
    place = "Binary/attached-document"
    assert call("patient/Binary.r", patient=A).get(place).status == 404
    assert call("patient/DocumentReference.r", patient=A).get(place).status == 403
    both = "patient/Binary.r patient/DocumentReference.r"
    assert call(both, patient=A).get(place).status == 200
    mixed = call("patient/Binary.r user/DocumentReference.r", patient=A, role="physician",
                 user="Practitioner/attached-2", patients=(A, B))  # fmt: skip
    assert mixed.get(place).status == 200
    assert mixed.get("Binary/attached-foreign").status == 404


def test_what_is_attached_is_only_read(call: Open, physician: Caller) -> None:
    """SEC-E17, SEC-E14: to change a Binary takes a context, and lists hold none."""
    place = "Binary/attached-document"
    claimed = binary("document", f"Patient/{A}")
    assert physician.request("PUT", place, claimed).status == 403
    patch = [{"op": "replace", "path": "/contentType", "value": "text/html"}]
    typed = {"content_type": "application/json-patch+json"}
    assert physician.request("PATCH", place, patch, **typed).status == 404
    assert physician.get(f"{place}/_history").status == 404
    assert "attached-document" not in physician.get("Binary?_count=1000").text
    assert call("system/*.r").get(place).json["meta"]["versionId"] == "1"


def _written(caller: Caller, door: str, body: dict[str, Any]) -> Answer:
    match door:
        case "create":
            return caller.request("POST", body["resourceType"], body)
        case "update":
            body = {**body, "id": "attached-by-document"}
            return caller.request("PUT", "DocumentReference/attached-by-document", body)
        case "patch":
            path = "/content/0/attachment/url"
            url = body["content"][0]["attachment"]["url"]
            patch = [{"op": "replace", "path": path, "value": url}]
            typed = {"content_type": "application/json-patch+json"}
            place = "DocumentReference/attached-by-document"
            return caller.request("PATCH", place, patch, **typed)
        case _:
            entry = {"resource": body, "request": {"method": "POST", "url": body["resourceType"]}}
            bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}
            return caller.request("POST", "", bundle)


@pytest.mark.parametrize("door", ["create", "update", "patch", "transaction"])
@pytest.mark.parametrize("name", ["nothing", "foreign", "context", "message"])
def test_nobody_reads_by_attaching(call: Open, physician: Caller, door: str, name: str) -> None:
    """SEC-E17: what the caller may not read is as what is not stored to whoever attaches it."""
    answers = [_written(physician, door, document(each)) for each in (name, "0")]
    assert [each.status for each in answers] == [409, 409], answers[0].text
    told = [each.json["issue"][0]["diagnostics"].split(" refers to ")[1] for each in answers]
    assert told[0].replace(f"attached-{name}", "attached-0") == told[1]
    assert physician.get(f"Binary/attached-{name}").status == 404
    narrow = call("user/DocumentReference.cruds", role="physician", user="Practitioner/attached",
                  patients=(A,))  # fmt: skip
    assert _written(narrow, door, document(name)).status == 409


def test_what_is_attached_is_not_deleted(call: Open, physician: Caller) -> None:
    """SEC-E17, STO-09: the attachment refers as a reference does; whose it is, is not told."""
    place = "Binary/attached-foreign"
    answer = call("system/*.cruds").request("DELETE", place)
    assert answer.status == 409
    assert "DocumentReference/attached-by-foreign" in answer.text
    assert physician.request("DELETE", place).status in (204, 403)


def test_what_the_caller_reads_it_attaches(physician: Caller) -> None:
    """SEC-E17: its own, and what is attached already; in one transaction, too."""
    for name in ("own", "document"):
        answer = _written(physician, "create", document(name))
        assert answer.status == 201, answer.text
        made = answer.headers["location"].partition("/fhir/")[2].partition("/_history")[0]
        assert physician.get(made).status == 200
    whole = "urn:uuid:7a2b5e44-19bb-4bd2-a92f-6f0d5ae4d8a1"
    new = {**binary("x", f"Patient/{A}"), "id": None}
    entries = [
        {"fullUrl": whole, "resource": {k: v for k, v in new.items() if v},
         "request": {"method": "POST", "url": "Binary"}},
        {"resource": {**document("x"), "content": [{"attachment": {"url": whole}}]},
         "request": {"method": "POST", "url": "DocumentReference"}},
    ]  # fmt: skip
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    answer = physician.request("POST", "", bundle)
    assert answer.status == 200, answer.text
