"""What goes out: version headers, conditions, formats, compression, ids."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterator
from email.utils import format_datetime, parsedate_to_datetime

import pytest

from fhirserver.definitions import r4
from fhirserver.model.json import parse_json
from fhirserver.model.xml import parse_xml
from tests.client import Client
from tests.server import ServerProcess

JSON = "application/fhir+json"
XML = "application/fhir+xml"
_numbers = itertools.count()


@pytest.fixture
def place(client: Client) -> Iterator[str]:
    """A patient of this test's own, at version 1."""
    id_ = f"responses-{next(_numbers)}"
    answer = client.put(
        f"Patient/{id_}",
        {
            "resourceType": "Patient",
            "id": id_,
            "name": [{"family": "Ames" * 500}],
            "gender": "other",
        },
    )
    assert answer.status in (200, 201), answer.text
    yield f"Patient/{id_}"
    client.delete(f"Patient/{id_}")


def test_a_create_says_where(client: Client, server: ServerProcess) -> None:
    answer = client.post("Patient", {"resourceType": "Patient"})
    assert answer.status == 201
    id_ = answer.json["id"]
    assert answer.headers["location"] == f"{server.base}/Patient/{id_}/_history/1"
    assert answer.headers["content-location"] == answer.headers["location"]
    assert answer.headers["etag"] == 'W/"1"'
    assert answer.headers["content-type"] == f"{JSON}; charset=utf-8"
    updated = parsedate_to_datetime(answer.headers["last-modified"])
    assert answer.json["meta"]["lastUpdated"].startswith(f"{updated:%Y-%m-%dT%H:%M:%S}.")


def test_a_read_names_its_version(client: Client, server: ServerProcess, place: str) -> None:
    answer = client.get(place)
    assert answer.headers["etag"] == f'W/"{answer.json["meta"]["versionId"]}"'
    version = answer.json["meta"]["versionId"]
    assert answer.headers["content-location"] == f"{server.base}/{place}/_history/{version}"
    assert "location" not in answer.headers
    vread = client.get(f"{place}/_history/{version}")
    assert vread.body == answer.body
    assert vread.headers["etag"] == answer.headers["etag"]


def test_every_answer_keeps_caches_and_sniffers_away(client: Client, place: str) -> None:
    for path in (place, "Patient/none", "metadata?_summary=true"):
        headers = client.get(path).headers
        assert headers["cache-control"] == "private, no-cache"
        assert headers["x-content-type-options"] == "nosniff"
        assert "Accept" in headers["vary"]


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        pytest.param({"If-None-Match": "{etag}"}, 304, id="http.html#cread-same-version"),
        pytest.param({"If-None-Match": 'W/"77"'}, 200, id="http.html#cread-other-version"),
        pytest.param({"If-None-Match": 'W/"77", {etag}'}, 304, id="rfc9110-list"),
        pytest.param({"If-None-Match": "*"}, 304, id="rfc9110-any"),
        pytest.param({"If-Modified-Since": "{updated}"}, 304, id="http.html#cread-same-second"),
        pytest.param({"If-Modified-Since": "{earlier}"}, 200, id="http.html#cread-changed-since"),
        pytest.param({"If-Modified-Since": "soon"}, 200, id="rfc9110-13.1.3-malformed-is-ignored"),
        pytest.param(
            {"If-None-Match": 'W/"77"', "If-Modified-Since": "{updated}"},
            200,
            id="rfc9110-13.1.3-tag-wins",
        ),
    ],
)
def test_conditional_reads(
    client: Client, place: str, condition: dict[str, str], status: int
) -> None:
    first = client.get(place)
    updated = parsedate_to_datetime(first.headers["last-modified"])
    known = {
        "etag": first.headers["etag"],
        "updated": first.headers["last-modified"],
        "earlier": format_datetime(updated.replace(year=2020), usegmt=True),
    }
    headers = {name: value.format(**known) for name, value in condition.items()}
    answer = client.request("GET", place, None, headers)
    assert answer.status == status
    assert answer.headers["etag"] == first.headers["etag"]
    assert answer.body == (b"" if status == 304 else first.body)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({"If-Match": "{etag}"}, 200, id="http.html#concurrency-same"),
        pytest.param({"If-Match": 'W/"77"'}, 412, id="http.html#concurrency-other"),
        pytest.param({"If-Match": 'W/"x"'}, 412, id="rfc9110-foreign-tag"),
        pytest.param({"If-None-Match": "*"}, 412, id="http.html#create-only"),
    ],
)
def test_conditional_updates(
    client: Client, place: str, headers: dict[str, str], status: int
) -> None:
    known = client.get(place)
    etag = known.headers["etag"]
    sent = {name: value.format(etag=etag) for name, value in headers.items()}
    changed = {**known.json, "gender": "unknown"}
    assert client.request("PUT", place, changed, sent).status == status
    assert client.get(place).json["gender"] == ("unknown" if status == 200 else "other")


