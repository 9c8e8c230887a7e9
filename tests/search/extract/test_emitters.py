"""Rows by type of parameter and datatype, one table per section of the specification."""

from decimal import Decimal
from typing import Any

import pytest

from fhirserver.definitions.search_parameters import SearchType
from fhirserver.model.instant import MAX_US, MIN_US, interval_us
from fhirserver.search.extract.emitters import emitter
from fhirserver.search.extract.rows import Sink, Target
from fhirserver.search.keys import EXTERNAL_OFFSET, IDENTIFIER_OFFSET, OF_TYPE_OFFSET, system_key

SP = 7
BASE = "http://here/fhir"
LOCAL_TYPES = frozenset({"Patient", "Group", "Questionnaire", "Composition"})
UCUM = "http://unitsofmeasure.org"
INFINITY = Decimal("Infinity")

Rows = dict[str, list[Any]]


def emitted(kind: SearchType, datatype: str, value: Any, system: str | None = None) -> Rows:
    """Rows of one value by table, empty tables left out."""
    sink = Sink(BASE, LOCAL_TYPES)
    emit = emitter(kind, datatype)
    assert emit is not None
    emit(value, sink, Target((SP,), system_key(system)))
    tables = {
        name: getattr(sink, name) for name in ("token", "string", "date", "reference", "quantity")
    }
    return {name: rows for name, rows in tables.items() if rows}


MRN = {"coding": [{"system": "http://types", "code": "MR"}], "text": "Medical Record"}


@pytest.mark.parametrize(
    ("datatype", "value", "expected"),
    [
        pytest.param(
            "Coding",
            {"system": "http://loinc.org", "code": "8302-2", "display": "Body Height"},
            {
                "token": [(SP, system_key("http://loinc.org"), "8302-2")],
                "string": [(SP, "body height", "Body Height")],
            },
            id="search.html#token/Coding",
        ),
        pytest.param(
            "Coding", {"code": "a"}, {"token": [(SP, 0, "a")]}, id="search.html#token/no-system"
        ),
        pytest.param(
            "Coding",
            {"system": "http://s"},
            {"token": [(SP, system_key("http://s"), "")]},
            id="search.html#token/system-alone",
        ),
        pytest.param(
            "CodeableConcept",
            {"coding": [{"code": "a"}, {"code": "b"}], "text": "Ä"},
            {"token": [(SP, 0, "a"), (SP, 0, "b")], "string": [(SP, "a", "Ä")]},
            id="search.html#token/CodeableConcept",
        ),
        pytest.param(
            "CodeableConcept",
            {"text": "only text"},
            {"string": [(SP, "only text", "only text")]},
            id="search.html#token/text-alone",
        ),
        pytest.param(
            "Identifier",
            {"system": "http://mrn", "value": "12", "type": MRN},
            {
                "token": [
                    (SP, system_key("http://mrn"), "12"),
                    (SP + OF_TYPE_OFFSET, system_key("http://types"), "MR|12"),
                ],
                "string": [(SP, "medical record", "Medical Record")],
            },
            id="search.html#token/Identifier-of-type",
        ),
        pytest.param(
            "Identifier",
            {"type": MRN},
            {"string": [(SP, "medical record", "Medical Record")]},
            id="search.html#token/Identifier-without-value",
        ),
        pytest.param(
            "ContactPoint",
            {"system": "phone", "value": "555-1"},
            {"token": [(SP, 0, "555-1")]},
            id="search.html#token/ContactPoint",
        ),
        pytest.param("ContactPoint", {"system": "phone"}, {}, id="search.html#token/no-value"),
        pytest.param("boolean", True, {"token": [(SP, 0, "true")]}, id="search.html#token/true"),
        pytest.param("boolean", False, {"token": [(SP, 0, "false")]}, id="search.html#token/false"),
        pytest.param("string", "A b", {"token": [(SP, 0, "A b")]}, id="search.html#token/string"),
        pytest.param("uri", "urn:x", {"token": [(SP, 0, "urn:x")]}, id="search.html#token/uri"),
        pytest.param(
            "Extension",
            {"url": "http://e", "valueIdentifier": {"value": "9"}},
            {"token": [(SP, 0, "9")]},
            id="search.html#token/Extension",
        ),
    ],
)
def test_token(datatype: str, value: Any, expected: Rows) -> None:
    assert emitted("token", datatype, value) == expected


