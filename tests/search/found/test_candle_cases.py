"""Cases that another server's authors wrote for their own, on their data.

The cases and the resources are in the shared test data; what differs here is listed with why.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from fhirserver.errors import FhirError
from fhirserver.model.json import parse_json
from tests.search.found.conftest import Searcher

ROOT = os.environ.get("FHIRSERVER_TEST_DATA", "")

NOT_OFFERED = {
    "multiplebirth": "a SearchParameter of their own",
    "name-use": "a SearchParameter of their own",
}
DIFFERENT = {
    "value-quantity=820|urn:iso:std:iso:11073:10101|cL/s": "cL/s is the unit's name, not its code",
    "identifier=|12345": "the identifier has a system, and |code asks for those without",
    "telecom=phone|(03) 5555 6473": "phone is no token's system: a code, not a URI",
    "telecom=phone|": "phone is no token's system: a code, not a URI",
    "gender=male": "counted before one of their patients was added",
    "gender=male,female": "counted before one of their patients was added",
}
METHODS = {
    "ObservationSearch": "Observation",
    "PatientSearch": "Patient",
    "LoopedPatientsSearch": None,
    "Search": None,
    "PatientCompartmentSearch": None,
}


class Case(NamedTuple):
    """A search and what it should find: matches, and matches with includes where given."""

    type: str | None
    compartment: tuple[str, str] | None
    query: str
    counts: list[int]


def _cases() -> Iterator[Case]:
    path = Path(ROOT) / "candle-search" / "cases.json"
    if not ROOT or not path.exists():
        return
    for entry in json.loads(path.read_text()):
        if not entry["auth"] and entry["args"] and entry["method"] in METHODS:
            case = _case(entry)
            if case is not None:
                yield case


def _case(entry: dict[str, Any]) -> Case | None:
    method, query, counts = entry["method"], entry["query"], entry["args"]
    if method == "LoopedPatientsSearch":
        return None
    if method == "PatientCompartmentSearch":
        type_name, query_text, count = (None if each == "null" else each for each in counts)
        return Case(type_name, ("Patient", query), query_text or "", [count])
    if method == "Search":
        path, _, query = query.partition("?")
        parts = [part for part in path.split("/") if part]
        compartment = (parts[0], parts[1]) if len(parts) == 3 else None
        return Case(parts[-1] if parts else None, compartment, query, counts)
    return Case(METHODS[method], None, query, counts)


def _resources(folder: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(folder.glob("*.json")):
        content = parse_json(path.read_bytes())
        if content["resourceType"] != "Bundle":
            yield content
        elif content["type"] == "transaction":
            yield from (each["resource"] for each in content["entry"] if "id" in each["resource"])


@pytest.fixture(scope="module", autouse=True)
def stored(searcher: Searcher) -> None:
    found = {
        (each["resourceType"], each["id"]): each
        for each in _resources(Path(ROOT) / "candle-search" / "data")
        if each["resourceType"] in ("Patient", "Observation")
    }
    searcher.store(found.values())


@pytest.mark.skipif(not ROOT, reason="FHIRSERVER_TEST_DATA is not set")
@pytest.mark.parametrize(
    "case", [pytest.param(case, id=f"{case.type}?{case.query}") for case in _cases()]
)
def test_case(searcher: Searcher, case: Case) -> None:
    code = case.query.partition("=")[0]
    if code in NOT_OFFERED:
        with pytest.raises(FhirError):
            searcher.page(case.type, case.query)
        return
    page = searcher.page(case.type, case.query, compartment=case.compartment)
    counts = [page.total, len(page.matches) + len(page.includes)][: len(case.counts)]
    if case.query in DIFFERENT:
        assert counts != case.counts, "no difference any more; take it off the list"
    else:
        assert counts == case.counts