@pytest.mark.parametrize(
    ("method", "prefer", "applied"),
    [
        pytest.param("PUT", None, None, id="nothing"),
        pytest.param("PUT", "return=minimal, handling=strict", "return=minimal", id="update"),
        pytest.param("PUT", "respond-async, wait=5", None, id="ignored"),
        pytest.param("GET", "return=minimal", None, id="read"),
        pytest.param("SEARCH", "handling=lenient", "handling=lenient", id="search"),
        pytest.param("DELETE", "return=representation", None, id="nothing-to-represent"),
        pytest.param("DELETE", "return=OperationOutcome", "return=OperationOutcome", id="delete"),
    ],
)
def test_what_was_preferred_and_applied_is_named(
    client: Client, place: str, method: str, prefer: str | None, applied: str | None
) -> None:
    """Spec: RFC 7240 section 3."""
    headers = {} if prefer is None else {"Prefer": prefer}
    body = None
    if method == "PUT":
        body = {"resourceType": "Patient", "id": place.partition("/")[2], "active": True}
    if method == "SEARCH":
        method, place = "GET", f"Patient?_id={place.partition('/')[2]}"
    answer = client.request(method, place, body, headers=headers)
    assert answer.status < 300, answer.text
    assert answer.headers.get("preference-applied") == applied
    assert "Prefer" in answer.headers["vary"]


@pytest.mark.parametrize(
    ("prefer", "kind"),
    [
        pytest.param(None, "Patient", id="http.html#return-default"),
        pytest.param("return=representation", "Patient", id="http.html#return-representation"),
        pytest.param("return=OperationOutcome", "OperationOutcome", id="http.html#return-outcome"),
        pytest.param("return=minimal", None, id="http.html#return-minimal"),
    ],
)
def test_the_body_of_a_write_is_what_is_preferred(
    client: Client, prefer: str | None, kind: str | None
) -> None:
    headers = {} if prefer is None else {"Prefer": prefer}
    answer = client.request("POST", "Patient", {"resourceType": "Patient"}, headers)
    assert answer.status == 201
    assert "location" in answer.headers
    if kind is None:
        assert answer.body == b""
        assert "content-type" not in answer.headers
    else:
        assert answer.json["resourceType"] == kind


@pytest.mark.parametrize(
    "path", ["{place}", "Patient", "metadata", "Patient/none", "{place}/_history"]
)
def test_head_is_get_without_the_body(client: Client, place: str, path: str) -> None:
    where = path.format(place=place)
    answer, whole = client.request("HEAD", where), client.get(where)
    assert answer.status == whole.status
    assert answer.body == b""
    assert answer.headers["content-length"] == str(len(whole.body))
    assert answer.headers["content-type"] == whole.headers["content-type"]


