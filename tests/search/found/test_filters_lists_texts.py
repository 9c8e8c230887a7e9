"""`_filter`, `_list` and `_text` against the database, and that they tell a caller nothing more.

Spec: https://hl7.org/fhir/R4/search_filter.html, https://hl7.org/fhir/R4/search.html#list and
https://hl7.org/fhir/R4/search.html#content
"""

from __future__ import annotations

from typing import Any

import pytest

from fhirserver.definitions import r4
from fhirserver.errors import ForbiddenError
from tests.search.found.conftest import Confine, Searcher

LOINC = "http://loinc.org"
USES = "http://terminology.hl7.org/CodeSystem/list-example-use-codes"


def resource(type_name: str, id_: str, **content: Any) -> dict[str, Any]:
    return {"resourceType": type_name, "id": id_, **content}


def ref(to: str) -> dict[str, str]:
    return {"reference": to}


def narrative(xhtml: str) -> dict[str, str]:
    div = f'<div xmlns="http://www.w3.org/1999/xhtml">{xhtml}</div>'
    return {"status": "generated", "div": div}


def kept(id_: str, patient: str, code: str, *items: str, status: str = "current") -> dict[str, Any]:
    system, _, code = code.rpartition("|")
    return resource(
        "List", id_, status=status, mode="working", subject=ref(patient),
        code={"coding": [{"system": system, "code": code}]},
        entry=[{"item": ref(each)} for each in items],
    )  # fmt: skip


def allergy(id_: str, patient: str, category: str) -> dict[str, Any]:
    return resource("AllergyIntolerance", id_, patient=ref(patient), category=[category])


RESOURCES = [
    resource("Organization", "org", name="Acme", text=narrative("<p>Acme makes anvils</p>")),
    resource(
        "Patient", "p1", gender="male", managingOrganization=ref("Organization/org"),
        name=[{"family": "Peters"}],
        text=narrative(
            "<p>Ève <b>Pe</b>ters</p><table><tr><td>bone</td><td>marrow</td></tr></table>"
            '<!-- secret > --><img alt="picture" src="#a"/> 5 &lt; 7 &amp; Smith-Jones'
        ),
    ),
    resource(
        "Patient", "p2", gender="female", name=[{"family": "Quinn"}, {"family": "Adams"}],
        text=narrative("<p>liver " + "filler " * 20_000 + " last words</p>"),
    ),
    resource("Patient", "p3", name=[{"family": "Peters"}]),
    resource(
        "Observation", "o1", status="final", subject=ref("Patient/p1"),
        code={"coding": [{"system": LOINC, "code": "1-1"}, {"code": "b"}]},
        text=narrative("bone and metastases"),
    ),
    resource(
        "Observation", "o2", status="amended", subject=ref("Patient/p2"),
        code={"coding": [{"system": LOINC, "code": "1-1"}]}, text=narrative("liver metastases"),
    ),
    allergy("nuts", "Patient/p1", "food"),
    allergy("pen", "Patient/p1", "medication"),
    allergy("old", "Patient/p1", "medication"),
    allergy("dust", "Patient/p2", "environment"),
    kept("l1", "Patient/p1", f"{USES}|allergies", "AllergyIntolerance/nuts",
         "AllergyIntolerance/pen", "Patient/p1", "Patient/p2", "Observation/o2"),
    kept("l2", "Patient/p1", f"{LOINC}|48765-2", "AllergyIntolerance/old", status="retired"),
    kept("l3", "Patient/p2", f"{LOINC}|48765-2", "AllergyIntolerance/dust"),
]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def stored(searcher: Searcher) -> None:
    searcher.store(RESOURCES)


def only(*patients: str) -> Confine:
    return lambda _type: patients


