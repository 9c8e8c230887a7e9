"""Formats over HTTP: what is asked for comes, what cannot come is refused, what is sent is read."""

from __future__ import annotations

import gzip
import zlib
from typing import Any

import pytest
import zstandard

from fhirserver.definitions import r4
from fhirserver.model.json import parse_json
from fhirserver.model.xml import parse_xml
from tests.client import Client

JSON = "application/fhir+json"
XML = "application/fhir+xml"
HTML = "text/html"
PATIENT = {"resourceType": "Patient", "id": "formats", "name": [{"family": "Ätna" * 500}]}
TEXT = '{"resourceType":"Patient","id":"formats","name":[{"family":"Ätna"}]}'
MARKUP = (
    '<Patient xmlns="http://hl7.org/fhir"><id value="formats"/>'
    '<name><family value="Ätna"/></name></Patient>'
)


@pytest.fixture(autouse=True)
def _patient(client: Client) -> None:
    assert client.put("Patient/formats", PATIENT).status in (200, 201)


@pytest.mark.parametrize(
    ("query", "accept", "content_type"),
    [
        pytest.param("_format=json", XML, JSON, id="_format-wins"),
        pytest.param("_format=xml", JSON, XML, id="_format-xml"),
        pytest.param("_format=XML", JSON, XML, id="_format-upper-case"),
        pytest.param("_format=application/fhir%2Bxml", None, XML, id="_format-fhir+xml"),
        pytest.param("_format=application/fhir+xml", None, XML, id="_format-plus-not-escaped"),
        pytest.param("_format=application/xml", None, XML, id="_format-application/xml"),
        pytest.param("_format=text/xml", None, XML, id="_format-text/xml"),
        pytest.param("_format=text/json", XML, JSON, id="_format-text/json"),
        pytest.param("_format=html", None, HTML, id="_format-html"),
        pytest.param(
            "_format=application/fhir%2Bjson;fhirVersion=4.0",
            None,
            f"{JSON}; fhirVersion=4.0",
            id="_format-with-version",
        ),
        pytest.param("_format=json&_pretty=true", None, JSON, id="pretty"),
        pytest.param("_format=xml&_pretty=true", None, XML, id="pretty-xml"),
        pytest.param("", "*/*", JSON, id="anything"),
        pytest.param("", f"{XML};q=0.9, {JSON};q=0.8", XML, id="q"),
        pytest.param("", f"{JSON};q=0, */*;q=0.1", XML, id="q-zero"),
        pytest.param("", f"{JSON}; fhirVersion=4.0", f"{JSON}; fhirVersion=4.0", id="version"),
        pytest.param("", f"{JSON}; fhirVersion=5.0, {XML};q=0.1", XML, id="version-passed-over"),
        pytest.param("", f"{JSON}; charset=utf-16", JSON, id="charset-is-utf-8-all-the-same"),
    ],
)
def test_the_same_comes_in_the_format_asked_for(
    client: Client, query: str, accept: str | None, content_type: str
) -> None:
    headers = {"Accept": accept or ""}
    bare, _, version = content_type.partition("; ")
    for path in ("Patient/formats", "Patient?_id=formats", "Patient/formats/_history"):
        place = f"{path}{'&' if '?' in path else '?'}{query}" if query else path
        answer = client.request("GET", place, None, headers)
        assert answer.status == 200
        suffix = f"; {version}" if version else ""
        assert answer.headers["content-type"] == f"{bare}; charset=utf-8{suffix}"
        assert ("\n  " in answer.text) is ("_pretty" in query or bare == HTML)
        head = client.request("HEAD", place, None, headers)
        assert _steady(head.headers) == _steady(answer.headers)
        assert head.body == b""
        if path == "Patient/formats" and bare != HTML:
            read = parse_xml(answer.body, r4()) if bare == XML else parse_json(answer.body)
            assert read["name"] == PATIENT["name"]


