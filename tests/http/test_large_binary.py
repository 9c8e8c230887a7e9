"""Content that is kept apart: streamed in and out, in parts, in every format, never half there."""

from __future__ import annotations

import base64
import random
import socket
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from fhirserver.definitions import r4
from fhirserver.model.content_apart import EXTENSION_URL
from fhirserver.model.xml import parse_xml
from fhirserver.store.contents import CHUNK_BYTES
from tests.client import Answer, Client
from tests.server import ServerProcess
from tests.waiting import wait_for

CONTENT = random.Random(1).randbytes(3 * CHUNK_BYTES + 1)
SMALL = b"0123456789"
TYPE = "application/dicom"


def send(client: Client, path: str, content: bytes, method: str = "PUT", **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.request(method, path, content, {"Content-Type": TYPE, **named})


def raw(client: Client, path: str, method: str = "GET", **headers: str) -> Answer:
    return client.request(method, path, None, {"Accept": "*/*", **headers})


def unkept(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM binary_content WHERE rid IS NULL").fetchone()
        assert row is not None
        return int(row[0])


@pytest.fixture
def place(client: Client) -> str:
    """A Binary with content that is kept apart, at version 1."""
    answer = send(client, "Binary", CONTENT, "POST", X_Security_Context="Patient/nobody")
    if answer.status == 409:
        client.put("Patient/nobody", {"resourceType": "Patient", "id": "nobody"})
        answer = send(client, "Binary", CONTENT, "POST", X_Security_Context="Patient/nobody")
    assert answer.status == 201, answer.text
    return f"Binary/{answer.json['id']}"


def test_it_comes_back_as_it_was_sent(client: Client, place: str) -> None:
    for path in (place, f"{place}/_history/1"):
        answer = raw(client, path)
        assert answer.body == CONTENT
        assert answer.headers["content-type"] == TYPE
        assert answer.headers["etag"] == 'W/"1"'
        assert answer.headers["x-security-context"] == "Patient/nobody"
        assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
        assert answer.headers["content-disposition"] == "attachment"
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert raw(client, place, **{"If-None-Match": 'W/"1"'}).status == 304


@pytest.mark.parametrize("query", ["", "?_pretty=true"])
def test_a_reader_of_the_resource_gets_the_content_inside(
    client: Client, place: str, query: str
) -> None:
    data = base64.b64encode(CONTENT).decode()
    as_json = client.get(place + query)
    assert as_json.json["data"] == data
    assert "_data" not in as_json.json
    assert len(as_json.body) == int(as_json.headers["content-length"])
    as_xml = client.request("GET", place + query, None, {"Accept": "application/fhir+xml"})
    assert parse_xml(as_xml.body, r4()) == as_json.json


@pytest.mark.parametrize(
    ("query", "inside"),
    [
        pytest.param("?_elements=contentType", False, id="elements-without"),
        pytest.param("?_elements=data", True, id="elements-with"),
        pytest.param("?_summary=true", False, id="summary"),
        pytest.param("?_summary=data", True, id="summary-data"),
    ],
)
def test_a_part_of_the_resource_has_the_content_if_it_is_asked_for(
    client: Client, place: str, query: str, inside: bool
) -> None:
    part = client.get(place + query).json
    assert ("data" in part) is inside
    assert "_data" not in part
    assert raw(client, place + query).body == CONTENT


def test_head_tells_the_length_and_sends_nothing(client: Client, place: str) -> None:
    for accept in ("*/*", "application/fhir+json"):
        headers = {"Accept": accept}
        head = client.request("HEAD", place, None, headers)
        whole = client.request("GET", place, None, headers)
        assert head.body == b""
        assert int(head.headers["content-length"]) == len(whole.body)


@pytest.mark.parametrize("content", [CONTENT, SMALL], ids=["apart", "in-the-row"])
@pytest.mark.parametrize(
    ("wanted", "part"),
    [
        pytest.param("bytes=0-4", slice(0, 5), id="first"),
        pytest.param("bytes=3-", slice(3, None), id="to-the-end"),
        pytest.param("bytes=-3", slice(-3, None), id="last"),
        pytest.param("bytes=9-99999999", slice(9, None), id="beyond-the-end"),
        pytest.param("bytes=0-0", slice(0, 1), id="one-octet"),
    ],
)
def test_a_part_of_it(client: Client, content: bytes, wanted: str, part: slice) -> None:
    id_ = send(client, "Binary", content, "POST").json["id"]
    answer = raw(client, f"Binary/{id_}", Range=wanted, **{"Accept-Encoding": "gzip"})
    assert answer.status == 206
    assert answer.body == content[part]
    start, stop, _ = part.indices(len(content))
    assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/{len(content)}"
    assert "content-encoding" not in answer.headers


def test_a_part_may_cross_chunks(client: Client, place: str) -> None:
    start, stop = CHUNK_BYTES - 2, 2 * CHUNK_BYTES + 3
    assert raw(client, place, Range=f"bytes={start}-{stop - 1}").body == CONTENT[start:stop]


@pytest.mark.parametrize(
    ("wanted", "more", "status"),
    [
        pytest.param(f"bytes={len(CONTENT)}-", {}, 416, id="behind-the-end"),
        pytest.param("bytes=-0", {}, 416, id="nothing"),
        pytest.param("bytes=0-1,5-6", {}, 200, id="rfc9110-several-are-the-whole"),
        pytest.param("items=0-1", {}, 200, id="rfc9110-other-units"),
        pytest.param("bytes=5-1", {}, 200, id="rfc9110-backwards"),
        pytest.param("bytes=0-1", {"If-Range": 'W/"1"'}, 200, id="rfc9110-weak-if-range"),
        pytest.param("bytes=0-1", {"Accept": "application/fhir+json"}, 200, id="resource"),
    ],
)
def test_ranges_that_give_no_part(
    client: Client, place: str, wanted: str, more: dict[str, str], status: int
) -> None:
    answer = raw(client, place, Range=wanted, **more)
    assert answer.status == status
    if status == 416:
        assert answer.headers["content-range"] == f"bytes */{len(CONTENT)}"
        assert answer.json["issue"][0]["expression"] == ["http.Range"]


def test_versions_keep_their_content(client: Client, place: str) -> None:
    assert send(client, place, CONTENT).headers["etag"] == 'W/"2"'  # no security context any more
    same = send(client, place, CONTENT, Prefer="return=OperationOutcome")
    assert same.status == 200
    assert same.headers["etag"] == 'W/"2"'
    assert send(client, place, SMALL).headers["etag"] == 'W/"3"'
    assert send(client, place, CONTENT[::-1]).headers["etag"] == 'W/"4"'
    assert client.delete(place).status == 204
    found = [raw(client, f"{place}/_history/{number}").body for number in (1, 2, 3, 4)]
    assert found == [CONTENT, CONTENT, SMALL, CONTENT[::-1]]
    assert raw(client, place).status == 410


def test_a_bundle_says_what_it_leaves_out_and_nobody_stores_that(
    client: Client, place: str
) -> None:
    found = client.get(f"Binary?_id={place.removeprefix('Binary/')}").json["entry"][0]["resource"]
    note = found["_data"]["extension"][0]
    assert note["url"] == EXTENSION_URL
    assert {"url": "size", "valueUnsignedInt": len(CONTENT)} in note["extension"]
    for answer in (client.put(place, found), client.post("Binary", found)):
        assert answer.status == 422
        assert answer.json["issue"][0]["expression"] == ["Binary.data"]
    assert raw(client, place).body == CONTENT


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"op": "replace", "path": "/contentType", "value": "a/b"}, id="beside-it"),
        pytest.param({"op": "remove", "path": "/_data"}, id="the-note-of-it"),
    ],
)
def test_no_patch_loses_content_that_is_kept_apart(
    client: Client, place: str, change: dict[str, str]
) -> None:
    answer = client.patch(place, [change], content_type="application/json-patch+json")
    assert answer.status == 422
    assert "an update" in answer.json["issue"][0]["diagnostics"]
    assert raw(client, place).body == CONTENT


