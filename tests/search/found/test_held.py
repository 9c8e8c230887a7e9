"""What a criterion says of a single resource is what the same criterion finds in the index."""

from __future__ import annotations

from typing import Any

import pytest

from fhirserver.definitions import r4
from fhirserver.search.criteria import Given, parse_clause
from fhirserver.search.extract import extract
from fhirserver.search.held import can_be_held, holds
from fhirserver.search.query import Criterion
from tests.search.found.conftest import BASE, Searcher

CODES = ["a", "b", "A", "", "x" * 1200]
SYSTEMS = ["http://held.test/1", "http://held.test/2", None]
LONG = "http://held.test/" + "u" * 1100


def coding(system: str | None, code: str) -> dict[str, str]:
    made = {"system": system, "code": code}
    return {name: value for name, value in made.items() if value}


def observation(number: int, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Observation", "id": f"held-{number}", "status": "final", **more}


RESOURCES: list[dict[str, Any]] = [
    *(
        observation(10 * row + column, code={"coding": [coding(system, code)], "text": "a"})
        for row, system in enumerate(SYSTEMS)
        for column, code in enumerate(CODES)
        if system or code
    ),
    observation(50, code={"text": "a"}, subject={"reference": "Patient/held"}),
    observation(51, code={"coding": [coding(None, "a"), coding(SYSTEMS[0], "b")]},
                subject={"reference": "Group/held"}),
    observation(52, code={"text": "b"}, subject={"reference": f"{BASE}/Patient/held"}),
    observation(53, code={"text": "b"}, subject={"reference": "http://else.test/Patient/held"}),
    observation(54, code={"text": "b"}, subject={"identifier": {"value": "held"}}),
    observation(55, code={"text": "b"}, subject={"reference": "#p"}, contained=[
        {"resourceType": "Patient", "id": "p"}]),
    observation(56, code={"text": "b"}, subject={"reference": "Patient/held/_history/2"}),
    {"resourceType": "ValueSet", "id": "held-1", "status": "active", "url": LONG},
    {"resourceType": "ValueSet", "id": "held-2", "status": "draft", "url": "http://held.test/u"},
    {"resourceType": "Device", "id": "held-1", "patient": {"reference": "Patient/held"}},
    {"resourceType": "Device", "id": "held-2"},
]  # fmt: skip

CRITERIA = [
    *(("Observation", "code", value) for value in (
        "a", "A", "b", "a,b", "|a", "http://held.test/1|a", "http://held.test/1|",
        "http://held.test/2|b,|a", "x" * 1200, "c", "final",
    )),
    ("Observation", "status", "final"), ("Observation", "status", "amended"),
    ("Observation", "status", "http://hl7.org/fhir/observation-status|final"),
    *(("Observation", name, value) for name in ("subject", "patient", "subject:Patient")
      for value in ("Patient/held", "held", "Group/held", f"{BASE}/Patient/held",
                    "http://else.test/Patient/held", "Patient/none")),
    *(("Observation", f"{name}:missing", value) for name in ("subject", "patient", "code")
      for value in ("true", "false")),
    ("Observation", "_id", "held-1"), ("Observation", "_id", "held-1,held-51,none"),
    ("Observation", "_id:missing", "true"), ("Observation", "_id:missing", "false"),
    ("ValueSet", "url", LONG), ("ValueSet", "url", "http://held.test/u"),
    ("ValueSet", "url", "http://held.test/"),
    ("Device", "patient", "Patient/held"), ("Device", "patient:missing", "true"),
]  # fmt: skip
NOT_HELD = [
    ("Observation", "code:not", "a"), ("Observation", "code:text", "a"),
    ("Observation", "date", "2020"), ("Observation", "subject:identifier", "x"),
    ("Observation", "_lastUpdated", "2020"), ("Observation", "subject.name", "x"),
    ("Observation", "_has:Observation:has-member:code", "x"), ("ValueSet", "url:below", "http://x"),
    ("Observation", "value-string", "x"), ("Observation", "_lastUpdated:missing", "true"),
]  # fmt: skip


def clause_of(searcher: Searcher, type_: str, name: str, value: str) -> Any:
    return parse_clause(Given(name, value), name, (type_,), searcher.context)


@pytest.fixture(scope="module")
def stored(searcher: Searcher) -> Searcher:
    searcher.store(RESOURCES)
    return searcher


@pytest.mark.parametrize(("type_", "name", "value"), CRITERIA)
def test_holding_is_finding(stored: Searcher, type_: str, name: str, value: str) -> None:
    """SEC-E3, SEC-E14: one meaning, whether read by search or judged by itself."""
    criterion = clause_of(stored, type_, name, value)
    assert isinstance(criterion, Criterion)
    assert can_be_held(criterion)
    held = {
        each["id"]
        for each in RESOURCES
        if each["resourceType"] == type_
        and holds(criterion, each["id"], extract(each, definitions=r4(), base_url=BASE))
    }
    found = {each for each in stored.ids(type_, f"{name}={value}") if each.startswith("held-")}
    assert held == found


@pytest.mark.parametrize(("type_", "name", "value"), NOT_HELD)
def test_what_cannot_be_told_of_one_resource(
    searcher: Searcher, type_: str, name: str, value: str
) -> None:
    """SEC-S7: it grants nothing."""
    assert not can_be_held(clause_of(searcher, type_, name, value))