@pytest.mark.parametrize(
    ("query", "accept", "status", "place"),
    [
        pytest.param("_format=ttl", JSON, 406, "http._format", id="turtle"),
        pytest.param("_format=ndjson", JSON, 406, "http._format", id="ndjson"),
        pytest.param("_format=application/fhir%2Bndjson", JSON, 406, "http._format", id="ndjson2"),
        pytest.param(
            "_format=application/fhir%2Bjson;fhirVersion=5.0", JSON, 406, "http._format", id="r5"
        ),
        pytest.param("", "application/fhir+ndjson", 406, "http.Accept", id="accept-ndjson"),
        pytest.param("", f"{JSON}; fhirVersion=5.0", 406, "http.Accept", id="accept-r5"),
        pytest.param("", "image/png", 406, "http.Accept", id="accept-image"),
        pytest.param("", "*/*;q=0", 406, "http.Accept", id="accept-nothing"),
        pytest.param("_pretty=maybe", JSON, 400, "http._pretty", id="pretty"),
    ],
)
def test_what_cannot_come_is_refused_in_json(
    client: Client, query: str, accept: str, status: int, place: str
) -> None:
    for path in (f"Patient/formats?{query}", f"Patient?_id=formats&{query}"):
        answer = client.request("GET", path, None, {"Accept": accept})
        assert answer.status == status
        assert answer.headers["content-type"].startswith(f"{JSON}; charset=utf-8")
        assert answer.json["issue"][0]["expression"] == [place]


@pytest.mark.parametrize(
    ("content_type", "body", "status", "words"),
    [
        pytest.param(JSON, TEXT.encode(), 200, "", id="json"),
        pytest.param("application/json", TEXT.encode(), 200, "", id="plain-json"),
        pytest.param("text/json", TEXT.encode(), 200, "", id="text/json"),
        pytest.param(f"{JSON}; charset=UTF-8", TEXT.encode(), 200, "", id="charset"),
        pytest.param(f"{JSON}; fhirVersion=4.0", TEXT.encode(), 200, "", id="version"),
        pytest.param(JSON, TEXT.encode("utf-8-sig"), 200, "", id="bom"),
        pytest.param(XML, MARKUP.encode(), 200, "", id="xml"),
        pytest.param("text/xml", MARKUP.encode(), 200, "", id="text/xml"),
        pytest.param(XML, MARKUP.encode("utf-8-sig"), 200, "", id="xml-bom"),
        pytest.param(JSON, TEXT.encode("utf-16"), 400, "not UTF-8", id="utf-16-unsaid"),
        pytest.param(JSON, TEXT.encode("latin-1"), 400, "not UTF-8", id="latin-1-unsaid"),
        pytest.param(XML, MARKUP.encode("utf-16"), 400, "not UTF-8", id="xml-utf-16-unsaid"),
        pytest.param(f"{JSON}; charset=utf-16", TEXT.encode("utf-16"), 415, "UTF-8", id="utf-16"),
        pytest.param(
            f"{XML}; charset=iso-8859-1", MARKUP.encode("latin-1"), 415, "UTF-8", id="latin-1"
        ),
        pytest.param(f"{JSON}; fhirVersion=5.0", TEXT.encode(), 415, "speaks 4.0", id="r5"),
        pytest.param("application/fhir+ndjson", TEXT.encode(), 415, "not read", id="ndjson"),
        pytest.param("text/turtle", b"x", 415, "not read", id="turtle"),
        pytest.param("multipart/form-data; boundary=x", b"x", 415, "not read", id="multipart"),
        pytest.param("", TEXT.encode(), 415, "no Content-Type", id="missing"),
    ],
)
def test_what_is_sent_is_read_or_refused(
    client: Client, content_type: str, body: bytes, status: int, words: str
) -> None:
    answer = client.request("PUT", "Patient/formats", body, {"Content-Type": content_type})
    assert answer.status == status, answer.text
    if status == 200:
        assert client.get("Patient/formats").json["name"] == [{"family": "Ätna"}]
    else:
        assert words in answer.json["issue"][0]["diagnostics"]
    if status == 415:
        assert answer.json["issue"][0]["expression"] == ["http.Content-Type"]


