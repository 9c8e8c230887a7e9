"""`_filter`: what is read, what it means, and what is refused, with its place.

Spec: https://hl7.org/fhir/R4/search_filter.html
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhirserver.definitions import r4
from fhirserver.errors import FhirError, InvalidSearchError
from fhirserver.search.context import Limits, SearchContext
from fhirserver.search.filter.read import FilterSyntaxError, read_filter
from fhirserver.search.filter.tree import (
    OPERATORS,
    Comparison,
    Expression,
    Junction,
    Negation,
    Step,
    render,
)
from fhirserver.search.granted import everything
from fhirserver.search.parse import parse
from fhirserver.search.plan import make_plan
from fhirserver.search.query import Filter
from fhirserver.search.render import render_pairs
from fhirserver.search.sql import page_query

CONTEXT = SearchContext(r4(), "http://here.example/fhir", 1_760_000_000_000_000)


def read(text: str) -> Expression:
    return read_filter(text, terms=100, depth=16)


def sql(type_name: str, *pairs: tuple[str, str]) -> list[object]:
    """Write the statements of a search."""
    plan = make_plan(parse(pairs, (type_name,), CONTEXT), CONTEXT, everything)
    return [page_query(phase, None, 10) for phase in plan.phases]


names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,5}", fullmatch=True).filter(lambda n: n != "not")
values = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=8)


def _paths(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[tuple[Step, ...]]:
    steps = st.builds(Step, names, st.none() | names, st.none() | inner)
    return st.builds(lambda links, code: (*links, Step(code)), st.lists(steps, max_size=2), names)


def _larger(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    parts = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.one_of(
        st.builds(Comparison, _paths(inner), st.sampled_from(OPERATORS), values),
        st.builds(Junction, st.sampled_from(["and", "or"]), parts),
        st.builds(Negation, inner),
    )


simple = st.builds(
    Comparison, names.map(lambda name: (Step(name),)), st.sampled_from(OPERATORS), values
)
expressions = st.recursive(simple, _larger, max_leaves=6)


@given(expressions)
def test_written_and_read_again_it_is_the_same(expression: Expression) -> None:
    assert read(render(expression)) == expression


@given(st.text(st.sampled_from('abn ot[]().:"\\|eqandor 1'), max_size=40))
def test_nonsense_is_refused_and_nothing_else(text: str) -> None:
    try:
        parse([("_filter", text)], ("Patient",), CONTEXT)
    except FhirError:
        return


@pytest.mark.parametrize(
    ("text", "same"),
    [
        pytest.param("a eq 1 or b eq 2 and c eq 3", "(a eq 1 or b eq 2) and c eq 3", id="no-rank"),
        pytest.param("(a eq 1)and(b eq 2)", "a eq 1 and b eq 2", id="parentheses-are-blanks"),
        pytest.param(" not(a eq 1) ", "not (a eq 1)", id="not"),
        pytest.param('a eq "b"', "a eq b", id="quotation-marks-say-nothing"),
        pytest.param(r'a eq "\u0062\/"', "a eq b/", id="json-escapes"),
        pytest.param("a[b eq 1].c eq 2", 'a[b eq "1"].c eq 2', id="brackets-end-a-value"),
        pytest.param("a eq and and and eq or", 'a eq "and" and and eq "or"', id="words-as-names"),
    ],
)
def test_the_grammar(text: str, same: str) -> None:
    assert read(text) == read(same)


@pytest.mark.parametrize(
    ("type_name", "text", "pairs"),
    [
        pytest.param(
            "Patient", 'name sw "eve" and birthdate ge 2014-10-10',
            [("name", "eve"), ("birthdate", "ge2014-10-10")], id="and",
        ),
        pytest.param(
            "Patient", "(name sw eve and gender eq male) and name co v",
            [("_filter", "name sw eve and gender eq male"), ("name:contains", "v")], id="nested",
        ),
        pytest.param("Patient", 'name co "a,b"', [("name:contains", r"a\,b")], id="comma"),
        pytest.param("Observation", "code eq a|b", [("code", "a|b")], id="token"),
        pytest.param(
            "Observation", "code eq loinc|1", [("code", "http://loinc.org|1")], id="loinc"
        ),
        pytest.param("Observation", "code eq a or code eq b", [("code", "a,b")], id="or"),
        pytest.param("Observation", "not (code eq a)", [("code:not", "a")], id="not"),
        pytest.param("Observation", "code pr true", [("code:missing", "false")], id="pr"),
        pytest.param("Observation", "code pr false", [("code:missing", "true")], id="pr-false"),
        pytest.param(
            "Observation", "value-quantity gt 5|ucum|mg",
            [("value-quantity", "gt5|http://unitsofmeasure.org|mg")], id="quantity",
        ),
        pytest.param(
            "Observation", "subject re Patient/1 and date sa 2013",
            [("subject", "Patient/1"), ("date", "sa2013")], id="re-confines-too",
        ),
        pytest.param(
            "Observation", "subject:Patient.name co pet",
            [("subject:Patient.name:contains", "pet")], id="chain",
        ),
        pytest.param("Observation", "_id ne 5", [("_id:not", "5")], id="ne-of-an-id"),
        pytest.param("Encounter", "length lt 5", [("length", "lt5")], id="lt"),
        pytest.param(
            "RiskAssessment", "probability ap 0.5", [("probability", "ap0.5")], id="number"
        ),
        pytest.param("Location", "near eq 1|2|3|km", [("near", "1|2|3|km")], id="near"),
        pytest.param("ValueSet", 'url eq "http://a,b"', [("url", r"http://a\,b")], id="uri"),
    ],
)  # fmt: skip
def test_it_is_the_ordinary_search(type_name: str, text: str, pairs: list[tuple[str, str]]) -> None:
    assert sql(type_name, ("_filter", text)) == sql(type_name, *pairs)


REFUSED = [
    ("name", "character 5 there is the end where a blank and an operator"),
    ("name eq", "character 8 there is the end where a blank and a value"),
    ("name eq )", "character 9 there is ')' where a value"),
    ("name qq x", "character 6 there is 'qq x' where an operator (eq ne co"),
    ("(name eq x", "character 11 there is the end where 'and', 'or' or ')'"),
    ("name eq x y", "character 11 there is 'y' where 'and', 'or' or the end"),
    ("name eq x)", "character 10 there is ')' where 'and', 'or' or the end"),
    ("not name eq x", "character 5 there is 'name eq x' where '('"),
    ('name eq "x', "where a JSON string with both quotation marks"),
    (r'name eq "\u0000"', "without control characters"),
    (r'name eq "\ud800"', "without control characters and half surrogates"),
    ("general-practitioner[name eq x] eq 1", "where '.' and a search parameter"),
    ("", "character 1 there is the end where the name of a search parameter"),
    ("name eq x and foo eq y", "no search parameter 'foo'"),
    ("name eq x and foo eq y", "This is the test at character 15"),
    ("name ap x", "a string parameter is compared by eq, ne, co, sw, ew, gt"),
    ("gender co x", "a token parameter is compared by eq, ne, ss, sb, in, ni, pr"),
    ("organization eq Organization/1", "a reference parameter is compared by re, pr"),
    ("birthdate eq ge2013", "'ge2013'"),
    ("birthdate eq 2013-13", "'2013-13'"),
    ("name pr maybe", "pr takes true or false"),
    ("name.given eq x", "'name' is no reference"),
    ("organization:Device.name eq x", "never points at 'Device'"),
    ("link.link.link.link.link.name eq x", "limit of 4 links in a chain"),
    (" and ".join(["name eq x"] * 101), "limit of 100 comparisons"),
    ("(" * 17 + "name eq x" + ")" * 17, "limit of 16 parentheses"),
    ("language in http://vs", "no value set 'http://vs' is here"),
    ("language ss loinc|1", "no code system 'http://loinc.org' is here"),
    ("_text co x", "compared by eq, pr"),
    ("_id in x", "'_id' is compared by eq, ne, pr"),
    ("_content eq x", "'_content'"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED, ids=[each[:40] for each, _ in REFUSED])
def test_refusals_name_the_place_and_what_fits(text: str, message: str) -> None:
    with pytest.raises(FhirError) as raised:
        parse([("_filter", text)], ("Patient",), CONTEXT)
    (issue,) = raised.value.issues
    assert raised.value.status == 400
    assert issue.expression == ("http._filter",)
    assert message in issue.diagnostics
    assert "'_filter'" in issue.diagnostics


def test_a_modifier_is_refused() -> None:
    with pytest.raises(InvalidSearchError, match="takes no modifier"):
        parse([("_filter:exact", "name eq x")], ("Patient",), CONTEXT)


def test_deep_filters_need_a_limit_only() -> None:
    text = "(" * 200 + "name eq x" + ")" * 200
    context = replace(CONTEXT, limits=Limits(filter_depth=300))
    (clause,) = parse([("_filter", text)], ("Patient",), context).criteria
    assert isinstance(clause, Filter)


@given(expressions)
def test_a_query_with_a_filter_is_written_again(expression: Expression) -> None:
    pairs = [("_filter", render(expression))]
    try:
        first = parse(pairs, ("Patient",), CONTEXT)
    except FhirError:
        return
    assert parse(render_pairs(first), ("Patient",), CONTEXT) == first


@pytest.mark.parametrize("place", [0, 5, 9])
def test_a_cut_filter_is_no_filter(place: int) -> None:
    with pytest.raises(FilterSyntaxError):
        read("not (a eq b)"[:place])
