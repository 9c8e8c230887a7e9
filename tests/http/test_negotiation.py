"""Formats: the caller's wish and the body's type."""

from __future__ import annotations

import pytest

from fhirserver.errors import NotAcceptableError, UnsupportedMediaTypeError
from fhirserver.http.compression import choose_coding
from fhirserver.http.negotiation import Format, body_format, negotiate, parse_content_type

JSON, XML, HTML = Format.JSON, Format.XML, Format.HTML
CHROME = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
HAPI = "application/fhir+xml;q=1.0, application/fhir+json;q=1.0, application/xml+fhir;q=0.9"


@pytest.mark.parametrize(
    ("format_parameter", "accept", "expected"),
    [
        pytest.param(None, None, JSON, id="nothing-said"),
        pytest.param(None, "*/*", JSON, id="anything"),
        pytest.param(None, "application/*", JSON, id="any-application"),
        pytest.param(None, "text/*", HTML, id="any-text"),
        pytest.param(None, "application/fhir+json", JSON, id="fhir+json"),
        pytest.param(None, "application/json", JSON, id="json"),
        pytest.param(None, "text/json", JSON, id="text/json"),
        pytest.param(None, "application/fhir+xml", XML, id="fhir+xml"),
        pytest.param(None, "application/xml", XML, id="xml"),
        pytest.param(None, "APPLICATION/FHIR+XML; Charset=UTF-8", XML, id="case"),
        pytest.param(None, CHROME, HTML, id="browser"),
        pytest.param(None, HAPI, JSON, id="equal-quality-prefers-json"),
        pytest.param(None, "application/fhir+xml, */*", XML, id="exact-beats-wildcard"),
        pytest.param(None, "application/fhir+json;q=0.5, application/fhir+xml", XML, id="q"),
        pytest.param(None, "application/fhir+json;q=0, */*", XML, id="q-zero-is-passed-over"),
        pytest.param(None, "application/fhir+json;q=0, application/*", XML, id="q-zero-in-range"),
        pytest.param(None, "application/fhir+json;q=0, application/json", JSON, id="alias"),
        pytest.param(None, "image/png, application/fhir+xml;q=0.1", XML, id="others-ignored"),
        pytest.param(None, "application/fhir+json; fhirVersion=4.0", JSON, id="version"),
        pytest.param(None, "nonsense, application/fhir+xml", XML, id="malformed-part"),
        pytest.param("json", CHROME, JSON, id="_format-wins"),
        pytest.param("xml", "application/fhir+json", XML, id="_format-xml"),
        pytest.param("html", None, HTML, id="_format-html"),
        pytest.param("application/fhir+json", None, JSON, id="_format-media-type"),
        pytest.param("application/fhir xml", None, XML, id="_format-plus-as-blank"),
        pytest.param("text/xml", None, XML, id="_format-text/xml"),
        pytest.param("", "application/fhir+xml", XML, id="_format-empty"),
    ],
)
def test_the_format_is_the_caller_s(
    format_parameter: str | None, accept: str | None, expected: Format
) -> None:
    assert negotiate(format_parameter, accept).format is expected


@pytest.mark.parametrize(
    ("format_parameter", "accept"),
    [
        pytest.param(None, "image/png", id="image"),
        pytest.param(None, "application/fhir+json;q=0", id="q-zero"),
        pytest.param(None, "text/html;q=0, text/*", id="q-zero-of-a-range"),
        pytest.param(None, "application/fhir+json; fhirVersion=3.0", id="stu3"),
        pytest.param(None, "application/fhir+turtle", id="turtle"),
        pytest.param(None, "application/json" + " " * 2000, id="endless"),
        pytest.param(None, "junk", id="junk"),
        pytest.param("ttl", None, id="_format-ttl"),
        pytest.param("application/pdf", "application/fhir+json", id="_format-pdf"),
        pytest.param("application/fhir+json; fhirVersion=5.0", None, id="_format-r5"),
    ],
)
def test_what_cannot_be_produced_is_refused(
    format_parameter: str | None, accept: str | None
) -> None:
    with pytest.raises(NotAcceptableError):
        negotiate(format_parameter, accept)