@pytest.mark.parametrize(
    ("coding", "body", "status"),
    [
        pytest.param("gzip", gzip.compress(TEXT.encode()), 200, id="gzip"),
        pytest.param("x-gzip", gzip.compress(TEXT.encode()), 200, id="x-gzip"),
        pytest.param("identity", TEXT.encode(), 200, id="identity"),
        pytest.param("gzip", gzip.compress(b" " * (65 << 20), 1), 413, id="bomb"),
        pytest.param("gzip", TEXT.encode(), 400, id="no-gzip"),
        pytest.param("zstd", zstandard.compress(TEXT.encode()), 415, id="zstd"),
        pytest.param("br", b"x", 415, id="br"),
        pytest.param("deflate", zlib.compress(TEXT.encode()), 415, id="deflate"),
    ],
)
def test_bodies_may_be_gzip(client: Client, coding: str, body: bytes, status: int) -> None:
    answer = client.request("PUT", "Patient/formats", body, {"Content-Encoding": coding})
    assert answer.status == status
    if status == 415:
        assert answer.headers["accept-encoding"] == "gzip"
        assert answer.json["issue"][0]["expression"] == ["http.Content-Encoding"]


@pytest.mark.parametrize(
    ("accept_encoding", "coding"),
    [
        pytest.param("gzip", "gzip", id="gzip"),
        pytest.param("gzip;q=0.5, zstd;q=0.6", "zstd", id="q"),
        pytest.param("zstd;q=0.5, identity", None, id="rather-identity"),
        pytest.param("br", None, id="unknown"),
        pytest.param("identity;q=0, zstd;q=0.1", "zstd", id="no-identity"),
    ],
)
def test_codings(client: Client, accept_encoding: str, coding: str | None) -> None:
    headers = {"Accept-Encoding": accept_encoding}
    plain = client.get("Patient/formats")
    answer = client.request("GET", "Patient/formats", None, headers)
    head = client.request("HEAD", "Patient/formats", None, headers)
    assert answer.headers.get("content-encoding") == coding
    assert _decoded(answer.body, coding) == plain.body
    assert _steady(head.headers) == _steady(answer.headers)
    assert answer.headers["etag"] == plain.headers["etag"]
    assert {"Accept", "Accept-Encoding"} <= set(answer.headers["vary"].split(", "))
    seen = {**headers, "If-None-Match": answer.headers["etag"]}
    same = client.request("GET", "Patient/formats", None, seen)
    assert (same.status, same.body) == (304, b"")
    assert same.headers["vary"] == answer.headers["vary"]


def test_a_caller_that_refuses_identity_gets_small_answers_compressed(client: Client) -> None:
    headers = {"Accept-Encoding": "gzip, identity;q=0"}
    answer = client.request("GET", "Patient/none", None, headers)
    assert answer.status == 404
    assert parse_json(gzip.decompress(answer.body))["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize("accept_encoding", ["identity;q=0", "*;q=0", "br, identity;q=0"])
def test_a_caller_that_refuses_every_coding_is_refused(
    client: Client, accept_encoding: str
) -> None:
    headers = {"Accept-Encoding": accept_encoding}
    changed = {**PATIENT, "active": True}
    for answer in (
        client.request("GET", "Patient/formats", None, headers),
        client.request("PUT", "Patient/formats", changed, headers),
    ):
        assert answer.status == 406
        assert answer.json["issue"][0]["expression"] == ["http.Accept-Encoding"]
    assert "active" not in client.get("Patient/formats").json


def _decoded(body: bytes, coding: str | None) -> bytes:
    match coding:
        case "gzip":
            return gzip.decompress(body)
        case "zstd":
            return zstandard.ZstdDecompressor().decompress(body)
        case _:
            return body


def _steady(headers: Any) -> dict[str, str]:
    """Headers without those that are new with every request."""
    return {name: value for name, value in headers.items() if name not in ("x-request-id", "date")}