def test_a_code_has_the_system_of_its_binding() -> None:
    rows = emitted("token", "code", "male", system="http://gender")
    assert rows == {"token": [(SP, system_key("http://gender"), "male")]}


@pytest.mark.parametrize(
    ("datatype", "value", "expected"),
    [
        pytest.param("string", "Ève", [("eve", "Ève")], id="search.html#string/string"),
        pytest.param("markdown", "*Eve*", [("eve", "*Eve*")], id="search.html#string/markdown"),
        pytest.param(
            "HumanName",
            {
                "use": "official",
                "text": "Dr. Eve Ó Néill",
                "family": "Ó Néill",
                "given": ["Eve", None, "M."],
                "prefix": ["Dr."],
                "suffix": ["PhD"],
                "period": {"start": "2001"},
            },
            [
                ("o neill", "Ó Néill"),
                ("dr eve o neill", "Dr. Eve Ó Néill"),
                ("eve", "Eve"),
                ("m", "M."),
                ("dr", "Dr."),
                ("phd", "PhD"),
            ],
            id="search.html#string/HumanName",
        ),
        pytest.param(
            "Address",
            {
                "use": "home",
                "type": "both",
                "text": "All of it",
                "line": ["1 Main St.", "Apt 2"],
                "city": "Reno",
                "district": "Washoe",
                "state": "NV",
                "postalCode": "89501",
                "country": "US",
            },
            [
                ("all of it", "All of it"),
                ("reno", "Reno"),
                ("washoe", "Washoe"),
                ("nv", "NV"),
                ("89501", "89501"),
                ("us", "US"),
                ("1 main st", "1 Main St."),
                ("apt 2", "Apt 2"),
            ],
            id="search.html#string/Address",
        ),
        pytest.param("string", "a\0b", [("ab", "ab")], id="no-database-text-holds-u0000"),
        pytest.param("Extension", {"url": "u", "valueString": "X"}, [("x", "X")], id="Extension"),
    ],
)
def test_string(datatype: str, value: Any, expected: list[tuple[str, str]]) -> None:
    assert emitted("string", datatype, value) == {"string": [(SP, *pair) for pair in expected]}


def test_a_string_of_100_kb_is_indexed_whole() -> None:
    text = "Ä" * 50_000
    assert emitted("string", "string", text) == {"string": [(SP, "a" * 50_000, text)]}


@pytest.mark.parametrize(
    ("datatype", "value", "expected"),
    [
        pytest.param("date", "2013-01", interval_us("2013-01"), id="search.html#date/date"),
        pytest.param(
            "dateTime",
            "2013-01-10T10:00:00+02:00",
            interval_us("2013-01-10T08:00:00Z"),
            id="search.html#date/dateTime",
        ),
        pytest.param(
            "instant",
            "2013-01-10T10:00:00Z",
            (interval_us("2013-01-10T10:00:00Z")[0], interval_us("2013-01-10T10:00:00Z")[0] + 1),
            id="search.html#date/instant-is-a-point",
        ),
        pytest.param(
            "Period",
            {"start": "2013", "end": "2014-02"},
            (interval_us("2013")[0], interval_us("2014-02")[1]),
            id="search.html#date/Period",
        ),
        pytest.param(
            "Period",
            {"start": "2013"},
            (interval_us("2013")[0], MAX_US),
            id="search.html#date/no-end",
        ),
        pytest.param(
            "Period",
            {"end": "2013"},
            (MIN_US, interval_us("2013")[1]),
            id="search.html#date/no-start",
        ),
        pytest.param("Period", {"extension": []}, None, id="search.html#date/empty-Period"),
        pytest.param(
            "Timing",
            {"event": ["2013-03-02", "2013-01-01", None], "_event": [None, None, {"id": "a"}]},
            (interval_us("2013-01-01")[0], interval_us("2013-03-02")[1]),
            id="search.html#date/Timing-events",
        ),
        pytest.param(
            "Timing",
            {"repeat": {"boundsPeriod": {"start": "2013"}}},
            (interval_us("2013")[0], MAX_US),
            id="search.html#date/Timing-bounds",
        ),
        pytest.param(
            "Timing",
            {"event": ["2012"], "repeat": {"boundsPeriod": {"start": "2013", "end": "2014"}}},
            (interval_us("2012")[0], interval_us("2014")[1]),
            id="search.html#date/Timing-outer-limits",
        ),
        pytest.param(
            "Timing",
            {"repeat": {"boundsDuration": {"value": 3}, "frequency": 1}},
            None,
            id="search.html#date/Timing-without-bounds",
        ),
    ],
)
def test_date(datatype: str, value: Any, expected: tuple[int, int] | None) -> None:
    assert emitted("date", datatype, value) == (
        {} if expected is None else {"date": [(SP, *expected)]}
    )


