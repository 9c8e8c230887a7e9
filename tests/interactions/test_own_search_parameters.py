"""Search parameters that SearchParameter resources define, over HTTP and with two workers.

Spec: https://hl7.org/fhir/R4/searchparameter.html
"""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from tests.client import Answer, Client
from tests.waiting import wait_for

pytestmark = pytest.mark.usefixtures("clean")

RACE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race"
KIN = "http://example.org/kin"


def search_parameter(code: str, kind: str, expression: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "SearchParameter",
        "id": code,
        "url": f"http://example.org/SearchParameter/{code}",
        "name": "Own",
        "status": "active",
        "description": "One of our own.",
        "code": code,
        "base": ["Patient"],
        "type": kind,
        "expression": expression,
        **more,
    }


def composite(code: str, expression: str, **parts: str) -> dict[str, Any]:
    """Join parameters that R4 has for persons, each with its path from the element."""
    prefix = "http://hl7.org/fhir/SearchParameter/individual-"
    component = [
        {"definition": prefix + part.replace("_", "-"), "expression": path}
        for part, path in parts.items()
    ]
    return search_parameter(code, "composite", expression, component=component)


NAME_USE = search_parameter("name-use", "token", "Patient.name.use")
OWN = (
    NAME_USE,
    search_parameter("multiplebirth", "number", "(Patient.multipleBirth as integer)"),
    search_parameter(
        "race", "token", f"Patient.extension.where(url = '{RACE}').extension.value.code"
    ),
    search_parameter("kin", "reference", f"Patient.extension('{KIN}').value", target=["Patient"]),
    search_parameter("given-length", "number", "Patient.name.given.first().length()"),
    search_parameter("moved", "date", "Patient.address.period"),
    search_parameter("district", "string", "Patient.address.district"),
    search_parameter("photo", "uri", "Patient.photo.url"),
    composite("use-city", "Patient.address", address_use="use", address_city="city"),
    composite("gender-given", "Patient", gender="gender", given="name.given"),
)
PATIENTS = (
    {
        "resourceType": "Patient",
        "id": "p1",
        "gender": "female",
        "name": [{"use": "old", "given": ["Eve", "Eva"]}],
        "multipleBirthInteger": 2,
        "address": [
            {"district": "Höhe", "use": "old", "city": "Ulm", "period": {"start": "2019-05"}},
            {"use": "home", "city": "Köln"},
        ],
        "photo": [{"url": "http://example.org/eve.png"}],
        "extension": [
            {
                "url": RACE,
                "extension": [
                    {"url": "ombCategory", "valueCoding": {"system": "urn:oid:1", "code": "2106-3"}}
                ],
            },
            {"url": KIN, "valueReference": {"reference": "Patient/p2"}},
        ],
    },
    {
        "resourceType": "Patient",
        "id": "p2",
        "gender": "male",
        "name": [{"use": "usual", "given": ["Adam"], "family": "First"}],
        "multipleBirthBoolean": True,
    },
)


def put(client: Client, resource: dict[str, Any]) -> Answer:
    answer = client.put(f"{resource['resourceType']}/{resource['id']}", resource)
    assert answer.status in (200, 201), answer.text
    return answer


def states(client: Client, id_: str | None = None) -> dict[tuple[str, str], tuple[str, int]]:
    answer = client.get(f"SearchParameter/{id_}/$status" if id_ else "SearchParameter/$status")
    assert answer.status == 200, answer.text
    found = {}
    for parameter in answer.json.get("parameter", ()):
        told = {part["name"]: part for part in parameter["part"]}
        key = told["base"]["valueCode"], told["code"]["valueCode"]
        found[key] = told["state"]["valueCode"], told["percent"]["valueInteger"]
    return found


def active(client: Client, id_: str) -> None:
    wait_for(lambda: {state for state, _ in states(client, id_).values()} == {"active"})


def ids(answer: Answer) -> list[str]:
    assert answer.status == 200, answer.text
    return sorted(entry["resource"]["id"] for entry in answer.json.get("entry", ()))


@pytest.fixture
def stocked(client: Client) -> Client:
    """Patients of before, and parameters that are through."""
    for resource in (PATIENTS[1], PATIENTS[0], *OWN):
        put(client, resource)
    for each in OWN:
        active(client, each["id"])
    return client


