"""What must hold between the answers of a caller who is confined to a patient, and everybody's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from fhirserver.access import Access, AuthContext, Decision, Grant
from fhirserver.config import Settings
from fhirserver.definitions import r4
from fhirserver.interactions import Query, Services
from fhirserver.interactions.request_url import parse_pairs
from fhirserver.interactions.search_type import search_type
from fhirserver.store.database import Database, now_us
from tests.client import Client
from tests.search.relations.test_relations import SEARCHES, SORTS, keys, matches

AUTH = AuthContext("Patient/confined", "app", "request-1")


@dataclass(frozen=True)
class Confined:
    """The caller: what it is confined to, and how it searches the same database."""

    patient: str
    services: Services

    def bundle(self, type_: str, text: str) -> Any:
        """Search once."""
        found = search_type(self.services, AUTH, type_, Query(tuple(parse_pairs(text))))
        assert found.body is not None
        return json.loads(found.body)

    def all(self, type_: str, text: str) -> list[str]:
        """Search, and turn every page."""
        found: list[str] = []
        following: str | None = text
        while following is not None:
            bundle = self.bundle(type_, following)
            found += keys([each["resource"] for each in bundle.get("entry", [])])
            links = {link["relation"]: link["url"] for link in bundle["link"]}
            following = links["next"].partition("?")[2] if "next" in links else None
        return found


@pytest.fixture(scope="module")
def confined(filled: Client, server_database_url: str) -> Iterator[Confined]:
    """A caller who may see one of the clinic's patients."""
    patient = matches(filled, "Patient?_has:Observation:patient:status=final")[0].partition("/")[2]

    def only(_auth: AuthContext, _access: Access) -> Decision:
        return Decision(
            allowed=True, reason="the patient's own record", grants=(Grant((patient,)),)
        )

    database = Database(server_database_url)
    yield Confined(patient, Services(r4(), database, Settings(), only, now_us, b"k" * 32))
    database.close()


@pytest.mark.parametrize(("type_", "text"), SEARCHES)
def test_a_confined_caller_finds_what_lies_in_the_compartment(
    filled: Client, confined: Confined, type_: str, text: str
) -> None:
    """Also page by page, and totals count nothing else."""
    everything = set(matches(filled, f"{type_}?{text}"))
    inside = set(matches(filled, f"Patient/{confined.patient}/{type_}?"))
    if type_ == "Patient":
        inside = {f"Patient/{confined.patient}"}
    wanted = everything & inside
    assert len(wanted) < len(everything)
    whole = confined.all(type_, f"{text}&_count=1000")
    assert sorted(whole) == sorted(wanted)
    assert confined.all(type_, f"{text}&_count={max(1, len(whole) // 5)}") == whole
    for counted in ("_summary=count", "_count=0", "_count=1&_total=accurate"):
        assert confined.bundle(type_, f"{text}&{counted}")["total"] == len(wanted)


@pytest.mark.parametrize(
    ("type_", "sort"), [(type_, sort) for type_, sorts in SORTS.items() for sort in sorts]
)
def test_its_order_is_everybody_s(
    filled: Client, confined: Confined, type_: str, sort: str
) -> None:
    """What it sees stands in the order in which it stands among everything, page by page too."""
    whole = confined.all(type_, f"_sort={sort}&_count=1000")
    among = [each for each in matches(filled, f"{type_}?_sort={sort}") if each in set(whole)]
    assert whole == among
    assert confined.all(type_, f"_sort={sort}&_count={max(1, len(whole) // 4)}") == whole
