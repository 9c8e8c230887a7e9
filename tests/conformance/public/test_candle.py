"""How fhir-candle's cases are read.

Spec: https://hl7.org/fhir/R4/search.html
"""

import json
from pathlib import Path
from typing import Any

import pytest

from fhirserver_conformance.public.candle import Search, disorder, resources, search_of


@pytest.mark.parametrize(
    ("method", "query", "args", "expected"),
    [
        ("PatientSearch", "name=x", [2], Search("Patient?name=x", (2,))),
        ("ObservationSearch", "_include=y", [1, 2], Search("Observation?_include=y", (1, 2))),
        ("Search", "/Patient?name=x", [0], Search("Patient?name=x", (0,))),
        ("Search", "?_type=Patient", [6], Search("?_type=Patient", (6,))),
        ("LoopedPatientsSearch", "_id=x", [100], Search("Patient?_id=x", (1,), times=100)),
        ("PatientSortOrder", "_sort=-x", [], Search("Patient?_sort=-x", order="-x")),
        ("PatientCompartmentSearch", "p", ["A", "null", 4], Search("Patient/p/A", (4,))),
        ("PatientCompartmentSearch", "p", ["A", "b=c", 4], Search("Patient/p/A?b=c", (4,))),
        ("PatientCompartmentSearch", "p", ["null", "null", 4], Search("Patient/p/*", (4,))),
        ("TestSubEncounterNoFilters", "%previous.empty()", ["true"], None),
    ],
)
def test_case(method: str, query: str, args: list[Any], expected: Search | None) -> None:
    assert search_of({"method": method, "query": query, "args": args}) == expected


@pytest.mark.parametrize(
    ("values", "order", "expected"),
    [
        pytest.param(["1", "2", "2"], "status", None, id="ascending"),
        pytest.param(["2", "1"], "status", "2 stands before 1", id="not ascending"),
        pytest.param(["2", "1"], "-status", None, id="descending"),
        pytest.param(["1", "2"], "-status", "1 stands before 2", id="not descending"),
        pytest.param(["1", None, "2"], "status", None, id="without the value"),
        pytest.param([None], "status", "no resource that was found has the value", id="none"),
    ],
)
def test_order(values: list[str | None], order: str, expected: str | None) -> None:
    entries = [{"resource": {"status": value} if value else {}} for value in values]
    assert disorder({"entry": entries}, order) == expected


def test_patients_and_observations_also_of_transactions_are_loaded_once(tmp_path: Path) -> None:
    patient = {"resourceType": "Patient", "id": "p"}
    observation = {"resourceType": "Observation", "id": "o"}
    contents: list[dict[str, Any]] = [
        patient,
        {"resourceType": "Basic", "id": "b"},
        {"resourceType": "Bundle", "type": "transaction", "entry": [{"resource": observation}]},
        {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": {"id": "x"}}]},
        patient,
    ]
    for number, content in enumerate(contents):
        (tmp_path / f"{number}.json").write_text(json.dumps(content))
    assert resources(tmp_path) == [patient, observation]