def test_formats_say_the_same(client: Client, place: str) -> None:
    plain = client.get(place)
    as_xml = client.request("GET", place, None, {"Accept": XML})
    assert as_xml.headers["content-type"] == f"{XML}; charset=utf-8"
    assert parse_xml(as_xml.body, r4()) == parse_json(plain.body)
    pretty = client.get(f"{place}?_pretty=true")
    assert pretty.body.startswith(b'{\n  "resourceType"')
    assert parse_json(pretty.body) == parse_json(plain.body)
    pretty_xml = client.get(f"{place}?_format=xml&_pretty=true")
    assert b"\n  <id " in pretty_xml.body
    assert parse_xml(pretty_xml.body, r4()) == parse_json(plain.body)


def test_xml_goes_in_and_comes_out(client: Client) -> None:
    document = (
        '<Observation xmlns="http://hl7.org/fhir"><status value="final"/><code><text value="ä"/>'
        '</code><valueQuantity><value value="1.50"/></valueQuantity></Observation>'
    )
    answer = client.request(
        "POST", "Observation", document.encode(), {"Content-Type": XML, "Accept": XML}
    )
    assert answer.status == 201
    assert '<value value="1.50"/>' in answer.text
    id_ = answer.headers["location"].split("/")[-3]
    assert b'"value":1.50' in client.get(f"Observation/{id_}").body


def test_a_search_answers_get_and_post_alike(client: Client, place: str) -> None:
    id_ = place.partition("/")[2]
    by_get = client.get(f"Patient?_id={id_}&gender=other")
    by_post = client.post(
        f"Patient/_search?_id={id_}",
        b"gender=other",
        **{"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert by_get.json["total"] == 1
    assert by_post.body == by_get.body
    in_form = client.post(
        "Patient/_search",
        f"_id={id_}&_format=xml".encode(),
        **{"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert in_form.headers["content-type"] == f"{XML}; charset=utf-8"


def test_small_answers_are_not_compressed(client: Client) -> None:
    answer = client.request("GET", "Patient/none", None, {"Accept-Encoding": "gzip"})
    assert "content-encoding" not in answer.headers


def test_request_bodies_may_come_in_chunks(client: Client) -> None:
    client.connection.request(
        "POST",
        "/fhir/Patient",
        iter([b'{"resourceType":', b'"Patient"}']),
        {"Content-Type": JSON},
        encode_chunked=True,
    )
    response = client.connection.getresponse()
    assert response.status == 201
    response.read()


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        pytest.param("abc-123", True, id="harmless"),
        pytest.param("a b", False, id="blank"),
        pytest.param("x" * 200, False, id="long"),
        pytest.param("<script>", False, id="markup"),
    ],
)
def test_the_request_id_comes_back_if_it_is_harmless(client: Client, sent: str, kept: bool) -> None:
    answer = client.request("GET", "Patient/none", None, {"X-Request-Id": sent})
    assert (answer.headers["x-request-id"] == sent) is kept
    assert answer.headers["x-request-id"]


def test_links_name_the_public_address_whatever_host_was_asked(
    client: Client, server: ServerProcess
) -> None:
    bundle = client.request("GET", "Patient?_count=1", None, {"Host": "localhost:1"}).json
    assert all(link["url"].startswith(server.base) for link in bundle["link"])


def test_raw_content_is_a_binary(client: Client) -> None:
    content = zlib.compress(b"x") + b"\x00\xff"
    answer = client.request(
        "POST", "Binary", content, {"Content-Type": "image/png", "Accept": JSON}
    )
    assert answer.status == 201
    assert answer.json["contentType"] == "image/png"
    place = f"Binary/{answer.json['id']}"
    raw = client.request("GET", place, None, {"Accept": "image/png"})
    assert raw.body == content
    assert raw.headers["content-type"] == "image/png"
    assert raw.headers["etag"] == 'W/"1"'
    assert raw.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert client.request("GET", place, None, {"Accept": "*/*"}).body == content
    assert client.get(place).json["data"] == answer.json["data"]
    assert client.get(f"{place}?_format=xml").body.startswith(b"<?xml")


def test_stored_markup_does_not_run(client: Client) -> None:
    answer = client.request("POST", "Binary", b"<script>1</script>", {"Content-Type": "text/html"})
    raw = client.request("GET", f"Binary/{answer.json['id']}", None, {"Accept": "text/html"})
    assert raw.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert raw.headers["content-disposition"] == "attachment"


def test_raw_content_needs_a_length(client: Client) -> None:
    client.connection.request(
        "POST", "/fhir/Binary", iter([b"abc"]), {"Content-Type": "image/png"}, encode_chunked=True
    )
    response = client.connection.getresponse()
    assert response.status == 411
    assert parse_json(response.read())["issue"][0]["expression"] == ["http.Content-Length"]


BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        pytest.param("{place}", 200, "<h1>{place} ·", id="resource"),
        pytest.param("Patient?gender=other", 200, "<h1>Search Patient</h1>", id="search"),
        pytest.param("{place}/_history", 200, "<h1>History {place}/_history</h1>", id="history"),
        pytest.param("metadata", 200, "CapabilityStatement", id="capabilities"),
        pytest.param("Patient/none", 404, "<h1>404 Not Found</h1>", id="outcome"),
        pytest.param("Patient?foo=1", 400, "foo", id="refusal"),
    ],
)
def test_a_browser_gets_a_page(
    client: Client, place: str, path: str, status: int, words: str
) -> None:
    answer = client.request("GET", path.format(place=place), None, {"Accept": BROWSER})
    assert answer.status == status
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src")
    assert words.format(place=place) in answer.text


