"""Every parameter type, modifier and prefix: a resource that is found and one that is not.

Spec: https://hl7.org/fhir/R4/search.html
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from _pytest.mark import ParameterSet

from tests.search.found.conftest import BASE, Searcher

UCUM = "http://unitsofmeasure.org"
V2_0203 = "http://terminology.hl7.org/CodeSystem/v2-0203"


class Case(NamedTuple):
    type: str
    query: str
    hit: dict[str, Any]
    miss: dict[str, Any]


def case(anchor: str, type_name: str, query: str, hit: object, miss: object) -> ParameterSet:
    assert isinstance(hit, dict)
    assert isinstance(miss, dict)
    return pytest.param(Case(type_name, query, hit, miss), id=f"search.html#{anchor}")


def born(day: str) -> dict[str, Any]:
    return {"birthDate": day}


def period(start: str | None, end: str | None) -> dict[str, Any]:
    ends = {"start": start, "end": end}
    return {"period": {name: value for name, value in ends.items() if value}}


def weight(value: float | str, code: str = "mg", system: str = UCUM) -> dict[str, Any]:
    from decimal import Decimal

    return {
        "valueQuantity": {
            "value": Decimal(str(value)), "unit": code, "code": code, "system": system,
        }
    }  # fmt: skip


def named(**parts: object) -> dict[str, Any]:
    return {"name": [parts]}


def coded(code: str, system: str | None = "http://a", **more: object) -> dict[str, Any]:
    coding = {"code": code, **({"system": system} if system else {}), **more}
    return {"code": {"coding": [coding]}}


def risk(value: str) -> dict[str, Any]:
    from decimal import Decimal

    return {"prediction": [{"probabilityDecimal": Decimal(value)}]}


def identified(value: str, system: str | None = "http://a", **more: object) -> dict[str, Any]:
    return {"identifier": [{"value": value, **({"system": system} if system else {}), **more}]}


DATES = [
    case("date/eq-day", "Patient", "birthdate=2013-01-14", born("2013-01-14"), born("2013-01-15")),
    case("date/eq-month", "Patient", "birthdate=2013-01", born("2013-01-31"), born("2013-02-01")),
    case("date/eq-wider", "Patient", "birthdate=2013-01", born("2013-01"), born("2013")),
    case("date/ne", "Patient", "birthdate=ne2013-01", born("2013-02-01"), born("2013-01-14")),
    case("date/ne-wider", "Patient", "birthdate=ne2013-01", born("2013"), born("2013-01")),
    case("date/gt", "Patient", "birthdate=gt2013-01-14", born("2013-01-15"), born("2013-01-14")),
    case("date/gt-wider", "Patient", "birthdate=gt2013-01-14", born("2013-01"), born("2012")),
    case("date/lt", "Patient", "birthdate=lt2013-01-14", born("2013-01-13"), born("2013-01-14")),
    case("date/ge", "Patient", "birthdate=ge2013-01-14", born("2013-01-14"), born("2013-01-13")),
    case("date/le", "Patient", "birthdate=le2013-01-14", born("2013-01-14"), born("2013-01-15")),
    case("date/sa", "Patient", "birthdate=sa2013-01-14", born("2013-01-15"), born("2013-01")),
    case("date/eb", "Patient", "birthdate=eb2013-01-14", born("2013-01-13"), born("2013")),
    case("date/ap", "Patient", "birthdate=ap2013", born("2012-01-01"), born("2002-01-01")),
    case("date/or", "Patient", "birthdate=1950,1960", born("1960-05-05"), born("1955")),
    case(
        "date/period-contained", "Encounter", "date=2015-03",
        period("2015-03-01", "2015-03-31"), period("2015-03-01", "2015-04-01"),
    ),
    case(
        "date/period-open-end-gt", "Encounter", "date=gt2030",
        period("2016-03-01", None), period("2016-03-01", "2016-04-01"),
    ),
    case(
        "date/period-open-start-lt", "Encounter", "date=lt1900",
        period(None, "2016-03-01"), period("2016-03-01", "2016-04-01"),
    ),
    case(
        "date/and-on-one-row", "Encounter", "date=ge2017-03&date=le2017-04",
        period("2017-03-02", "2017-04-02"), period("2016-03-02", "2017-02-28"),
    ),
    case(
        "date/zone", "Observation", "date=2018-05-05T01:30:00%2B02:00",
        {"effectiveDateTime": "2018-05-04T23:30:00Z"},
        {"effectiveDateTime": "2018-05-05T01:30:00Z"},
    ),
    case(
        "date/minute-spans-its-seconds", "Observation", "date=2018-06-05T01:30Z",
        {"effectiveDateTime": "2018-06-05T01:30:59Z"},
        {"effectiveDateTime": "2018-06-05T01:31:00Z"},
    ),
    case(
        "date/timing-outer-limits", "Observation", "date=ap2019-02-02",
        {"effectiveTiming": {"event": ["2019-01-01", "2019-03-01"]}},
        {"effectiveTiming": {"event": ["2010-01-01", "2010-03-01"]}},
    ),
    case("date/missing", "Patient", "birthdate:missing=true", {}, born("2013")),
    case("date/present", "Patient", "birthdate:missing=false", born("2013"), {}),
]  # fmt: skip

NUMBERS = [
    case("number/eq-3-digits", "RiskAssessment", "probability=100", risk("99.6"), risk("100.5")),
    case("number/eq-lower-end", "RiskAssessment", "probability=200", risk("199.5"), risk("199.4")),
    case("number/eq-5-digits", "RiskAssessment", "probability=300.00", risk("300"), risk("300.1")),
    case("number/eq-exponent", "RiskAssessment", "probability=4e-2", risk("0.04"), risk("0.05")),
    case("number/eq-1e2", "RiskAssessment", "probability=7e2", risk("695"), risk("705")),
    case("number/eq-1e2-end", "RiskAssessment", "probability=8e2", risk("804.9"), risk("794.9")),
    case("number/eq-1.0e2", "RiskAssessment", "probability=9.0e2", risk("904.9"), risk("905")),
    case("number/ne", "RiskAssessment", "probability=ne5", risk("5.6"), risk("5")),
    case("number/gt", "RiskAssessment", "probability=gt1000", risk("1000.1"), risk("1000")),
    case("number/ge", "RiskAssessment", "probability=ge2000", risk("2000"), risk("1999.9")),
    case("number/lt", "RiskAssessment", "probability=lt-5", risk("-5.1"), risk("-5")),
    case("number/le", "RiskAssessment", "probability=le-9", risk("-9"), risk("-8.9")),
    case("number/sa", "RiskAssessment", "probability=sa3000", risk("3000.1"), risk("3000")),
    case("number/eb", "RiskAssessment", "probability=eb-20", risk("-20.1"), risk("-20")),
    case("number/ap", "RiskAssessment", "probability=ap50", risk("54.9"), risk("55.1")),
    case("number/or", "RiskAssessment", "probability=61,62", risk("62"), risk("63")),
    case("number/missing", "RiskAssessment", "probability:missing=true", {}, risk("1")),
]

QUANTITIES = [
    case("quantity/any-unit", "Observation", "value-quantity=5.4", weight("5.4"), weight("5.5")),
    case(
        "quantity/ucum", "Observation", "value-quantity=6.4|http://unitsofmeasure.org|mg",
        weight("6400", "ug"), weight("6.4", "g"),
    ),
    case(
        "quantity/ucum-smaller-unit", "Observation",
        "value-quantity=5.4|http://unitsofmeasure.org|mg",
        weight("5400", "ug"), weight("5.4", "ug"),
    ),
    case(
        "quantity/ucum-kelvin", "Observation", "value-quantity=37.0|http://unitsofmeasure.org|Cel",
        weight("310.15", "K"), weight("37.0", "K"),
    ),
    case(
        "quantity/ucum-fahrenheit", "Observation",
        "value-quantity=gt37|http://unitsofmeasure.org|Cel",
        weight("99", "[degF]"), weight("98", "[degF]"),
    ),
    case(
        "quantity/ucum-pressure", "Observation",
        "value-quantity=16.0|http://unitsofmeasure.org|kPa",
        weight("120", "mm[Hg]"), weight("16.0", "mm[Hg]"),
    ),
    case(
        "quantity/ucum-other-kind", "Observation",
        "value-quantity=21.5|http://unitsofmeasure.org|mg",
        weight("21.5", "mg"), weight("21.5", "mL"),
    ),
    case(
        "quantity/same-code-elsewhere", "Observation",
        "value-quantity=22.5|http://unitsofmeasure.org|mg",
        weight("22.5", "mg"), weight("22.5", "mg", "http://a"),
    ),
    case(
        "quantity/ne", "Observation", "value-quantity=ne23.5|http://unitsofmeasure.org|mg",
        weight("23.6", "mg"), weight("0.0235", "g"),
    ),
    case(
        "quantity/ucum-precision", "Observation", "value-quantity=7|http://unitsofmeasure.org|g",
        weight("7400", "mg"), weight("7500", "mg"),
    ),
    case(
        "quantity/ucum-gt", "Observation", "value-quantity=gt8|http://unitsofmeasure.org|kg",
        weight("8001", "g"), weight("8000", "g"),
    ),
    case(
        "quantity/unit-only", "Observation", "value-quantity=9.5||mg",
        weight("9.5", "mg"), weight("9.5", "ug"),
    ),
    case(
        "quantity/unit-by-name", "Observation", "value-quantity=10.5||tablets",
        {"valueQuantity": {"value": 10.5, "unit": "tablets"}},
        {"valueQuantity": {"value": 10.5, "unit": "drops"}},
    ),
    case(
        "quantity/other-system", "Observation", "value-quantity=11.5|http://a|x",
        weight("11.5", "x", "http://a"), weight("11.5", "x", "http://b"),
    ),
    case(
        "quantity/system-only", "Observation", "value-quantity=12.5|http://a|",
        weight("12.5", "x", "http://a"), weight("12.5", "x", "http://b"),
    ),
    case(
        "quantity/comparator", "Observation", "value-quantity=lt0.5|http://unitsofmeasure.org|ug",
        {"valueQuantity": {
            "value": 1, "comparator": "<", "system": UCUM, "code": "ug", "unit": "ug"}},
        weight("1", "ug"),
    ),
    case(
        "quantity/ucum-falling-scale", "Observation",
        "value-quantity=7.4|http://unitsofmeasure.org|[pH]",
        weight("7.35", "[pH]"), weight("7.45", "[pH]"),
    ),
    case(
        "quantity/ucum-falling-scale-ne", "Observation",
        "value-quantity=ne5.4|http://unitsofmeasure.org|[pH]",
        weight("5.45", "[pH]"), weight("5.35", "[pH]"),
    ),
    case(
        "quantity/ucum-falling-scale-gt", "Observation",
        "value-quantity=gt10|http://unitsofmeasure.org|[pH]",
        weight("10.1", "[pH]"), weight("10", "[pH]"),
    ),
    case(
        "quantity/ucum-falling-scale-le", "Observation",
        "value-quantity=le2|http://unitsofmeasure.org|[pH]",
        weight("2", "[pH]"), weight("2.1", "[pH]"),
    ),
    case(
        "quantity/ucum-falling-scale-sa", "Observation",
        "value-quantity=sa12|http://unitsofmeasure.org|[pH]",
        weight("12.1", "[pH]"), weight("12", "[pH]"),
    ),
    case(
        "quantity/ucum-falling-scale-ap", "Observation",
        "value-quantity=ap9|http://unitsofmeasure.org|[pH]",
        weight("8.2", "[pH]"), weight("8.0", "[pH]"),
    ),
    case(
        "quantity/ucum-falling-scale-ratio", "Observation",
        "value-quantity=lt1|http://unitsofmeasure.org|[pH]",
        weight("0.11", "mol/L"), weight("0.1", "mol/L"),
    ),
    case(
        "quantity/ap", "Observation", "value-quantity=ap130|http://unitsofmeasure.org|m",
        weight("14200", "cm"), weight("145", "m"),
    ),
    case(
        "quantity/money", "Invoice", "totalgross=14|urn:iso:std:iso:4217|EUR",
        {"totalGross": {"value": 14, "currency": "EUR"}},
        {"totalGross": {"value": 14, "currency": "USD"}},
    ),
]  # fmt: skip

STRINGS = [
    case("string/begins", "Patient", "family=eve", named(family="Evelyn"), named(family="Steve")),
    case("string/case", "Patient", "family=EVERT", named(family="evert"), named(family="eve")),
    case("string/accent", "Patient", "family=muller", named(family="Müller"), named(family="Mue")),
    case(
        "string/punctuation", "Patient", "family=smith jones",
        named(family="Smith-Jones"), named(family="Smith"),
    ),
    case(
        "string/any-part", "Patient", "name=carol",
        named(family="X", given=["A", "Caroline"]), named(family="X", given=["Anna"]),
    ),
    case(
        "string/exact", "Patient", "family:exact=Son", named(family="Son"), named(family="son"),
    ),
    case(
        "string/contains", "Patient", "family:contains=xyzz",
        named(family="Paxyzzle"), named(family="Paxyz"),
    ),
    case(
        "string/contains-wildcards", "Patient", "family:contains=%25",
        named(family="%"), named(family="percent"),
    ),
    case(
        "string/comma", "Patient", r"family=a\,bcd,zzz", named(family="a,bcd"), named(family="bcd"),
    ),
    case("string/or", "Patient", "family=o1,o2", named(family="o2"), named(family="o3")),
    case(
        "string/long", "Patient", "family=" + "l" * 300,
        named(family="l" * 301), named(family="l" * 299),
    ),
    case(
        "string/longer-than-an-index-row", "Patient", "family:exact=" + "m" * 5000,
        named(family="m" * 5000), named(family="m" * 4999),
    ),
    case("string/missing", "Patient", "family:missing=true", {}, named(family="x")),
]  # fmt: skip

TOKENS = [
    case("token/code", "Observation", "code=c1", coded("c1"), coded("c2")),
    case("token/case", "Observation", "code=cAsE", coded("cAsE"), coded("case")),
    case("token/system", "Observation", "code=http://a|c3", coded("c3"), coded("c3", "http://b")),
    case("token/no-system", "Observation", "code=|c4", coded("c4", None), coded("c4")),
    case(
        "token/system-only", "Observation", "code=http://only|",
        coded("c5", "http://only"), coded("c5"),
    ),
    case("token/bar", "Observation", r"code=a\|b", coded("a|b"), coded("a")),
    case("token/or", "Observation", "code=o1,http://a|o2", coded("o2"), coded("o3")),
    case(
        "token/many", "Observation", "code=" + ",".join(f"m{n}" for n in range(30)),
        coded("m29"), coded("m30"),
    ),
    case("token/not", "Observation", "code:not=n1", coded("n2"), coded("n1")),
    case("token/not-without-value", "Observation", "status:not=final", {}, {"status": "final"}),
    case("token/not-of-several", "Observation", "code:not=n3,n4", coded("n5"), coded("n4")),
    case(
        "token/text", "Observation", "code:text=heart ra",
        {"code": {"text": "Heart rate"}}, {"code": {"text": "My heart rate"}},
    ),
    case(
        "token/text-display", "Observation", "code:text=body temp",
        coded("x", display="Body Temperature"), coded("body temp"),
    ),
    case(
        "token/of-type", "Patient", f"identifier:of-type={V2_0203}|MR|446053",
        identified("446053", type={"coding": [{"system": V2_0203, "code": "MR"}]}),
        identified("446053", type={"coding": [{"system": V2_0203, "code": "SS"}]}),
    ),
    case(
        "token/ofType", "Patient", f"identifier:ofType={V2_0203}|MR|446054",
        identified("446054", type={"coding": [{"system": V2_0203, "code": "MR"}]}),
        identified("446054"),
    ),
    case(
        "token/implicit-system", "Patient",
        "gender=http://hl7.org/fhir/administrative-gender|other",
        {"gender": "other"}, {"gender": "unknown"},
    ),
    case("token/boolean", "Patient", "active=false", {"active": False}, {"active": True}),
    case(
        "token/contact-point", "Patient", "telecom=(03) 5555 6473",
        {"telecom": [{"system": "phone", "value": "(03) 5555 6473"}]},
        {"telecom": [{"system": "phone", "value": "(03) 5555 6474"}]},
    ),
    case(
        "token/identifier-long", "Patient", "identifier=" + "9" * 3000,
        identified("9" * 3000), identified("9" * 2999),
    ),
    case("token/missing", "Patient", "gender:missing=true", {}, {"gender": "male"}),
    case(
        "token/tag", "Patient", "_tag=http://t|x",
        {"meta": {"tag": [{"system": "http://t", "code": "x"}]}},
        {"meta": {"security": [{"system": "http://t", "code": "x"}]}},
    ),
]  # fmt: skip


def about(reference: str) -> dict[str, Any]:
    return {"subject": {"reference": reference}}


REFERENCES = [
    case(
        "reference/type-id", "Observation", "subject=Patient/r1",
        about("Patient/r1"), about("Group/r1"),
    ),
    case("reference/id", "Observation", "subject=r2", about("Group/r2"), about("Group/r3")),
    case(
        "reference/absolute-here", "Observation", f"subject={BASE}/Patient/r4",
        about("Patient/r4"), about("Patient/r5"),
    ),
    case(
        "reference/stored-absolute", "Observation", "subject=Patient/r6",
        about(f"{BASE}/Patient/r6"), about("http://else.example/fhir/Patient/r6"),
    ),
    case(
        "reference/external", "Observation", "subject=http://else.example/fhir/Patient/r7",
        about("http://else.example/fhir/Patient/r7"), about("Patient/r7"),
    ),
    case(
        "reference/urn", "Observation", "subject=urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0",
        about("urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"), about("Patient/r8"),
    ),
    case(
        "reference/modifier-type", "Observation", "subject:Group=r9",
        about("Group/r9"), about("Patient/r9"),
    ),
    case(
        "reference/modifier-contradicts", "Observation", "subject:Group=r10",
        about("Group/r10"), about("Device/r10"),
    ),
    case(
        "reference/alias", "Observation", "patient=r11", about("Patient/r11"), about("Group/r11"),
    ),
    case(
        "reference/alias-missing", "Observation", "patient:missing=true",
        about("Group/r12"), about("Patient/r12"),
    ),
    case(
        "reference/alias-present", "Observation", "patient:missing=false",
        about("Patient/r13"), about("Device/r13"),
    ),
    case(
        "reference/identifier", "Observation", "subject:identifier=http://mrn|13",
        {"subject": {"identifier": {"system": "http://mrn", "value": "13"}}},
        {"subject": {"identifier": {"system": "http://other", "value": "13"}}},
    ),
    case(
        "reference/mixed", "Observation", "subject=Patient/r14,http://else.example/fhir/Patient/r14",
        about("http://else.example/fhir/Patient/r14"), about("Device/r14"),
    ),
    case(
        "reference/canonical", "QuestionnaireResponse", "questionnaire=http://q|2.0",
        {"questionnaire": "http://q|2.0"}, {"questionnaire": "http://q|1.0"},
    ),
    case(
        "reference/canonical-any-version", "QuestionnaireResponse", "questionnaire=http://q2",
        {"questionnaire": "http://q2|2.0"}, {"questionnaire": "http://q3"},
    ),
]  # fmt: skip


def at(url: str) -> dict[str, Any]:
    return {"url": url}


URIS = [
    case("uri/equal", "ValueSet", "url=http://u/1", at("http://u/1"), at("http://u/1/2")),
    case("uri/case", "ValueSet", "url=http://u/Ab", at("http://u/Ab"), at("http://u/ab")),
    case("uri/urn", "ValueSet", "url=urn:oid:1.2.3", at("urn:oid:1.2.3"), at("urn:oid:1.2")),
    case(
        "uri/below", "ValueSet", "url:below=http://b/fhir/",
        at("http://b/fhir/ValueSet/1"), at("http://b/fhirs"),
    ),
    case("uri/below-itself", "ValueSet", "url:below=http://c/x", at("http://c/x"), at("http://c")),
    case("uri/below-letters", "ValueSet", "url:below=http://d/x", at("http://d/xy"),
         at("http://d/y")),
    case("uri/below-long", "ValueSet", "url:below=http://l" + "u" * 892,
         at("http://l" + "u" * 1500), at("http://l" + "u" * 891)),
    case(
        "uri/above", "ValueSet", "url:above=http://e/fhir/ValueSet/1",
        at("http://e/fhir"), at("http://e/fhir/CodeSystem"),
    ),
    case("uri/above-letters", "ValueSet", "url:above=http://g/rdf%2354135-9-9-10",
         at("http://g/rdf#54135-9"), at("http://g/rdf#54135-8")),
    case("uri/above-itself", "ValueSet", "url:above=http://h/x", at("http://h/x"),
         at("http://h/x/y")),
    case("uri/above-urn", "ValueSet", "url:above=urn:oid:1.2.30", at("urn:oid:1.2.30"),
         at("urn:oid:1.2.3")),
    case("uri/long", "ValueSet", "url=http://" + "u" * 3000, at("http://" + "u" * 3000),
         at("http://" + "u" * 3001)),
    case("uri/profile", "Patient", "_profile=http://p", {"meta": {"profile": ["http://p"]}}, {}),
    case("uri/source", "Patient", "_source=http://s", {"meta": {"source": "http://s"}}, {}),
]  # fmt: skip

CASES = [*DATES, *NUMBERS, *QUANTITIES, *STRINGS, *TOKENS, *REFERENCES, *URIS]


@pytest.fixture(scope="module", autouse=True)
def stored(searcher: Searcher) -> None:
    """Everything at once: a hit must stand out among all the others."""
    resources = []
    for number, parameters in enumerate(CASES):
        wanted = parameters.values[0]
        assert isinstance(wanted, Case)
        for name, content in (("hit", wanted.hit), ("miss", wanted.miss)):
            resources.append({"resourceType": wanted.type, "id": f"{name}-{number}", **content})
    searcher.store(resources)


@pytest.mark.parametrize(("number", "wanted"), [
    pytest.param(number, parameters.values[0], id=parameters.id)
    for number, parameters in enumerate(CASES)
])  # fmt: skip
def test_found_and_not_found(searcher: Searcher, number: int, wanted: Case) -> None:
    page = searcher.page(wanted.type, wanted.query)
    ids = [match.id for match in page.matches]
    assert len(set(ids)) == len(ids) == page.total
    assert f"hit-{number}" in ids
    assert f"miss-{number}" not in ids


@pytest.mark.parametrize(("number", "wanted"), [
    pytest.param(number, parameters.values[0], id=parameters.id)
    for number, parameters in enumerate(CASES)
])  # fmt: skip
def test_same_with_an_order_and_a_second_criterion(
    searcher: Searcher, number: int, wanted: Case
) -> None:
    """Another source and another order find the same."""
    ids = set(searcher.ids(wanted.type, wanted.query))
    for more in ("_sort=-_lastUpdated", "_sort=_id", f"_id:not=nothing-{number}"):
        assert set(searcher.ids(wanted.type, f"{wanted.query}&{more}")) == ids, more
