"""What a query string says, and what is refused and why.

Spec: https://hl7.org/fhir/R4/search.html
"""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qsl

import pytest

from fhirserver.definitions import r4
from fhirserver.errors import InvalidSearchError, NotSupportedError
from fhirserver.search.context import Limits, SearchContext
from fhirserver.search.params.date import DateValue
from fhirserver.search.params.number import NumberValue
from fhirserver.search.params.quantity import QuantityValue
from fhirserver.search.params.reference import ReferenceValue
from fhirserver.search.params.string import StringValue
from fhirserver.search.params.token import OfTypeValue, TokenValue
from fhirserver.search.params.uri import UriValue
from fhirserver.search.parse import parse
from fhirserver.search.query import Chain, Criterion, Has, Include, MissingValue, Query, Value
from fhirserver.search.render import render

BASE = "http://here.example/fhir"
CONTEXT = SearchContext(r4(), BASE, 1_760_000_000_000_000)
DAY = 86_400_000_000


def query(text: str, type_name: str | None = "Observation") -> Query:
    types = None if type_name is None else (type_name,)
    return parse(parse_qsl(text, keep_blank_values=True), types, CONTEXT)


def criterion(text: str, type_name: str = "Observation") -> Criterion:
    (clause,) = query(text, type_name).criteria
    assert isinstance(clause, Criterion)
    return clause


