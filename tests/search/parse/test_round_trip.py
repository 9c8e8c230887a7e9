"""Whatever is parsed and written again means the same, and nothing but a refusal is raised."""

from __future__ import annotations

import contextlib
import re
from urllib.parse import parse_qsl

from hypothesis import given
from hypothesis import strategies as st

from fhirserver.definitions import r4
from fhirserver.errors import FhirError, InvalidSearchError, NotSupportedError
from fhirserver.search.context import SearchContext
from fhirserver.search.escape import escape, split, unescape
from fhirserver.search.parse import parse
from fhirserver.search.render import render, render_pairs

CONTEXT = SearchContext(r4(), "http://here.example/fhir", 1_760_000_000_000_000)

QUERY = re.compile(r"([\w\-.~!$&'()*+,;=:@/?]|%[0-9A-F]{2})*", re.ASCII)

texts = st.text(min_size=1, max_size=12)
dates = st.from_regex(r"(ge|le|sa|ap|ne)?20[0-2]\d(-0[1-9](-1\d)?)?", fullmatch=True)
numbers = st.from_regex(r"(gt|lt|ap)?-?\d{1,4}(\.\d{1,3})?", fullmatch=True)
tokens = st.builds(
    "{}{}".format, st.sampled_from(["", "|", "http://a|"]), st.text("ab,|$\\", min_size=1)
)
names = {
    "code": tokens, "code:not": tokens, "code:text": texts, "status": tokens, "date": dates,
    "value-quantity": numbers, "value-string": texts, "value-string:exact": texts,
    "subject": st.from_regex(r"(Patient/|Group/|http://x/)?[a-z0-9]{1,5}", fullmatch=True),
    "patient.name:contains": texts, "_has:Provenance:target:recorded": dates, "_id": texts,
    "code:missing": st.sampled_from(["true", "false"]),
    "_sort": st.lists(st.sampled_from(["date", "-code", "_id"]), min_size=1).map(",".join),
    "code-value-quantity": st.builds("{}${}".format, tokens, numbers),
    "combo-code-value-concept": st.builds("{}${}".format, tokens, tokens),
    "_count": st.integers(0, 5000).map(str), "_summary": st.sampled_from(["true", "count"]),
    "_include": st.sampled_from(["*", "Observation:subject", "Observation:subject:Patient"]),
}  # fmt: skip
pairs = st.lists(
    st.sampled_from(sorted(names)).flatmap(lambda name: st.tuples(st.just(name), names[name])),
    max_size=5,
)


@given(pairs)
def test_written_again_it_means_the_same(given_pairs: list[tuple[str, str]]) -> None:
    try:
        first = parse(given_pairs, ("Observation",), CONTEXT)
    except FhirError:
        return
    assert parse(render_pairs(first), ("Observation",), CONTEXT) == first
    text = render(first)
    assert QUERY.fullmatch(text), "RFC 3986, section 3.4"
    from_url = parse_qsl(text, keep_blank_values=True)
    assert parse(from_url, ("Observation",), CONTEXT) == first


@given(st.lists(st.tuples(st.text(max_size=30), st.text(max_size=30)), max_size=4))
def test_nonsense_is_refused_and_nothing_else(given_pairs: list[tuple[str, str]]) -> None:
    with contextlib.suppress(InvalidSearchError, NotSupportedError):
        parse(given_pairs, ("Observation",), CONTEXT)


@given(st.lists(st.text(), min_size=1))
def test_escaped_parts_come_apart_again(parts: list[str]) -> None:
    for separator in ",|$":
        joined = separator.join(map(escape, parts))
        assert [unescape(part) for part in split(joined, separator)] == parts
