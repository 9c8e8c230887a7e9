"""Entries of batches and transactions alike: conditional reads, answers as preferred, no-ops.

Spec: https://hl7.org/fhir/R4/http.html#transaction and #transaction-response,
https://hl7.org/fhir/R4/bundle-definitions.html#Bundle.entry.request
"""

import base64
import json
from typing import Any

import pytest

from tests.client import Answer, Client

pytestmark = pytest.mark.usefixtures("clean")

TYPES = ["batch", "transaction"]
LONG_AGO, FAR_AHEAD = "1990-01-01T00:00:00Z", "2990-01-01T00:00:00.000Z"


def patient(id_: str | None = None, **elements: Any) -> dict[str, Any]:
    named = {} if id_ is None else {"id": id_}
    return {"resourceType": "Patient", **named, "active": True, **elements}


def entry(method: str, url: str, resource: Any = None, **request: str) -> dict[str, Any]:
    made: dict[str, Any] = {"request": {"method": method, "url": url, **request}}
    return made if resource is None else {**made, "resource": resource}


def patching(path: str, value: Any) -> dict[str, Any]:
    change = json.dumps([{"op": "replace", "path": path, "value": value}]).encode()
    return {
        "resourceType": "Binary",
        "contentType": "application/json-patch+json",
        "data": base64.b64encode(change).decode(),
    }


def send(client: Client, type_: str, *entries: Any, **headers: str) -> Answer:
    bundle = {"resourceType": "Bundle", "type": type_, "entry": list(entries)}
    return client.post("", bundle, **headers)


@pytest.mark.parametrize("type_", TYPES)
def test_reads_with_conditions_and_without_bodies(client: Client, type_: str) -> None:
    """Each row: what is asked of version 2, its status, and what `resource` is."""
    client.put("Patient/a", patient("a", active=False))
    client.put("Patient/a", patient("a"))
    rows = [
        (entry("GET", "Patient/a", ifNoneMatch='W/"2"'), "304 Not Modified", None),
        (entry("GET", "Patient/a", ifNoneMatch='W/"1", "2"'), "304 Not Modified", None),
        (entry("GET", "Patient/a", ifNoneMatch="*"), "304 Not Modified", None),
        (entry("GET", "Patient/a", ifNoneMatch='W/"1"'), "200 OK", "Patient"),
        (entry("GET", "Patient/a", ifModifiedSince=FAR_AHEAD), "304 Not Modified", None),
        (entry("GET", "Patient/a", ifModifiedSince=LONG_AGO), "200 OK", "Patient"),
        (
            entry("GET", "Patient/a", ifNoneMatch='W/"1"', ifModifiedSince=FAR_AHEAD),
            "200 OK", "Patient",
        ),
        (entry("HEAD", "Patient/a", ifNoneMatch='W/"2"'), "304 Not Modified", None),
        (entry("HEAD", "Patient/a"), "200 OK", None),
        (entry("HEAD", "Patient?active=true"), "200 OK", None),
        (entry("GET", "Patient?active=true"), "200 OK", "Bundle"),
        (entry("GET", "?_type=Patient,Basic"), "200 OK", "Bundle"),
        (entry("GET", "Patient/a/_history/1"), "200 OK", "Patient"),
        (entry("GET", "Patient/a/_history"), "200 OK", "Bundle"),
        (entry("GET", "Patient/a/*"), "200 OK", "Bundle"),
        (entry("GET", "metadata"), "200 OK", "CapabilityStatement"),
    ]  # fmt: skip
    answer = send(client, type_, *(asked for asked, _, _ in rows))
    assert answer.status == 200, answer.text
    for (asked, status, kind), told in zip(rows, answer.json["entry"], strict=True):
        assert told["response"]["status"] == status, asked
        assert told.get("resource", {}).get("resourceType") == kind, asked
        if asked["request"]["url"] == "Patient/a":
            assert told["response"]["etag"] == 'W/"2"'
            assert told["response"]["lastModified"]