FOUND = [
    ("Patient", "_filter=name sw peters and gender eq male", {"p1"}),
    ("Patient", "_filter=name eq peter", set[str]()),
    ("Patient", "_filter=name ne quinn", {"p1", "p2", "p3"}),
    ("Patient", "_filter=not (name eq quinn)", {"p1", "p3"}),
    ("Patient", "_filter=name eq quinn or gender eq male", {"p1", "p2"}),
    ("Patient", "_filter=name eq quinn or name eq peters and gender eq male", {"p1"}),
    ("Patient", "_filter=gender pr false", {"p3"}),
    ("Patient", "_filter=organization.name co cm", {"p1"}),
    ("Patient", "_filter=organization.name pr false", {"p2", "p3"}),
    ("Observation", "_filter=code ne b", {"o1", "o2"}),
    ("Observation", "_filter=subject[gender eq male].name ew ters", {"o1"}),
    ("Observation", "_filter=subject[gender eq female].name ew ters", set[str]()),
    ("Observation", "_filter=subject re Patient/p2 and code eq loinc|1-1", {"o2"}),
    ("Observation", "_filter=subject re p1 or subject re p2", {"o1", "o2"}),
    ("Observation", "_filter=subject re p1 or subject re p3", {"o1"}),
    ("Observation", "_filter=subject:Patient.name gt peters", {"o2"}),
    ("Observation", "_filter=code eq b&_filter=status eq amended", set[str]()),
    ("Observation", "_filter=_text eq \"liver metastases\"", {"o2"}),
    (None, "_type=Patient,Observation&_filter=_id eq o1 or _id eq p1", {"o1", "p1"}),
    ("AllergyIntolerance", "_list=l1", {"nuts", "pen"}),
    ("AllergyIntolerance", "_list=l1,l2", {"nuts", "pen", "old"}),
    ("AllergyIntolerance", "_list=l1&category=food", {"nuts"}),
    ("AllergyIntolerance", "_list=l1&_list=l2", set[str]()),
    ("AllergyIntolerance", "_list=nothing", set[str]()),
    ("Patient", "_list=l1", {"p1", "p2"}),
    (None, "_type=Patient,Observation&_list=l1", {"p1", "p2", "o2"}),
    ("AllergyIntolerance", "patient=p1&_list=$current-allergies", {"nuts", "pen"}),
    ("AllergyIntolerance", "patient=p1&_list=$current-drug-allergies", {"pen"}),
    ("AllergyIntolerance", "patient=p2&_list=$current-allergies", {"dust"}),
    ("AllergyIntolerance", "patient=p1&_list=$current-problems", set[str]()),
    ("Patient", "_text=bone", {"p1"}),
    ("Patient", "_text=BONE marrow", {"p1"}),
    ("Patient", "_text=marrow bone", {"p1"}),
    ("Patient", '_text="bone marrow"', {"p1"}),
    ("Patient", '_text="marrow bone"', set[str]()),
    ("Patient", "_text=bone OR liver", {"p1", "p2"}),
    ("Patient", "_text=(bone or liver) and not eve", {"p2"}),
    ("Patient", "_text=bone,liver", {"p1", "p2"}),
    ("Patient", "_text=eve peters", {"p1"}),
    ("Patient", "_text=bon", set[str]()),
    ("Patient", "_text=bonemarrow", set[str]()),
    ("Patient", "_text=secret or picture or table or lt or amp", set[str]()),
    ("Patient", "_text=smith-jones", {"p1"}),
    ("Patient", "_text=jones-smith", set[str]()),
    ("Patient", '_text="last words"', {"p2"}),
    ("Patient", '_text="filler last"', {"p2"}),
    ("Patient", "_text=metastases", set[str]()),
    ("Patient", "_text:missing=true", {"p3"}),
    ("Patient", "_text:missing=false&gender=male", {"p1"}),
    ("Observation", "_text=metastases&_sort=status", {"o1", "o2"}),
    ("Observation", "patient=p1&_text=metastases", {"o1"}),
    ("Observation", "patient._text=bone", {"o1"}),
    ("Patient", "_has:Observation:patient:_text=liver", {"p2"}),
    (None, "_type=Patient,Observation&_text=liver", {"p2", "o2"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("type_name", "query", "ids"),
    [pytest.param(*row, id=f"{row[0]}?{row[1]}") for row in FOUND],
)
def test_found(searcher: Searcher, type_name: str | None, query: str, ids: set[str]) -> None:
    page = searcher.page(type_name, f"{query}&_total=accurate")
    assert {match.id for match in page.matches} == ids
    assert page.total == len(ids)
    small = searcher.pages(type_name, f"{query}&_count=1")
    assert [match.id for each in small for match in each.matches] == [
        match.id for match in page.matches
    ]


CONFINED = [
    ("Patient", "_filter=name ne nobody", ("p2",), {"p2"}),
    ("Observation", "_filter=code eq b or status eq amended", ("p1",), {"o1"}),
    ("Observation", "_filter=subject re Patient/p1 or subject re Patient/p2", ("p2",), {"o2"}),
    ("Patient", "_filter=organization.name eq acme", ("p1",), set[str]()),
    ("Patient", "_filter=organization.name pr false", ("p1",), {"p1"}),
    ("AllergyIntolerance", "_list=l1", ("p1",), {"nuts", "pen"}),
    ("AllergyIntolerance", "_list=l3", ("p1",), set[str]()),
    ("Patient", "_list=l1", ("p1",), {"p1"}),
    ("Patient", "_list=l1", ("p2",), set[str]()),
    ("Observation", "_list=l1", ("p2",), set[str]()),
    ("AllergyIntolerance", "patient=p2&_list=$current-allergies", ("p1",), set[str]()),
    ("AllergyIntolerance", "patient=p1&_list=$current-allergies", ("p1",), {"nuts", "pen"}),
    ("Patient", "_text=bone or liver", ("p2",), {"p2"}),
    ("Patient", "_text=not nothing", ("p2",), {"p2"}),
    ("Patient", "_text=bone or liver", ("p1", "p2"), {"p1", "p2"}),
    ("Patient", "_has:Observation:patient:_text=liver", ("p1",), set[str]()),
]


@pytest.mark.parametrize(
    ("type_name", "query", "patients", "ids"),
    [pytest.param(*row, id=f"{row[1]}-{row[2]}") for row in CONFINED],
)
def test_a_confined_caller_learns_nothing_more(
    searcher: Searcher, type_name: str, query: str, patients: tuple[str, ...], ids: set[str]
) -> None:
    for sort in ("", "&_sort=_id", "&_sort=-_lastUpdated"):
        page = searcher.page(type_name, f"{query}&_total=accurate{sort}", confine=only(*patients))
        assert {match.id for match in page.matches} == ids
        assert page.total == len(ids)


def test_a_list_that_the_caller_may_not_see_lists_nothing(searcher: Searcher) -> None:
    grants: dict[str, tuple[str, ...] | None] = {"AllergyIntolerance": None, "Patient": None}
    others = grants | {"List": ("nobody",)}
    for asked in ("_list=l1", "patient=p1&_list=$current-allergies"):
        with pytest.raises(ForbiddenError, match="looks into List"):
            searcher.ids("AllergyIntolerance", asked, confine=lambda name: grants.get(name, ()))
        ids = searcher.ids("AllergyIntolerance", asked, confine=lambda name: others.get(name, ()))
        assert ids == []


def test_functional_lists_of_a_compartment(searcher: Searcher) -> None:
    found = searcher.ids(
        "AllergyIntolerance", "_list=$current-allergies", compartment=("Patient", "p1")
    )
    assert set(found) == {"nuts", "pen"}


def test_the_index_of_list_entries_is_that_of_the_parameter() -> None:
    """The migration names the parameter's number, which is the same in every database."""
    assert r4().search_parameters("List")["item"].rows_id == 1569


def test_a_changed_narrative_is_found_by_its_new_words(searcher: Searcher) -> None:
    changed = resource("Basic", "b", code={"text": "b"}, text=narrative("early"))
    searcher.store([changed])
    searcher.store([changed | {"text": narrative("later")}])
    assert searcher.ids("Basic", "_text=early") == []
    assert searcher.ids("Basic", "_text=later") == ["b"]
    searcher.delete("Basic", "b")
    assert searcher.ids("Basic", "_text=later") == []
