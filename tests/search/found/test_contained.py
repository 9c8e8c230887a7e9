"""Contained resources against the database: found when asked for, and by chains.

Spec: https://hl7.org/fhir/R4/search.html#contained
"""

from __future__ import annotations

from typing import Any

import pytest

from fhirserver.errors import ForbiddenError
from tests.search.found.conftest import NOW_US, Confine, Searcher, ids_of

DRUGS = "http://example.org/medications"


def resource(type_name: str, id_: str, **content: Any) -> dict[str, Any]:
    return {"resourceType": type_name, "id": id_, **content}


def ref(to: str) -> dict[str, str]:
    return {"reference": to}


def drug(id_: str, code: str, ingredient: str, **content: Any) -> dict[str, Any]:
    concept = {"coding": [{"system": DRUGS, "code": ingredient}]}
    return resource(
        "Medication", id_, code={"coding": [{"system": DRUGS, "code": code}]},
        ingredient=[{"itemCodeableConcept": concept}], **content,
    )  # fmt: skip


def order(id_: str, patient: str, *contained: dict[str, Any], **content: Any) -> dict[str, Any]:
    return resource(
        "MedicationRequest", id_, status="active", intent="order", subject=ref(patient),
        contained=list(contained), **content,
    )  # fmt: skip


def medication(to: str) -> dict[str, Any]:
    return {"medicationReference": ref(to)}


RESOURCES = [
    resource("Organization", "maker", name="Acme"),
    resource("Patient", "p1", name=[{"family": "Eve"}]),
    resource("Patient", "p2", name=[{"family": "Adam"}]),
    drug("plain", "c", "abc"),
    order("r1", "Patient/p1",
          drug("m1", "a", "abc", manufacturer=ref("#o1")),
          resource("Organization", "o1", name="Bitter Pills", partOf=ref("Organization/maker")),
          **medication("#m1")),
    order("r2", "Patient/p2",
          drug("m1", "b", "abc", manufacturer=ref("Organization/maker")),
          drug("m2", "d", "xyz"),
          **medication("#m2"), supportingInformation=[ref("#m1")]),
    order("r3", "Patient/p2", **medication("Medication/plain")),
    resource("Observation", "o1", status="final", code={"text": "x"}, subject=ref("#p"),
             contained=[resource("Patient", "p", name=[{"family": "Inner"}])]),
    resource("Observation", "o2", status="final", code={"text": "x"}, subject=ref("Patient/p1"),
             contained=[resource("Observation", "i", status="amended", code={"text": "y"},
                                 subject=ref("Patient/p2"), focus=[ref("#")])]),
    *(order(f"many{number:02}", "Patient/p1", drug("m", "many", "m", status="active"),
            drug("n", "many", "n"), **medication("#m"), supportingInformation=[ref("#n")])
      for number in range(5)),
]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def stored(searcher: Searcher) -> None:
    searcher.store(RESOURCES)


def names(searcher: Searcher, type_name: str | None, query: str, **options: Any) -> list[str]:
    """Search, and name each match by its container and id."""
    page = searcher.page(type_name, f"{query}&_total=accurate", **options)
    assert page.total == len(page.matches)
    return [
        f"{match.container}#{match.id}" if match.container else f"{match.type}/{match.id}"
        for match in page.matches
    ]


