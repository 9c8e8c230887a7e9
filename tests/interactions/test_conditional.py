"""Conditional create, update, patch and delete: none, one, many.

Spec: https://hl7.org/fhir/R4/http.html#ccreate, #cond-update and #cdelete
"""

import threading
from typing import Any

import pytest

from tests.client import Client
from tests.server import ServerProcess

pytestmark = pytest.mark.usefixtures("clean")
CONDITION = "identifier=http://s|1"


def patient(value: str = "1", **elements: Any) -> dict[str, Any]:
    identifier = [{"system": "http://s", "value": value}]
    return {"resourceType": "Patient", "identifier": identifier, **elements}


@pytest.fixture(params=[0, 1, 2], ids=["none", "one", "many"])
def matches(request: pytest.FixtureRequest, client: Client) -> int:
    for number in range(request.param):
        client.put(f"Patient/p{number}", patient(id=f"p{number}"))
    client.put("Patient/other", patient("2", id="other"))
    found: int = request.param
    return found


def test_conditional_create(client: Client, matches: int) -> None:
    answer = client.post("Patient", patient(), if_none_exist=CONDITION)
    assert answer.status == (201, 200, 412)[matches]
    if matches == 1:
        assert answer.json["id"] == "p0"
    assert len(client.search(f"Patient?{CONDITION}")) == max(matches, 1)


def test_conditional_update(client: Client, matches: int) -> None:
    answer = client.put(f"Patient?{CONDITION}", patient(active=True))
    assert answer.status == (201, 200, 412)[matches]
    if matches == 1:
        assert (answer.json["id"], answer.json["meta"]["versionId"]) == ("p0", "2")


def test_conditional_update_with_an_id(client: Client, matches: int) -> None:
    answer = client.put(f"Patient?{CONDITION}", patient(id="mine", active=True))
    assert answer.status == (201, 400, 412)[matches]
    if matches == 0:
        assert answer.json["id"] == "mine"
    if matches == 1:
        same = client.put(f"Patient?{CONDITION}", patient(id="p0", active=True))
        assert same.status == 200


def test_conditional_patch(client: Client, matches: int) -> None:
    change = [{"op": "add", "path": "/active", "value": True}]
    headers = {"Content-Type": "application/json-patch+json"}
    answer = client.request("PATCH", f"Patient?{CONDITION}", change, headers)
    assert answer.status == (404, 200, 412)[matches]


def test_conditional_delete(client: Client, matches: int) -> None:
    answer = client.delete(f"Patient?{CONDITION}")
    assert answer.status == (204, 204, 412)[matches]
    assert len(client.search("Patient")) == (1, 1, 3)[matches]


@pytest.mark.parametrize(
    "condition",
    [
        pytest.param("_count=1", id="selects nothing"),
        pytest.param("nothing=1", id="unknown parameter"),
        pytest.param("identifier=%zz", id="broken escape"),
    ],
)
def test_conditions_that_cannot_be_are_refused(client: Client, condition: str) -> None:
    assert client.post("Patient", patient(), if_none_exist=condition).status == 400
    assert client.search("Patient") == []


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_a_condition_is_needed(client: Client, method: str) -> None:
    body = None if method == "DELETE" else patient()
    answer = client.request(method, "Patient", body)
    assert answer.status in (400, 415)


def test_equal_conditional_creates_make_one(server: ServerProcess) -> None:
    """Of many clients with one condition one creates, the others find what it created."""
    statuses: list[int] = []
    barrier = threading.Barrier(8)

    def create(number: int) -> None:
        with server.client() as client:
            for round_ in range(5):
                barrier.wait()
                body = patient(str(round_), active=number % 2 == 0)
                answer = client.post("Patient", body, if_none_exist=f"identifier=http://s|{round_}")
                statuses.append(answer.status)

    threads = [threading.Thread(target=create, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] * 35 + [201] * 5