@pytest.mark.parametrize("type_", TYPES)
@pytest.mark.parametrize(
    ("asked", "element"),
    [
        pytest.param(entry("GET", "Patient/a", ifNoneMatch="a b"), "ifNoneMatch", id="no tag"),
        pytest.param(
            entry("GET", "Patient/a", ifModifiedSince="yesterday"), "ifModifiedSince",
            id="no instant",
        ),
        pytest.param(
            entry("GET", "Patient/a", ifModifiedSince="2026-02-30T00:00:00Z"), "ifModifiedSince",
            id="no such day",
        ),
        pytest.param(
            entry("PUT", "Patient/a", patient("a"), ifMatch="a b"), "ifMatch", id="no version"
        ),
        pytest.param(
            entry("PUT", "Patient/a", patient("a"), ifNoneMatch='W/"1"'), "ifNoneMatch",
            id="a tag on a write",
        ),
        pytest.param(
            entry("POST", "Patient", patient(), ifMatch='W/"1"'), "ifMatch", id="create if matched"
        ),
        pytest.param(
            entry("POST", "Patient", patient(), ifNoneMatch="*"), "ifNoneMatch", id="create only"
        ),
        pytest.param(
            entry("PUT", "Patient/a", patient("a"), ifNoneExist="active=true"), "ifNoneExist",
            id="update if none exists",
        ),
        pytest.param(
            entry("DELETE", "Patient/a", ifNoneMatch="*"), "ifNoneMatch", id="delete if none"
        ),
    ],
)  # fmt: skip
def test_conditions_that_cannot_be_are_named(
    client: Client, type_: str, asked: Any, element: str
) -> None:
    answer = send(client, type_, asked)
    outcome = answer.json
    if type_ == "batch":
        (told,) = answer.json["entry"]
        assert told["response"]["status"] == "400 Bad Request"
        outcome = told["response"]["outcome"]
    else:
        assert answer.status == 400
    assert outcome["issue"][0]["expression"] == [f"Bundle.entry[0].request.{element}"]
    assert client.search("Patient") == []


@pytest.mark.parametrize("type_", TYPES)
@pytest.mark.parametrize("prefer", [None, "minimal", "representation", "OperationOutcome"])
def test_what_each_write_answers(client: Client, type_: str, prefer: str | None) -> None:
    """Each row: what is asked, the status, version, and what the outcome says if one is wanted."""
    for id_ in ("a", "b", "c", "d"):
        client.put(f"Patient/{id_}", patient(id_))
    rows = [
        (entry("DELETE", "Patient/c"), 204, "2", "is deleted"),
        (entry("DELETE", "Patient/none"), 204, None, "nothing to delete"),
        (entry("POST", "Patient", patient()), 201, "1", "Created Patient/"),
        (
            entry("POST", "Patient", patient(), ifNoneExist="_id=d"),
            200, "1", "Patient/d fulfils the condition",
        ),
        (entry("PUT", "Patient/new", patient("new")), 201, "1", "Created Patient/new"),
        (
            entry("PUT", "Patient/a", patient("a", gender="female")),
            200, "2", "Stored Patient/a, version 2",
        ),
        (entry("PATCH", "Patient/b", patching("/active", False)), 200, "2", "Stored Patient/b"),
    ]  # fmt: skip
    headers = {} if prefer is None else {"prefer": f"return={prefer}"}
    answer = send(client, type_, *(asked for asked, _, _, _ in rows), **headers)
    assert answer.status == 200, answer.text
    for (asked, status, version, says), told in zip(rows, answer.json["entry"], strict=True):
        response = told["response"]
        wants_outcome = prefer == "OperationOutcome"
        is_delete = asked["request"]["method"] == "DELETE"
        expected = 200 if wants_outcome and is_delete else status
        assert response["status"].startswith(f"{expected} "), asked
        assert response.get("etag") == (None if version is None else f'W/"{version}"'), asked
        assert ("lastModified" in response) is (version is not None)
        assert ("resource" in told) is (prefer == "representation" and not is_delete), asked
        assert ("outcome" in response) is wants_outcome
        if wants_outcome:
            assert says in response["outcome"]["issue"][0]["diagnostics"], asked
        if not is_delete:
            place, _, at = response["location"].partition("/_history/")
            assert (place.split("/")[0], at) == ("Patient", version)
            if "resource" in told:
                assert told["resource"]["id"] == place.split("/")[1]
                assert told["fullUrl"] == f"{client.base}/{place}"


NO_OPS = [
    pytest.param(entry("PUT", "Patient/a", patient("a")), id="update"),
    pytest.param(entry("PUT", "Patient/a", patient("a"), ifMatch='W/"1"'), id="If-Match"),
    pytest.param(entry("PUT", "Patient?_id=a", patient()), id="conditional update"),
    pytest.param(entry("PATCH", "Patient/a", patching("/active", True)), id="patch"),
    pytest.param(
        entry("PATCH", "Patient?_id=a", patching("/active", True)), id="conditional patch"
    ),
]