VALUES = [
    ("Patient", "name=eve", None, [StringValue("eve")]),
    ("Patient", "name:exact=Eve", "exact", [StringValue("Eve")]),
    ("Patient", r"name=a\,b,c\\d,e\$f", None,
     [StringValue("a,b"), StringValue(r"c\d"), StringValue("e$f")]),
    ("Patient", r"name=back\slash", None, [StringValue(r"back\slash")]),
    ("Observation", "code=a", None, [TokenValue(None, "a")]),
    ("Observation", "code=s|a", None, [TokenValue("s", "a")]),
    ("Observation", "code=|a", None, [TokenValue("", "a")]),
    ("Observation", "code=s|", None, [TokenValue("s", None)]),
    ("Observation", r"code=s|a\|b", None, [TokenValue("s", "a|b")]),
    ("Observation", "code:not=a,b", "not", [TokenValue(None, "a"), TokenValue(None, "b")]),
    ("Observation", "code:text=a|b", "text", [TokenValue(None, "a|b")]),
    ("Patient", "identifier:of-type=s|MR|1", "of-type", [OfTypeValue("s", "MR", "1")]),
    ("Patient", "identifier:ofType=s|MR|1", "of-type", [OfTypeValue("s", "MR", "1")]),
    ("Patient", "birthdate=1970-01-01", None, [DateValue("1970-01-01", None, 0, DAY)]),
    ("Patient", "birthdate=ge1970-01-02", None, [DateValue("1970-01-02", "ge", DAY, 2 * DAY)]),
    ("Patient", "birthdate:missing=true", "missing", [MissingValue(True)]),
    ("RiskAssessment", "probability=le0.50", None, [NumberValue("0.50", "le")]),
    ("Observation", "value-quantity=5.4|s|c", None,
     [QuantityValue(NumberValue("5.4", None), "s", "c", True)]),
    ("Observation", "value-quantity=lt5||c", None,
     [QuantityValue(NumberValue("5", "lt"), "", "c", True)]),
    ("Observation", "subject=Patient/1", None,
     [ReferenceValue("Patient/1", ("Patient",), "1")]),
    ("Observation", "patient=1", None, [ReferenceValue("1", ("Patient",), "1")]),
    ("Observation", "patient=Group/1", None, [ReferenceValue("Group/1", (), "1")]),
    ("Observation", "subject:Device=1", "Device", [ReferenceValue("1", ("Device",), "1")]),
    ("Observation", f"subject={BASE}/Patient/1", None,
     [ReferenceValue(f"{BASE}/Patient/1", ("Patient",), "1")]),
    ("Observation", "subject=http://x/Patient/1", None,
     [ReferenceValue("http://x/Patient/1", url="http://x/Patient/1")]),
    ("Observation", "subject:identifier=s|1", "identifier", [TokenValue("s", "1")]),
    ("QuestionnaireResponse", "questionnaire=http://q|2", None,
     [ReferenceValue("http://q", url="http://q", version="2")]),
    ("ValueSet", "url:below=http://a/", "below", [UriValue("http://a/")]),
    ("Patient", "_id=1,2", None, [TokenValue(None, "1"), TokenValue(None, "2")]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("type_name", "text", "modifier", "values"), [pytest.param(*row, id=row[1]) for row in VALUES]
)
def test_values(type_name: str, text: str, modifier: str | None, values: list[Value]) -> None:
    found = criterion(text, type_name)
    assert found.modifier == modifier
    assert list(found.values) == values


@pytest.mark.parametrize(
    ("type_name", "text"), [pytest.param(row[0], row[1], id=row[1]) for row in VALUES]
)
def test_written_again_it_means_the_same(type_name: str, text: str) -> None:
    first = query(text, type_name)
    assert query(render(first), type_name) == first


LINKS = [
    "patient.name:exact=a%5C,b",
    "subject:Patient.organization.name=a",
    "subject.name=a",
    "_has:Provenance:target:agent=Practitioner/1",
    "_has:Observation:derived-from:_has:Provenance:target:recorded=ge2020",
    "patient._has:Encounter:patient:status=planned",
    "_has:Provenance:target:agent:Practitioner.name=x",
    "code=a&date=2020&_sort=-date,_id&_count=5&_total=none&_elements=code,value",
    "_include=Observation:subject:Patient&_include:iterate=Patient:organization&_include=*",
    "_revinclude=Provenance:target&_revinclude:iterate=Provenance:*&_summary=text",
]


@pytest.mark.parametrize("text", LINKS)
def test_links_and_results_written_again_mean_the_same(text: str) -> None:
    first = query(text)
    assert query(render(first)) == first


def test_a_chain_without_a_type_goes_to_every_target_that_knows_the_rest() -> None:
    (chain,) = query("subject.name=a").criteria
    assert isinstance(chain, Chain)
    assert [name for name, _ in chain.targets] == ["Location", "Patient"]


def test_has_nests() -> None:
    (has,) = query("_has:Observation:patient:performer:Practitioner.name=x", "Patient").criteria
    assert isinstance(has, Has)
    assert isinstance(has.clause, Chain)


def test_result_parameters() -> None:
    found = query("_sort=-date,code&_count=7&_total=accurate&_summary=data&_include=*")
    assert [(key.parameter.code, key.descending) for key in found.sort] == [
        ("date", True),
        ("code", False),
    ]
    assert (found.count, found.total, found.summary) == (7, "accurate", "data")
    assert found.include == (Include("*", "*", None, False),)
    assert found.criteria == ()


def test_a_count_above_the_maximum_is_lowered() -> None:
    assert query("_count=999999").count == CONTEXT.page_size_max
    assert "_count=1000" in render(query("_count=999999"))


def test_the_same_criterion_twice_counts_once() -> None:
    assert len(query("code=a&code=a&code=b").criteria) == 2


def test_contained_false_is_what_happens_anyway() -> None:
    assert query("_contained=false").criteria == ()


REFUSED = [
    ("nam=x", "Patient", "nam", "name"),
    ("name:in=x", "Patient", "name:in", ":exact"),
    ("code:in=http://vs", "Observation", "code:in", "store it"),
    ("code:not-in=http://vs", "Observation", "not-in", "store it"),
    ("code:above=x", "Observation", "above", "system|code"),
    ("patient:above=1", "Observation", "above", "locations"),
    ("subject:in=http://vs", "Observation", "'in'", ":identifier"),
    ("_id:in=http://vs", "Patient", "'in'", ":not"),
    ("code:code-text=x", "Observation", "'code-text'", ":text"),
    ("birthdate:exact=2020", "Patient", "exact", ":missing"),
    ("name:=x", "Patient", "name:", "modifier"),
    ("name=", "Patient", "name", "missing"),
    ("name=a,,b", "Patient", "name", "missing"),
    ("birthdate=xx2020", "Patient", "'xx2020'", "eq, ne"),
    ("birthdate=20", "Patient", "'20'", "date"),
    ("birthdate=2020-02-30", "Patient", "2020-02-30", "birthdate"),
    ("birthdate=2020-01-01T10", "Patient", "T10", "birthdate"),
    ("birthdate=2020-01-01 10:00", "Patient", ": '2020-01-01 10:00' is not", "dateTime"),
    ("birthdate:missing=maybe", "Patient", "maybe", "true or false"),
    ("birthdate:missing=true,false", "Patient", "missing", "true or false"),
    ("probability=abc", "RiskAssessment", "abc", "number"),
    ("probability=1e9999", "RiskAssessment", "1e9999", "exponent"),
    ("probability=" + "1" * 60, "RiskAssessment", "probability", "digits"),
    ("probability=Infinity", "RiskAssessment", "Infinity", "number"),
    ("value-quantity=5|mg", "Observation", "5|mg", "number|system|code"),
    ("value-quantity=ab||mg", "Observation", "ab||mg", "number"),
    ("code=a|b|c", "Observation", "a|b|c", "bar"),
    ("code=|", "Observation", "'|'", "code"),
    ("identifier:of-type=a|b", "Patient", "of-type", "system|code|value"),
    ("subject=Nonsense/1", "Observation", "Nonsense/1", "Type/id"),
    ("subject=a b", "Observation", "a b", "Type/id"),
    ("subject:Nonsense=1", "Observation", "Nonsense", "missing"),
    ("subject:Encounter=1", "Observation", "Encounter", "Patient"),
    ("subject=Patient/1/_history/2", "Observation", "_history", "version"),
    ("code.name=x", "Observation", "code", "no reference"),
    ("subject:Encounter.status=x", "Observation", "Encounter", "Patient"),
    ("subject.nonsense=x", "Observation", "nonsense", "no search parameter"),
    ("target.name=x", "Provenance", "target", "name the target"),
    ("_has:Observation:code=x", "Patient", "_has", "_has:Type:reference"),
    ("_has:Nonsense:patient:code=x", "Patient", "Nonsense", "resource type"),
    ("_has:Observation:encounter:code=x", "Patient", "encounter", "no reference to Patient"),
    ("_has:Observation:code:code=x", "Patient", "Observation.code", "no reference"),
    ("_count=-1", "Patient", "-1", "0 or more"),
    ("_count=x", "Patient", "x", "0 or more"),
    ("_count=1&_count=2", "Patient", "_count", "once"),
    ("_total=maybe", "Patient", "maybe", "accurate"),
    ("_summary=maybe", "Patient", "maybe", "count"),
    ("_sort=nonsense", "Patient", "nonsense", "no search parameter"),
    ("_sort=", "Patient", "_sort", "descending"),
    ("_sort=name:desc", "Patient", "name:desc", "descending"),
    ("_elements=nonsense", "Patient", "nonsense", "Patient"),
    ("_include=Observation", "Observation", "Observation", "Observation:subject"),
    ("_include=Nonsense:subject", "Observation", "Nonsense", "resource type"),
    ("_include=Observation:code", "Observation", "code", "no reference"),
    ("_include=Observation:nonsense", "Observation", "nonsense", "no search parameter"),
    ("_include:recurse=Observation:subject", "Observation", "recurse", ":iterate"),
    ("_contained=yes", "Observation", "_contained", "false, true, both"),
    ("_containedType=both", "Observation", "_containedType", "container, contained"),
    ("_contained=true&_contained=both", "Observation", "_contained", "once"),
    ("_type=Patient", "Observation", "_type", "Observation"),
    ("_filter=a", "Observation", "_filter", "character 2"),
    ("_text=(a", "Observation", "_text", "')' is missing"),
    ("_text=a)", "Observation", "_text", "')' without its '('"),
    ("_text=a and", "Observation", "_text", "belongs after"),
    ('_text="a', "Observation", "_text", "quotation mark at both ends"),
    ("_text=-", "Observation", "_text", "no letter or digit"),
    ("_text:contains=a", "Observation", "_text:contains", ":missing"),
    ("_sort=_text", "Observation", "_text", "no order"),
    ("_content=a", "Observation", "_content", "FHIRSERVER_FULL_TEXT"),
    ("_list=$current-a", "Observation", "'$current-a'", "the id of a List, or one of $current-pro"),
    ("_list=$current-problems", "Condition", "_list", "say whose list: patient="),
    ("patient=1&_list=$current-drug-allergies", "Condition", "_list", "AllergyIntolerance"),
    ("_list:exact=a", "Observation", "_list:exact", "no modifier"),
    ("_query=a", "Observation", "_query", "no named queries"),
    ("patient._filter=a", "Observation", "patient._filter", "stands by itself"),
    ("patient._list=a", "Observation", "patient._list", "stands by itself"),
    ("code-value-quantity=a", "Observation", "'a'", "write code$value-quantity"),
    ("code-value-quantity=a$1$2", "Observation", "'a$1$2'", "write code$value-quantity"),
    (r"code-value-quantity=a\$1", "Observation", "code-value-quantity", "code$value-quantity"),
    ("code-value-quantity=a$1,b", "Observation", "'b'", "write code$value-quantity"),
    ("code-value-quantity=a$", "Observation", "'a$'", "write code$value-quantity"),
    ("code-value-quantity=a$x", "Observation", "part value-quantity", "decimal number"),
    ("code-value-date=a$2013-13", "Observation", "part value-date", "2013-13"),
    ("code-value-quantity:exact=a$1", "Observation", "'exact'", ":missing"),
    ("subject.code-value-quantity=a$1", "Observation", "code-value-quantity", "parameter"),
    ("_sort=code-value-quantity", "Observation", "'code-value-quantity'", "no order"),
    ("near=1", "Location", "'1'", "latitude|longitude"),
    ("near=x|2", "Location", "latitude", "decimal number"),
    ("near=90.5|2", "Location", "latitude", "between -90 and 90"),
    ("near=1|-181", "Location", "longitude", "between -180 and 180"),
    ("near=1|ge2", "Location", "longitude", "without a prefix"),
    ("near=1|2|-3", "Location", "distance", "0 or more"),
    ("near=1|2|3|kg", "Location", "units", "a length of UCUM"),
    ("near=1|2|3|nonsense", "Location", "units", "a length of UCUM"),
    ("near=1|2|3|km|4", "Location", "near", "latitude|longitude"),
    ("_sort=near", "Location", "'near'", "no order"),
    ("code=a%00b", "Observation", r"'a\x00b'", "control characters"),
    ("code=a%0Ab", "Observation", r"'a\nb'", "control characters"),
    ("co%00de=a", "Observation", "co", "control characters"),
    ("url= http://a", "ValueSet", "http://a", "blanks"),
    ("a.b.c.d.e.f=x", "Observation", "'a'", "no search parameter"),
]


@pytest.mark.parametrize(
    ("text", "type_name", "names", "remedy"),
    [pytest.param(*row, id=row[0][:50]) for row in REFUSED],
)
def test_refusals_name_the_parameter_and_what_fits(
    text: str, type_name: str, names: str, remedy: str
) -> None:
    with pytest.raises((InvalidSearchError, NotSupportedError)) as refusal:
        query(text, type_name)
    assert refusal.value.status == 400
    assert names in str(refusal.value)
    assert remedy in str(refusal.value)
    assert refusal.value.issues[0].expression[0].startswith("http.")


LIMITED = [
    ("code=a&code=b&code=c&code=d", "3 search parameters"),
    ("code=a,b,c", "2 values"),
    ("code=" + "x" * 60, "50 characters"),
    ("code-value-string=a,b$" + "x" * 30, "50 characters"),
    ("patient.organization.partof.name=x", "1 links"),
    ("_include=*&_include=Observation:subject", "1 includes"),
    ("_sort=code,date,status", "2 sort keys"),
    ("code=a,b&status=c,d&date=2020,2021", "5 values together"),
    ("subject.name=a,b&code=a,b", "5 values together"),
    ("_has:Observation:has-member:code=a,b&subject.name=a,b", "5 values together"),
    ("_text=a b c d e f", "5 values together"),
    ("_filter=code eq a or not (code eq b and code eq c)&code=a,b&subject.name=a",
     "5 values together"),
    ("status=a,b&_list=1,2&code=a,b", "5 values together"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "limit"), LIMITED)
def test_limits_are_named(text: str, limit: str) -> None:
    limits = Limits(
        parameters=3, values=2, chain_depth=1, includes=1, sort_keys=2, value_chars=50, tests=5
    )
    context = replace(CONTEXT, limits=limits)
    with pytest.raises(InvalidSearchError, match=limit):
        parse(parse_qsl(text), ("Observation",), context)


def test_lenient_leaves_out_what_is_unknown_and_says_so() -> None:
    pairs = [("nonsense", "1"), ("code:exact", "x"), ("_content", "x"), ("status", "final")]
    found = parse(pairs, ("Observation",), replace(CONTEXT, lenient=True))
    assert [clause.parameter.code for clause in found.criteria] == ["status"]
    assert [issue.severity for issue in found.ignored] == ["warning"] * 3
    assert [issue.expression for issue in found.ignored] == [
        ("http.nonsense",), ("http.code:exact",), ("http._content",),
    ]  # fmt: skip
    words = found.ignored[0].diagnostics
    assert words.startswith("The search left out 'nonsense', as Prefer: handling=lenient allows")
    assert "Observation has no search parameter 'nonsense'" in words


def test_lenient_still_refuses_a_wrong_value() -> None:
    with pytest.raises(InvalidSearchError):
        parse([("date", "nonsense")], ("Observation",), replace(CONTEXT, lenient=True))


def test_system_wide_takes_parameters_that_all_types_have() -> None:
    found = query("_type=Observation,Encounter&patient=1", None)
    (clause,) = found.criteria
    assert isinstance(clause, Criterion)
    assert found.types == ("Encounter", "Observation")
    assert [each.base for each in clause.parameters] == ["Encounter", "Observation"]


@pytest.mark.parametrize("text", ["code=a", "_type=Patient,Observation&code=a", "_type=Nonsense"])
def test_system_wide_refuses_others(text: str) -> None:
    with pytest.raises(InvalidSearchError):
        query(text, None)


def test_a_compartment_bounds_the_types() -> None:
    found = parse([], None, CONTEXT, compartment=("Patient", "1"))
    assert "Observation" in found.types
    assert "Organization" not in found.types
    with pytest.raises(InvalidSearchError):
        parse([("_type", "Organization")], None, CONTEXT, compartment=("Patient", "1"))