@pytest.mark.parametrize(
    ("accept", "by_fhir_type"),
    [
        pytest.param("application/fhir+json", True, id="fhir+json"),
        pytest.param("application/fhir+xml", True, id="fhir+xml"),
        pytest.param("image/png", False, id="image"),
        pytest.param("*/*", False, id="anything"),
        pytest.param(None, False, id="nothing-said"),
    ],
)
def test_a_binary_comes_raw_unless_a_fhir_type_is_named(
    accept: str | None, by_fhir_type: bool
) -> None:
    assert negotiate(None, accept, raw_allowed=True).by_fhir_type is by_fhir_type


def test_the_answer_names_the_version_that_was_named() -> None:
    assert negotiate(None, "application/fhir+json; fhirVersion=4.0").content_type == (
        "application/fhir+json; charset=utf-8; fhirVersion=4.0"
    )
    assert negotiate(None, "application/json").content_type == (
        "application/fhir+json; charset=utf-8"
    )


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        pytest.param("application/fhir+json", JSON, id="fhir+json"),
        pytest.param("application/json;charset=utf-8", JSON, id="json-utf-8"),
        pytest.param('application/fhir+json; charset="UTF-8"', JSON, id="quoted"),
        pytest.param("text/xml", XML, id="text/xml"),
        pytest.param("application/fhir+xml; fhirVersion=4.0", XML, id="version"),
    ],
)
def test_a_body_s_format_is_its_content_type(content_type: str, expected: Format) -> None:
    assert body_format(content_type) is expected


@pytest.mark.parametrize(
    "content_type",
    [
        pytest.param(None, id="missing"),
        pytest.param("", id="empty"),
        pytest.param("json", id="no-slash"),
        pytest.param("*/*", id="range"),
        pytest.param("text/plain", id="text"),
        pytest.param("text/html", id="html"),
        pytest.param("application/fhir+json; charset=iso-8859-1", id="latin-1"),
        pytest.param("application/fhir+json; fhirVersion=3.0", id="stu3"),
        pytest.param("application/json" + "x" * 2000, id="endless"),
    ],
)
def test_other_bodies_are_refused(content_type: str | None) -> None:
    with pytest.raises(UnsupportedMediaTypeError) as caught:
        body_format(content_type)
    assert caught.value.issues[0].expression == ("http.Content-Type",)


def test_parameters_of_a_media_type_are_read_in_any_case() -> None:
    assert parse_content_type("Text/Plain; CHARSET=utf-8; x=1").parameters["charset"] == "utf-8"


@pytest.mark.parametrize(
    ("accept_encoding", "coding", "plain"),
    [
        pytest.param("gzip", "gzip", True, id="gzip"),
        pytest.param("X-GZIP", "gzip", True, id="old-name"),
        pytest.param("gzip, deflate, br, zstd", "zstd", True, id="zstd-first"),
        pytest.param("gzip, zstd;q=0.5", "gzip", True, id="q"),
        pytest.param("zstd;q=0, gzip;q=0", None, True, id="q-zero"),
        pytest.param("*", "zstd", True, id="any"),
        pytest.param("gzip;q=0, *", "zstd", True, id="any-but"),
        pytest.param("*;q=0", None, False, id="none"),
        pytest.param("identity, *;q=0", None, True, id="identity-only"),
        pytest.param("identity", None, True, id="identity"),
        pytest.param("identity, gzip;q=0.5", None, True, id="rather-identity"),
        pytest.param("identity;q=0.5, gzip", "gzip", True, id="rather-gzip"),
        pytest.param("identity;q=0", None, False, id="no-identity-and-nothing-else"),
        pytest.param("identity;q=0, gzip;q=0.1", "gzip", False, id="no-identity"),
        pytest.param("identity;q=0, br", None, False, id="no-identity-and-unknown"),
        pytest.param("br", None, True, id="unknown"),
        pytest.param("gzip;q=2", None, True, id="malformed-q"),
    ],
)
def test_the_coding_is_the_caller_s(accept_encoding: str, coding: str | None, plain: bool) -> None:
    assert choose_coding(accept_encoding) == (coding, plain)
