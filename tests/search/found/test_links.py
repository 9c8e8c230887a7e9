"""Chains, _has, includes, compartments, system-wide searches, totals, and who may see what.

Spec: https://hl7.org/fhir/R4/search.html and https://hl7.org/fhir/R4/compartmentdefinition.html
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.search.found.conftest import Searcher

EXTRA = [f"Patient/many{number}" for number in range(12)]


def resource(type_name: str, id_: str, **content: Any) -> dict[str, Any]:
    return {"resourceType": type_name, "id": id_, **content}


def ref(to: str) -> dict[str, str]:
    return {"reference": to}


RESOURCES = [
    resource("Organization", "org1", name="Acme"),
    resource("Organization", "org2", name="Bolt", partOf=ref("Organization/org1")),
    resource("Practitioner", "dr1", name=[{"family": "House"}]),
    resource("Device", "dev1"),
    resource("Group", "g1", type="person", actual=True),
    resource(
        "Patient", "p1", name=[{"family": "Peters"}], gender="male",
        managingOrganization=ref("Organization/org2"),
        generalPractitioner=[ref("Practitioner/dr1")],
        meta={"tag": [{"system": "http://t", "code": "seen"}]},
    ),
    resource("Patient", "p2", name=[{"family": "Quinn"}], gender="female"),
    resource("Patient", "p3", name=[{"family": "Peters"}], gender="female",
             link=[{"other": ref("Patient/p2"), "type": "seealso"}]),
    *[resource("Patient", each.partition("/")[2]) for each in EXTRA],
    resource("Encounter", "e1", status="finished", subject=ref("Patient/p1"),
             period={"start": "2020-01-01", "end": "2020-01-02"}),
    resource("Encounter", "e2", status="planned", subject=ref("Patient/p2")),
    resource(
        "Observation", "o1", status="final", subject=ref("Patient/p1"),
        encounter=ref("Encounter/e1"), performer=[ref("Practitioner/dr1")],
        code={"coding": [{"system": "http://l", "code": "hr"}]}, effectiveDateTime="2020-01-01",
        meta={"tag": [{"system": "http://t", "code": "seen"}]},
    ),
    resource(
        "Observation", "o2", status="final", subject=ref("Patient/p2"),
        code={"coding": [{"system": "http://l", "code": "bp"}]}, effectiveDateTime="2021-01-01",
        hasMember=[ref("Observation/o1")],
    ),
    resource(
        "Observation", "o3", status="amended", subject=ref("Group/g1"), device=ref("Device/dev1"),
        code={"coding": [{"system": "http://l", "code": "hr"}]},
    ),
    resource(
        "Observation", "o4", status="final", subject=ref("Patient/p1"),
        performer=[ref("Patient/p2")],
        code={"coding": [{"system": "http://l", "code": "bp"}]}, effectiveDateTime="2022-01-01",
    ),
    resource(
        "Observation", "o5", status="final", subject=ref("Patient/p1"),
        performer=[ref(each) for each in EXTRA],
        code={"coding": [{"system": "http://l", "code": "bp"}]}, effectiveDateTime="2023-01-01",
    ),
    resource(
        "Provenance", "prov1", target=[ref("Observation/o1")], recorded="2020-01-01T00:00:00Z",
        agent=[{"who": ref("Practitioner/dr1")}],
    ),
]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def stored(searcher: Searcher) -> None:
    searcher.store(RESOURCES)
    searcher.store([resource("Observation", "gone", status="final", subject=ref("Patient/p1"))])
    searcher.delete("Observation", "gone")


CHAINS = [
    ("Observation", "subject:Patient.family=peters", {"o1", "o4", "o5"}),
    ("Observation", "patient.family=peters", {"o1", "o4", "o5"}),
    ("Observation", "subject.gender=male", {"o1", "o4", "o5"}),
    ("Observation", "patient._id=p2", {"o2"}),
    ("Observation", "patient.gender:not=male", {"o2"}),
    ("Observation", "patient.organization.name=bolt", {"o1", "o4", "o5"}),
    ("Observation", "patient.organization.partof.name=acme", {"o1", "o4", "o5"}),
    ("Observation", "patient.family=peters&code=bp", {"o4", "o5"}),
    ("Observation", "encounter.date=2020", {"o1"}),
    ("Observation", "has-member.code=hr", {"o2"}),
    ("Observation", "performer:Practitioner.family=house", {"o1"}),
    ("Patient", "general-practitioner:Practitioner.family=house", {"p1"}),
    ("Patient", "_has:Observation:patient:code=hr", {"p1"}),
    ("Patient", "_has:Observation:subject:code=http://l|bp", {"p1", "p2"}),
    ("Patient", "_has:Observation:patient:code=hr,bp&gender=female", {"p2"}),
    ("Patient", "_has:Observation:patient:encounter.date=2020", {"p1"}),
    ("Patient", "_has:Observation:patient:_has:Provenance:target:agent=Practitioner/dr1", {"p1"}),
    ("Observation", "patient._has:Encounter:patient:status=planned", {"o2"}),
    ("Patient", "_has:Observation:patient:_id=o2", {"p2"}),
    ("Patient", "_has:Observation:performer:code=bp&family=quinn", {"p2"}),
    ("Practitioner", "_has:Patient:general-practitioner:family=peters", {"dr1"}),
    ("Device", "_has:Observation:device:status=amended", {"dev1"}),
]


@pytest.mark.parametrize(
    ("type_name", "query", "ids"), [pytest.param(*row, id=row[1]) for row in CHAINS]
)
def test_chains(searcher: Searcher, type_name: str, query: str, ids: set[str]) -> None:
    assert set(searcher.ids(type_name, query)) == ids


SCOPES = [
    ("Observation", "patient=p1", {"o1", "o4", "o5"}),
    ("Observation", "patient=p1&code=bp", {"o4", "o5"}),
    ("Observation", "patient=p1&code=bp&_sort=-date", {"o4", "o5"}),
    ("Observation", "patient=Patient/p1,Patient/p2", {"o1", "o2", "o4", "o5"}),
    ("Observation", "performer=Patient/p2", {"o4"}),
    ("Observation", "performer=Patient/many3", {"o5"}),
    ("Observation", "performer=Patient/many3&code=bp&_sort=-date", {"o5"}),
    ("Observation", "patient=p1&performer=Patient/p2", {"o4"}),
    ("Observation", "patient=nobody", set[str]()),
    ("Encounter", "patient=p1", {"e1"}),
    ("Encounter", "patient=p1&date=2020-01", {"e1"}),
]


@pytest.mark.parametrize(
    ("type_name", "query", "ids"), [pytest.param(*row, id=row[1]) for row in SCOPES]
)
def test_patients(searcher: Searcher, type_name: str, query: str, ids: set[str]) -> None:
    assert set(searcher.ids(type_name, query)) == ids


COMPARTMENTS = [
    ("Patient/p1", "Observation", "", {"o1", "o4", "o5"}),
    ("Patient/p2", "Observation", "", {"o2", "o4"}),
    ("Patient/many3", "Observation", "", {"o5"}),
    ("Patient/p2", "Observation", "code=bp", {"o2", "o4"}),
    ("Patient/p2", "Observation", "code=bp&_sort=-date", {"o2", "o4"}),
    ("Patient/p2", "Observation", "patient=p1", {"o4"}),
    ("Patient/p1", "Observation", "_id=o1", {"o1"}),
    ("Patient/p1", "Observation", "_id=o2", set[str]()),
    ("Patient/p2", "Patient", "", {"p2", "p3"}),
    ("Patient/p1", None, "", {"p1", "e1", "o1", "o4", "o5"}),
    ("Patient/p1", None, "_type=Encounter,Observation", {"e1", "o1", "o4", "o5"}),
    ("Patient/nobody", "Observation", "", set[str]()),
    ("Encounter/e1", "Observation", "", {"o1"}),
    ("Encounter/e1", None, "", {"e1", "o1"}),
    ("Practitioner/dr1", "Observation", "", {"o1"}),
    ("Practitioner/dr1", None, "", {"dr1", "o1", "p1", "prov1"}),
    ("Device/dev1", "Observation", "", {"o3"}),
]


@pytest.mark.parametrize(
    ("place", "type_name", "query", "ids"),
    [pytest.param(*row, id=f"{row[0]}/{row[1] or '*'}?{row[2]}") for row in COMPARTMENTS],
)
def test_compartments(
    searcher: Searcher, place: str, type_name: str | None, query: str, ids: set[str]
) -> None:
    code, _, id_ = place.partition("/")
    assert set(searcher.ids(type_name, query, compartment=(code, id_))) == ids


SYSTEM = [
    ("_type=Patient,Observation&_tag=seen", {"p1", "o1"}),
    ("_tag=http://t|seen", {"p1", "o1"}),
    ("_id=o1,p2", {"o1", "p2"}),
    ("_type=Observation,Encounter&patient=p2", {"o2", "e2"}),
    ("_type=Organization", {"org1", "org2"}),
    ("_type=Organization,Practitioner&_sort=_id", {"org1", "org2", "dr1"}),
]


@pytest.mark.parametrize(("query", "ids"), [pytest.param(*row, id=row[0]) for row in SYSTEM])
def test_system_wide(searcher: Searcher, query: str, ids: set[str]) -> None:
    assert set(searcher.ids(None, query)) == ids


def test_system_wide_without_any_criterion_finds_everything(searcher: Searcher) -> None:
    assert searcher.page(None, "_total=accurate").total == len(RESOURCES)


INCLUDES = [
    ("Observation", "_id=o1&_include=Observation:subject", {"p1"}),
    ("Observation", "_id=o1&_include=Observation:patient", {"p1"}),
    ("Observation", "_id=o3&_include=Observation:patient", set[str]()),
    ("Observation", "_id=o3&_include=Observation:subject", {"g1"}),
    ("Observation", "_id=o3&_include=Observation:subject:Patient", set[str]()),
    ("Observation", "_id=o1&_include=Observation:*", {"p1", "e1", "dr1"}),
    ("Observation", "_id=o1&_include=*", {"p1", "e1", "dr1"}),
    ("Observation", "_id=o2&_include=Observation:has-member", {"o1"}),
    (
        "Observation",
        "_id=o2&_include:iterate=Observation:has-member&_include:iterate=Observation:subject",
        {"o1", "p1", "p2"},
    ),
    (
        "Observation",
        "_id=o3&_include=Observation:subject&_include:iterate=Patient:organization",
        {"g1"},
    ),
    (
        "Observation",
        "_id=o1&_include=*&_include:iterate=Patient:*&_include:iterate=Organization:*",
        {"p1", "e1", "dr1", "org2", "org1"},
    ),
    (
        "Observation",
        "_id=o1&_include=Observation:subject&_include=Patient:organization",
        {"p1"},
    ),
    ("Patient", "_id=p1&_revinclude=Observation:subject", {"o1", "o4", "o5"}),
    ("Patient", "_id=p1,p2&_revinclude=Observation:patient", {"o1", "o2", "o4", "o5"}),
    ("Patient", "_id=p2&_revinclude=Observation:*", {"o2", "o4"}),
    (
        "Patient",
        "_id=p1&_revinclude=Observation:subject&_revinclude:iterate=Provenance:target",
        {"o1", "o4", "o5", "prov1"},
    ),
    ("Observation", "_id=o1&_revinclude=Provenance:target&_include=Observation:encounter",
     {"prov1", "e1"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("type_name", "query", "ids"), [pytest.param(*row, id=row[1]) for row in INCLUDES]
)
def test_includes(searcher: Searcher, type_name: str, query: str, ids: set[str]) -> None:
    page = searcher.page(type_name, query)
    assert {each.id for each in page.includes} == ids
    assert page.total == len(page.matches)
    assert not page.includes_cut


def test_includes_are_cut_at_the_limit(searcher: Searcher) -> None:
    page = searcher.with_context(include_limit=2).page(
        "Patient", "_id=p1&_revinclude=Observation:subject"
    )
    assert len(page.includes) == 2
    assert page.includes_cut


def test_what_is_deleted_is_not_found(searcher: Searcher) -> None:
    assert "gone" not in searcher.ids("Observation", "status=final")
    assert searcher.ids("Observation", "_id=gone") == []


TOTALS = [
    ("_count=2", 5, 2),
    ("_count=2&_total=none", None, 2),
    ("_count=2&_total=accurate", 5, 2),
    ("_count=2&_total=estimate", 5, 2),
    ("_count=0", 5, 0),
    ("_summary=count", 5, 0),
    ("_count=1000", 5, 5),
]


@pytest.mark.parametrize(("query", "total", "matches"), TOTALS)
def test_totals(searcher: Searcher, query: str, total: int | None, matches: int) -> None:
    page = searcher.page("Observation", query)
    assert (page.total, len(page.matches)) == (total, matches)


def only(*patients: str) -> Any:
    return lambda _type: patients


CONFINED = [
    ("Observation", "", ("p1",), {"o1"}),
    ("Observation", "", ("p2",), {"o2"}),
    ("Observation", "", ("p1", "p2"), {"o1", "o2", "o4"}),
    ("Observation", "", ("many3",), set[str]()),
    ("Observation", "", (), set[str]()),
    ("Observation", "_sort=-date", ("p2",), {"o2"}),
    ("Observation", "_sort=-_lastUpdated", ("p2",), {"o2"}),
    ("Observation", "_sort=code,date", ("p2", "p1"), {"o1", "o2", "o4"}),
    ("Observation", "code=bp", ("p2",), {"o2"}),
    ("Observation", "code:not=hr", ("p2",), {"o2"}),
    ("Observation", "patient=p1", ("p2",), set[str]()),
    ("Observation", "patient=p1&code=bp", ("p2",), set[str]()),
    ("Observation", "patient=p2", ("p2", "p1"), {"o2"}),
    ("Observation", "_id=o1,o2", ("p2",), {"o2"}),
    ("Observation", "has-member.code=hr", ("p2",), set[str]()),
    ("Observation", "has-member.code=hr", ("p2", "p1"), {"o2"}),
    ("Patient", "", ("p2",), {"p2"}),
    ("Patient", "_id=p1", ("p2",), set[str]()),
    ("Patient", "_has:Observation:patient:code=hr", ("p1",), {"p1"}),
    ("Patient", "family=peters", ("p1",), {"p1"}),
    ("Organization", "", ("p1",), set[str]()),
    (None, "_type=Patient,Observation&_tag=seen", ("p1",), {"o1", "p1"}),
    (None, "_type=Patient,Observation&_tag=seen", ("p2",), set[str]()),
]


@pytest.mark.parametrize(
    ("type_name", "query", "patients", "ids"),
    [pytest.param(*row, id=f"{row[0]}?{row[1]}-{row[2]}") for row in CONFINED],
)
def test_a_confined_caller_finds_its_patients_only(
    searcher: Searcher,
    type_name: str | None,
    query: str,
    patients: tuple[str, ...],
    ids: set[str],
) -> None:
    page = searcher.page(type_name, f"{query}&_total=accurate", confine=only(*patients))
    assert {match.id for match in page.matches} == ids
    assert page.total == len(ids)


def test_types_are_confined_each_by_its_own_grant(searcher: Searcher) -> None:
    grants: dict[str, tuple[str, ...] | None] = {"Patient": None, "Observation": ("p2",)}
    ids = searcher.ids(
        None, "_type=Patient,Observation,Encounter", confine=lambda name: grants.get(name, ())
    )
    patients = {each["id"] for each in RESOURCES if each["resourceType"] == "Patient"}
    assert set(ids) == patients | {"o2"}


def test_includes_are_confined(searcher: Searcher) -> None:
    """What is shared with another patient is in reach of whoever may see both."""
    query = "_id=o4&_include=Observation:subject&_include=Observation:performer"
    assert searcher.ids("Observation", query, confine=only("p2")) == []
    grants: dict[str, tuple[str, ...] | None] = {"Observation": ("p1", "p2"), "Patient": ("p2",)}
    page = searcher.page("Observation", query, confine=lambda name: grants.get(name, ()))
    assert [each.id for each in page.matches] == ["o4"]
    assert [each.id for each in page.includes] == ["p2"]


def test_the_compartment_of_another_patient_is_empty(searcher: Searcher) -> None:
    ids = searcher.ids("Observation", "", compartment=("Patient", "p1"), confine=only("p2"))
    assert ids == []
