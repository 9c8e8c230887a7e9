"""Order and pages: joined they are the whole, whatever the order; back is forth reversed.

Spec: https://hl7.org/fhir/R4/search.html#_sort and https://hl7.org/fhir/R4/http.html#paging
"""

from __future__ import annotations

import random
from typing import Any

import pytest

from fhirserver.errors import InvalidSearchError
from fhirserver.search.order import Position
from fhirserver.store.database import Database
from fhirserver.store.search import SearchPage
from tests.search.found.conftest import Searcher, ids_of

PATIENTS = 37
OBSERVATIONS = 211


def _patients(rnd: random.Random) -> list[dict[str, Any]]:
    found = []
    for number in range(PATIENTS):
        patient: dict[str, Any] = {"resourceType": "Patient", "id": f"p{number}"}
        if rnd.random() < 0.7:
            patient["birthDate"] = rnd.choice(["1970", "1970-01", "1970-01-01", "1980", "1990-05"])
        if rnd.random() < 0.8:
            patient["name"] = [
                {"family": rnd.choice("ABCÄb"), "given": rnd.sample("xyzw", 2)}
                for _ in range(rnd.randint(1, 3))
            ]
        if rnd.random() < 0.5:
            patient["gender"] = rnd.choice(["male", "female"])
        found.append(patient)
    return found


def _observations(rnd: random.Random) -> list[dict[str, Any]]:
    found = []
    for number in range(OBSERVATIONS):
        codes = rnd.sample(["a", "b", "c"], rnd.randint(1, 2))
        observation: dict[str, Any] = {
            "resourceType": "Observation",
            "id": f"o{number}",
            "status": rnd.choice(["final", "amended"]),
            "code": {
                "coding": [
                    {"system": system, "code": code}
                    for code in codes
                    for system in rnd.sample(["http://s", "http://t"], rnd.randint(1, 2))
                ]
            },
            "subject": {"reference": f"Patient/p{rnd.randrange(3)}"},
        }
        if rnd.random() < 0.8:
            observation["effectiveDateTime"] = f"2020-0{rnd.randint(1, 4)}"
        if rnd.random() < 0.1:
            observation["effectivePeriod"] = {"end": "2020-03"}
            observation.pop("effectiveDateTime", None)
        if rnd.random() < 0.7:
            observation["valueQuantity"] = {"value": rnd.randint(1, 5), "unit": "x"}
        if rnd.random() < 0.3:
            # Members of two compartments, so with two copies of every index row.
            observation["performer"] = [{"reference": f"Patient/p{rnd.randrange(3)}"}]
        if rnd.random() < 0.1:
            # More compartments than rows are copied for.
            observation["performer"] = [{"reference": f"Patient/p{n}"} for n in range(12)]
        found.append(observation)
    return found


@pytest.fixture(scope="module")
def searcher(database: Database) -> Searcher:
    """One that asks after everything was stored."""
    return Searcher(database).with_context(now_us=database.clock() + 3_600_000_000)


@pytest.fixture(scope="module", autouse=True)
def stored(searcher: Searcher) -> None:
    rnd = random.Random(5)
    searcher.store([*_patients(rnd), *_observations(rnd)])


