"""What searches of contained resources answer over HTTP: entries, parts, pages, refusals.

Spec: https://hl7.org/fhir/R4/search.html#contained
"""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

import pytest

from fhirserver.access import AuthContext
from tests.client import Client

pytestmark = pytest.mark.usefixtures("clean")

AUTH = AuthContext("Patient/a", "app", "request-1")
FHIR = "{http://hl7.org/fhir}"
SUBSETTED = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue"


def drug(id_: str, code: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Medication", "id": id_, "code": {"coding": [{"code": code}]},
        "amount": {"numerator": {"value": 5}, "denominator": {"value": 1}}, **more,
    }  # fmt: skip


def order(id_: str, patient: str, *contained: dict[str, Any]) -> dict[str, Any]:
    others = [{"reference": f"#{each['id']}"} for each in contained[1:]]
    return {
        "resourceType": "MedicationRequest", "id": id_, "status": "active", "intent": "order",
        "subject": {"reference": f"Patient/{patient}"}, "contained": list(contained),
        "medicationReference": {"reference": f"#{contained[0]['id']}"},
        "note": [{"text": "Take it"}], **({"supportingInformation": others} if others else {}),
    }  # fmt: skip


ACME = {"reference": "Organization/acme"}
STORED = [
    {"resourceType": "Organization", "id": "acme", "name": "Acme"},
    {"resourceType": "Patient", "id": "a", "name": [{"family": "Eve"}]},
    {"resourceType": "Patient", "id": "b", "name": [{"family": "Adam"}]},
    drug("own", "abc"),
    order("r1", "a", drug("m1", "abc", manufacturer=ACME), drug("m2", "xyz")),
    order("r2", "b", drug("m1", "abc")),
]
Entry = tuple[str, str, str]
OWN: Entry = ("Medication/own", "Medication", "match")
R1: Entry = ("MedicationRequest/r1", "MedicationRequest", "match")
R2: Entry = ("MedicationRequest/r2", "MedicationRequest", "match")
R1_M1: Entry = ("MedicationRequest/r1#m1", "Medication", "match")
R1_M2: Entry = ("MedicationRequest/r1#m2", "Medication", "match")
R2_M1: Entry = ("MedicationRequest/r2#m1", "Medication", "match")
MAKER: Entry = ("Organization/acme", "Organization", "include")
EVE: Entry = ("Patient/a", "Patient", "include")
PARTS = "_containedType=contained"
ANSWERS: list[tuple[str, list[Entry]]] = [
    ("code=abc", [OWN]),
    ("code=abc&_contained=false", [OWN]),
    (f"code=abc&{PARTS}", [OWN]),
    ("code=abc&_contained=true", [R1, R2]),
    ("code=abc&_contained=true&_containedType=container", [R1, R2]),
    (f"code=abc&_contained=true&{PARTS}", [R1_M1, R2_M1]),
    ("code=abc&_contained=both", [OWN, R1, R2]),
    (f"code=abc&_contained=both&{PARTS}", [OWN, R1_M1, R2_M1]),
    ("code=xyz&_contained=true", [R1]),
    ("code=abc,xyz&_contained=true", [R1, R2]),
    (f"code=abc,xyz&_contained=true&{PARTS}", [R1_M1, R1_M2, R2_M1]),
    (f"code=xyz&_contained=true&{PARTS}&_summary=true", [R1_M2]),
    (f"_contained=true&{PARTS}&_include=Medication:manufacturer", [R1_M1, R1_M2, R2_M1, MAKER]),
    ("code=xyz&_contained=true&_include=MedicationRequest:patient", [R1, EVE]),
    (f"code=xyz&_contained=true&{PARTS}&_revinclude=MedicationRequest:medication", [R1_M2]),
    (f"code=none&_contained=true&{PARTS}", []),
]  # fmt: skip


@pytest.fixture
def stocked(client: Client) -> Client:
    for each in STORED:
        answer = client.put(f"{each['resourceType']}/{each['id']}", each)
        assert answer.status == 201, answer.text
    return client


def entries(bundle: Any, base: str) -> list[Entry]:
    return sorted(
        (each["fullUrl"].removeprefix(f"{base}/"), each["resource"]["resourceType"],
         each["search"]["mode"])
        for each in bundle.get("entry", ())
    )  # fmt: skip


