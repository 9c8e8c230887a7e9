"""The oracle against the specification's own examples: a matcher that is wrong proves nothing."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhirserver.definitions import r4
from tests.search.oracle import matches
from tests.search.oracle.aimed import aimed_at
from tests.search.oracle.elements import codes_of, kind_of
from tests.search.oracle.queries import parameters
from tests.search.oracle.resources import TYPES, resources

UCUM = "http://unitsofmeasure.org"


def observed(value: Any, name: str = "effectiveDateTime") -> dict[str, Any]:
    return {"resourceType": "Observation", name: value}


FROM_21_JAN = {"start": "2013-01-21"}
FROM_15_MAR = {"start": "2013-03-15"}
UNTIL_21_JAN = {"end": "2013-01-21"}


@pytest.mark.parametrize(
    ("value", "query", "expected"),
    [
        pytest.param("2013-01-14T00:00:00Z", "eq2013-01-14", True, id="eq-midnight"),
        pytest.param("2013-01-14T10:00:00Z", "eq2013-01-14", True, id="eq-ten"),
        pytest.param("2013-01-15T00:00:00Z", "eq2013-01-14", False, id="eq-next-midnight"),
        pytest.param("2013-01-15T00:00:00Z", "ne2013-01-14", True, id="ne-next-midnight"),
        pytest.param("2013-01-14T00:00:00Z", "ne2013-01-14", False, id="ne-midnight"),
        pytest.param("2013-01-14", "lt2013-01-14T10:00", True, id="lt-part-before"),
        pytest.param("2013-01-14", "gt2013-01-14T10:00", True, id="gt-part-after"),
        pytest.param(FROM_21_JAN, "ge2013-03-14", True, id="ge-may-include-later"),
        pytest.param(FROM_21_JAN, "le2013-03-14", True, id="le-may-include-earlier"),
        pytest.param(FROM_15_MAR, "sa2013-03-14", True, id="sa-starts-after"),
        pytest.param(FROM_21_JAN, "sa2013-03-14", False, id="sa-starts-before"),
        pytest.param(UNTIL_21_JAN, "sa2013-03-14", False, id="sa-ends-before"),
        pytest.param(FROM_15_MAR, "eb2013-03-14", False, id="eb-starts-after"),
        pytest.param(FROM_21_JAN, "eb2013-03-14", False, id="eb-no-end"),
        pytest.param(UNTIL_21_JAN, "eb2013-03-14", True, id="eb-ends-before"),
        pytest.param("2013-03-14", "ap2013-03-14", True, id="ap-exactly"),
        pytest.param("2015-06-15", "ap2013-03-14", False, id="ap-far"),
    ],
)
def test_dates(value: Any, query: str, expected: bool) -> None:
    """Spec: https://hl7.org/fhir/R4/search.html#date, the table of prefixes."""
    name = "effectivePeriod" if isinstance(value, dict) else "effectiveDateTime"
    assert matches(observed(value, name), "Observation", [("date", query)]) is expected


@pytest.mark.parametrize(
    ("value", "query", "expected"),
    [
        pytest.param("99.5", "100", True, id="three-digits-lower-end"),
        pytest.param("100.5", "100", False, id="three-digits-upper-end"),
        pytest.param("99.99", "100.00", False, id="five-digits"),
        pytest.param("99.995", "100.00", True, id="five-digits-lower-end"),
        pytest.param("100", "lt100", False, id="lt-exactly"),
        pytest.param("100", "le100", True, id="le-exactly"),
        pytest.param("99.9", "ge100", False, id="ge-ignores-precision"),
        pytest.param("100.4", "ne100", False, id="ne-in-the-range"),
        pytest.param("0.85", "gt8e-1", True, id="gt-exponential"),
    ],
)
def test_numbers(value: str, query: str, expected: bool) -> None:
    """Spec: https://hl7.org/fhir/R4/search.html#number."""
    risk = {
        "resourceType": "RiskAssessment",
        "prediction": [{"probabilityDecimal": Decimal(value)}],
    }
    assert matches(risk, "RiskAssessment", [("probability", query)]) is expected


