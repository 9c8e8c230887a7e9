"""Composite parameters and `near`: what is found, and what must not be.

Spec: https://hl7.org/fhir/R4/search.html#composite and https://hl7.org/fhir/R4/location.html#search
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from _pytest.mark import ParameterSet

from tests.search.found.conftest import BASE, Searcher

UCUM = "http://unitsofmeasure.org"
Json = dict[str, Any]


def concept(code: str, system: str = "http://a") -> Json:
    return {"coding": [{"system": system, "code": code}]}


def grams(value: float | str) -> Json:
    return {"valueQuantity": {"value": Decimal(str(value)), "system": UCUM, "code": "g"}}


def part(code: str, **value: Any) -> Json:
    return {"code": concept(code), **value}


def measured(*components: Json) -> Json:
    return {"resourceType": "Observation", "component": list(components)}


def observed(code: str, **value: Any) -> Json:
    return {"resourceType": "Observation", **part(code, **value)}


def related(target: str, code: str) -> Json:
    relation = {"code": code, "target": {"reference": target}}
    other = {"code": "signs", "target": {"reference": "DocumentReference/other"}}
    return {"resourceType": "DocumentReference", "relatesTo": [relation, other]}


def sequenced(chromosome: str, *variants: tuple[int, int]) -> Json:
    return {
        "resourceType": "MolecularSequence",
        "referenceSeq": {"chromosome": concept(chromosome), "windowStart": 10, "windowEnd": 90},
        "variant": [{"start": start, "end": end} for start, end in variants],
    }


def grouped(code: str, **value: Any) -> Json:
    return {"resourceType": "Group", "characteristic": [part(code, **value)]}


def at(latitude: str, longitude: str) -> Json:
    place = {"latitude": Decimal(latitude), "longitude": Decimal(longitude)}
    return {"resourceType": "Location", "position": place}


def case(name: str, query: str, hit: Json, *misses: Json) -> ParameterSet:
    return pytest.param(query, hit, misses, id=name)


COMPOSITES = [
    case(
        "all-parts-of-one-component",
        f"component-code-value-quantity=http://a|m1$gt5|{UCUM}|g",
        measured(part("m1", **grams(6)), part("m2", **grams(1))),
        measured(part("m1", **grams(1)), part("m2", **grams(6))),
        observed("m1", **grams(6)),
    ),
    case(
        "component-or-resource",
        "combo-code-value-quantity=n1$6",
        measured(part("n1", **grams(6))),
        measured(part("n1", **grams(7))),
        {**measured(part("n2", **grams(6))), "code": concept("n1")},
    ),
    case(
        "resource-or-component",
        "combo-code-value-concept=o1$yes",
        observed("o1", valueCodeableConcept=concept("yes")),
        observed("o1", valueCodeableConcept=concept("no")),
    ),
    case(
        "other-unit",
        f"code-value-quantity=p1$gt5900|{UCUM}|mg",
        observed("p1", **grams(6)),
        observed("p1", **grams("5.9")),
    ),
    case(
        "stored-comparator",
        f"code-value-quantity=q1$ge7|{UCUM}|g",
        observed("q1", valueQuantity={**grams(6)["valueQuantity"], "comparator": ">"}),
        observed("q1", **grams(6)),
    ),
    case(
        "any-system",
        "code-value-concept=r1$yes",
        observed("r1", valueCodeableConcept=concept("yes", "http://b")),
        observed("r1", valueCodeableConcept=concept("no")),
    ),
    case(
        "any-code-of-a-system",
        "code-value-concept=http://a|$http://s|yes",
        observed("s1", valueCodeableConcept=concept("yes", "http://s")),
        observed("s1", valueCodeableConcept=concept("no", "http://s")),
    ),
    case(
        "date-with-prefix",
        "code-value-date=t1$ge2013-03",
        observed("t1", valueDateTime="2013-03-14"),
        observed("t1", valueDateTime="2013-02-14"),
        observed("t1", valuePeriod={"end": "2013-02"}),
    ),
    case(
        "string-ignores-case-and-accents",
        "code-value-string=u1$eve",
        observed("u1", valueString="Ève Smith"),
        observed("u1", valueString="Steve"),
    ),
    case(
        "alternatives",
        "code-value-string=v1$one,v2$two",
        observed("v2", valueString="two"),
        observed("v2", valueString="one"),
        observed("v1", valueString="two"),
    ),
    case(
        "alternatives-of-the-first-part",
        "code-value-string=w1,w2$two",
        observed("w1", valueString="two"),
        observed("w1", valueString="one"),
    ),
    case(
        "both-of-two",
        "component-code-value-concept=x1$yes&component-code-value-concept=x2$no",
        measured(
            part("x1", valueCodeableConcept=concept("yes")),
            part("x2", valueCodeableConcept=concept("no")),
        ),
        measured(part("x1", valueCodeableConcept=concept("yes"))),
    ),
    case(
        "escaped-dollar",
        r"code-value-string=a\$b$c\,d",
        observed("a$b", valueString="c,d"),
        observed("a", valueString="b$c,d"),
    ),
    case(
        "reference-and-code",
        "relationship=DocumentReference/y1$replaces",
        related("DocumentReference/y1", "replaces"),
        related("DocumentReference/y2", "replaces"),
        related("DocumentReference/y1", "appends"),
    ),
    case(
        "id-and-code",
        "relationship=y3$replaces",
        related(f"{BASE}/DocumentReference/y3", "replaces"),
        related("http://there/DocumentReference/y3", "replaces"),
    ),
    case(
        "external-reference-and-code",
        "relationship=urn:oid:1.2.3$replaces",
        related("urn:oid:1.2.3", "replaces"),
        related("urn:oid:1.2.4", "replaces"),
    ),
    case(
        "three-parts-one-from-the-resource",
        "chromosome-variant-coordinate=X$gt30$lt50",
        sequenced("X", (1, 2), (35, 45)),
        sequenced("Y", (35, 45)),
        sequenced("X", (1, 45), (35, 60)),
    ),
    case(
        "three-parts",
        "chromosome-window-coordinate=Z$10$90",
        sequenced("Z"),
        sequenced("Q"),
    ),
    case(
        "boolean",
        "characteristic-value=z1$true",
        grouped("z1", valueBoolean=True),
        grouped("z1", valueBoolean=False),
        grouped("z2", valueBoolean=True),
    ),
    case(
        "missing",
        "characteristic-value:missing=true",
        {"resourceType": "Group", "characteristic": [{"code": concept("z3")}]},
        grouped("z3", valueBoolean=True),
    ),
]

NEAR = [
    # A degree of latitude is 111.2 km.
    case("by-default-within-10-km", "near=10|10", at("10.089", "10"), at("10.091", "10")),
    case("kilometres-unless-said", "near=20|20|5", at("20.044", "20"), at("20.046", "20")),
    case("metres", "near=30|30|500|m", at("30.0044", "30"), at("30.0046", "30")),
    case("miles", "near=40|40|10|[mi_us]", at("40.144", "40"), at("40.146", "40")),
    case("a-circle-and-no-box", "near=50|50|10|km", at("50.089", "50"), at("50.07", "50.11")),
    case("across-the-180th-meridian", "near=0|179.95|12", at("0", "-179.95"), at("0", "-179.9")),
    case("and-back", "near=5|-179.95|12", at("5", "179.95"), at("5", "179.9")),
    case("at-the-pole", "near=89.95|0|20", at("89.9", "180"), at("89.85", "180")),
    case("exactly-there", "near=-60.5|-70.25|0|m", at("-60.5", "-70.25"), at("-60.5", "-70.26")),
    case("one-of-two", "near=-10|-10|1,-20|-20|1", at("-20", "-20"), at("-30", "-30")),
]

CASES = [*COMPOSITES, *NEAR]


def type_of(parameters: ParameterSet) -> str:
    _, hit, _ = parameters.values
    assert isinstance(hit, dict)
    return str(hit["resourceType"])


@pytest.fixture(scope="module", autouse=True)
def stored(searcher: Searcher) -> None:
    """Everything at once, all of it about one patient where the type allows."""
    resources = []
    for number, parameters in enumerate(CASES):
        _, hit, misses = parameters.values
        assert isinstance(misses, tuple)
        for place, content in enumerate((hit, *misses)):
            assert isinstance(content, dict)
            about = {"subject": {"reference": "Patient/eve"}}
            whose = about if content["resourceType"] == "Observation" else {}
            resources.append({"id": f"c{number}-{place}", **content, **whose})
    eve = {"resourceType": "Patient", "id": "eve"}
    searcher.store([eve, {"resourceType": "Patient", "id": "adam"}, *resources])


@pytest.mark.parametrize(
    ("number", "type_name", "query", "misses"),
    [
        pytest.param(number, type_of(each), each.values[0], each.values[2], id=each.id)
        for number, each in enumerate(CASES)
    ],
)
def test_found_and_not_found(
    searcher: Searcher, number: int, type_name: str, query: str, misses: tuple[Json, ...]
) -> None:
    """Whatever the search begins with, and in whatever order."""
    hit, missed = f"c{number}-0", {f"c{number}-{place + 1}" for place in range(len(misses))}
    within = ["patient=eve", "patient=eve&_sort=-date"] if type_name == "Observation" else []
    for more in ("", "_sort=_id", "_sort=-_lastUpdated", f"_id={hit},{','.join(missed)}", *within):
        found = searcher.ids(type_name, f"{query}&{more}")
        assert len(found) == len(set(found)), more
        assert hit in found, more
        assert not missed & set(found), more


@pytest.mark.parametrize(
    ("type_name", "query", "expected"),
    [
        ("Patient", "_has:Observation:patient:component-code-value-quantity=m1$6", {"eve"}),
        ("Patient", "_has:Observation:patient:component-code-value-quantity=m2$7", set()),
        ("Observation", "patient=adam&code-value-quantity=p1$6", set()),
    ],
)
def test_beyond_one_resource(
    searcher: Searcher, type_name: str, query: str, expected: set[str]
) -> None:
    assert set(searcher.ids(type_name, query)) == expected


def test_a_chain_ends_in_a_composite(searcher: Searcher) -> None:
    report = {"resourceType": "DiagnosticReport", "id": "report"}
    number = next(place for place, each in enumerate(CASES) if each.id == "other-unit")
    results = [{"reference": f"Observation/c{number}-0"}]
    searcher.store([{**report, "result": results}])
    assert searcher.ids("DiagnosticReport", "result.code-value-quantity=p1$6") == ["report"]
    assert searcher.ids("DiagnosticReport", "result.code-value-quantity=p1$7") == []


@pytest.mark.parametrize("query", ["code-value-quantity", "combo-code-value-quantity"])
def test_pages_hold_each_resource_once(searcher: Searcher, query: str) -> None:
    """Several rows of a resource fulfil the criterion, in places far apart."""
    whole = [observed("pg", **grams(value)) for value in range(10, 15)]
    parts = [
        measured(part("pg", **grams(value)), part("pg", **grams(20 - value))) for value in range(5)
    ]
    made = whole if query == "code-value-quantity" else [*whole, *parts]
    searcher.store([{**each, "id": f"pg-{number}"} for number, each in enumerate([*whole, *parts])])
    found: list[str] = []
    position = None
    while True:
        page = searcher.page("Observation", f"{query}=pg$ge1|{UCUM}|g&_count=2", position=position)
        assert page.total in (None, len(made))
        found += [match.id for match in page.matches]
        position = page.next
        if position is None:
            break
    assert sorted(found) == sorted(f"pg-{number}" for number in range(len(made)))


def test_an_update_and_a_delete_take_their_pairs_away(searcher: Searcher) -> None:
    searcher.store([{**observed("gone", **grams(1)), "id": "gone"}])
    assert searcher.ids("Observation", "code-value-quantity=gone$1") == ["gone"]
    searcher.store([{**observed("gone", **grams(2)), "id": "gone"}])
    assert searcher.ids("Observation", "code-value-quantity=gone$1") == []
    assert searcher.ids("Observation", "code-value-quantity=gone$2") == ["gone"]
    searcher.delete("Observation", "gone")
    assert searcher.ids("Observation", "code-value-quantity=gone$2") == []
    with searcher.database.search_connection() as connection:
        left = connection.execute(b"SELECT count(*) FROM composite WHERE code = 'gone'").fetchone()
    assert left == (0,)