ABC = f"ingredient-code={DRUGS}|abc"
PARTS = "_containedType=contained"
FOUND = [
    ("Medication", ABC, ["Medication/plain"]),
    ("Medication", f"{ABC}&_contained=false", ["Medication/plain"]),
    ("Medication", f"{ABC}&_contained=true", ["MedicationRequest/r1", "MedicationRequest/r2"]),
    ("Medication", f"{ABC}&_contained=true&{PARTS}",
     ["MedicationRequest/r1#m1", "MedicationRequest/r2#m1"]),
    ("Medication", f"{ABC}&_contained=both",
     ["Medication/plain", "MedicationRequest/r1", "MedicationRequest/r2"]),
    ("Medication", f"{ABC}&_contained=both&{PARTS}&_sort=code",
     ["MedicationRequest/r1#m1", "MedicationRequest/r2#m1", "Medication/plain"]),
    ("Medication", f"{ABC}&_contained=both&{PARTS}&_sort=-code",
     ["Medication/plain", "MedicationRequest/r2#m1", "MedicationRequest/r1#m1"]),
    ("Medication", f"_contained=true&{PARTS}&code=a&code=b", []),
    ("Medication", "_contained=true&code=b&ingredient-code=xyz", []),
    ("Medication", "_contained=true&code=b,d", ["MedicationRequest/r2"]),
    ("Medication", f"_contained=true&{PARTS}&code=b,d&_sort=code",
     ["MedicationRequest/r2#m1", "MedicationRequest/r2#m2"]),
    ("Medication", f"_contained=true&{PARTS}&_id=m2", ["MedicationRequest/r2#m2"]),
    ("Medication", f"_contained=true&{PARTS}&_id=plain", []),
    ("Medication", f"_contained=true&{PARTS}&code:not=many&_sort=code",
     ["MedicationRequest/r1#m1", "MedicationRequest/r2#m1", "MedicationRequest/r2#m2"]),
    ("Medication", f"_contained=true&{PARTS}&code:not=many&manufacturer:missing=true",
     ["MedicationRequest/r2#m2"]),
    ("Medication", f"_contained=true&{PARTS}&_filter=code eq a or code eq d&_sort=code",
     ["MedicationRequest/r1#m1", "MedicationRequest/r2#m2"]),
    ("Medication", "_contained=true&manufacturer.name=acme", ["MedicationRequest/r2"]),
    ("Medication", "_contained=true&manufacturer.name=bitter", ["MedicationRequest/r1"]),
    ("Medication", "_contained=true&manufacturer.partof.name=acme", ["MedicationRequest/r1"]),
    ("Medication", f"_contained=true&{PARTS}&_has:MedicationRequest:medication:patient=p2",
     ["MedicationRequest/r2#m2"]),
    ("Medication", "_contained=true&_lastUpdated=gt2100&code=a", []),
    ("Medication", "_contained=true&_lastUpdated=ge2020&code=a", ["MedicationRequest/r1"]),
    ("Organization", f"_contained=true&{PARTS}", ["MedicationRequest/r1#o1"]),
    ("Observation", "_contained=true", ["Observation/o2"]),
    ("Observation", "_contained=both", ["Observation/o1", "Observation/o2"]),
    ("Observation", f"_contained=both&{PARTS}&_sort=status,_id",
     ["Observation/o2#i", "Observation/o1", "Observation/o2"]),
    ("Observation", f"_contained=true&{PARTS}&patient=p2", ["Observation/o2#i"]),
    ("Observation", f"_contained=true&{PARTS}&patient=p1", []),
    ("Observation", "_contained=both&patient=p1", ["Observation/o2"]),
    ("Observation", "_contained=true&focus:Observation.status=final", ["Observation/o2"]),
    (None, f"_type=Organization,Observation&_contained=true&{PARTS}&_sort=_id",
     ["Observation/o2#i", "MedicationRequest/r1#o1"]),
    # chains look into contained resources without being asked to
    ("MedicationRequest", "medication.ingredient-code=xyz", ["MedicationRequest/r2"]),
    ("MedicationRequest", f"medication.{ABC}&_sort=_id",
     ["MedicationRequest/r1", "MedicationRequest/r3"]),
    ("MedicationRequest", "medication.manufacturer.name=bitter", ["MedicationRequest/r1"]),
    ("MedicationRequest", "medication.manufacturer:Organization.partof.name=acme",
     ["MedicationRequest/r1"]),
    ("MedicationRequest", "medication.code:not=many&_sort=_id",
     ["MedicationRequest/r1", "MedicationRequest/r2", "MedicationRequest/r3"]),
    ("MedicationRequest", "medication._id=m2", ["MedicationRequest/r2"]),
    ("MedicationRequest", "medication._lastUpdated=gt2100", []),
    ("MedicationRequest", "medication=Medication/m2", []),
    ("Observation", "subject:Patient.name=inner", ["Observation/o1"]),
    ("Observation", "patient.name=eve", ["Observation/o2"]),
    ("Patient", "name=inner", []),
    ("Patient", "_has:Observation:patient:status=amended", []),
]  # fmt: skip


@pytest.mark.parametrize(
    ("type_name", "query", "expected"),
    [pytest.param(*row, id=f"{row[0]}?{row[1]}") for row in FOUND],
)
def test_found(searcher: Searcher, type_name: str | None, query: str, expected: list[str]) -> None:
    found = names(searcher, type_name, query)
    assert (found if "_sort" in query else sorted(found)) == expected
    pages = searcher.pages(type_name, f"{query}&_count=1")
    assert ids_of(pages) == [match.id for match in searcher.page(type_name, query).matches]
    assert searcher.page(type_name, f"{query}&_summary=count").total == len(expected)


