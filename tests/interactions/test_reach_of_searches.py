"""What searches, histories and links tell of resources that are out of reach: nothing.

Patients a and b are treated alike; a shared appointment is both's. Each caller has a token of its
own, over HTTP.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import quote

import pytest

from tests.client import Answer
from tests.secured import Caller, Secured

A, B = "search-a", "search-b"
LAB = "http://terminology.hl7.org/CodeSystem/observation-category|laboratory"
Open = Callable[..., Caller]


def ref(to: str) -> dict[str, str]:
    return {"reference": to}


def concept(code: str, system: str = "http://reach.test/codes") -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]}


def category(code: str) -> list[dict[str, Any]]:
    return [concept(code, LAB.partition("|")[0])]


def observation(id_: str, patient: str, kind: str = "laboratory", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": id_,
        "status": "final",
        "category": category(kind),
        "code": concept("x"),
        "subject": ref(f"Patient/{patient}"),
        **more,
    }


def record(patient: str, secret: str) -> list[dict[str, Any]]:
    """Make a record; both have the same shape, and a name that the other has not."""
    encounter = {
        "resourceType": "Encounter", "id": f"{patient}-e", "status": "finished",
        "class": {"code": "AMB"}, "subject": ref(f"Patient/{patient}"),
        "reasonCode": [concept(secret)],
    }  # fmt: skip
    return [
        {"resourceType": "Patient", "id": patient, "name": [{"family": secret}]},
        encounter,
        observation(f"{patient}-lab", patient, encounter=ref(f"Encounter/{patient}-e"),
                    performer=[ref("Practitioner/search-dr")]),
        observation(f"{patient}-vital", patient, "vital-signs"),
        observation(f"{patient}-group", patient, hasMember=[
            ref(f"Observation/{patient}-lab"), ref(f"Observation/{patient}-vital"),
            ref("Observation/search-of-both")]),
        {"resourceType": "List", "id": f"{patient}-list", "status": "current",
         "mode": "working", "subject": ref(f"Patient/{patient}"),
         "entry": [{"item": ref(f"Observation/{patient}-lab")}]},
    ]  # fmt: skip


SHARED = [
    {"resourceType": "Practitioner", "id": "search-dr", "name": [{"family": "Reach"}]},
    {"resourceType": "Appointment", "id": "search-both", "status": "booked",
     "start": "2026-01-01T10:00:00Z", "end": "2026-01-01T11:00:00Z",
     "participant": [{"actor": ref(f"Patient/{each}"), "status": "accepted"} for each in (A, B)]},
    {"resourceType": "Appointment", "id": "search-alone", "status": "booked",
     "start": "2026-01-01T10:00:00Z", "end": "2026-01-01T11:00:00Z",
     "participant": [{"actor": ref(f"Patient/{A}"), "status": "accepted"}]},
    observation("search-of-both", A, performer=[ref(f"Patient/{B}")], valueString="shared",
                code=concept("shared")),
    observation("search-focus", B, focus=[ref(f"Patient/{A}")]),
    {"resourceType": "Patient", "id": "search-linked",
     "link": [{"other": ref(f"Patient/{A}"), "type": "seealso"}]},
    {"resourceType": "Group", "id": "search-group", "type": "person", "actual": True,
     "member": [{"entity": ref(f"Patient/{each}")} for each in (A, B)]},
]  # fmt: skip


@pytest.fixture(scope="module")
def call(secured: Secured) -> Iterator[Open]:
    with ExitStack() as opened:

        def open_(scopes: str, **whose: Any) -> Caller:
            token = secured.issue(scopes, **whose).secret
            return opened.enter_context(secured.caller(token))

        everybody = open_("system/*.cruds")
        entries = [
            {"resource": each, "request": {"method": "PUT",
             "url": f"{each['resourceType']}/{each['id']}"}}
            for each in (*record(A, "mine"), *record(B, "theirs"), *SHARED)
        ]  # fmt: skip
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
        assert everybody.request("POST", "", bundle).status == 200
        yield open_


@pytest.fixture(scope="module")
def patient(call: Open) -> Caller:
    return call("patient/*.rs", patient=A)


def found(answer: Answer) -> set[str]:
    assert answer.status == 200, answer.text
    entries = answer.json.get("entry", [])
    assert B not in json.dumps(entries, default=str).replace("search-both", "")
    return {each["resource"]["id"] for each in entries if "resource" in each}


OWN = {f"{A}-lab", f"{A}-vital", f"{A}-group"}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param("Observation", OWN, id="type"),
        pytest.param("Observation?code=x&_sort=-date", OWN, id="ordered"),
        pytest.param("Observation?_total=estimate&_sort=status", OWN, id="estimated"),
        pytest.param(f"Observation?patient={A},{B}", OWN, id="by both patients"),
        pytest.param(f"Observation?patient={B}", set(), id="by the other patient"),
        pytest.param(f"Observation?performer=Patient/{B}", set(), id="E7: performed by the other"),
        pytest.param("Observation?focus:missing=false", set(), id="leak 2: focus"),
        pytest.param("Observation?code:not=y", OWN, id="negation"),
        pytest.param("Observation?subject:Patient.family=mine", OWN, id="chain"),
        pytest.param("Observation?subject:Patient.family=theirs", set(), id="leak 4: chain"),
        pytest.param("Observation?subject:Patient.family:missing=true", set(), id="chain, missing"),
        pytest.param("Observation?encounter.reason-code=theirs", set(), id="chain over two"),
        pytest.param("Observation?has-member.code=x", {f"{A}-group"}, id="chain to its own type"),
        pytest.param("Observation?has-member.code=shared", set(), id="E7: chain to what is shared"),
        pytest.param("Observation?has-member.value-string:contains=hare", set(),
                     id="E7: another chain to it"),
        pytest.param(f"Patient?_id={A},{B}", {A}, id="patients"),
        pytest.param(f"Patient?link=Patient/{A}", set(), id="E24: a linked patient"),
        pytest.param(f"Patient?_has:Encounter:patient:reason-code=mine&_id={A}", {A}, id="_has"),
        pytest.param("Patient?_has:Encounter:patient:reason-code=theirs", set(), id="leak 4: _has"),
        pytest.param("Patient?_has:Observation:patient:_has:Observation:has-member:code=x", {A},
                     id="_has in _has"),
        pytest.param("Practitioner?_has:Observation:performer:subject:Patient.family=mine",
                     {"search-dr"}, id="_has and a chain"),
        pytest.param("Practitioner?_has:Observation:performer:subject:Patient.family=theirs", set(),
                     id="leak 4: _has and a chain"),
        pytest.param('Observation?_filter=subject.family eq "theirs"', set(), id="leak 4: _filter"),
        pytest.param('Observation?_filter=not (subject.family eq "theirs")', OWN, id="not _filter"),
        pytest.param(f"Observation?_list={A}-list", {f"{A}-lab"}, id="_list"),
        pytest.param(f"Observation?_list={B}-list", set(), id="another's _list"),
        pytest.param("Appointment", {"search-alone"}, id="E7: shared with the other"),
        pytest.param("Group", set(), id="E7: a group of both"),
        pytest.param(f"Patient/{A}/Observation", OWN, id="own compartment"),
        pytest.param(f"Patient/{B}/Observation", set(), id="another's compartment"),
        pytest.param(f"Patient/{A}/*?_type=Appointment,Group", {"search-alone"}, id="E7: all"),
        pytest.param("Practitioner/search-dr/Observation", {f"{A}-lab"}, id="a practitioner's"),
        pytest.param(f"Encounter/{B}-e/Observation", set(), id="another's encounter"),
        pytest.param("?_type=Observation,Appointment", OWN | {"search-alone"}, id="whole system"),
        pytest.param(f"Observation?_id={A}-lab&_include=*", {f"{A}-lab", A, f"{A}-e", "search-dr"},
                     id="E8: include"),
        pytest.param("Practitioner?_id=search-dr&_revinclude=*", {"search-dr", f"{A}-lab"},
                     id="E8: reverse include"),
        pytest.param("Practitioner?_id=search-dr&_revinclude=Observation:performer"
                     "&_revinclude:iterate=List:item&_include:iterate=Observation:subject"
                     "&_include:iterate=List:subject",
                     {"search-dr", f"{A}-lab", f"{A}-list", A}, id="E8: includes, iterated"),
        pytest.param(f"Patient?_id={A}&_revinclude=Appointment:actor&_revinclude=Patient:link",
                     {A, "search-alone"}, id="E7: included"),
    ],
)  # fmt: skip
def test_searches_find_what_is_in_reach(patient: Caller, query: str, expected: set[str]) -> None:
    """SEC-E7, SEC-E8, SEC-E9, SEC-E11, SEC-E24; leak tests 1, 2, 4, 16, 17, 21."""
    path = quote(query, safe="/?&=:,.|*$_")
    answer = patient.get(path)
    assert found(answer) == expected
    matches = {each["resource"]["id"] for each in answer.json.get("entry", ())
               if each["search"]["mode"] == "match"}  # fmt: skip
    assert answer.json["total"] == len(matches)
    joint = "&" if "?" in path else "?"
    counted = patient.get(f"{path}{joint}_summary=count").json
    assert counted["total"] == len(matches)
    total = "" if "_total" in path else "&_total=accurate"
    shortened = patient.get(f"{path}{joint}_elements=id&_count=1{total}")
    assert shortened.json["total"] == len(matches)


NARROW = "patient/Observation.rs patient/Patient.rs"


@pytest.mark.parametrize(
    ("scopes", "query", "expected"),
    [
        pytest.param(NARROW, "Observation?encounter.reason-code=mine", 403, id="chain"),
        pytest.param(NARROW, "Observation?encounter:Encounter.reason-code=mine", 403, id="named"),
        pytest.param(NARROW, "Patient?_has:Encounter:patient:reason-code=mine", 403, id="_has"),
        pytest.param(NARROW, f"Observation?_list={A}-list", 403, id="_list"),
        pytest.param(NARROW, 'Observation?_filter=encounter.reason-code eq "mine"', 403,
                     id="_filter"),
        pytest.param(NARROW, "Observation?_contained=true", 403, id="E18: contained"),
        pytest.param(NARROW, "Encounter", 403, id="type"),
        pytest.param(NARROW, f"Encounter/{A}-e", 403, id="read"),
        pytest.param(NARROW, "Encounter/none", 403, id="read of nothing"),
        pytest.param(NARROW, "Observation?_explain=true", 403, id="explanation"),
        pytest.param(NARROW, "Observation?subject.family=mine", OWN, id="one of several types"),
        pytest.param(NARROW, f"Observation?_id={A}-lab&_include=*", {f"{A}-lab", A}, id="include"),
        pytest.param(NARROW, "?_type=Encounter,Observation", OWN, id="whole system"),
        pytest.param("patient/Observation.r", "Observation", 403, id="E4: r is no s"),
        pytest.param("patient/Observation.s", f"Observation/{A}-lab", 403, id="E4: s is no r"),
        pytest.param("patient/Observation.s", "Observation", OWN, id="E4: s"),
        pytest.param("patient/Observation.r", "Observation/_history", 403, id="E4: history"),
        pytest.param("patient/Patient.s patient/Observation.s",
                     "Patient?_has:Observation:patient:code=x", {A}, id="E9: s is enough"),
    ],
)  # fmt: skip
def test_types_beyond_the_scopes_are_refused(
    call: Open, scopes: str, query: str, expected: int | set[str]
) -> None:
    """SEC-E1, SEC-E2, SEC-E4, SEC-E9, SEC-E18; leak test 8."""
    caller = call(scopes, patient=A)
    answer = caller.get(quote(query, safe="/?&=:,.|*$_"))
    if isinstance(expected, set):
        assert found(answer) == expected
        return
    assert answer.status == expected
    assert answer.json["resourceType"] == "OperationOutcome"
    assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]


GRANULAR = f"patient/Observation.rs?category={LAB} patient/Patient.rs patient/List.rs"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param("Observation", {f"{A}-lab", f"{A}-group"}, id="type"),
        pytest.param("Observation?category=vital-signs", set(), id="the other category"),
        pytest.param("Observation?category:not=laboratory", set(), id="its negation"),
        pytest.param("Observation?_sort=date&_total=accurate", {f"{A}-lab", f"{A}-group"},
                     id="ordered"),
        pytest.param("Observation?_sort=-_lastUpdated&_count=1&_total=accurate", None, id="page"),
        pytest.param("Observation?has-member.code=x", {f"{A}-group"}, id="chain"),
        pytest.param("Observation?has-member.category=vital-signs", set(), id="hidden by a chain"),
        pytest.param("Patient?_has:Observation:patient:category=vital-signs", set(), id="_has"),
        pytest.param("Patient?_has:Observation:patient:category=laboratory", {A}, id="_has own"),
        pytest.param("Patient?_revinclude=Observation:subject", {A, f"{A}-lab", f"{A}-group"},
                     id="reverse include"),
        pytest.param(f"Patient/{A}/Observation", {f"{A}-lab", f"{A}-group"}, id="compartment"),
        pytest.param("?_type=Observation,Patient", {A, f"{A}-lab", f"{A}-group"}, id="system"),
        pytest.param("Observation/_history", {f"{A}-lab", f"{A}-group"}, id="history"),
        pytest.param(f"Observation/{A}-lab/_history", {f"{A}-lab"}, id="instance's history"),
        pytest.param(f"Observation/{A}-vital/_history", 404, id="hidden history"),
        pytest.param(f"Observation/{A}-vital", 404, id="hidden read"),
        pytest.param(f"Observation/{A}-vital/_history/1", 404, id="hidden vread"),
        pytest.param(f"Observation/{A}-lab/_history/1", 200, id="vread"),
        pytest.param(f"Observation/{A}-lab", 200, id="read"),
        pytest.param(f"Observation/{B}-lab", 404, id="another's read"),
    ],
)  # fmt: skip
def test_a_scope_with_a_query_reaches_what_fulfils_it(
    call: Open, query: str, expected: int | set[str] | None
) -> None:
    """SEC-S5, SEC-E3, SEC-E8, SEC-E9, SEC-E11; leak test 9."""
    answer = call(GRANULAR, patient=A).get(query)
    if isinstance(expected, int):
        assert answer.status == expected
        return
    if expected is not None:
        assert found(answer) == expected
    if "_total" in query:
        assert answer.json["total"] == 2


@pytest.mark.parametrize(
    ("scopes", "expected"),
    [
        pytest.param(f"patient/Observation.rs?category={LAB} "
                     "patient/Observation.rs?category=vital-signs", OWN, id="two are alternatives"),
        pytest.param(f"patient/Observation.rs?category={LAB}&code=x",
                     {f"{A}-lab", f"{A}-group"}, id="both must hold"),
        pytest.param(f"patient/Observation.rs?category={LAB}&code=y", set(), id="one fails"),
        pytest.param(f"patient/Observation.rs?encounter=Encounter/{A}-e", {f"{A}-lab"},
                     id="a reference"),
        pytest.param(f"patient/Observation.rs?category={LAB} patient/Observation.rs", OWN,
                     id="a wider one"),
    ],
)  # fmt: skip
def test_scopes_add_up(call: Open, scopes: str, expected: set[str]) -> None:
    """SEC-S5, SEC-S8."""
    caller = call(scopes, patient=A)
    assert found(caller.get("Observation")) == expected
    for id_ in OWN:
        status = 200 if id_ in expected else 404
        assert caller.get(f"Observation/{id_}").status == status


def test_both_patients_see_what_they_share(call: Open) -> None:
    """SEC-E7: whoever is granted all patients of a resource reaches it."""
    both = call("user/*.rs", user="Practitioner/search-dr", role="physician", patients=(A, B))
    ids = {each["resource"]["id"] for each in both.get("Appointment").json["entry"]}
    assert ids == {"search-both", "search-alone"}
    assert both.get("Observation/search-of-both").status == 200
    one = call("user/*.rs", user="Practitioner/search-dr2", role="physician", patients=(A,))
    ids = {each["resource"]["id"] for each in one.get("Appointment").json["entry"]}
    assert ids == {"search-alone"}
    for hidden in (
        "Observation/search-of-both",
        "Appointment/search-both",
        "Patient/search-linked",
    ):
        assert one.get(hidden).status == 404
        assert one.get(f"{hidden}/_history/1").status == 404


def test_a_page_belongs_to_who_got_its_link(call: Open, patient: Caller) -> None:
    """SEC-E10; leak test 3: another principal, and the same one with other scopes."""
    for path in ("Observation?_count=1", "Observation/_history?_count=1"):
        links = {each["relation"]: each["url"] for each in patient.get(path).json["link"]}
        following = links["next"].removeprefix(f"{patient.client.base}/")
        again = call("patient/*.rs", patient=A)
        assert again.get(following).status == 200
        for other in (
            call("patient/*.rs", patient=B),
            call("patient/Observation.rs", patient=A),
            call("system/*.rs"),
            call("patient/*.rs", patient=A, client="another"),
        ):
            assert other.get(following).status == 400


@pytest.mark.parametrize("prefer", [None, "handling=lenient"])
def test_a_scope_whose_parameter_is_gone_grants_nothing(
    secured: Secured, call: Open, prefer: str | None
) -> None:
    """SEC-S7; leak test 10: of one's own, until it is taken away."""
    everybody = call("system/*.cruds")
    defined = {
        "resourceType": "SearchParameter", "id": "reach-own", "status": "active",
        "url": "http://reach.test/own", "name": "ReachOwn", "code": "reach-own",
        "description": "x", "base": ["Observation"], "type": "token",
        "expression": "Observation.code",
    }  # fmt: skip
    caller = call("patient/Observation.rs?category=laboratory", patient=A)
    assert caller.get("Observation").status == 200
    assert everybody.request("PUT", "SearchParameter/reach-own", defined).status in (200, 201)
    own = call("patient/Observation.rs?reach-own=x", patient=A)
    headers = {} if prefer is None else {"prefer": prefer}
    for path in ("Observation", f"Observation/{A}-lab", "Observation/_history"):
        assert own.get(path, **headers).status in (200, 403)
    assert everybody.request("DELETE", "SearchParameter/reach-own").status == 204
    for path in ("Observation", f"Observation/{A}-lab", "Observation/_history"):
        assert own.get(path, **headers).status == 403