@pytest.mark.parametrize(
    ("headers", "status", "expression"),
    [
        pytest.param({"If-None-Match": "*"}, 412, "http.If-None-Match", id="exists"),
        pytest.param({"If-Match": 'W/"9"'}, 412, "http.If-Match", id="other-version"),
        pytest.param(
            {"X-Security-Context": "Patient/absent"}, 409, "Binary.securityContext", id="integrity"
        ),
        pytest.param({"X-Security-Context": "me"}, 400, "http.X-Security-Context", id="context"),
        pytest.param({"X-Security-Context": ""}, 400, "http.X-Security-Context", id="no-context"),
        pytest.param({"Content-Type": "a/b" + "c" * 300}, 415, "http.Content-Type", id="type"),
    ],
)
def test_a_write_that_is_refused_leaves_no_content(
    client: Client,
    server_database_url: str,
    place: str,
    headers: dict[str, str],
    status: int,
    expression: str,
) -> None:
    # What headers alone refuse is answered before the body is read; a large one may find the
    # connection closed.
    content = CONTENT[::-1] if status in (409, 412) else b"x"
    answer = send(client, place, content, **headers)
    assert answer.status == status, answer.text
    assert answer.json["issue"][0]["expression"] == [expression]
    assert unkept(server_database_url) == 0
    assert raw(client, place).body == CONTENT


def test_a_sender_that_breaks_off_leaves_nothing(
    client: Client, server: ServerProcess, server_database_url: str
) -> None:
    before: Any = client.get("Binary?_summary=count").json["total"]
    parts = urlsplit(server.base)
    with socket.create_connection((parts.hostname, parts.port)) as sender:
        head = f"POST /fhir/Binary HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: {TYPE}\r\n"
        sender.sendall(f"{head}Content-Length: {len(CONTENT)}\r\n\r\n".encode())
        sender.sendall(CONTENT[: 2 * CHUNK_BYTES])
        wait_for(lambda: unkept(server_database_url) == 1)
    wait_for(lambda: unkept(server_database_url) == 0)
    assert client.get("Binary?_summary=count").json["total"] == before


def test_more_than_the_limit_is_refused_before_it_arrives(client: Client) -> None:
    client.connection.putrequest("POST", "/fhir/Binary")
    client.connection.putheader("Content-Type", TYPE)
    client.connection.putheader("Content-Length", str(2**31 - 1))
    client.connection.endheaders()
    response = client.connection.getresponse()
    assert response.status == 413
    assert b"1073741824" in response.read()