def test_a_browser_at_the_base_is_led_to_the_front_page(
    client: Client, server: ServerProcess
) -> None:
    answer = client.request("GET", "", None, {"Accept": BROWSER})
    assert answer.status == 303
    assert answer.headers["location"] == server.base.removesuffix("fhir")
    assert client.get("").json["resourceType"] == "Bundle"


def test_an_xml_document_is_content_of_a_binary(client: Client) -> None:
    content = b'<ClinicalDocument xmlns="urn:hl7-org:v3"/>'
    answer = client.request("POST", "Binary", content, {"Content-Type": "application/xml"})
    assert answer.status == 201
    place = f"Binary/{answer.json['id']}"
    assert client.request("GET", place, None, {"Accept": "*/*"}).body == content


def test_the_landing_page_leads_on(client: Client, server: ServerProcess, place: str) -> None:
    answer = client.request("GET", "/", None, {"Accept": BROWSER})
    assert answer.status == 200
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert f'<a href="{server.base}/Patient">Patient</a>' in answer.text
    assert f'href="{server.base}/metadata"' in answer.text
    assert "The server is ready" in answer.text
    assert client.request("GET", "/static/console.css").status == 200
    assert client.request("GET", "/nothing").status == 404


def test_the_examples_of_the_landing_page_work(client: Client) -> None:
    from fhirserver.console.landing import EXAMPLES

    for example in EXAMPLES:
        path = example.path.replace("|", "%7C")
        assert client.get(path).status == 200, example.path


@pytest.mark.parametrize(
    ("path", "status", "allow"),
    [
        pytest.param("", 204, "GET, HEAD, POST, OPTIONS", id="base"),
        pytest.param("metadata", 204, "GET, HEAD, OPTIONS", id="metadata"),
        pytest.param("Patient/1", 204, "GET, HEAD, PUT, PATCH, DELETE, OPTIONS", id="instance"),
        pytest.param("Patient/$validate", 204, "GET, HEAD, POST, OPTIONS", id="operation"),
        pytest.param("TestScript/$run", 204, "POST, OPTIONS", id="operation-that-changes"),
        pytest.param("Patient/$run", 404, None, id="no-such-operation"),
        pytest.param("Nothing", 404, None, id="no-such-type"),
    ],
)
def test_options_say_what_a_place_takes(
    client: Client, path: str, status: int, allow: str | None
) -> None:
    answer = client.request("OPTIONS", path)
    assert (answer.status, answer.headers.get("allow")) == (status, allow)
    patches = answer.headers.get("accept-patch", "")
    assert ("application/json-patch+json" in patches) == ("PATCH" in (allow or ""))
