"""What searches give over HTTP: order of values, parts of resources, totals, messages.

Spec: https://hl7.org/fhir/R4/search.html#sort, #summary, #elements, #total
"""

import random
from typing import Any

import pytest

from tests.client import Client

pytestmark = pytest.mark.usefixtures("clean")

LATE, EARLY = "2021-05-01", "2020-05-01"


def transact(client: Client, resources: list[dict[str, Any]]) -> None:
    """Store resources with their ids, in an order that says nothing."""
    random.Random(7).shuffle(resources)
    entries = [
        {
            "resource": each,
            "request": {"method": "PUT", "url": f"{each['resourceType']}/{each['id']}"},
        }
        for each in resources
    ]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    answer = client.post("", bundle)
    assert answer.status == 200, answer.text


def observation(id_: str, **content: Any) -> dict[str, Any]:
    code = {"coding": [{"system": "http://s", "code": content.pop("code", "c")}]}
    base = {"resourceType": "Observation", "id": id_, "status": "final", "code": code}
    return base | content


def kilograms(value: Any, unit: str = "kg") -> dict[str, Any]:
    return {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit}


def risk(id_: str, probability: float) -> dict[str, Any]:
    return {
        "resourceType": "RiskAssessment",
        "id": id_,
        "status": "final",
        "subject": {"reference": "Patient/p1"},
        "prediction": [{"probabilityDecimal": probability}],
    }


def value_set(id_: str, **content: Any) -> dict[str, Any]:
    return {"resourceType": "ValueSet", "id": id_, "status": "active", **content}


PATIENTS: list[dict[str, Any]] = [
    {"resourceType": "Patient", "id": f"p{number}", "name": [{"family": family}],
     "birthDate": f"197{number}-01-01", "gender": gender}
    for number, (family, gender) in enumerate(
        [("Äpfel", "male"), ("birne", "female"), ("Citrone", "male")], start=1
    )
]  # fmt: skip
STORED = [
    *PATIENTS,
    {"resourceType": "Patient", "id": "p4"},
    observation("o1", valueQuantity=kilograms(9), effectiveDateTime=EARLY, code="z",
                subject={"reference": "Patient/p2"}),
    observation("o2", valueQuantity=kilograms(10), effectiveDateTime=LATE, code="y",
                subject={"reference": "Patient/p1"}),
    observation("o3", valueQuantity=kilograms(9500, "g"), code="x",
                subject={"reference": "Patient/p3"}),
    observation("o4", code="w"),
    risk("r1", 0.5), risk("r2", 0.25), risk("r3", 0.125),
    value_set("v1", url="http://b"), value_set("v2", url="http://a"), value_set("v3"),
    value_set("v4", url="urn:oid:1.2"),
]  # fmt: skip