@pytest.mark.parametrize(
    ("query", "expected"), [pytest.param(*row, id=f"search.html#contained/{row[0]}")
                            for row in ANSWERS],
)  # fmt: skip
def test_entries(stocked: Client, query: str, expected: list[Entry]) -> None:
    base = stocked.base
    bundle = stocked.get(f"Medication?{query}").json
    matches = [each for each in expected if each[2] == "match"]
    assert entries(bundle, base) == sorted(expected)
    assert bundle["total"] == len(matches)
    posted = stocked.post(
        "Medication/_search", query.encode(), content_type="application/x-www-form-urlencoded"
    )
    assert entries(posted.json, base) == sorted(expected)
    for counted in ("_summary=count", "_count=0"):
        told = stocked.get(f"Medication?{query.replace('&_summary=true', '')}&{counted}").json
        assert (told["total"], "entry" in told) == (len(matches), False)
    assert "total" not in stocked.get(f"Medication?{query}&_total=none").json
    tree = ET.fromstring(stocked.get(f"Medication?{query}&_format=xml").body)
    urls = [each.attrib["value"] for each in tree.findall(f"{FHIR}entry/{FHIR}fullUrl")]
    assert sorted(urls) == sorted(f"{base}/{url}" for url, _, _ in expected)


def test_pages_link_to_one_another(stocked: Client) -> None:
    """Each match stands on one page; the way back and the last page show the same."""
    query = f"Medication?_contained=both&{PARTS}&_sort=-_id&_count=2"
    first = stocked.get(query).json
    links = {each["relation"]: each["url"] for each in first["link"]}
    assert set(links) == {"self", "first", "next", "last"}
    second = stocked.get(links["next"]).json
    back = {each["relation"]: each["url"] for each in second["link"]}
    assert set(back) == {"self", "first", "previous", "last"}
    both = entries(first, stocked.base) + entries(second, stocked.base)
    assert sorted(both) == sorted([OWN, R1_M1, R1_M2, R2_M1])
    assert [each["resource"]["id"] for bundle in (first, second) for each in bundle["entry"]] == [
        "own", "m2", "m1", "m1",
    ]  # fmt: skip
    assert stocked.get(links["last"]).json["entry"] == second["entry"]
    assert stocked.get(back["previous"]).json["entry"] == first["entry"]
    assert first["total"] == second["total"] == 4


@pytest.mark.parametrize(
    ("query", "has", "lacks"),
    [
        (f"{PARTS}&_elements=code", {"id", "code"}, {"amount"}),
        (f"{PARTS}&_summary=true", {"id", "code", "amount"}, {"text"}),
        (f"{PARTS}&_summary=text", {"id"}, {"code", "amount"}),
        ("_elements=code", {"id", "status", "intent", "subject"}, {"note", "contained"}),
        ("_summary=true", {"id", "status", "subject"}, {"note", "contained"}),
    ],
)
def test_parts(stocked: Client, query: str, has: set[str], lacks: set[str]) -> None:
    """They are those of what is answered, and say that they are parts."""
    (entry,) = stocked.get(f"Medication?code=xyz&_contained=true&{query}").json["entry"]
    found = entry["resource"]
    assert has <= set(found)
    assert not lacks & set(found)
    assert {"system": SUBSETTED, "code": "SUBSETTED"} in found["meta"]["tag"]


def test_a_whole_contained_resource_is_as_it_was_stored(stocked: Client) -> None:
    (entry,) = stocked.get(f"Medication?code=xyz&_contained=true&{PARTS}").json["entry"]
    assert entry["resource"] == drug("m2", "xyz")


@pytest.mark.parametrize(
    ("query", "status", "names"),
    [
        ("_contained=yes", 400, "_contained"),
        ("_contained=true&_contained=both", 400, "_contained"),
        ("_contained=true&_containedType=both", 400, "_containedType"),
        ("_contained=true&medication=x", 400, "medication"),
    ],
)
def test_refused(stocked: Client, query: str, status: int, names: str) -> None:
    answer = stocked.get(f"Medication?{query}")
    assert answer.status == status, answer.text
    assert names in answer.json["issue"][0]["diagnostics"]


def test_a_lenient_search_says_what_it_left_out(stocked: Client) -> None:
    query = f"Medication?code=xyz&_contained=true&{PARTS}&medication=x"
    found = stocked.get(query, prefer="handling=lenient").json["entry"]
    assert [each["search"]["mode"] for each in found] == ["match", "outcome"]
    assert found[0]["fullUrl"] == f"{stocked.base}/MedicationRequest/r1#m2"
    assert "medication" in found[1]["resource"]["issue"][0]["diagnostics"]
    wrong = stocked.get("Medication?_contained=yes", prefer="handling=lenient")
    assert wrong.status == 400
