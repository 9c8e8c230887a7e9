"""Searches of words, Lists and contained resources find what the naive matcher finds.

The same examples come every time, unless FHIRSERVER_ORACLE_EXAMPLES says how many there shall be.
"""

import itertools
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from fhirserver.definitions import r4_with
from fhirserver.search.extract import extract
from fhirserver.search.granted import everything
from fhirserver.search.parse import parse
from fhirserver.search.plan import make_plan
from fhirserver.store.database import Database
from fhirserver.store.search import SearchPage, execute
from fhirserver.store.write import Change, write
from tests.search.oracle import NOW, matches, pools
from tests.search.oracle.resources import resources
from tests.search.oracle.test_agreement import AUDIT, CONTEXT, EXAMPLES, queries
from tests.search.oracle.wholes import (
    contained_matches,
    content,
    has_words,
    narratives,
    searches,
    told,
    written,
)

Json = dict[str, Any]
DEFINITIONS = r4_with("content")
drawing = settings(
    max_examples=int(EXAMPLES or 8),
    derandomize=EXAMPLES is None,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def wordy(database: Database) -> Iterator[Database]:
    """A server that indexes the words of everything, and whose time stands still."""
    with closing(Database(database.url, max_size=2, full_text="content")) as own:
        own.clock = lambda: CONTEXT.now_us
        yield own


def store(database: Database, stored: list[Json]) -> None:
    changes = [
        Change(each["resourceType"], each["id"], "PUT", each,
               extract(each, definitions=DEFINITIONS, base_url=pools.BASE))
        for each in stored
    ]  # fmt: skip
    write(database, changes, AUDIT, integrity="off")


def page(database: Database, type_name: str, query: list[tuple[str, str]]) -> SearchPage:
    context = replace(CONTEXT, definitions=DEFINITIONS)
    plan = make_plan(parse(query, (type_name,), context), context, everything)
    return execute(database, plan, AUDIT)


@drawing
@given(data=st.data())
def test_words_agree(wordy: Database, data: st.DataObject) -> None:
    drawn = data.draw(st.lists(resources("Patient"), min_size=2, max_size=5))
    stored = {}
    for each in drawn:
        identity = f"w{next(_numbers)}"
        stored[identity] = {**each, "id": identity, "text": data.draw(narratives())}
    store(wordy, list(stored.values()))
    among = ("_id", ",".join(sorted(stored)))
    for wanted in data.draw(st.lists(searches(), min_size=3, max_size=6)):
        for name in ("_text", "_content"):
            found = page(wordy, "Patient", [(name, written(wanted)), among]).matches
            for identity, resource in stored.items():
                rest = {
                    k: v for k, v in resource.items() if k not in ("resourceType", "id", "meta")
                }
                text = told(resource) if name == "_text" else " ".join(content(rest))
                expected = bool(text) and has_words(text or "", wanted)
                assert (identity in {each.id for each in found}) is expected, (
                    name,
                    wanted,
                    text[-200:] if text else text,
                )


@drawing
@given(data=st.data())
def test_lists_agree(wordy: Database, data: st.DataObject) -> None:
    ids = [f"l{next(_numbers)}" for _ in range(4)]
    patients = [{"resourceType": "Patient", "id": each} for each in ids]
    drawn = data.draw(st.lists(st.lists(st.sampled_from(ids)), min_size=2, max_size=2))
    lists = [
        {"resourceType": "List", "id": f"l{next(_numbers)}", "status": "current", "mode": "working",
         "entry": [{"item": {"reference": f"Patient/{each}"}} for each in entries]}
        for entries in drawn
    ]  # fmt: skip
    store(wordy, [*patients, *lists])
    one, other = (each["id"] for each in lists)
    for asked, expected in (
        ([("_list", one)], set(drawn[0])),
        ([("_list", f"{one},{other}")], {*drawn[0], *drawn[1]}),
        ([("_list", one), ("_list", other)], {*drawn[0]} & {*drawn[1]}),
    ):
        assert {each.id for each in page(wordy, "Patient", asked).matches} == expected


@pytest.mark.parametrize("type_name", ["Patient", "Observation", "Encounter"])
@drawing
@given(data=st.data())
def test_contained_resources_agree(wordy: Database, type_name: str, data: st.DataObject) -> None:
    number = next(_numbers)
    inside = data.draw(st.lists(resources(type_name), min_size=3, max_size=6))
    for position, each in enumerate(inside):
        each |= {
            "id": f"i{number}-{position}",
            "meta": {**each.get("meta", {}), "lastUpdated": NOW},
        }
    containers = [
        {"resourceType": "Basic", "id": f"b{number}-{place}", "contained": inside[place::2]}
        for place in range(2)
    ]
    outside = {**data.draw(resources(type_name)), "id": f"i{number}-outside"}
    store(wordy, [*containers, outside])
    outside["meta"] = {**outside.get("meta", {}), "lastUpdated": NOW}
    among = ("_id", ",".join([outside["id"], *(each["id"] for each in inside)]))
    for query in data.draw(st.lists(queries(type_name, inside), min_size=4, max_size=6)):
        whole = [*query, among]
        by_container = {
            each["id"]: contained_matches(each, type_name, query) for each in containers
        }
        parts = {each for found in by_container.values() for each in found}
        holders = {each for each, found in by_container.items() if found}
        itself = {outside["id"]} if matches(outside, type_name, query) else set()
        for asked, expected in (
            ([], itself),
            ([("_contained", "true"), ("_containedType", "contained")], parts),
            ([("_contained", "true")], holders),
            ([("_contained", "both"), ("_containedType", "contained")], parts | itself),
            ([("_contained", "both")], holders | itself),
        ):
            answer = page(wordy, type_name, [*whole, *asked])
            assert {each.id for each in answer.matches} == expected, (query, asked, inside)
            assert answer.total == len(expected)
