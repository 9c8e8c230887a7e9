"""Paging links: sealed, bound to their caller, and nothing in them can be read.

Spec: https://hl7.org/fhir/R4/http.html#paging
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhirserver.definitions import r4
from fhirserver.errors import InvalidSearchError
from fhirserver.search.context import SearchContext
from fhirserver.search.cursor import open_cursor, page_links, seal_cursor
from fhirserver.search.order import Position
from fhirserver.search.parse import parse
from fhirserver.store.search import SearchPage

KEY = bytes(range(32))
PAIRS = [("family", "Smith"), ("_count", "5")]
POSITION = Position(1, (5, "smith", None, Decimal("1.50")), True, 17, 1_760_000_000_000_000)
CONTEXT = SearchContext(r4(), "http://here.example/fhir", 1_760_000_000_000_000)


def test_what_was_sealed_is_opened() -> None:
    assert open_cursor(KEY, "me", seal_cursor(KEY, "me", PAIRS, POSITION)) == (PAIRS, POSITION)


@given(
    st.lists(st.tuples(st.text(), st.text()), max_size=4),
    st.lists(
        st.one_of(
            st.none(), st.integers(-(2**63), 2**63 - 1), st.text(),
            st.decimals(allow_nan=False),
        ), max_size=4,
    ),
)  # fmt: skip
def test_anything_can_be_sealed(pairs: list[tuple[str, str]], values: list[int | str]) -> None:
    position = Position(values=tuple(values))
    assert open_cursor(KEY, "me", seal_cursor(KEY, "me", pairs, position)) == (pairs, position)


def test_a_token_shows_nothing() -> None:
    token = seal_cursor(KEY, "me", PAIRS, POSITION)
    assert "Smith" not in token
    assert token != seal_cursor(KEY, "me", PAIRS, POSITION)
    assert token.replace("-", "").replace("_", "").isalnum()


def _changed(token: str) -> str:
    middle = len(token) // 2
    return token[:middle] + ("A" if token[middle] != "A" else "B") + token[middle + 1 :]


@pytest.mark.parametrize(
    ("key", "caller", "change"),
    [
        pytest.param(KEY, "you", lambda token: token, id="another-caller"),
        pytest.param(KEY[::-1], "me", lambda token: token, id="another-key"),
        pytest.param(KEY, "me", _changed, id="changed"),
        pytest.param(KEY, "me", lambda token: token[:-5], id="cut"),
        pytest.param(KEY, "me", lambda _token: "", id="empty"),
        pytest.param(KEY, "me", lambda _token: "ä%&", id="not-base64"),
        pytest.param(KEY, "me", lambda _token: "A" * 400, id="made-up"),
    ],
)
def test_other_tokens_are_refused(key: bytes, caller: str, change: Callable[[str], str]) -> None:
    token = change(seal_cursor(KEY, "me", PAIRS, POSITION))
    with pytest.raises(InvalidSearchError, match="paging link"):
        open_cursor(key, caller, token)


def test_links() -> None:
    query = parse([("family", "Smith"), ("_count", "5")], ("Patient",), CONTEXT)
    url = "http://here.example/fhir/Patient"
    page = SearchPage(
        next=Position(values=(1,)),
        previous=Position(values=(2,), backward=True),
        last=Position(backward=True),
    )
    links = dict(page_links(KEY, "me", url, query, page))
    assert list(links) == ["self", "first", "previous", "next", "last"]
    assert links["self"] == links["first"] == f"{url}?family=Smith&_count=5"
    ((name, token),) = parse_qsl(urlsplit(links["next"]).query)
    assert name == "_page"
    assert open_cursor(KEY, "me", token) == (PAIRS, page.next)


def test_a_whole_answer_has_a_self_link_only() -> None:
    query = parse([], ("Patient",), CONTEXT)
    links = page_links(KEY, "me", "http://here.example/fhir/Patient", query, SearchPage())
    assert links == [("self", "http://here.example/fhir/Patient")]


def test_links_hold_what_a_uri_may_hold() -> None:
    query = parse([("identifier", "http://x|1 2")], ("Patient",), CONTEXT)
    ((_, url),) = page_links(KEY, "me", "http://here.example/fhir/Patient", query, SearchPage())
    assert url == "http://here.example/fhir/Patient?identifier=http://x%7C1%202"