QUERIES = [
    ("Patient", ""),
    ("Patient", "_sort=birthdate"),
    ("Patient", "_sort=-birthdate"),
    ("Patient", "_sort=family"),
    ("Patient", "_sort=-family"),
    ("Patient", "_sort=gender"),
    ("Patient", "_sort=-gender"),
    ("Patient", "_sort=-gender,birthdate,-family"),
    ("Patient", "_sort=gender,-_lastUpdated"),
    ("Patient", "_sort=_lastUpdated"),
    ("Patient", "_sort=-_lastUpdated"),
    ("Patient", "_sort=-_id"),
    ("Patient", "name=a"),
    ("Patient", "name=a,x"),
    ("Patient", "given:contains=x"),
    ("Patient", "name=x&_sort=birthdate"),
    ("Patient", "birthdate=ge1970&_sort=-birthdate"),
    ("Patient", "birthdate=1970"),
    ("Patient", "birthdate=1970,1970-01,ge1980"),
    ("Patient", "birthdate=1970,1970-01,ge1980&_sort=-birthdate"),
    ("Patient", "name=a,ann,b,c&gender=male,female"),
    ("Observation", "value-quantity=gt2,gt3,1"),
    ("Observation", "patient=p1&date=2020-01,2020-01-31,ge2020&_sort=date"),
    ("Observation", "date=2020,2020-02,ge2020-03&_sort=-date"),
    ("Patient", "gender:missing=true"),
    ("Patient", "gender:not=male"),
    ("Patient", "_has:Observation:patient:code=a"),
    ("Observation", ""),
    ("Observation", "code=a"),
    ("Observation", "code=a,b"),
    ("Observation", "code=http://s|a,http://t|a,c&status=final"),
    ("Observation", "code=a&_sort=date"),
    ("Observation", "code=a&_sort=-date"),
    ("Observation", "code=http://s|a&_sort=-date&status=final"),
    ("Observation", "_sort=date"),
    ("Observation", "_sort=-date"),
    ("Observation", "_sort=code"),
    ("Observation", "_sort=-value-quantity"),
    ("Observation", "_sort=subject,-date"),
    ("Observation", "patient=p1"),
    ("Observation", "patient=p1,p2"),
    ("Observation", "patient=p1&code=a"),
    ("Observation", "patient=p1&code=http://s|a&_sort=-date"),
    ("Observation", "patient=p1&code=a,b&_sort=date"),
    ("Observation", "patient=p1&_sort=-date"),
    ("Observation", "patient=p1&_sort=date"),
    ("Observation", "patient=p1,p2&_sort=date"),
    ("Observation", "patient=p1&date=ge2020-02&date=lt2020-04"),
    ("Observation", "patient=p1&date=ge2020-02&_sort=-date"),
    ("Observation", "performer=Patient/p1&code:not=a"),
    ("Observation", "performer=Patient/p5"),
    ("Observation", "performer=Patient/p5&code=a&_sort=-date"),
    ("Observation", "patient=p1&_sort=value-quantity"),
    ("Observation", "patient=p1&_sort=-_lastUpdated"),
    ("Observation", "date=2020-02"),
    ("Observation", "value-quantity=gt2"),
    ("Observation", "patient.family=a"),
    ("Observation", "patient.family=a&code=a&_sort=-date"),
]


@pytest.mark.parametrize(("type_name", "query"), QUERIES)
def test_pages_joined_are_the_whole(searcher: Searcher, type_name: str, query: str) -> None:
    whole = searcher.page(type_name, f"{query}&_total=accurate")
    ids = [match.id for match in whole.matches]
    assert ids
    assert len(set(ids)) == len(ids) == whole.total
    for size in (1, 7):
        pages = searcher.pages(type_name, f"{query}&_count={size}")
        assert ids_of(pages) == ids, size
        assert all(len(page.matches) == size for page in pages[:-1])


@pytest.mark.parametrize(("type_name", "query"), QUERIES)
def test_the_way_back_is_the_way_there(searcher: Searcher, type_name: str, query: str) -> None:
    query = f"{query}&_count=7"
    there = searcher.pages(type_name, query)
    back: list[SearchPage] = [there[-1]]
    while back[-1].previous is not None:
        back.append(searcher.page(type_name, query, position=back[-1].previous))
        assert back[-1].next is not None
    assert [page.matches for page in reversed(back)] == [page.matches for page in there]


@pytest.mark.parametrize(("type_name", "query"), QUERIES)
def test_the_last_page_is_the_end_of_the_whole(
    searcher: Searcher, type_name: str, query: str
) -> None:
    whole = searcher.ids(type_name, query)
    query = f"{query}&_count=7"
    page = searcher.page(type_name, query)
    assert (page.last is None) == (len(whole) <= 7)
    if page.last is None:
        return
    pages = [searcher.page(type_name, query, position=page.last)]
    assert pages[0].next is None
    assert pages[0].total == len(whole)
    while pages[0].previous is not None:
        pages.insert(0, searcher.page(type_name, query, position=pages[0].previous))
    assert [len(each.matches) for each in pages[1:]] == [7] * (len(pages) - 1)
    assert ids_of(pages) == whole


def test_without_a_certain_total_there_is_no_last_page(searcher: Searcher) -> None:
    for total in ("none", "estimate"):
        page = searcher.page("Observation", f"_count=7&_total={total}")
        assert page.next is not None
        assert page.last is None


@pytest.mark.parametrize(("type_name", "query"), QUERIES)
def test_order_does_not_change_what_is_found(
    searcher: Searcher, type_name: str, query: str
) -> None:
    plain = "&".join(part for part in query.split("&") if not part.startswith("_sort"))
    assert set(searcher.ids(type_name, query)) == set(searcher.ids(type_name, plain))


