"""Whatever comes in, the answer is a value or a FhirError, never another exception."""

from __future__ import annotations

import string
from collections.abc import Callable
from urllib.parse import quote_plus

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fhirserver.definitions import r4
from fhirserver.errors import FhirError, MalformedBodyError, TooLargeError
from fhirserver.http.body import decompress
from fhirserver.http.compression import choose_coding
from fhirserver.http.headers import parse_http_date_us, parse_prefer, parse_tags, request_id
from fhirserver.http.html.page import Page, render
from fhirserver.http.negotiation import negotiate, parse_content_type
from fhirserver.http.query import parse_query
from fhirserver.http.routing import Router
from fhirserver.model.json import write_json
from fhirserver.model.xml import parse_xml, write_xml

ROUTER = Router(r4())
OCTETS = st.text(st.characters(max_codepoint=255))
TYPES = st.sampled_from(r4().resource_types)
SEGMENTS = st.one_of(
    TYPES, st.sampled_from(["_history", "_search", "metadata", "$x", "*", "", "1"]), OCTETS
)


def status_of(work: Callable[[], object]) -> int:
    try:
        work()
    except FhirError as error:
        return error.status
    return 200


@given(st.sampled_from(["GET", "PUT", "POST", "HEAD", "X"]), st.lists(SEGMENTS, max_size=6))
def test_paths(method: str, segments: list[str]) -> None:
    try:
        route = ROUTER.find(method, "/" + "/".join(segments))
    except FhirError:
        return
    assert route.interaction
    assert route.type is None or route.type in r4().resource_types


@pytest.mark.parametrize(
    "read",
    [
        pytest.param(lambda text: parse_tags("If-Match", text), id="If-Match"),
        pytest.param(parse_http_date_us, id="If-Modified-Since"),
        pytest.param(parse_prefer, id="Prefer"),
        pytest.param(request_id, id="X-Request-Id"),
        pytest.param(parse_content_type, id="Content-Type"),
        pytest.param(choose_coding, id="Accept-Encoding"),
        pytest.param(lambda text: negotiate(None, text), id="Accept"),
        pytest.param(lambda text: negotiate(text, None), id="_format"),
        pytest.param(parse_query, id="query"),
    ],
)
@given(text=st.one_of(OCTETS, st.text(string.printable)))
@example(text="Mon, 01 Jan 10000 00:00:00 GMT")
@example(text="Mon, 01 Jan 0000 00:00:00 -9999")
@example(text="text/html;q=nan")
@example(text='application/fhir+json;;=;"')
def test_headers(read: Callable[[str], object], text: str) -> None:
    assert status_of(lambda: read(text)) in range(200, 500)


@given(
    st.lists(
        st.tuples(
            st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1),
            st.text(st.characters(exclude_characters="\0", codec="utf-8")),
        )
    )
)
def test_a_query_is_what_was_written(pairs: list[tuple[str, str]]) -> None:
    text = "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in pairs)
    assert parse_query(text) == pairs


@given(st.binary())
def test_compressed_bodies(raw: bytes) -> None:
    assert status_of(lambda: decompress(raw, 1000)) in (200, 400, 413)


DOCUMENT = (
    b'<?xml version="1.0"?><Patient xmlns="http://hl7.org/fhir"><id value="p"/><text>'
    b'<status value="generated"/><div xmlns="http://www.w3.org/1999/xhtml"><p>a</p></div></text>'
    b'<contained><Basic><id value="b"/></Basic></contained><active value="true"/>'
    b'<name id="n"><extension url="http://x"><valueDecimal value="1.0"/></extension>'
    b'<given value="A"/><given id="g"/></name><birthDate value="1970"/></Patient>'
)


@settings(max_examples=300)
@given(
    st.integers(0, len(DOCUMENT)),
    st.integers(0, 12),
    st.one_of(
        st.binary(max_size=4), st.sampled_from([b"<div/>", b"<x/>", b"&amp;", b"<!--", b"]]>"])
    ),
)
def test_broken_documents(start: int, length: int, put: bytes) -> None:
    broken = DOCUMENT[:start] + put + DOCUMENT[start + length :]
    try:
        resource = parse_xml(broken, r4())
    except (MalformedBodyError, TooLargeError):
        return
    assert parse_xml(write_xml(resource, r4()), r4()) == resource


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["value", "code", "reference", "start", "coding", "text", "x", "line"]),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=10,
)


@settings(max_examples=300)
@given(st.dictionaries(st.sampled_from(["name", "code", "component", "period", "y"]), JSON))
def test_any_object_has_a_page(content: dict[str, object]) -> None:
    write_json_text = write_json(content).decode("utf-8", "replace")
    html = render({"resourceType": "Basic", **content}, Page("http://h/fhir", "/Basic", (), 200))
    assert html.startswith(b"<!DOCTYPE html>")
    assert b"<script" not in html or "<script" in write_json_text
