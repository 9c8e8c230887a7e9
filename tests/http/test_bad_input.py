"""Bad input against a real server: a 4xx that says where and what to do, and nothing stored.

Each row is sent on a kept-alive connection; the connection must carry the next request. Rows are
sent twice: once asking for JSON, once for XML, and the outcome comes in the format asked for.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from typing import NamedTuple
from xml.etree import ElementTree as ET

import pytest

from tests.client import Client

JSON = "application/fhir+json"
XML = "application/fhir+xml"
JSON_PATCH = "application/json-patch+json"
FORM = "application/x-www-form-urlencoded"
PATIENT = b'{"resourceType":"Patient"}'
FHIR = 'xmlns="http://hl7.org/fhir"'


class Bad(NamedTuple):
    """One request and what it must be answered with.

    `place` is the first expression of the first issue, None where there is none to expect;
    `words` stand in its diagnostics.
    """

    method: str
    path: str
    status: int
    code: str
    words: str = ""
    place: str | None = None
    body: bytes | None = None
    headers: Mapping[str, str] = {}


def post(body: bytes, status: int, code: str, words: str = "", place: str | None = None) -> Bad:
    return Bad("POST", "Patient", status, code, words, place, body)


def typed(content_type: str, body: bytes, status: int, code: str, words: str) -> Bad:
    headers = {"Content-Type": content_type}
    return Bad("POST", "Patient", status, code, words, None, body, headers)


BODIES = {
    "json/broken-off": post(b'{"resourceType":"Patient"', 400, "structure", "line 1, column 26"),
    "json/second-line": post(b'{\n "active": tru }', 400, "structure", "line 2, column 12"),
    "json/empty": post(b"", 400, "invalid", "no body"),
    "json/blank": post(b" \n\t", 400, "invalid", "no body"),
    "json/null": post(b"null", 400, "invalid", "one JSON object"),
    "json/list": post(b"[]", 400, "invalid", "one JSON object"),
    "json/string": post(b'"Patient"', 400, "invalid", "one JSON object"),
    "json/duplicate-key": post(
        b'{"resourceType":"Patient","active":true,"active":false}', 400, "structure", "'active'"
    ),
    "json/latin-1": post(b'{"resourceType":"\xff"}', 400, "structure", "not UTF-8 at line 1"),
    "json/utf-16": post(PATIENT.decode().encode("utf-16"), 400, "structure", "not UTF-8"),
    "json/nan": post(b'{"resourceType":"Patient","x":NaN}', 400, "structure", "not JSON"),
    "json/comment": post(b'{"resourceType":"Patient"} // x', 400, "structure", "not JSON"),
    "json/two-values": post(PATIENT + PATIENT, 400, "structure", "not JSON"),
    "json/lone-surrogate": post(
        rb'{"resourceType":"Patient","language":"\ud800"}', 400, "structure", "line 1, column 39"
    ),
    "json/5000-digits": post(
        b'{"resourceType":"Patient","x":' + b"9" * 5000 + b"}", 400, "structure", "not JSON"
    ),
    "json/deep-list": post(b"[" * 150 + b"]" * 150, 413, "too-long", "100 levels"),
    "json/deep-list-broken": post(b"[" * 50_000, 413, "too-long", "100 levels"),
    "json/deep-object": post(b'{"a":' * 50_000, 413, "too-long", "100 levels"),
    "resource/no-type": post(b"{}", 400, "invalid", "resourceType is missing", "resourceType"),
    "resource/type-is-number": post(b'{"resourceType":5}', 400, "invalid", "", "resourceType"),
    "resource/other-type": post(
        b'{"resourceType":"Observation"}', 400, "invalid", "takes Patient", "resourceType"
    ),
    "resource/unknown-element": post(
        b'{"resourceType":"Patient","colour":1}', 422, "structure", "colour", "Patient.colour"
    ),
    "resource/nul": post(
        rb'{"resourceType":"Patient","name":[{"family":"a\u0000"}]}',
        422,
        "value",
        "U+0000",
        "Patient.name[0].family",
    ),
    "resource/wrong-type": post(
        b'{"resourceType":"Patient","active":"yes"}', 422, "value", "", "Patient.active"
    ),
    "resource/huge-number": post(
        b'{"resourceType":"Patient","multipleBirthInteger":1e999999999}', 422, "value"
    ),
    "resource/empty-list": post(
        b'{"resourceType":"Patient","name":[]}', 422, "structure", "", "Patient.name"
    ),
    "resource/meta-is-number": post(b'{"resourceType":"Patient","meta":5}', 422, "value"),
    "resource/contained-is-number": post(
        b'{"resourceType":"Patient","contained":[5]}', 422, "value", "", "Patient.contained[0]"
    ),
    "xml/broken-off": typed(XML, b"<Patient", 400, "structure", "line 1, column 1"),
    "xml/json-inside": typed(XML, PATIENT, 400, "structure", "line 1, column 1"),
    "xml/doctype": typed(
        XML,
        f'<!DOCTYPE p [<!ENTITY x "y">]><Patient {FHIR}><id value="&x;"/></Patient>'.encode(),
        400,
        "structure",
        "document type",
    ),
    "xml/no-namespace": typed(XML, b"<Patient/>", 400, "structure", "namespace"),
    "xml/unknown-element": typed(
        XML, f"<Patient {FHIR}>\n<x/></Patient>".encode(), 400, "structure", "line 2, column 1"
    ),
    "xml/deep": typed(
        XML,
        f"<Patient {FHIR}>{'<extension>' * 5000}{'</extension>' * 5000}</Patient>".encode(),
        413,
        "too-long",
        "100 levels",
    ),
}

TYPES = {
    "type/text": typed("text/plain", PATIENT, 415, "not-supported", "text/plain"),
    "type/form": typed(FORM, PATIENT, 415, "not-supported", FORM),
    "type/none": typed("", PATIENT, 415, "not-supported", "no Content-Type"),
    "type/range": typed("*/*", PATIENT, 415, "not-supported", "not a media type"),
    "type/charset": typed(f"{JSON}; charset=latin1", PATIENT, 415, "not-supported", "UTF-8"),
    "type/version": typed(f"{JSON}; fhirVersion=3.0", PATIENT, 415, "not-supported", "4.0"),
    "type/search-form": Bad(
        "POST", "Patient/_search", 415, "not-supported", FORM, "http.Content-Type", b"{}"
    ),
    "type/patch": Bad(
        "PATCH",
        "Patient/1",
        415,
        "not-supported",
        JSON_PATCH,
        "http.Content-Type",
        b"[]",
        {"Content-Type": "text/plain"},
    ),
    "coding/unknown": Bad(
        "POST",
        "Patient",
        415,
        "not-supported",
        "gzip",
        "http.Content-Encoding",
        PATIENT,
        {"Content-Encoding": "br"},
    ),
    "coding/no-gzip": Bad(
        "POST",
        "Patient",
        400,
        "invalid",
        "not gzip",
        "http.Content-Encoding",
        PATIENT,
        {"Content-Encoding": "gzip"},
    ),
    "coding/cut-gzip": Bad(
        "POST",
        "Patient",
        400,
        "invalid",
        "broke off",
        "http.Content-Encoding",
        gzip.compress(PATIENT)[:-4],
        {"Content-Encoding": "gzip"},
    ),
    "xml/5000-digits": Bad(
        "POST",
        "Observation",
        422,
        "value",
        "beyond 1E-100 to 1E+100",
        "Observation.value.value",
        f'<Observation {FHIR}><status value="final"/><code><text value="x"/></code><valueQuantity>'
        f'<value value="{"9" * 5000}"/></valueQuantity></Observation>'.encode(),
        {"Content-Type": XML},
    ),
    "coding/bomb": Bad(
        "POST",
        "Patient",
        413,
        "too-long",
        "the limit of this server",
        None,
        gzip.compress(b" " * 70_000_000, 1),
        {"Content-Encoding": "gzip"},
    ),
}


def put(headers: Mapping[str, str], words: str, place: str) -> Bad:
    body = b'{"resourceType":"Patient","id":"1"}'
    return Bad("PUT", "Patient/1", 400, "invalid", words, place, body, headers)


HEADERS = {
    "if-match/bare": put({"If-Match": "1"}, 'W/"1"', "http.If-Match"),
    "if-match/empty": put({"If-Match": ""}, 'W/"1"', "http.If-Match"),
    "if-match/beyond-ascii": put({"If-Match": "é"}, 'W/"1"', "http.If-Match"),
    "if-none-match/tag-on-write": put({"If-None-Match": 'W/"1"'}, "* only", "http.If-None-Match"),
    "if-none-exist/update": put(
        {"If-None-Exist": "active=true"}, "by If-Match", "http.If-None-Exist"
    ),
    "if-unmodified-since/update": put(
        {"If-Unmodified-Since": "Mon, 01 Jan 2001 00:00:00 GMT"},
        "by If-Match",
        "http.If-Unmodified-Since",
    ),
    "if-match/create": Bad(
        "POST", "Patient", 400, "invalid", "", "http.If-Match", PATIENT, {"If-Match": 'W/"1"'}
    ),
    "if-none-match/create": Bad(
        "POST", "Patient", 400, "invalid", "", "http.If-None-Match", PATIENT, {"If-None-Match": "*"}
    ),
    "if-none-match/patch": Bad(
        "PATCH",
        "Patient/1",
        400,
        "invalid",
        "",
        "http.If-None-Match",
        b"[]",
        {"If-None-Match": "*", "Content-Type": JSON_PATCH},
    ),
    "if-none-match/delete": Bad(
        "DELETE",
        "Patient/1",
        400,
        "invalid",
        "",
        "http.If-None-Match",
        None,
        {"If-None-Match": "*"},
    ),
    "if-none-exist/conditional-delete": Bad(
        "DELETE",
        "Patient?active=true",
        400,
        "invalid",
        "",
        "http.If-None-Exist",
        None,
        {"If-None-Exist": "active=true"},
    ),
    "if-match/bundle": Bad(
        "POST",
        "",
        400,
        "invalid",
        "",
        "http.If-Match",
        b'{"resourceType":"Bundle","type":"batch"}',
        {"If-Match": 'W/"1"'},
    ),
    "if-none-match/bare": Bad(
        "GET", "Patient/1", 400, "invalid", "", "http.If-None-Match", None, {"If-None-Match": "x"}
    ),
    "prefer/return": put({"Prefer": "return=all"}, "minimal", "http.Prefer"),
    "prefer/handling": Bad(
        "GET", "Patient", 400, "invalid", "", "http.Prefer", None, {"Prefer": "handling=soft"}
    ),
    "if-none-exist/unknown": Bad(
        "POST", "Patient", 400, "invalid", "'foo'", None, PATIENT, {"If-None-Exist": "foo=1"}
    ),
    "if-none-exist/escape": Bad(
        "POST", "Patient", 400, "invalid", "%zz", None, PATIENT, {"If-None-Exist": "name=%zz"}
    ),
    "host/other": Bad(
        "GET", "Patient", 403, "forbidden", "", "http.Host", None, {"Host": "example.org"}
    ),
    "origin/other": Bad(
        "GET", "Patient", 403, "forbidden", "", "http.Origin", None, {"Origin": "http://e.org"}
    ),
}


def get(path: str, status: int, code: str, words: str = "", place: str | None = None) -> Bad:
    return Bad("GET", path, status, code, words, place)


PATHS = {
    "path/type": get("Nothing/1", 404, "not-found", "Nothing"),
    "path/Parameters": get("Parameters/1", 404, "not-found", "Parameters"),
    "path/operation": get("Patient/$nothing", 404, "not-found", "$nothing"),
    "path/version": get("Patient/1/_history/0", 404, "not-found"),
    "path/version-beyond-int": get("Patient/1/_history/9999999999", 404, "not-found"),
    "path/nul": get("Patient/%00", 400, "invalid", "character", "http.path"),
    "path/no-utf-8": get("Patient/%ff", 400, "invalid", "character", "http.path"),
    "path/overlong": get("Patient/%c0%ae", 400, "invalid", "character", "http.path"),
    "path/broken-escape": get("Patient/%zz", 400, "invalid", "character", "http.path"),
    "path/blank": get("Patient/a%20b", 400, "invalid", "character", "http.path"),
    "path/dots": get("Patient/1/../..", 404, "not-found"),
    "path/empty-segment": get("Patient//1", 400, "invalid", "empty segment", "http.path"),
    "path/long-id": get(f"Patient/{'a' * 65}", 400, "invalid", "1 to 64", "http.path"),
    "id/of-put": Bad(
        "PUT", "Patient/a_b", 400, "invalid", "1 to 64", "http.path", b'{"resourceType":"Patient"}'
    ),
    "id/differs": Bad(
        "PUT", "Patient/1", 400, "invalid", "", "Patient.id", b'{"resourceType":"Patient","id":"2"}'
    ),
    "id/missing": Bad("PUT", "Patient/1", 400, "invalid", "", "Patient.id", PATIENT),
    "method/unknown": Bad("BREW", "Patient", 405, "not-supported", "GET, HEAD, POST"),
    "method/metadata": Bad("DELETE", "metadata", 405, "not-supported", "GET, HEAD"),
    "method/version": Bad("PUT", "Patient/1/_history/1", 405, "not-supported", "", None, PATIENT),
}

PARAMETERS = {
    "query/broken-escape": get("Patient?name=%zz", 400, "invalid", "percent", "http.query"),
    "query/no-utf-8": get("Patient?name=%ff", 400, "invalid", "UTF-8", "http.query"),
    "query/nul": get("Patient?name=a%00", 400, "invalid", "NUL", "http.query"),
    "query/too-many": get("Patient?" + "name=a&" * 1000 + "x", 413, "too-long", "1000"),
    "query/unknown": get("Patient?foo=1", 400, "invalid", "'foo'", "http.foo"),
    "query/no-name": get("Patient?=x", 400, "invalid", "has no name", "http.query"),
    "query/modifier-of-sort": get(
        "Patient?_sort:desc=name", 400, "invalid", "takes no modifier", "http._sort:desc"
    ),
    "query/not-on-all-types": get(
        "?_type=Observation,Patient&name=x", 400, "invalid", "_type says which", "http.name"
    ),
    "query/unknown-on-read": get("Patient/1?foo=1", 400, "invalid", "", "http.foo"),
    "query/_pretty": get("Patient?_pretty=perhaps", 400, "invalid", "", "http._pretty"),
    "query/_summary": get("Patient?_summary=half", 400, "invalid", "", "http._summary"),
    "query/_count": get("Patient?_count=-1", 400, "invalid", "", "http._count"),
    "query/date": get("Patient?birthdate=soon", 400, "invalid", "", "http.birthdate"),
    "query/_page": get("Patient?_page=x", 400, "invalid", "", "http._page"),
    "query/_since": get("Patient/_history?_since=x", 400, "invalid", "", "http._since"),
    "query/mode": get("metadata?mode=x", 400, "invalid", "", "http.mode"),
    "form/broken-escape": Bad(
        "POST",
        "Patient/_search",
        400,
        "invalid",
        "percent",
        "http.query",
        b"name=%zz",
        {"Content-Type": FORM},
    ),
    "form/no-utf-8": Bad(
        "POST",
        "Patient/_search",
        400,
        "invalid",
        "UTF-8",
        "http.query",
        b"name=\xff",
        {"Content-Type": FORM},
    ),
}

BUNDLES = {
    "bundle/other-type": Bad("POST", "", 400, "invalid", "Bundle", "resourceType", PATIENT),
    "bundle/no-type": Bad(
        "POST", "", 400, "invalid", "", "Bundle.type", b'{"resourceType":"Bundle"}'
    ),
    "bundle/entry-is-number": Bad(
        "POST",
        "",
        400,
        "invalid",
        "",
        "Bundle.entry",
        b'{"resourceType":"Bundle","type":"transaction","entry":5}',
    ),
    "bundle/no-request": Bad(
        "POST",
        "",
        400,
        "invalid",
        "",
        "Bundle.entry[0].request",
        b'{"resourceType":"Bundle","type":"transaction","entry":[{}]}',
    ),
    "patch/no-list": Bad(
        "PATCH", "Patient/1", 400, "invalid", "", None, b"{}", {"Content-Type": JSON_PATCH}
    ),
    "patch/broken": Bad(
        "PATCH", "Patient/1", 400, "structure", "", None, b"[", {"Content-Type": JSON_PATCH}
    ),
}

ROWS = {**BODIES, **TYPES, **HEADERS, **PATHS, **PARAMETERS, **BUNDLES}


@pytest.fixture(scope="module", autouse=True)
def _patient(server: object) -> None:
    with server.client() as client:  # type: ignore[attr-defined]
        assert client.put("Patient/1", {"resourceType": "Patient", "id": "1"}).status in (200, 201)


@pytest.mark.parametrize("bad", [pytest.param(bad, id=name) for name, bad in ROWS.items()])
def test_bad_input_is_refused_and_the_connection_lives_on(client: Client, bad: Bad) -> None:
    before = latest_change(client)
    socket = client.connection.sock
    answer = client.request(bad.method, bad.path, bad.body, {**bad.headers, "Accept": JSON})
    assert answer.status == bad.status, answer.text
    issue = answer.json["issue"][0]
    assert answer.json["resourceType"] == "OperationOutcome"
    assert (issue["severity"], issue["code"]) == ("error", bad.code)
    assert bad.words in issue["diagnostics"]
    if bad.place is not None:
        assert issue["expression"][0] == bad.place
    assert latest_change(client) == before
    assert client.connection.sock is socket


@pytest.mark.parametrize("bad", [pytest.param(bad, id=name) for name, bad in ROWS.items()])
def test_the_outcome_comes_in_the_format_asked_for(client: Client, bad: Bad) -> None:
    answer = client.request(bad.method, bad.path, bad.body, {**bad.headers, "Accept": XML})
    assert answer.headers["content-type"] == f"{XML}; charset=utf-8"
    outcome = ET.fromstring(answer.body)
    severity = outcome.find("f:issue/f:severity", {"f": "http://hl7.org/fhir"})
    assert severity is not None
    assert severity.get("value") == "error"


@pytest.mark.parametrize(
    ("path", "accept"),
    [
        pytest.param("Patient", "image/png", id="accept"),
        pytest.param("Patient", f"{JSON}; fhirVersion=3.0", id="version"),
        pytest.param("Patient?_format=ttl", JSON, id="_format"),
    ],
)
def test_a_format_that_cannot_be_produced_is_said_in_json(
    client: Client, path: str, accept: str
) -> None:
    answer = client.request("GET", path, None, {"Accept": accept})
    assert answer.status == 406
    assert answer.json["issue"][0]["code"] == "not-supported"


def test_method_not_allowed_names_what_is(client: Client) -> None:
    assert client.delete("metadata").headers["allow"] == "GET, HEAD, OPTIONS"


def test_an_unread_patch_format_names_what_is_read(client: Client) -> None:
    answer = client.patch("Patient/1", b"x", content_type="text/plain")
    assert JSON_PATCH in answer.headers["accept-patch"]


def latest_change(client: Client) -> object:
    """The newest entry of the system's history."""
    answer = client.get("_history?_count=1")
    assert answer.status == 200, answer.text
    return answer.json.get("entry")
