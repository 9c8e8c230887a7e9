"""What must hold between the answers to related searches, whatever the data are."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.client import FHIR_JSON, Client

UCUM = "http://unitsofmeasure.org"
FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": FHIR_JSON}

SEARCHES = [
    pytest.param("Patient", "name:contains=a", id="string"),
    pytest.param("Patient", "_has:Observation:patient:status=final", id="has"),
    pytest.param("Observation", "status=final", id="token"),
    pytest.param("Observation", "status:not=amended", id="not"),
    pytest.param("Observation", "date=ge2015", id="date"),
    pytest.param("Observation", "value-quantity=gt50", id="quantity"),
    pytest.param("Observation", "subject:Patient.gender=female", id="chain"),
    pytest.param("Observation", "patient.gender=male,female", id="or"),
    pytest.param("Observation", "code:text=b&status=final", id="and"),
    pytest.param("Observation", "combo-code-value-quantity=http://loinc.org|8867-4$gt1", id="pair"),
    pytest.param("Condition", "clinical-status:missing=false", id="missing"),
    pytest.param("Encounter", "date=lt2030&_profile:missing=true", id="period"),
]
SORTS = {
    "Patient": ("family", "-birthdate,_id", "gender,-family", "death-date", "-_lastUpdated"),
    "Observation": ("date", "-date", "code,-date", "-value-quantity", "patient,value-string"),
    "Condition": ("-onset-date", "recorded-date,code", "abatement-date"),
    "Encounter": ("date", "-type", "length,-date"),
}


def keys(found: list[Any]) -> list[str]:
    return [f"{each['resourceType']}/{each['id']}" for each in found]


def matches(client: Client, query: str) -> list[str]:
    return keys(client.search(f"{query}&_count=1000"))


def bundle_of(client: Client, query: str) -> Any:
    answer = client.get(query)
    assert answer.status == 200, answer.text
    return answer.json


@pytest.mark.parametrize(("type_", "text"), SEARCHES)
def test_pages_totals_and_posts(filled: Client, type_: str, text: str) -> None:
    """Pages joined are the whole; every way to count gives its size; POST finds the same."""
    whole = matches(filled, f"{type_}?{text}")
    assert whole, "a search that finds nothing shows nothing"
    assert len(set(whole)) == len(whole)
    small = max(1, len(whole) // 7)
    assert keys(filled.search(f"{type_}?{text}&_count={small}")) == whole
    for counted in ("_summary=count", "_count=0", "_count=1&_total=accurate"):
        assert bundle_of(filled, f"{type_}?{text}&{counted}")["total"] == len(whole)
    sent = f"{text.replace('|', '%7C')}&_count=1000"
    form = filled.request("POST", f"{type_}/_search", sent.encode(), FORM)
    assert keys([each["resource"] for each in form.json["entry"]]) == whole
    half, rest = sent.rsplit("&", 1)
    mixed = filled.request("POST", f"{type_}/_search?{half}", rest.encode(), FORM)
    assert keys([each["resource"] for each in mixed.json["entry"]]) == whole


@pytest.mark.parametrize(("type_", "text"), SEARCHES)
def test_and_or_not_and_includes(filled: Client, type_: str, text: str) -> None:
    """AND keeps what both find, OR and :missing divide what there is, includes match nothing."""
    whole = set(matches(filled, f"{type_}?{text}"))
    everything = set(matches(filled, f"{type_}?"))
    assert whole <= everything
    for other in ("_lastUpdated=gt2000", "_id:not=x", "_tag:missing=true", "_id=x"):
        both = set(matches(filled, f"{type_}?{text}&{other}"))
        assert both == whole & set(matches(filled, f"{type_}?{other}"))
    for name, value in _alternatives(text):
        more = text.replace(f"{name}={value}", f"{name}={value},{value}")
        assert set(matches(filled, f"{type_}?{more}")) == whole
    included = f"{type_}?{text}&_include=*&_revinclude:iterate=Provenance:target"
    assert set(matches(filled, included)) == whole


def _alternatives(text: str) -> Iterator[tuple[str, str]]:
    for pair in text.split("&"):
        name, _, value = pair.partition("=")
        if not name.endswith(":missing"):
            yield name, value


@pytest.mark.parametrize(
    ("type_", "code", "values"),
    [
        ("Patient", "gender", ("male", "female")),
        ("Observation", "status", ("final", "amended")),
        ("Observation", "category", ("vital-signs", "laboratory")),
        ("Condition", "clinical-status", ("active", "resolved")),
    ],
)
def test_not_is_the_rest(filled: Client, type_: str, code: str, values: tuple[str, ...]) -> None:
    """What has the value and what `:not` finds are all; who has none at all is in the latter."""
    everything = set(matches(filled, f"{type_}?"))
    without = set(matches(filled, f"{type_}?{code}:missing=true"))
    assert without | set(matches(filled, f"{type_}?{code}:missing=false")) == everything
    union: set[str] = set()
    for value in values:
        having = set(matches(filled, f"{type_}?{code}={value}"))
        lacking = set(matches(filled, f"{type_}?{code}:not={value}"))
        assert having | lacking == everything
        assert not having & lacking
        assert without <= lacking
        union |= having
    assert set(matches(filled, f"{type_}?{code}={','.join(values)}")) == union


def test_months_are_within_their_year(filled: Client) -> None:
    """Each month's findings are the year's, and none is in two months."""
    year = set(matches(filled, "Observation?date=2020"))
    found: list[str] = []
    for month in range(1, 13):
        found += matches(filled, f"Observation?date=2020-{month:02}")
    assert len(found) == len(set(found))
    assert set(found) <= year
    before = set(matches(filled, "Observation?date=lt2020"))
    after = set(matches(filled, "Observation?date=gt2020"))
    undated = set(matches(filled, "Observation?date:missing=true"))
    assert year | before | after | undated == set(matches(filled, "Observation?"))


@pytest.mark.parametrize(
    ("type_", "sort"), [(type_, sort) for type_, sorts in SORTS.items() for sort in sorts]
)
def test_sorting_loses_nothing(filled: Client, type_: str, sort: str) -> None:
    """Every order has all matches once, the same every time, whatever the size of a page."""
    everything = matches(filled, f"{type_}?")
    ordered = matches(filled, f"{type_}?_sort={sort}")
    assert sorted(ordered) == sorted(everything)
    small = max(1, len(everything) // 5)
    assert keys(filled.search(f"{type_}?_sort={sort}&_count={small}")) == ordered
    again = matches(filled, f"{type_}?_sort={sort}&_include=*")
    assert again == ordered


@pytest.mark.parametrize("prefixes", [("gt", "le"), ("lt", "ge")])
@pytest.mark.parametrize(
    ("code", "value"), [("value-quantity", "80"), ("date", "2020-06-15T12:00:00.0Z")]
)
def test_points_lie_on_one_side(
    filled: Client, prefixes: tuple[str, str], code: str, value: str
) -> None:
    """A single value is on one side of a limit; what finds it on both covers the limit."""
    present = set(matches(filled, f"Observation?{code}:missing=false"))
    one, other = (set(matches(filled, f"Observation?{code}={each}{value}")) for each in prefixes)
    assert one | other == present
