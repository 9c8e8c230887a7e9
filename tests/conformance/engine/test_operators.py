"""Each operator holds when it should and breaks when it should, however a value is looked at."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fhirserver_conformance.engine.asserts.operators import OPERATORS
from fhirserver_conformance.engine.settings import FhirPathName
from fhirserver_conformance.script.model import Assert
from tests.conformance.engine.judging import (
    check_both_columns,
    row,
)
from tests.conformance.engine.runs import JSON
from tests.conformance.lying_server import answer


def _family(id: str, holds: bytes, breaks: bytes, **members: Any) -> list[Any]:
    """Give a row for each way to look at a family name."""
    ways = {
        "expression": {"expression": "Patient.name.family"},
        "xpath": {"path": "Patient/name/family"},
        "prefixed": {"path": "fhir:Patient/fhir:name/fhir:family/@value"},
        "jsonpath": {"path": "$.name[*].family"},
        "header": {"header_field": "X-Family"},
    }
    return [row(f"{kind}-{id}", holds, breaks, **way, **members) for kind, way in ways.items()]


def _named(family: str | None) -> bytes:
    body: dict[str, Any] = {"resourceType": "Patient"}
    if family is not None:
        body["name"] = [{"family": family}]
    headers = JSON if family is None else {**JSON, "X-Family": family}
    return answer(200, json.dumps(body).encode(), headers)


ROWS = [
    *_family("equals", _named("Chalmers"), _named("Windsor"), operator="equals", value="Chalmers"),
    *_family("equals-default", _named("Chalmers"), _named(None), value="Chalmers"),
    *_family(
        "not-equals", _named("Windsor"), _named("Chalmers"), operator="notEquals", value="Chalmers"
    ),
    *_family("in", _named("b"), _named("c"), operator="in", value="a, b"),
    *_family("not-in", _named("c"), _named("b"), operator="notIn", value="a,b"),
    *_family("greater", _named("10"), _named("9"), operator="greaterThan", value="9"),
    *_family("less", _named("9.5"), _named("10"), operator="lessThan", value="10"),
    *_family(
        "later", _named("2020-02"), _named("2019-12"), operator="greaterThan", value="2020-01"
    ),
    *_family("earlier", _named("2019"), _named("2021"), operator="lessThan", value="2020"),
    *_family("empty", _named(None), _named("x"), operator="empty"),
    *_family("not-empty", _named("x"), _named(None), operator="notEmpty"),
    *_family("contains", _named("Chalmers"), _named("Windsor"), operator="contains", value="halm"),
    *_family(
        "not-contains", _named("Windsor"), _named("Chalmers"), operator="notContains", value="halm"
    ),
    *_family("regex", _named("A12"), _named("AB2"), operator="matchesRegex", value="^A[0-9]+$"),
]


@pytest.mark.parametrize("engine", ["own", "fhirpathpy"])
@pytest.mark.parametrize(("assertion", "holds", "breaks"), ROWS)
def test_an_operator_holds_when_it_should_and_breaks_when_it_should(
    assertion: Assert, holds: bytes, breaks: bytes, engine: FhirPathName
) -> None:
    check_both_columns(assertion, holds, breaks, engine)


def test_every_operator_stands_in_the_table() -> None:
    assert {row.values[0].operator for row in ROWS} - {None} == OPERATORS - {
        "eval",
        "matchesMimeClass",
    }