def test_searches_take_them_with_all_that_their_type_offers(stocked: Client) -> None:
    for query, expected in (
        ("name-use=old", ["p1"]),
        ("name-use=http://hl7.org/fhir/name-use|usual", ["p2"]),
        ("name-use:not=old", ["p2"]),
        ("name-use=nickname", []),
        ("multiplebirth=2", ["p1"]),
        ("multiplebirth=gt2", []),
        ("multiplebirth:missing=true", ["p2"]),
        ("race=2106-3", ["p1"]),
        ("race=2028-9", []),
        ("kin=Patient/p2", ["p1"]),
        ("kin=Patient/p1", []),
        ("kin.name=first", ["p1"]),
        ("kin.name=second", []),
        ("kin.name-use=usual", ["p1"]),
        ("_has:Patient:kin:name-use=old", ["p2"]),
        ("given-length=3", ["p1"]),
        ("given-length=4", ["p2"]),
        ("moved=ge2019-05", ["p1"]),
        ("moved=lt2019-04", []),
        ("district=hohe", ["p1"]),
        ("district:exact=hohe", []),
        ("photo=http://example.org/eve.png", ["p1"]),
        ("photo:below=http://example.org/adam", []),
        ("use-city=old$ulm", ["p1"]),
        ("use-city=old$koln", []),
        ("use-city=home,old$koln", ["p1"]),
        ("use-city:missing=true", ["p2"]),
        ("gender-given=female$ev", ["p1"]),
        ("gender-given=male$ev", []),
        ("gender-given=male$a", ["p2"]),
        ("name-use=old,usual&multiplebirth=2", ["p1"]),
        ("name-use=old&_include=Patient:kin", ["p1", "p2"]),
        ("name-use=usual&_revinclude=Patient:kin", ["p1", "p2"]),
    ):
        assert ids(stocked.get(f"Patient?{query}")) == expected, query
    entries = stocked.get("Patient?_sort=-given-length").json["entry"]
    assert [entry["resource"]["id"] for entry in entries] == ["p2", "p1"]


def test_writes_afterwards_are_found_in_their_new_state(stocked: Client) -> None:
    put(stocked, {**PATIENTS[1], "name": [{"use": "nickname"}]})
    put(stocked, {"resourceType": "Patient", "id": "p3", "name": [{"use": "nickname"}]})
    assert ids(stocked.get("Patient?name-use=nickname")) == ["p2", "p3"]
    assert ids(stocked.get("Patient?name-use=usual")) == []
    assert stocked.delete("Patient/p3").status == 204
    assert ids(stocked.get("Patient?name-use=nickname")) == ["p2"]


def test_conditions_take_them(stocked: Client) -> None:
    body = {"resourceType": "Patient", "active": True}
    found = stocked.post("Patient", body, if_none_exist="name-use=old")
    assert (found.status, found.json["id"]) == (200, "p1")
    bundle = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {
                "resource": {"resourceType": "Patient", "id": "p9", "name": [{"use": "maiden"}]},
                "request": {"method": "PUT", "url": "Patient/p9"},
            },
            {
                "resource": {
                    "resourceType": "Flag",
                    "status": "active",
                    "code": {"text": "x"},
                    "subject": {"reference": "Patient?name-use=maiden"},
                },
                "request": {"method": "POST", "url": "Flag"},
            },
        ],
    }
    answer = stocked.post("", bundle)
    assert answer.status == 200, answer.text
    assert stocked.get("Flag?patient=p9").json["total"] == 1


def test_metadata_list_them_once_they_work(stocked: Client) -> None:
    answer = stocked.get("metadata")
    (described,) = [
        each for each in answer.json["rest"][0]["resource"] if each["type"] == "Patient"
    ]
    definitions = {each["name"]: each["definition"] for each in described["searchParam"]}
    assert definitions["name-use"] == NAME_USE["url"]
    assert "Patient:kin" in described["searchInclude"]
    assert "Patient:kin" in described["searchRevInclude"]
    assert "name-use" in stocked.get("openapi.json").text


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(lambda client: client.delete("SearchParameter/name-use"), id="deleted"),
        pytest.param(
            lambda client: put(client, {**NAME_USE, "status": "retired"}), id="status-retired"
        ),
        pytest.param(
            lambda client: put(client, {**NAME_USE, "code": "other", "id": "name-use"}),
            id="another-code",
        ),
    ],
)
def test_it_goes_at_once_everywhere(
    stocked: Client, server: Any, end: Callable[[Client], Answer]
) -> None:
    clients = [server.client() for _ in range(8)]  # connections to both workers
    try:
        for each in clients:
            assert ids(each.get("Patient?name-use=old")) == ["p1"]
        page = stocked.get("Patient?name-use=old,usual&_count=1")
        assert end(stocked).status in (200, 204)
        for each in clients:
            refused = each.get("Patient?name-use=old")
            assert refused.status == 400, refused.text
            assert "no search parameter 'name-use'" in refused.text
        following = [each["url"] for each in page.json["link"] if each["relation"] == "next"]
        assert stocked.get(following[0]).status == 400
        assert "name-use" not in stocked.get("metadata").text
    finally:
        for each in clients:
            each.connection.close()


