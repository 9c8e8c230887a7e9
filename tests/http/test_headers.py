"""Conditions, preferences, ids, query strings, the loopback guard."""

from __future__ import annotations

import pytest

from fhirserver.errors import ForbiddenError, InvalidRequestError, TooLargeError
from fhirserver.http.guard import check_loopback
from fhirserver.http.headers import (
    NO_PREFERENCE,
    Prefer,
    Tags,
    parse_http_date_us,
    parse_prefer,
    parse_tags,
    request_id,
)
from fhirserver.http.query import PARAMETERS_LIMIT, parse_query
from fhirserver.model.stored import ANY_VERSION


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(None, None, id="absent"),
        pytest.param("*", Tags(any=True, versions=ANY_VERSION), id="any"),
        pytest.param('W/"3"', Tags(any=False, versions=frozenset({3})), id="weak"),
        pytest.param('"3"', Tags(any=False, versions=frozenset({3})), id="strong"),
        pytest.param('W/"1", W/"22"', Tags(any=False, versions=frozenset({1, 22})), id="list"),
        pytest.param('W/"abc"', Tags(any=False, versions=frozenset({0})), id="not-a-version"),
        pytest.param('W/"03"', Tags(any=False, versions=frozenset({0})), id="leading-zero"),
    ],
)
def test_entity_tags_are_versions(value: str | None, expected: Tags | None) -> None:
    assert parse_tags("If-Match", value) == expected


@pytest.mark.parametrize("value", ["", "3", "W/3", 'W/"3', "'3'", 'W/"3";', '"a"b"', ","])
def test_malformed_tags_are_refused(value: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        parse_tags("If-Match", value)
    assert caught.value.issues[0].expression == ("http.If-Match",)


@pytest.mark.parametrize(
    ("value", "us"),
    [
        pytest.param("Thu, 01 Jan 1970 00:00:01 GMT", 1_000_000, id="imf-fixdate"),
        pytest.param("Thu, 01 Jan 1970 01:00:01 +0100", 1_000_000, id="offset"),
        pytest.param(None, None, id="absent"),
        pytest.param("", None, id="empty"),
        pytest.param("yesterday", None, id="malformed-is-ignored"),
        pytest.param("Thu, 99 Jan 1970 00:00:01 GMT", None, id="no-such-day"),
    ],
)
def test_http_dates(value: str | None, us: int | None) -> None:
    assert parse_http_date_us(value) == us


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(None, NO_PREFERENCE, id="absent"),
        pytest.param("return=minimal", Prefer("minimal", None), id="minimal"),
        pytest.param("Return=OperationOutcome", Prefer("OperationOutcome", None), id="case"),
        pytest.param('return="representation"', Prefer("representation", None), id="quoted"),
        pytest.param(
            "handling=lenient, return=minimal", Prefer("minimal", "lenient"), id="two-of-them"
        ),
        pytest.param("wait=5, x; return-x=1", NO_PREFERENCE, id="others-ignored"),
        pytest.param("Respond-Async; wait=5", Prefer(None, None, True), id="respond-async"),
    ],
)
def test_preferences(value: str | None, expected: Prefer) -> None:
    assert parse_prefer(value) == expected


@pytest.mark.parametrize("value", ["return=everything", "handling=", "return"])
def test_unknown_preferences_of_fhir_are_refused(value: str) -> None:
    with pytest.raises(InvalidRequestError):
        parse_prefer(value)


@pytest.mark.parametrize("given", ["abc-123", "a" * 128, "urn:uuid:0.1/2+3=4@5~6_7"])
def test_a_harmless_request_id_is_kept(given: str) -> None:
    assert request_id(given) == given


@pytest.mark.parametrize("given", [None, "", "a b", "a" * 129, "x\r\nSet-Cookie: y", "é", "<b>"])
def test_any_other_request_id_is_replaced(given: str | None) -> None:
    made = request_id(given)
    assert made != given
    assert len(made) == 24


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        pytest.param("", [], id="empty"),
        pytest.param("a=1&b=2&a=3", [("a", "1"), ("b", "2"), ("a", "3")], id="order"),
        pytest.param("name=%C3%A9+x%2By", [("name", "é x+y")], id="decoded"),
        pytest.param("code:not=a|b", [("code:not", "a|b")], id="modifier"),
        pytest.param("a&b=&&c&", [("a", ""), ("b", ""), ("c", "")], id="without-value"),
        pytest.param("a=b=c", [("a", "b=c")], id="second-equals"),
    ],
)
def test_query_strings(text: str, pairs: list[tuple[str, str]]) -> None:
    assert parse_query(text) == pairs


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a=%", id="percent"),
        pytest.param("a=%zz", id="no-hex"),
        pytest.param("a=%C3", id="half-a-character"),
        pytest.param("a=%FF%FE", id="no-utf-8"),
        pytest.param("a=%C0%AF", id="overlong"),
        pytest.param("a=%ED%A0%80", id="surrogate"),
        pytest.param("a=b%00c", id="nul"),
        pytest.param("%00=b", id="nul-in-name"),
    ],
)
def test_undecodable_query_strings_are_refused(text: str) -> None:
    with pytest.raises(InvalidRequestError):
        parse_query(text)


def test_the_number_of_parameters_is_limited() -> None:
    with pytest.raises(TooLargeError):
        parse_query("&".join(["a=1"] * (PARAMETERS_LIMIT + 1)))


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost", "LOCALHOST:1", "[::1]:80"])
@pytest.mark.parametrize("origin", [None, "http://127.0.0.1:3000", "https://localhost"])
def test_loopback_passes(host: str, origin: str | None) -> None:
    check_loopback(host, origin)


@pytest.mark.parametrize(
    ("host", "origin", "place"),
    [
        pytest.param(None, None, "http.Host", id="no-host"),
        pytest.param("", None, "http.Host", id="empty-host"),
        pytest.param("example.org", None, "http.Host", id="rebinding"),
        pytest.param("127.0.0.1.example.org", None, "http.Host", id="prefix"),
        pytest.param("localhost:80,evil.org", None, "http.Host", id="two-hosts"),
        pytest.param("localhost@evil.org", None, "http.Host", id="userinfo"),
        pytest.param("127.0.0.1", "https://evil.org", "http.Origin", id="cross-origin"),
        pytest.param("127.0.0.1", "null", "http.Origin", id="opaque-origin"),
        pytest.param("127.0.0.1", "http://localhost.evil.org", "http.Origin", id="origin-prefix"),
        pytest.param("127.0.0.1", "", "http.Origin", id="empty-origin"),
    ],
)
def test_everything_else_is_refused(host: str | None, origin: str | None, place: str) -> None:
    with pytest.raises(ForbiddenError) as caught:
        check_loopback(host, origin)
    assert caught.value.issues[0].expression == (place,)