@pytest.mark.parametrize("more", ["", "&_sort=status", "&_sort=-_lastUpdated", "&_sort=-_id,code"])
@pytest.mark.parametrize("parts", [f"&{PARTS}", ""])
def test_pages_hold_every_match_once(searcher: Searcher, more: str, parts: str) -> None:
    query = f"code=many&_contained=true{parts}{more}"
    searcher = searcher.with_context(now_us=2 * NOW_US)  # pages by that order end there
    pages = searcher.pages("Medication", f"{query}&_count=3")
    found = [(match.container, match.type, match.id) for page in pages for match in page.matches]
    assert len(found) == len(set(found)) == (10 if parts else 5)
    assert {page.total for page in pages} == {len(found)}
    last = pages[0].last
    assert last is not None
    back = searcher.page("Medication", f"{query}&_count=3", position=last)
    assert [(each.container, each.type, each.id) for each in back.matches] == found[-3:]


def test_a_contained_resource_stands_by_itself(searcher: Searcher) -> None:
    (match,) = searcher.page("Medication", f"code=d&_contained=true&{PARTS}").matches
    assert (match.container, match.type, match.id) == ("MedicationRequest/r2", "Medication", "m2")
    assert match.body is not None
    assert b"xyz" in match.body
    assert b"abc" not in match.body


def test_what_matches_refer_to_is_included(searcher: Searcher) -> None:
    query = f"{ABC}&_contained=true"
    page = searcher.page("Medication", f"{query}&{PARTS}&_include=Medication:manufacturer")
    assert [each.id for each in page.includes] == ["maker"]
    page = searcher.page("Medication", f"{query}&_include=MedicationRequest:patient")
    assert sorted(each.id for each in page.includes) == ["p1", "p2"]
    page = searcher.page(
        "Medication", f"code=d&_contained=true&{PARTS}&_revinclude=MedicationRequest:medication"
    )
    assert [each.id for each in page.includes] == ["r2"]


def only(*patients: str) -> Confine:
    return lambda _type: patients


@pytest.mark.parametrize("contained", ["true", "both"])
@pytest.mark.parametrize(
    "confine",
    [only("p1"), lambda name: ("p1",) if name == "Basic" else None,
     lambda name: () if name == "Basic" else None],
    ids=["to a patient", "in one type", "by one type refused"],
)  # fmt: skip
def test_who_is_confined_searches_nothing_contained(
    searcher: Searcher, contained: str, confine: Confine
) -> None:
    """SEC-E18."""
    with pytest.raises(ForbiddenError, match="_contained"):
        searcher.page("Medication", f"{ABC}&_contained={contained}", confine=confine)


CONFINED = [
    ("Observation", "subject:Patient.name=inner", only("p1"), []),
    ("MedicationRequest", "medication.ingredient-code=abc", only("p1"), ["MedicationRequest/r1"]),
    ("MedicationRequest", "medication.code:not=many", only("p2"), ["MedicationRequest/r2"]),
]


@pytest.mark.parametrize(
    ("type_name", "query", "confine", "expected"),
    [pytest.param(*row, id=f"{number}-{row[1]}") for number, row in enumerate(CONFINED)],
)
def test_chains_into_what_is_contained_stay_in_reach(
    searcher: Searcher, type_name: str, query: str, confine: Confine, expected: list[str]
) -> None:
    for sort in ("", "&_sort=_id", "&_sort=-_lastUpdated"):
        assert names(searcher, type_name, f"{query}{sort}", confine=confine) == expected


def test_the_compartment_of_a_url_is_that_of_its_own_references(searcher: Searcher) -> None:
    for patient, expected in (("p2", ["Observation/o2#i"]), ("p1", [])):
        found = names(
            searcher, "Observation", f"_contained=true&{PARTS}", compartment=("Patient", patient)
        )
        assert found == expected


def test_what_is_contained_changes_with_its_container(searcher: Searcher) -> None:
    asked = ("Medication", f"_contained=true&{PARTS}&code=w1,w2,w3&_sort=code")
    first, second, third = (drug(f"m{number}", f"w{number}", "w") for number in (1, 2, 3))
    searcher.store([order("w", "Patient/p1", first, second, **medication("#m1"))])
    assert names(searcher, *asked) == ["MedicationRequest/w#m1", "MedicationRequest/w#m2"]
    searcher.store([order("w", "Patient/p2", third, first, **medication("#m3"))])
    assert names(searcher, *asked) == ["MedicationRequest/w#m1", "MedicationRequest/w#m3"]
    assert names(searcher, "MedicationRequest", "medication.code=w3") == ["MedicationRequest/w"]
    assert names(searcher, "MedicationRequest", "medication.code=w1,w2") == []
    searcher.store([resource("MedicationRequest", "w", status="active", intent="order",
                             subject=ref("Patient/p2"))])  # fmt: skip
    assert names(searcher, *asked) == []
    searcher.store([order("w", "Patient/p2", third, **medication("#m3"))])
    searcher.delete("MedicationRequest", "w")
    assert names(searcher, *asked) == []