def test_until_it_is_indexed_it_is_refused_and_never_answered(client: Client, server: Any) -> None:
    for number in range(60):
        name = [{"use": "old", "given": ["Eve"]}]
        put(client, {"resourceType": "Patient", "id": f"q{number}", "name": name})
    answers: list[Answer] = []
    stop = threading.Event()

    def ask() -> None:
        with server.client() as mine:
            while not stop.is_set():
                answers.append(mine.get("Patient?name-use=old&_summary=count"))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        put(client, NAME_USE)
        wait_for(lambda: client.get("Patient?name-use=old").status == 200)
        put(client, {**NAME_USE, "expression": "Patient.name.given", "type": "string"})
        wait_for(lambda: client.get("Patient?name-use=eve").status == 200)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    seen = {each.status for each in answers}
    assert seen <= {200, 400, 503}
    # 60 by the first definition, none by the second, whose names do not begin so.
    assert {each.json["total"] for each in answers if each.status == 200} <= {60, 0}
    for each in answers:
        if each.status == 503:
            (issue,) = each.json["issue"]
            assert issue["code"] == "transient"
            assert "still being indexed" in issue["diagnostics"]
            assert "SearchParameter/name-use/$status" in issue["diagnostics"]
            assert "retry-after" in each.headers


def test_lenient_searches_leave_out_what_is_unknown_and_wait_for_what_is_pending(
    stocked: Client,
) -> None:
    lenient = "handling=lenient"
    assert ids(stocked.get("Patient?name-use=old", prefer=lenient)) == ["p1"]
    answer = stocked.get("Patient?nothing-such=old", prefer=lenient)
    assert answer.json["total"] == 2


@pytest.mark.parametrize(
    ("content", "element", "why"),
    [
        pytest.param({"expression": "Patient.name.("}, "expression", "FHIRPath", id="syntax"),
        pytest.param({"type": "special"}, "type", "not indexed", id="special"),
        pytest.param({"code": "gender"}, "code", "R4's own", id="R4's-code"),
        pytest.param({"id": "second"}, "code", "SearchParameter/name-use already", id="taken"),
    ],
)
def test_what_cannot_be_is_422_at_the_element(
    client: Client, content: dict[str, Any], element: str, why: str
) -> None:
    put(client, NAME_USE)
    body = NAME_USE | content
    answer = client.put(f"SearchParameter/{body['id']}", body)
    assert answer.status == 422, answer.text
    issue = answer.json["issue"][0]
    assert issue["expression"] == [f"SearchParameter.{element}"]
    assert why in issue["diagnostics"]
    assert client.get(f"SearchParameter/{body['id']}/_history").json.get("total") != 2


def test_a_transaction_defines_them_or_nothing(client: Client) -> None:
    entries = [
        {"resource": each, "request": {"method": "PUT", "url": f"{kind}/{each['id']}"}}
        for kind, each in (
            ("SearchParameter", NAME_USE),
            ("Patient", PATIENTS[1]),
            ("SearchParameter", {**NAME_USE, "id": "second"}),
        )
    ]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    refused = client.post("", bundle)
    assert refused.status == 422, refused.text
    assert states(client) == {}
    assert client.post("", {**bundle, "entry": entries[:2]}).status == 200
    active(client, "name-use")
    assert ids(client.get("Patient?name-use=usual")) == ["p2"]


@pytest.mark.parametrize(
    "order", [pytest.param(("a", "b"), id="a first"), pytest.param(("b", "a"), id="b first")]
)
def test_two_of_one_code_in_a_transaction_are_refused_naming_both(
    client: Client, order: tuple[str, str]
) -> None:
    """The second one is wrong; both entries are named."""
    entries = [
        {
            "resource": {**NAME_USE, "id": id_, "url": f"http://example.org/{id_}"},
            "request": {"method": "PUT", "url": f"SearchParameter/{id_}"},
        }
        for id_ in order
    ]
    answer = client.post("", {"resourceType": "Bundle", "type": "transaction", "entry": entries})
    assert answer.status == 422, answer.text
    (issue,) = answer.json["issue"]
    assert issue["expression"] == ["Bundle.entry[1].resource.code"]
    assert issue["diagnostics"].startswith(f"Bundle.entry[1]: SearchParameter/{order[1]}, ")
    assert f"SearchParameter/{order[0]} (Bundle.entry[0])" in issue["diagnostics"]
    assert client.search("SearchParameter") == []


def test_r4s_own_are_stored_and_change_nothing(client: Client) -> None:
    gender = search_parameter("gender", "token", "Patient.gender")
    answer = client.put("SearchParameter/gender", gender, prefer="return=OperationOutcome")
    assert answer.status == 201
    assert "R4 has the same parameter itself" in answer.text
    assert states(client, "gender") == {}
