"""Many conditions in one transaction: each is answered as if it were the only one.

Spec: https://hl7.org/fhir/R4/http.html#trules
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.client import Answer, Client
from tests.secured import Secured

A, B = "alike-a", "alike-b"
LAB, VITAL = "laboratory", "vital-signs"
LABORATORY = {"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": LAB}


def entry(method: str, url: str, resource: Any = None, **request: str) -> dict[str, Any]:
    made: dict[str, Any] = {"request": {"method": method, "url": url, **request}}
    return made if resource is None else {**made, "resource": resource}


def transaction(*entries: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "transaction", "entry": list(entries)}


def identifier(value: str) -> list[dict[str, str]]:
    system, bar, code = value.partition("|")
    return [{"system": system, "value": code} if bar else {"value": system}]


def patient(id_: str, *values: str, **more: Any) -> dict[str, Any]:
    identifiers = [each for value in values for each in identifier(value)]
    return {"resourceType": "Patient", "id": id_, "identifier": identifiers, **more}


STORED = [
    patient("one", "http://s|one", meta={"tag": [{"system": "http://tag", "code": "x"}]}),
    patient("many-1", "http://s|many"),
    patient("many-2", "http://s|many"),
    patient("many-3", "http://s|many", "http://s|third"),
    patient("other", "http://t|one", meta={"tag": [{"system": "http://tag", "code": "y"}]}),
    patient("bare", "bare"),
    patient("comma", "http://s|a,b|c"),
]


@pytest.fixture
def seeded(clean: None, client: Client) -> None:
    puts = (entry("PUT", f"Patient/{each['id']}", each) for each in STORED)
    assert client.post("", transaction(*puts)).status == 200


def create(condition: str) -> dict[str, Any]:
    return entry("POST", "Patient", {"resourceType": "Patient"}, ifNoneExist=condition)


def update(condition: str) -> dict[str, Any]:
    return entry("PUT", f"Patient?{condition}", {"resourceType": "Patient", "active": True})


def patch(condition: str) -> dict[str, Any]:
    document = [{"op": "add", "path": "/active", "value": True}]
    data = base64.b64encode(json.dumps(document).encode()).decode()
    type_ = "application/json-patch+json"
    binary = {"resourceType": "Binary", "contentType": type_, "data": data}
    return entry("PATCH", f"Patient?{condition}", binary)


def delete(condition: str) -> dict[str, Any]:
    return entry("DELETE", f"Patient?{condition}")


def reference(condition: str) -> dict[str, Any]:
    subject = {"reference": f"Patient?{condition}"}
    body = {"resourceType": "Basic", "code": {"text": "x"}, "subject": subject}
    return entry("POST", "Basic", body)


MIXED = [
    ("identifier=http://s|one", "one"),
    ("identifier=http://s|one", "one"),
    ("identifier=http://t|one", "other"),
    ("identifier=http://s|third", "many-3"),
    (r"identifier=http://s|a\,b\|c", "comma"),
    ("identifier=http://s|a%5C,b%5C|c", "comma"),
    ("identifier=bare", "bare"),
    ("identifier=|bare", "bare"),
    ("identifier=http://s|one,http://s|none", "one"),
    ("identifier=http://s|one&identifier=http://s|one", "one"),
    ("identifier=http://t|one&_id=other", "other"),
    ("identifier=http://t|", "other"),
    ("_tag=http://tag|x", "one"),
    ("_tag=http://tag|y", "other"),
    ("_id=bare", "bare"),
    ("_id=comma", "comma"),
]


@pytest.mark.usefixtures("seeded")
def test_creates_of_mixed_kinds_each_find_their_own(client: Client) -> None:
    """With some between them that find nothing."""
    absent = ["identifier=http://s|bare", "identifier=http://u|one", "_tag=http://tag|z"]
    asked = [*(condition for condition, _ in MIXED), *absent]
    answer = client.post("", transaction(*map(create, asked)))
    assert answer.status == 200, answer.text
    told = [each["response"] for each in answer.json["entry"]]
    places = [each["location"].split("/")[1] for each in told]
    assert places[: len(MIXED)] == [id_ for _, id_ in MIXED]
    assert [each["status"][:3] for each in told] == ["200"] * len(MIXED) + ["201"] * len(absent)


@pytest.mark.usefixtures("seeded")
def test_references_of_mixed_kinds_each_find_their_own(client: Client) -> None:
    """Those of a type that the Bundle writes find what it writes, too."""
    new = entry("PUT", "Patient/new", patient("new", "http://s|new"))
    asked = [*MIXED, ("identifier=http://s|new", "new")]
    entries = (reference(condition) for condition, _ in asked)
    answer = client.post("", transaction(*entries, new))
    assert answer.status == 200, answer.text
    written = [each["response"]["location"] for each in answer.json["entry"][: len(asked)]]
    found = [client.get(place).json["subject"]["reference"] for place in written]
    assert found == [f"Patient/{id_}" for _, id_ in asked]


ONE, MANY, NONE = (f"identifier=http://s|{each}" for each in ("one", "many", "none"))
WRONG = "identifier=http://s|one|two"
Make = Callable[[str], dict[str, Any]]


@pytest.mark.usefixtures("seeded")
@pytest.mark.parametrize(
    ("make", "conditions", "status"),
    [
        pytest.param(create, (ONE, MANY, WRONG), 412, id="create/several"),
        pytest.param(create, (NONE, WRONG, MANY), 400, id="create/malformed"),
        pytest.param(update, (ONE, MANY, WRONG), 412, id="update/several"),
        pytest.param(update, (NONE, WRONG, MANY), 400, id="update/malformed"),
        pytest.param(patch, (ONE, NONE, MANY), 404, id="patch/none"),
        pytest.param(patch, (ONE, MANY, NONE), 412, id="patch/several"),
        pytest.param(delete, (ONE, MANY, WRONG), 412, id="delete/several"),
        pytest.param(reference, (ONE, NONE, MANY), 412, id="reference/none"),
        pytest.param(reference, (ONE, MANY, NONE), 412, id="reference/several"),
        pytest.param(reference, (ONE, WRONG, NONE), 400, id="reference/malformed"),
        pytest.param(reference, (ONE, "_count=1", NONE), 400, id="reference/no condition"),
    ],
)
def test_the_first_that_fails_is_named(
    client: Client, make: Make, conditions: tuple[str, ...], status: int
) -> None:
    """However many are searched for at once, it is the second; nothing is stored."""
    answer = client.post("", transaction(*map(make, conditions)))
    assert answer.status == status, answer.text
    (issue,) = answer.json["issue"]
    assert "Bundle.entry[1]" in issue["diagnostics"] + str(issue["expression"])
    left = {each["id"]: each["meta"]["versionId"] for each in client.search("Patient")}
    assert left == {each["id"]: "1" for each in STORED}
    assert client.search("Basic") == []


@pytest.mark.usefixtures("seeded")
@pytest.mark.parametrize("make", [create, reference])
@pytest.mark.parametrize(
    ("deleted", "status"),
    [
        pytest.param(("many-1", "many-2"), 200, id="one is left"),
        pytest.param(("many-1",), 412, id="two are left"),
    ],
)
def test_what_the_bundle_deletes_does_not_count(
    client: Client, make: Make, deleted: tuple[str, ...], status: int
) -> None:
    """More than the two match that tell several from one."""
    gone = (entry("DELETE", f"Patient/{id_}") for id_ in deleted)
    answer = client.post("", transaction(make(ONE), make(MANY), make(NONE.replace("none", "third")),
                                         *gone))  # fmt: skip
    assert answer.status == status, answer.text
    if status == 200:
        places = [each["response"]["location"] for each in answer.json["entry"][:3]]
        if make is reference:
            places = [client.get(place).json["subject"]["reference"] for place in places]
        assert [place.split("/")[1] for place in places] == ["one", "many-3", "many-3"]


@pytest.mark.usefixtures("clean")
def test_six_hundred_conditions(client: Client) -> None:
    """More than one statement takes; the second time each finds what it created the first time."""

    def creates() -> list[dict[str, Any]]:
        values = [f"http://s|{number}" for number in range(600)]
        return [
            entry("POST", "Basic", {"resourceType": "Basic", "code": {"text": "x"},
                                    "identifier": identifier(value)},
                  ifNoneExist=f"identifier={value}")
            for value in values
        ]  # fmt: skip

    first, second = (client.post("", transaction(*creates())) for _ in range(2))
    for answer, status in ((first, "201"), (second, "200")):
        assert {each["response"]["status"][:3] for each in answer.json["entry"]} == {status}
    assert places(first) == places(second)
    assert len(set(places(first))) == 600


def places(answer: Answer) -> list[str]:
    return [each["response"]["location"] for each in answer.json["entry"]]


def observation(whose: str, number: int, category: str) -> dict[str, Any]:
    return {
        "resourceType": "Observation", "id": f"{whose}-{number}", "status": "final",
        "code": {"text": "x"}, "subject": {"reference": f"Patient/{whose}"},
        "category": [{"coding": [{**LABORATORY, "code": category}]}],
        "identifier": identifier(f"http://alike.test|{'both' if number == 3 else whose + '-'}"
                                 f"{'' if number == 3 else number}"),
    }  # fmt: skip


@pytest.fixture
def records(secured: Secured) -> None:
    """Three Observations of each patient, the second of another category; the thirds share one."""
    made = [
        *({"resourceType": "Patient", "id": each} for each in (A, B)),
        *(observation(each, number, VITAL if number == 2 else LAB)
          for each in (A, B) for number in (1, 2, 3)),
    ]  # fmt: skip
    puts = (entry("PUT", f"{each['resourceType']}/{each['id']}", each) for each in made)
    with secured.caller(secured.issue("system/*.cruds").secret) as everybody:
        assert everybody.request("POST", "", transaction(*puts)).status == 200


@pytest.mark.usefixtures("records")
@pytest.mark.parametrize(
    ("scopes", "seen"),
    [
        pytest.param("patient/*.rs", {f"{A}-1", f"{A}-2", "both"}, id="SEC-E12: one's record"),
        pytest.param(f"patient/Observation.rs?category={LAB}", {f"{A}-1", "both"},
                     id="SEC-E8: what a scope's query leaves"),
        pytest.param(f"patient/Observation.rs?category={VITAL} "
                     f"patient/Observation.rs?category={LAB}", {f"{A}-1", f"{A}-2", "both"},
                     id="SEC-S8: what several leave"),
    ],
)  # fmt: skip
def test_conditions_see_what_the_caller_sees(secured: Secured, scopes: str, seen: set[str]) -> None:
    """SEC-E12: of the two that share an identifier a confined caller knows one."""
    scopes = f"{scopes} patient/Observation.c"
    with secured.caller(secured.issue(scopes, patient=A).secret) as caller:
        for value in (f"{A}-1", f"{A}-2", f"{B}-1", "both"):
            others = ["none"] if value not in seen else sorted(seen - {value})
            asked = (refers_to(each) for each in [value, *others])
            answer = caller.request("POST", "", transaction(*asked))
            assert answer.status == (200 if value in seen else 412), answer.text
            if value not in seen:
                assert "selects nothing" in answer.text
                assert "Bundle.entry[0]" in answer.text


def refers_to(value: str) -> dict[str, Any]:
    member = {"reference": f"Observation?identifier=http://alike.test|{value}"}
    body = {"resourceType": "Observation", "status": "final", "code": {"text": "x"},
            "subject": {"reference": f"Patient/{A}"}, "hasMember": [member]}  # fmt: skip
    return entry("POST", "Observation", body)