def test_equal_keys_keep_one_order(searcher: Searcher) -> None:
    first = searcher.ids("Patient", "_sort=gender")
    assert first == searcher.ids("Patient", "_sort=gender")


@pytest.mark.parametrize("sort", ["birthdate", "-birthdate", "gender", "-gender", "family"])
def test_missing_values_come_last(searcher: Searcher, sort: str) -> None:
    code = sort.removeprefix("-")
    ids = searcher.ids("Patient", f"_sort={sort}")
    missing = set(searcher.ids("Patient", f"{code}:missing=true"))
    assert missing
    assert set(ids[-len(missing) :]) == missing


PLACELESS = [
    ("Condition", "code", "code:text=word", {"code": {"text": "Words"}}),
    ("Condition", "-code", "code:text=word", {"code": {"coding": [{"display": "Words"}]}}),
    ("Encounter", "date", "date=lt2020", {"period": {"end": "2019"}}),
    ("Encounter", "-date", "date=lt2020", {"period": {"end": "2019"}}),
    ("Encounter", "date,status", "date=lt2020", {"period": {"end": "2019"}}),
    ("Encounter", "-date,status", "date=lt2020", {"period": {"end": "2019"}}),
    ("Person", "name", "name:missing=false", {"name": [{"use": "official"}]}),
    ("Person", "-name", "name:missing=false", {"name": [{"use": "official"}]}),
]
PLACED = {
    "Condition": {"code": {"coding": [{"code": "c"}], "text": "Words"}},
    "Encounter": {"period": {"start": "2018", "end": "2019"}},
    "Person": {"name": [{"family": "Eve"}]},
}


@pytest.mark.parametrize(("type_name", "sort", "criterion", "content"), PLACELESS)
@pytest.mark.parametrize("beside", ["{}", "_tag=http://t|a", "_id=x1,x2,x3", "{}&_tag=http://t|a"])
def test_a_value_without_a_place_in_the_order_comes_last(
    searcher: Searcher, type_name: str, sort: str, criterion: str, content: Any, beside: str
) -> None:
    """Neither lost nor first: a concept without codes, an open beginning, a name without parts."""
    base = {"resourceType": type_name, "meta": {"tag": [{"system": "http://t", "code": "a"}]}}
    placed = PLACED[type_name]
    searcher.store([{**base, "id": "x1", **content}, {**base, "id": "x2", **placed}])
    found = searcher.ids(type_name, f"{beside.format(criterion)}&_sort={sort}")
    assert found == ["x2", "x1"]


def test_dates_sort_by_their_beginning(searcher: Searcher) -> None:
    page = searcher.page("Patient", "_sort=birthdate&birthdate:missing=false")
    bodies = [match.body or b"" for match in page.matches]
    days = [body.split(b'"birthDate":"')[1][:10].split(b'"')[0].decode() for body in bodies]
    assert [day[:4] for day in days] == sorted(day[:4] for day in days)


def test_the_latest_first_among_a_token_s_rows(searcher: Searcher) -> None:
    ids = searcher.ids("Observation", "code=http://s|a&_sort=-date")
    undated = set(searcher.ids("Observation", "code=http://s|a&date:missing=true"))
    assert undated
    # An open beginning sorts like no date at all.
    opened = set(searcher.ids("Observation", "code=http://s|a&date=lt1900"))
    assert set(ids[-len(undated | opened) :]) == undated | opened


def test_a_change_behind_the_reader_repeats_nothing(searcher: Searcher) -> None:
    """Pages in the order of _lastUpdated end at the first page's instant."""
    before = searcher.with_context(now_us=searcher.database.clock())
    pages = [before.page("Patient", "_sort=_lastUpdated&_count=10")]
    seen = {match.id for match in pages[0].matches}
    searcher.store([{"resourceType": "Patient", "id": next(iter(seen)), "active": True}])
    while pages[-1].next is not None:
        pages.append(
            before.page("Patient", "_sort=_lastUpdated&_count=10", position=pages[-1].next)
        )
    assert len(ids_of(pages)) == len(set(ids_of(pages))) == PATIENTS


def test_a_position_of_another_search_is_refused(searcher: Searcher) -> None:
    with pytest.raises(InvalidSearchError, match="another search"):
        searcher.page("Patient", "", position=Position(values=("a", 1, 2)))