def external(code: str, version: str = "") -> Rows:
    return {"token": [(SP + EXTERNAL_OFFSET, system_key(version), code)]}


@pytest.mark.parametrize(
    ("datatype", "value", "expected"),
    [
        pytest.param(
            "Reference",
            {"reference": "Patient/1"},
            {"reference": [(SP, "Patient", "1")]},
            id="search.html#reference/local",
        ),
        pytest.param(
            "Reference",
            {"reference": "Patient/1/_history/3"},
            {"reference": [(SP, "Patient", "1")]},
            id="search.html#versions/versioned",
        ),
        pytest.param(
            "Reference",
            {"reference": f"{BASE}/Patient/1"},
            {"reference": [(SP, "Patient", "1")]},
            id="search.html#reference/own-absolute",
        ),
        pytest.param(
            "Reference",
            {"reference": "http://there/fhir/Patient/1"},
            external("http://there/fhir/Patient/1"),
            id="search.html#reference/external",
        ),
        pytest.param(
            "Reference",
            {"reference": "Nonsense/1"},
            external("Nonsense/1"),
            id="search.html#reference/unknown-type",
        ),
        pytest.param(
            "Reference",
            {"reference": "urn:uuid:0"},
            external("urn:uuid:0"),
            id="search.html#reference/urn",
        ),
        pytest.param("Reference", {"reference": "#p"}, {}, id="search.html#reference/contained"),
        pytest.param("Reference", {"display": "Eve"}, {}, id="search.html#reference/display"),
        pytest.param(
            "Reference",
            {"type": "Patient", "identifier": {"system": "http://mrn", "value": "12"}},
            {"token": [(SP + IDENTIFIER_OFFSET, system_key("http://mrn"), "12")]},
            id="search.html#reference/identifier",
        ),
        pytest.param(
            "canonical",
            "http://q/Questionnaire/a|2.0",
            external("http://q/Questionnaire/a", "2.0"),
            id="search.html#versions/canonical",
        ),
        pytest.param(
            "canonical",
            "Questionnaire/a",
            {"reference": [(SP, "Questionnaire", "a")]},
            id="search.html#versions/canonical-is-literal",
        ),
        pytest.param("uri", "http://v", external("http://v"), id="search.html#reference/uri"),
        pytest.param(
            "Resource",
            {"resourceType": "Composition", "id": "c"},
            {"reference": [(SP, "Composition", "c")]},
            id="search.html#reference/Resource",
        ),
        pytest.param(
            "Resource", {"resourceType": "Composition"}, {}, id="search.html#reference/no-id"
        ),
    ],
)
def test_reference(datatype: str, value: Any, expected: Rows) -> None:
    assert emitted("reference", datatype, value) == expected


def quantity(low: str, high: str, canonical: tuple[str, str, str] | None, **unit: str) -> Rows:
    """The one row of a quantity; numbers as texts."""
    there = (
        (None, None, None)
        if canonical is None
        else (canonical[0], Decimal(canonical[1]), Decimal(canonical[2]))
    )
    key = system_key(unit.get("system"))
    row = (SP, key, unit.get("code", ""), unit.get("unit", ""), Decimal(low), Decimal(high), *there)
    return {"quantity": [row]}


MG = {"system": UCUM, "code": "mg", "unit": "milligram"}
PH = {"system": UCUM, "code": "[pH]"}


