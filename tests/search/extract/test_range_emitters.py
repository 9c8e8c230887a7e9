"""Rows of date, reference, quantity and number parameters, one table per section."""

from decimal import Decimal
from typing import Any

import pytest

from fhirserver.model.instant import MAX_US, MIN_US, interval_us
from fhirserver.search.keys import EXTERNAL_OFFSET, IDENTIFIER_OFFSET, system_key
from tests.search.extract.emitted import BASE, SP, Rows, emitted

UCUM = "http://unitsofmeasure.org"
INFINITY = Decimal("Infinity")


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
        pytest.param(
            "Reference",
            {"display": "Eve"},
            {"string": [(SP, "eve", "Eve")]},
            id="search.html#reference/display",
        ),
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


def test_a_range_turns_round_on_a_falling_scale() -> None:
    ends = {"low": {"value": 6, **PH}, "high": {"value": 7, **PH}}
    [whole] = emitted("quantity", "Range", ends)["quantity"]
    assert whole[4:6] == (Decimal(6), Decimal(7))
    [low] = emitted("quantity", "Quantity", ends["high"])["quantity"]
    [high] = emitted("quantity", "Quantity", ends["low"])["quantity"]
    assert whole[7:] == (low[7], high[8])
    [above] = emitted("quantity", "Range", {"low": ends["low"]})["quantity"]
    assert above[4:6] == (Decimal(6), INFINITY)
    assert above[7:] == (-INFINITY, high[8])


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