ORDERS = [
    ("Patient?_sort=name", ["p1", "p2", "p3", "p4"], "string"),
    ("Patient?_sort=-family", ["p3", "p2", "p1", "p4"], "string-descending"),
    ("Patient?_sort=birthdate", ["p1", "p2", "p3", "p4"], "date"),
    ("Patient?_sort=-birthdate", ["p3", "p2", "p1", "p4"], "date-descending"),
    ("Patient?_sort=gender,-name", ["p2", "p3", "p1", "p4"], "token-then-string"),
    ("Observation?_sort=code", ["o4", "o3", "o2", "o1"], "token"),
    ("Observation?_sort=-date", ["o2", "o1"], "date-of-an-observation"),
    ("Observation?_sort=value-quantity&value-quantity=gt1|http://unitsofmeasure.org|g",
     ["o1", "o3", "o2"], "quantity-of-many-units"),
    ("RiskAssessment?_sort=probability", ["r3", "r2", "r1"], "number"),
    ("RiskAssessment?_sort=-probability", ["r1", "r2", "r3"], "number-descending"),
    ("ValueSet?_sort=url", ["v2", "v1", "v4", "v3"], "uri"),
    ("ValueSet?_sort=-url", ["v4", "v1", "v2", "v3"], "uri-descending"),
    ("Patient?_sort=-_id", ["p4", "p3", "p2", "p1"], "id"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("query", "expected"),
    [pytest.param(query, ids, id=f"search.html#sort/{name}") for query, ids, name in ORDERS],
)
def test_values_are_in_order_and_missing_ones_last(
    client: Client, query: str, expected: list[str]
) -> None:
    transact(client, STORED)
    assert [each["id"] for each in client.search(query)][: len(expected)] == expected
    joined = [each["id"] for each in client.search(query + "&_count=1")]
    assert joined == [each["id"] for each in client.search(query)]
    assert len(joined) == len(set(joined))


def test_sorting_by_reference_drops_nothing(client: Client) -> None:
    transact(client, STORED)
    found = [each["id"] for each in client.search("Observation?_sort=subject")]
    assert found[-1] == "o4"
    assert sorted(found) == ["o1", "o2", "o3", "o4"]


SUBSETTED = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue"
PARTS = [
    ("_elements=gender", {"gender"}, "elements"),
    ("_elements=gender,birthDate", {"gender", "birthDate"}, "elements-two"),
    ("_summary=true", {"gender", "birthDate", "name"}, "summary-true"),
    ("_summary=text", set(), "summary-text"),
]


@pytest.mark.parametrize(
    ("query", "elements"),
    [pytest.param(query, found, id=f"search.html#{name}") for query, found, name in PARTS],
)
def test_matches_give_parts_that_are_tagged(client: Client, query: str, elements: set[str]) -> None:
    transact(client, STORED)
    (patient,) = client.search(f"Patient?_id=p1&{query}")
    assert set(patient) - {"resourceType", "id", "meta"} == elements
    assert {"system": SUBSETTED, "code": "SUBSETTED"} in patient["meta"]["tag"]


def test_whole_matches_have_no_such_tag(client: Client) -> None:
    transact(client, STORED)
    (patient,) = client.search("Patient?_id=p1&_summary=false")
    assert "tag" not in patient["meta"]
    assert {"name", "gender", "birthDate"} <= set(patient)


def test_summary_data_leaves_out_the_narrative(client: Client) -> None:
    narrative = {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'}
    client.put("Patient/p", {"resourceType": "Patient", "id": "p", "text": narrative})
    (patient,) = client.search("Patient?_id=p&_summary=data")
    assert "text" not in patient
    (patient,) = client.search("Patient?_id=p&_summary=text")
    assert patient["text"] == narrative


@pytest.mark.parametrize("query", ["_summary=count", "_count=0"])
def test_a_count_has_a_total_and_no_entries(client: Client, query: str) -> None:
    transact(client, STORED)
    bundle = client.get(f"Observation?{query}").json
    assert bundle["total"] == 4
    assert "entry" not in bundle


@pytest.mark.parametrize(
    ("query", "present"),
    [
        pytest.param("_total=none", False, id="search.html#total/none"),
        pytest.param("_total=accurate", True, id="search.html#total/accurate"),
        pytest.param("_total=estimate", True, id="search.html#total/estimate"),
    ],
)
def test_totals_as_asked_for(client: Client, query: str, present: bool) -> None:
    transact(client, STORED)
    bundle = client.get(f"Observation?_count=2&{query}").json
    assert ("total" in bundle) == present
    assert bundle.get("total", 4) == 4


def test_an_estimate_is_near_the_truth(client: Client) -> None:
    """Beyond a thousand the query planner tells, from what it sampled of the tables."""
    for start in range(0, 2400, 800):
        transact(client, [observation(f"e{number}") for number in range(start, start + 800)])
    total = client.get("Observation?code=c&_count=1&_total=estimate").json["total"]
    assert total >= 1000
    assert client.get("Observation?code=c&_count=1&_total=accurate").json["total"] == 2400


def test_the_compartment_of_a_related_person(client: Client) -> None:
    """Spec: https://hl7.org/fhir/R4/compartmentdefinition-relatedperson.html."""
    transact(client, [
        {"resourceType": "Patient", "id": "p",
         "link": [{"other": {"reference": "RelatedPerson/r"}, "type": "seealso"}]},
        {"resourceType": "Patient", "id": "q"},
        {"resourceType": "RelatedPerson", "id": "r", "patient": {"reference": "Patient/p"}},
        {"resourceType": "RelatedPerson", "id": "s", "patient": {"reference": "Patient/p"}},
        observation("o", performer=[{"reference": "RelatedPerson/r"}]),
        observation("n", performer=[{"reference": "RelatedPerson/s"}]),
    ])  # fmt: skip
    ids = [each["id"] for each in client.search("RelatedPerson/r/*")]
    assert sorted(ids) == ["o", "p", "r"]
    assert [each["id"] for each in client.search("RelatedPerson/s/Observation")] == ["n"]


WITHOUT_CODES = "ValueSet/nothing"
EMPTY = [
    (f"Observation?code:in={WITHOUT_CODES}", []),
    (f"Observation?code:in={WITHOUT_CODES}&_sort=-date", []),
    (f"Observation?code:in={WITHOUT_CODES}&status=final", []),
    (f"Observation?code:in={WITHOUT_CODES}&patient=p1", []),
    (f"Observation?code:in={WITHOUT_CODES}&_id=o1", []),
    (f"Observation?code:in={WITHOUT_CODES}&_contained=both", []),
    (f"Observation?code:in={WITHOUT_CODES}&_total=accurate&_include=Observation:subject", []),
    (f"Observation?code:in=ValueSet/one,{WITHOUT_CODES}", ["o1"]),
    (f"Observation?code:not-in={WITHOUT_CODES}", ["o1", "o2", "o3", "o4"]),
    (f"Observation?_filter=code in {WITHOUT_CODES}", []),
    (f"Patient?_has:Observation:patient:code:in={WITHOUT_CODES}", []),
    (f"RiskAssessment?patient._has:Observation:patient:code:in={WITHOUT_CODES}", []),
]


@pytest.mark.parametrize(
    ("query", "expected"), [pytest.param(*row, id=f"value-set-without-codes/{row[0]}")
                            for row in EMPTY],
)  # fmt: skip
def test_a_value_set_without_codes_holds_nothing(
    client: Client, query: str, expected: list[str]
) -> None:
    listed = {"system": "http://s", "concept": [{"code": "z"}]}
    one = {"include": [listed]}
    nothing = {"include": [listed], "exclude": [listed]}
    sets = [value_set("one", compose=one), value_set("nothing", compose=nothing)]
    transact(client, [*STORED, *sets])
    url = query.replace(" ", "%20")
    assert sorted(each["id"] for each in client.search(url)) == expected
    assert client.get(f"{url}&_summary=count").json["total"] == len(expected)