@pytest.mark.parametrize(
    ("datatype", "value", "expected"),
    [
        pytest.param(
            "Quantity",
            {"value": Decimal("5.40"), **MG},
            quantity("5.40", "5.40", ("g", "0.00540", "0.00540"), **MG),
            id="search.html#quantity/ucum",
        ),
        pytest.param(
            "Quantity",
            {"value": 5, "unit": "pills"},
            quantity("5", "5", None, unit="pills"),
            id="search.html#quantity/unit-alone",
        ),
        pytest.param("Quantity", {"unit": "mg"}, {}, id="search.html#quantity/no-value"),
        pytest.param(
            "Quantity",
            {"value": 5, "comparator": "<", **MG},
            quantity("-Infinity", f"4.{'9' * 59}", ("g", "-Infinity", f"0.004{'9' * 59}"), **MG),
            id="search.html#prefix/comparator-lt",
        ),
        pytest.param(
            "Quantity",
            {"value": 5, "comparator": "<=", **MG},
            quantity("-Infinity", "5", ("g", "-Infinity", "0.005"), **MG),
            id="search.html#prefix/comparator-le",
        ),
        pytest.param(
            "Quantity",
            {"value": 5, "comparator": ">"},
            quantity(f"5.{'0' * 58}1", "Infinity", None),
            id="search.html#prefix/comparator-gt",
        ),
        pytest.param(
            "Age",
            {"value": 5, "comparator": ">=", "code": "a"},
            quantity("5", "Infinity", None, code="a"),
            id="search.html#prefix/comparator-ge",
        ),
        pytest.param(
            "Money",
            {"value": Decimal("9.99"), "currency": "EUR"},
            quantity("9.99", "9.99", None, system="urn:iso:std:iso:4217", code="EUR"),
            id="search.html#quantity/Money",
        ),
        pytest.param(
            "Range",
            {"low": {"value": 1, **MG}, "high": {"value": 2, **MG}},
            quantity("1", "2", ("g", "0.001", "0.002"), **MG),
            id="search.html#quantity/Range",
        ),
        pytest.param(
            "Range",
            {"high": {"value": 2, **MG}},
            quantity("-Infinity", "2", ("g", "-Infinity", "0.002"), **MG),
            id="search.html#quantity/Range-open",
        ),
        pytest.param("Range", {}, {}, id="search.html#quantity/Range-empty"),
        pytest.param("SampledData", {"data": "1 2"}, {}, id="search.html#quantity/SampledData"),
        pytest.param(
            "Quantity",
            {"value": Decimal("1E+5000"), "unit": "x"},
            quantity("Infinity", "Infinity", None, unit="x"),
            id="beyond-a-database-column",
        ),
    ],
)
def test_quantity(datatype: str, value: Any, expected: Rows) -> None:
    assert emitted("quantity", datatype, value) == expected


def test_a_comparator_turns_round_on_a_falling_scale() -> None:
    """A pH below 7 is a concentration above 1E-7 mol/L."""
    [row] = emitted("quantity", "Quantity", {"value": 7, "comparator": "<=", **PH})["quantity"]
    assert row[4:6] == (-INFINITY, Decimal(7))
    assert row[6] is not None
    assert row[8] == INFINITY


@pytest.mark.parametrize(
    ("datatype", "value", "low", "high"),
    [
        pytest.param("decimal", Decimal("0.50"), "0.50", "0.50", id="search.html#number/decimal"),
        pytest.param("integer", 3, "3", "3", id="search.html#number/integer"),
        pytest.param("positiveInt", 3, "3", "3", id="search.html#number/positiveInt"),
        pytest.param(
            "Range",
            {"low": {"value": 1, "unit": "%"}, "high": {"value": 2}},
            "1",
            "2",
            id="search.html#number/Range",
        ),
        pytest.param(
            "Range", {"low": {"value": 1}}, "1", "Infinity", id="search.html#number/Range-open"
        ),
    ],
)
def test_number(datatype: str, value: Any, low: str, high: str) -> None:
    assert emitted("number", datatype, value) == quantity(low, high, None)


@pytest.mark.parametrize(
    ("datatype", "value", "codes"),
    [
        pytest.param("uri", "http://a", ["http://a"], id="search.html#uri/uri"),
        pytest.param("url", "http://a", ["http://a"], id="search.html#uri/url"),
        pytest.param("canonical", "http://a", ["http://a"], id="search.html#uri/canonical"),
        pytest.param(
            "canonical", "http://a|1", ["http://a|1", "http://a"], id="search.html#uri/version"
        ),
    ],
)
def test_uri(datatype: str, value: Any, codes: list[str]) -> None:
    assert emitted("uri", datatype, value) == {"token": [(SP, 0, code) for code in codes]}