@pytest.mark.parametrize("type_", [None, *TYPES])
@pytest.mark.parametrize("asked", NO_OPS)
def test_a_write_that_changes_nothing_makes_no_version_and_says_so(
    client: Client, asked: dict[str, Any], type_: str | None
) -> None:
    client.put("Patient/a", patient("a"))
    prefer = "return=OperationOutcome"
    if type_ is not None:
        (told,) = send(client, type_, asked, prefer=prefer).json["entry"]
        status, etag = told["response"]["status"], told["response"]["etag"]
        outcome = told["response"]["outcome"]
    else:
        request, body = asked["request"], asked["resource"]
        headers = {"Prefer": prefer}
        if "ifMatch" in request:
            headers["If-Match"] = request["ifMatch"]
        if request["method"] == "PATCH":
            headers["Content-Type"] = body["contentType"]
            body = base64.b64decode(body["data"])
        answer = client.request(request["method"], request["url"], body, headers)
        status, etag, outcome = f"{answer.status} OK", answer.headers["etag"], answer.json
    assert (status, etag) == ("200 OK", 'W/"1"')
    assert "stays at version 1" in outcome["issue"][0]["diagnostics"]
    assert client.get("Patient/a/_history").json["total"] == 1


@pytest.mark.parametrize("asked", NO_OPS)
@pytest.mark.parametrize(
    "other",
    [
        pytest.param(entry("PATCH", "Patient/a", patching("/active", False)), id="a patch"),
        pytest.param(entry("DELETE", "Patient/a"), id="a delete"),
        pytest.param(entry("DELETE", "Patient?identifier=1"), id="a conditional delete"),
    ],
)
def test_two_writes_of_one_resource_are_refused_naming_both(
    client: Client, asked: dict[str, Any], other: dict[str, Any]
) -> None:
    """However each says which it means."""
    stored = patient("a", identifier=[{"value": "1"}])
    client.put("Patient/a", stored)
    answer = send(client, "transaction", entry("GET", "Patient/a"), asked, other)
    assert answer.status == 400, answer.text
    (issue,) = answer.json["issue"]
    assert issue["expression"] == ["Bundle.entry[1]", "Bundle.entry[2]"]
    assert "Bundle.entry[1] and Bundle.entry[2] both write Patient/a" in issue["diagnostics"]
    assert client.get("Patient/a").headers["etag"] == 'W/"1"'


@pytest.mark.parametrize(
    ("deletes", "matched"),
    [
        pytest.param(("Patient/a",), False, id="the match"),
        pytest.param(("Patient?gender=female",), False, id="the match, by condition"),
        pytest.param(("Patient/b",), True, id="another"),
    ],
)
def test_a_create_does_not_match_what_the_same_bundle_deletes(
    client: Client, deletes: tuple[str, ...], matched: bool
) -> None:
    """Deletes come first: a reference never leads to what is gone."""
    client.put("Patient/a", patient("a", gender="female", identifier=[{"value": "1"}]))
    client.put("Patient/b", patient("b"))
    urn = "urn:oid:1.2.3"
    basic = {"resourceType": "Basic", "code": {"text": "x"}, "subject": {"reference": urn}}
    create = entry(
        "POST", "Patient", patient(identifier=[{"value": "1"}]), ifNoneExist="identifier=1"
    )
    answer = send(
        client,
        "transaction",
        {**create, "fullUrl": urn},
        entry("POST", "Basic", basic),
        *(entry("DELETE", url) for url in deletes),
    )
    assert answer.status == 200, answer.text
    told = answer.json["entry"][0]["response"]
    assert told["status"] == ("200 OK" if matched else "201 Created")
    (stored,) = client.search("Basic")
    assert stored["subject"]["reference"] == told["location"].partition("/_history")[0]
    assert (stored["subject"]["reference"] == "Patient/a") is matched


def test_conditional_references_see_all_that_is_left(client: Client) -> None:
    """Of three that match two are deleted by the Bundle: one is meant."""
    for id_ in ("a", "b", "c"):
        client.put(f"Patient/{id_}", patient(id_, identifier=[{"value": "1"}]))
    reference = {"reference": "Patient?identifier=1"}
    basic = {"resourceType": "Basic", "code": {"text": "x"}, "subject": reference}
    answer = send(
        client,
        "transaction",
        entry("POST", "Basic", basic),
        entry("DELETE", "Patient/a"),
        entry("DELETE", "Patient/b"),
    )
    assert answer.status == 200, answer.text
    (stored,) = client.search("Basic")
    assert stored["subject"]["reference"] == "Patient/c"