@pytest.mark.parametrize(
    ("value", "query", "expected"),
    [
        pytest.param({"value": 5, "system": UCUM, "code": "mg"}, f"5|{UCUM}|mg", True, id="unit"),
        pytest.param(
            {"value": 5, "system": UCUM, "code": "mg"}, f"0.005|{UCUM}|g", True, id="scale"
        ),
        pytest.param({"value": 5, "unit": "mg"}, "5||mg", True, id="unit-name"),
        pytest.param({"value": 5, "unit": "mg"}, f"5|{UCUM}|mg", False, id="no-system"),
        pytest.param({"value": 5, "unit": "mg"}, "5", True, id="any-unit"),
        pytest.param(
            {"value": 37, "system": UCUM, "code": "Cel"}, f"310.15|{UCUM}|K", True, id="offset"
        ),
        pytest.param({"value": 5, "comparator": "<"}, "ge5", False, id="less-than-is-not-equal"),
        pytest.param({"value": 5, "comparator": "<="}, "ge5", True, id="at-most-may-be-equal"),
        pytest.param({"value": 5, "comparator": ">"}, "gt7", True, id="more-may-be-more-still"),
    ],
)
def test_quantities(value: Any, query: str, expected: bool) -> None:
    """Spec: https://hl7.org/fhir/R4/search.html#quantity."""
    observation = observed(value, "valueQuantity")
    assert matches(observation, "Observation", [("value-quantity", query)]) is expected


EVE = {
    "resourceType": "Patient",
    "identifier": [{"system": "http://acme.org/patient", "value": "2345"}],
    "gender": "male",
    "name": [{"family": "Carreño-Quiñones", "given": ["Evelyn"]}],
    "managingOrganization": {"reference": "http://here/fhir/Organization/1"},
}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param([("given", "eve")], True, id="string-start"),
        pytest.param([("given", "vel")], False, id="string-middle"),
        pytest.param([("given:contains", "VEL")], True, id="string-contains"),
        pytest.param([("given:exact", "Eve")], False, id="string-exact"),
        pytest.param([("family", "carreno quinones")], True, id="string-folded"),
        pytest.param([("identifier", "http://acme.org/patient|2345")], True, id="token-pair"),
        pytest.param([("identifier", "|2345")], False, id="token-no-system"),
        pytest.param([("identifier", "2345")], True, id="token-any-system"),
        pytest.param([("identifier", "http://acme.org/patient|")], True, id="token-any-code"),
        pytest.param([("gender:not", "male")], False, id="not-has"),
        pytest.param([("active:not", "true")], True, id="not-without-value"),
        pytest.param([("active:missing", "true")], True, id="missing"),
        pytest.param([("gender", "female,male")], True, id="or"),
        pytest.param([("gender", "male"), ("given", "x")], False, id="and"),
        pytest.param([("organization", "1")], True, id="reference-id"),
        pytest.param([("organization", "Organization/1")], True, id="reference-relative"),
        pytest.param([("organization", "Patient/1")], False, id="reference-other-type"),
        pytest.param(
            [("organization", "http://here/fhir/Organization/1")], True, id="reference-own"
        ),
        pytest.param([("given", "a\\,eve")], False, id="escaped-comma"),
    ],
)
def test_a_patient(query: list[tuple[str, str]], expected: bool) -> None:
    """Spec: https://hl7.org/fhir/R4/search.html#string, #token and #reference."""
    assert matches(EVE, "Patient", query) is expected


@pytest.mark.parametrize("type_name", TYPES)
def test_parameters_are_those_of_the_specification(type_name: str) -> None:
    published = r4().search_parameters(type_name)
    for code in codes_of(type_name):
        assert published[code].type == kind_of(type_name, code)


@pytest.mark.parametrize("type_name", TYPES)
@settings(deadline=None)
@given(data=st.data())
def test_every_drawn_query_has_an_answer(type_name: str, data: st.DataObject) -> None:
    resource = data.draw(resources(type_name))
    query = [data.draw(parameters(type_name))]
    aimed = data.draw(aimed_at(type_name, resource))
    for each in (query, query if aimed is None else [aimed]):
        assert matches(resource, type_name, each) in (True, False)
