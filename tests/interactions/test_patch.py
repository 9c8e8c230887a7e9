"""PATCH over HTTP, in every format: alone, with conditions, and inside Bundles.

Spec: https://hl7.org/fhir/R4/http.html#patch
"""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from fhirserver.definitions import r4
from fhirserver.model.xml import parse_xml
from tests.client import Answer, Client

pytestmark = pytest.mark.usefixtures("clean")

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
XML_PATCH = "application/xml-patch+xml"
FHIRPATH_PATCH = "application/fhir+json"
FORMATS = (JSON_PATCH, MERGE_PATCH, XML_PATCH, FHIRPATH_PATCH)
URN = "urn:uuid:11111111-1111-1111-1111-111111111111"
PATIENT = (
    b'{"resourceType":"Patient","active":true,"id":"p","extension":[{"url":"http://x",'
    b'"valueDecimal":1.00}],"text":{"status":"generated","div":"<div xmlns=\\"'
    b'http://www.w3.org/1999/xhtml\\"><p class=\'a\'>x</p></div>"},"birthDate":"1970",'
    b'"_birthDate":{"extension":[{"url":"http://x","valueString":"b"}]}}'
)


def fhirpath(kind: str, path: str, **value: Any) -> dict[str, Any]:
    parts = [{"name": "type", "valueCode": kind}, {"name": "path", "valueString": path}]
    parts += [{"name": "value", **value}] if value else []
    return {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": parts}]}


def xml(directives: str) -> bytes:
    return f'<diff xmlns="http://hl7.org/fhir">{directives}</diff>'.encode()


def replaced(active: bool) -> dict[str, Any]:
    """Give a patch in every format that sets Patient.active."""
    text = json.dumps(active)
    return {
        JSON_PATCH: [{"op": "replace", "path": "/active", "value": active}],
        MERGE_PATCH: {"active": active},
        XML_PATCH: xml(f'<replace sel="Patient/active/@value">{text}</replace>'),
        FHIRPATH_PATCH: fhirpath("replace", "Patient.active", valueBoolean=active),
    }


def renamed(name: str) -> dict[str, Any]:
    """Give a patch in every format that sets Patient.id."""
    return {
        JSON_PATCH: [{"op": "replace", "path": "/id", "value": name}],
        MERGE_PATCH: {"id": name},
        XML_PATCH: xml(f'<replace sel="Patient/id/@value">{name}</replace>'),
        FHIRPATH_PATCH: fhirpath("replace", "Patient.id", valueId=name),
    }


BROKEN: dict[str, Any] = {
    JSON_PATCH: [{"op": "replace", "path": "/active", "value": "x"}],
    MERGE_PATCH: {"active": "x"},
    XML_PATCH: xml('<add sel="Patient"><x value="1"/></add>'),
    FHIRPATH_PATCH: fhirpath("replace", "Patient.active", valueString="x"),
}
UNFIT: dict[str, Any] = {
    JSON_PATCH: [{"op": "remove", "path": "/gender"}],
    XML_PATCH: xml('<remove sel="Patient/gender"/>'),
    FHIRPATH_PATCH: fhirpath("replace", "Patient.gender", valueCode="male"),
}
MALFORMED: dict[str, Any] = {
    JSON_PATCH: b"{}",
    MERGE_PATCH: b"[]",
    XML_PATCH: b"<diff><move/></diff>",
    FHIRPATH_PATCH: b'{"resourceType":"Patient"}',
}


def send(client: Client, type_: str, *entries: Any) -> Answer:
    return client.post("", {"resourceType": "Bundle", "type": type_, "entry": list(entries)})


def carried(media_type: str, document: Any) -> dict[str, Any]:
    """Give the resource of an entry that carries a patch."""
    if media_type == FHIRPATH_PATCH:
        return document  # type: ignore[no-any-return]
    raw = document if isinstance(document, bytes) else json.dumps(document).encode()
    data = base64.b64encode(raw).decode()
    return {"resourceType": "Binary", "contentType": media_type, "data": data}


def content(answer: Answer) -> bytes:
    """Give a resource as it was sent: without the server's part of meta."""
    head, _, rest = answer.body.partition(b'"meta":')
    return head + rest.partition(b"},")[2] if rest else head


@pytest.mark.parametrize("media_type", FORMATS)
def test_a_patch_makes_a_version_and_leaves_the_rest(client: Client, media_type: str) -> None:
    client.put("Patient/p", PATIENT)
    before = content(client.get("Patient/p"))
    answer = client.patch("Patient/p", replaced(False)[media_type], content_type=media_type)
    assert (answer.status, answer.headers["etag"]) == (200, 'W/"2"')
    assert answer.body == client.get("Patient/p").body
    assert content(answer) == before.replace(b'"active":true', b'"active":false')


@pytest.mark.parametrize("media_type", FORMATS)
def test_a_patch_that_changes_nothing_makes_no_version(client: Client, media_type: str) -> None:
    client.put("Patient/p", PATIENT)
    answer = client.patch("Patient/p", replaced(True)[media_type], content_type=media_type)
    assert (answer.status, answer.headers["etag"]) == (200, 'W/"1"')


@pytest.mark.parametrize("media_type", FORMATS)
def test_preconditions_hold_for_every_format(client: Client, media_type: str) -> None:
    client.put("Patient/p", PATIENT)
    change = replaced(False)[media_type]
    stale = client.patch("Patient/p", change, content_type=media_type, if_match='W/"9"')
    absent = client.patch("Patient?_id=none", change, content_type=media_type)
    found = client.patch("Patient?_id=p", change, content_type=media_type, if_match='W/"1"')
    assert (stale.status, absent.status, found.status) == (412, 404, 200)
    assert found.json["active"] is False


@pytest.mark.parametrize(
    ("documents", "status", "says"),
    [
        pytest.param(renamed("q"), 422, "changes id", id="id stays"),
        pytest.param(BROKEN, 422, "", id="the result is validated"),
        pytest.param(UNFIT, 422, "does not fit", id="what is not there"),
        pytest.param(MALFORMED, 400, "", id="no patch of that format"),
        pytest.param({MERGE_PATCH: {"resourceType": "Basic"}}, 422, "changes resourceType",
                     id="type stays-merge"),
        pytest.param({XML_PATCH: xml('<replace sel="Patient"><Basic/></replace>')}, 422,
                     "changes resourceType", id="type stays-XML"),
        pytest.param({XML_PATCH: b'<!DOCTYPE d [<!ENTITY e "x">]><d/>'}, 400, "document type",
                     id="no entities"),
        pytest.param({XML_PATCH: b"<diff>", MERGE_PATCH: b"{"}, 400, "at line 1", id="syntax"),
        pytest.param({"application/xml-patch": b"<d/>"}, 415, XML_PATCH, id="unknown format"),
    ],
)  # fmt: skip
def test_refusals(client: Client, documents: dict[str, Any], status: int, says: str) -> None:
    client.put("Patient/p", PATIENT)
    for media_type, document in documents.items():
        answer = client.patch("Patient/p", document, content_type=media_type)
        assert answer.status == status, answer.text
        assert says in answer.json["issue"][0]["diagnostics"]
    assert client.get("Patient/p").headers["etag"] == 'W/"1"'


@pytest.mark.parametrize("media_type", FORMATS)
@pytest.mark.parametrize("type_", ["batch", "transaction"])
def test_every_format_travels_in_a_bundle(client: Client, type_: str, media_type: str) -> None:
    client.put("Patient/p", PATIENT)
    resource = carried(media_type, replaced(False)[media_type])
    one = {"resource": resource, "request": {"method": "PATCH", "url": "Patient/p"}}
    answer = send(client, type_, one)
    assert answer.json["entry"][0]["response"]["status"].startswith("200"), answer.text
    assert client.get("Patient/p").json["active"] is False


@pytest.mark.parametrize(
    ("resource", "status"),
    [
        pytest.param(carried("text/plain", b"x"), 415, id="no patch format"),
        pytest.param(carried(XML_PATCH, b"<diff>"), 400, id="no XML"),
        pytest.param({**carried(XML_PATCH, b""), "data": "ä"}, 400, id="no base64"),
        pytest.param({"resourceType": "Binary", "contentType": MERGE_PATCH}, 400, id="no data"),
        pytest.param(carried(f"{MERGE_PATCH}; charset=utf-8", {}), 200, id="parameters"),
    ],
)
def test_what_a_binary_carries_is_read(client: Client, resource: Any, status: int) -> None:
    client.put("Patient/p", PATIENT)
    one = {"resource": resource, "request": {"method": "PATCH", "url": "Patient/p"}}
    answer = send(client, "transaction", one)
    assert answer.status == status, answer.text
    if status != 200:
        assert answer.json["issue"][0]["expression"][0].startswith("Bundle.entry[0]")


XHTML = "http://www.w3.org/1999/xhtml"
DIV = f'<div xmlns="{XHTML}"><a href="{URN}">p</a></div>'
LINKED: dict[str, tuple[str, Any]] = {
    "json-text": (JSON_PATCH, [
        {"op": "add", "path": "/subject", "value": {}},
        {"op": "add", "path": "/subject/reference", "value": URN},
        {"op": "add", "path": "/extension", "value": []},
        {"op": "add", "path": "/extension/-", "value": {"url": "http://x", "valueUri": URN}},
        {"op": "add", "path": "/text", "value": {"status": "generated"}},
        {"op": "add", "path": "/text/div", "value": DIV},
    ]),
    "json-inside": (JSON_PATCH, [
        {"op": "add", "path": "/subject", "value": {"reference": URN}},
        {"op": "add", "path": "/extension", "value": [{"url": "http://x", "valueString": "y"}]},
        {"op": "move", "from": "/extension/0/url", "path": "/extension/0/url"},
        {"op": "replace", "path": "/extension/0", "value": {"url": "http://x"}},
        {"op": "add", "path": "/extension/0/valueUri", "value": URN},
        {"op": "add", "path": "/text", "value": {"status": "generated", "div": DIV}},
    ]),
    "merge": (MERGE_PATCH, {
        "subject": {"reference": URN},
        "extension": [{"url": "http://x", "valueUri": URN}],
        "text": {"status": "generated", "div": DIV},
    }),
    "xml": (XML_PATCH, xml(
        f'<add sel="Basic"><subject><reference value="{URN}"/></subject></add>'
        f'<add sel="Basic"><extension url="http://x"><valueUri value="{URN}"/></extension></add>'
        f'<add sel="Basic"><text><status value="generated"/>{DIV}</text></add>'
    )),
    "xml-text": (XML_PATCH, xml(
        '<add sel="Basic"><subject><reference/></subject></add>'
        f'<add sel="Basic/subject/reference" type="@value">{URN}</add>'
        '<add sel="Basic/code" pos="before"><extension url="http://x"><valueUri/></extension></add>'
        f'<add sel="Basic/extension[1]/valueUri" type="@value">{URN}</add>'
        f'<add sel="Basic"><text><status value="generated"/><div xmlns="{XHTML}"><a href="">p</a>'
        f'</div></text></add><replace sel="Basic/text/h:div/h:a/@href">{URN}</replace>'
    )),
}  # fmt: skip
FHIRPATH_LINKED = {
    "resourceType": "Parameters",
    "parameter": [
        {
            "name": "operation",
            "part": [
                {"name": "type", "valueCode": "add"},
                {"name": "path", "valueString": path},
                {"name": "name", "valueString": name},
                {"name": "value", **value},
            ],
        }
        for path, name, value in (
            ("Basic", "subject", {"valueReference": {"display": "d"}}),
            ("Basic.subject", "reference", {"valueString": URN}),
            ("Basic", "extension", {"part": [
                {"name": "url", "valueUri": "http://x"}, {"name": "value", "valueUri": URN},
            ]}),
        )
    ],
}  # fmt: skip


@pytest.mark.parametrize("kind", [*LINKED, "fhirpath"])
def test_links_follow_in_every_format(client: Client, kind: str) -> None:
    media_type, document = LINKED.get(kind, (FHIRPATH_PATCH, FHIRPATH_LINKED))
    client.put("Basic/b", {"resourceType": "Basic", "id": "b", "code": {"text": URN}})
    patch = {
        "resource": carried(media_type, document),
        "request": {"method": "PATCH", "url": "Basic/b"},
    }
    made = {
        "fullUrl": URN,
        "resource": {"resourceType": "Patient"},
        "request": {"method": "POST", "url": "Patient"},
    }
    answer = send(client, "transaction", patch, made)
    assert answer.status == 200, answer.text
    target = answer.json["entry"][1]["response"]["location"].partition("/_history")[0]
    stored = client.get("Basic/b").json
    assert stored["subject"]["reference"] == target
    assert stored["extension"] == [{"url": "http://x", "valueUri": target}]
    assert f'href="{target}"' in stored["text"]["div"] if media_type != FHIRPATH_PATCH else True
    assert stored["code"]["text"] == URN, "what the patch leaves alone stays"
    assert [each["id"] for each in client.search(f"Basic?subject={target}")] == ["b"]


@pytest.mark.parametrize("kind", [*LINKED, "fhirpath"])
def test_a_link_to_no_entry_is_refused_in_every_format(client: Client, kind: str) -> None:
    media_type, document = LINKED.get(kind, (FHIRPATH_PATCH, FHIRPATH_LINKED))
    client.put("Basic/b", {"resourceType": "Basic", "id": "b", "code": {"text": "x"}})
    patch = {
        "resource": carried(media_type, document),
        "request": {"method": "PATCH", "url": "Basic/b"},
    }
    answer = send(client, "transaction", patch)
    assert answer.status == 400
    assert "fullUrl of no entry" in answer.json["issue"][0]["diagnostics"]


@pytest.mark.parametrize("kind", [*LINKED, "fhirpath"])
def test_a_conditional_reference_is_searched_in_every_format(client: Client, kind: str) -> None:
    media_type, document = LINKED.get(kind, (FHIRPATH_PATCH, FHIRPATH_LINKED))
    identified = {"resourceType": "Patient", "id": "p", "identifier": [{"value": "7"}]}
    client.put("Patient/p", identified)
    client.put("Basic/b", {"resourceType": "Basic", "id": "b", "code": {"text": "x"}})
    search = "Patient?identifier=7"
    raw = document if isinstance(document, bytes) else json.dumps(document).encode()
    raw = raw.replace(URN.encode(), search.encode())
    resource = json.loads(raw) if media_type == FHIRPATH_PATCH else carried(media_type, raw)
    patch = {"resource": resource, "request": {"method": "PATCH", "url": "Basic/b"}}
    answer = send(client, "transaction", patch)
    assert answer.status == 200, answer.text
    stored = client.get("Basic/b").json
    assert stored["subject"]["reference"] == "Patient/p"
    assert stored["extension"][0]["valueUri"] == search, "a URI is no reference"


RESULT_BREAKS_FHIR = {
    "Delete Nested Primitive #2": "pat-1",
    "Consecutive operations": "pat-1",
}
"""Cases whose result is no valid resource, by the invariant: http.html#patch has the server check
what a patch makes like any update. As a function they pass in test_fhirpath_patch.py."""


def test_hl7_fhirpath_patches_over_http(client: Client, test_data: Path) -> None:
    tree = etree.parse(test_data / "patch" / "fhir-patch-tests.xml")
    for case in tree.getroot().findall("{*}case"):
        given, patch, expected = (
            parse_xml(etree.tostring(case.find(f"{{*}}{name}")[0]), r4())
            for name in ("input", "diff", "output")
        )
        name, place = case.get("name"), f"{given['resourceType']}/p"
        stored = client.put(place, {**given, "id": "p"})
        assert stored.status in (200, 201), (name, stored.text)
        answer = client.patch(place, patch, content_type=FHIRPATH_PATCH)
        rule = RESULT_BREAKS_FHIR.get(name)
        if rule is not None:
            assert answer.status == 422, name
            assert answer.json["issue"][0]["details"]["text"] == rule
            continue
        assert answer.status == 200, (name, answer.text)
        found = {key: value for key, value in answer.json.items() if key not in ("id", "meta")}
        assert found == expected, name
