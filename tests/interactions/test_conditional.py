"""Conditional create, update, patch and delete, alone and as entries: none, one, many matches.

Spec: https://hl7.org/fhir/R4/http.html#ccreate, #cond-update, #cdelete and #trules
"""

import base64
import json
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from fhirserver.interactions.conditions import condition_text
from tests.client import Client

pytestmark = pytest.mark.usefixtures("clean")

PATCH = [{"op": "add", "path": "/active", "value": True}]
JSON_PATCH = "application/json-patch+json"
HEADERS = {"ifMatch": "If-Match", "ifNoneMatch": "If-None-Match"}


class Told(NamedTuple):
    """What became of a request: status and, of a refusal, the outcome."""

    status: int
    outcome: Any


Way = Callable[[Client, str, str, Any, dict[str, str]], Told]


def alone(client: Client, method: str, condition: str, body: Any, more: dict[str, str]) -> Told:
    """Send a request as such; it asks for leniency, which no condition gets."""
    headers = {HEADERS[name]: value for name, value in more.items()}
    headers["Prefer"] = "handling=lenient"
    path = f"Patient?{condition}"
    if method == "POST":
        path, headers["If-None-Exist"] = "Patient", condition
    if method == "PATCH":
        headers["Content-Type"] = JSON_PATCH
    answer = client.request(method, path, body, headers)
    return Told(answer.status, answer.json if answer.status >= 400 else None)


def entry(method: str, condition: str, body: Any, more: dict[str, str]) -> dict[str, Any]:
    request = {"method": method, "url": f"Patient?{condition}", **more}
    if method == "POST":
        request |= {"url": "Patient", "ifNoneExist": condition}
    if method == "PATCH":
        data = base64.b64encode(json.dumps(body).encode()).decode()
        body = {"resourceType": "Binary", "contentType": JSON_PATCH, "data": data}
    return {"request": request} | ({} if body is None else {"resource": body})


def in_batch(client: Client, method: str, condition: str, body: Any, more: dict[str, str]) -> Told:
    asked = entry(method, condition, body, more)
    answer = client.post("", {"resourceType": "Bundle", "type": "batch", "entry": [asked]})
    response = answer.json["entry"][0]["response"]
    return Told(int(response["status"][:3]), response.get("outcome"))


def in_transaction(
    client: Client, method: str, condition: str, body: Any, more: dict[str, str]
) -> Told:
    asked = entry(method, condition, body, more)
    answer = client.post("", {"resourceType": "Bundle", "type": "transaction", "entry": [asked]})
    if answer.status != 200:
        return Told(answer.status, answer.json)
    return Told(int(answer.json["entry"][0]["response"]["status"][:3]), None)


WAYS = [
    pytest.param(alone, id="alone"),
    pytest.param(in_batch, id="batch"),
    pytest.param(in_transaction, id="transaction"),
]


def patient(value: str, **elements: Any) -> dict[str, Any]:
    identifier = [{"system": "http://s", "value": value}]
    return {"resourceType": "Patient", "identifier": identifier, **elements}


@pytest.fixture
def seeded(clean: None, client: Client) -> None:
    """Patient/one has an identifier of its own; two others share one; one more is in the way."""
    for id_, value in (("one", "one"), ("many-1", "many"), ("many-2", "many"), ("other", "other")):
        assert client.put(f"Patient/{id_}", patient(value, id=id_)).status == 201


def stored(client: Client) -> dict[str, str]:
    return {each["id"]: each["meta"]["versionId"] for each in client.search("Patient")}


@pytest.mark.usefixtures("seeded")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("method", "elements", "more", "statuses"),
    [
        pytest.param("POST", {}, {}, (201, 200, 412), id="create"),
        pytest.param("PUT", {}, {}, (201, 200, 412), id="update"),
        pytest.param("PUT", {"id": "new"}, {}, (201, 400, 412), id="update/with another id"),
        pytest.param("PUT", {"id": "one"}, {}, (412, 200, 412), id="update/with the match's id"),
        pytest.param("PUT", {"id": "a b"}, {}, (400, 400, 400), id="update/with what is no id"),
        pytest.param(
            "PUT", {}, {"ifMatch": 'W/"1"'}, (412, 200, 412), id="update/If-Match that holds"
        ),
        pytest.param(
            "PUT", {}, {"ifMatch": 'W/"2"'}, (412, 412, 412), id="update/If-Match that does not"
        ),
        pytest.param("PUT", {}, {"ifNoneMatch": "*"}, (201, 412, 412), id="update/create only"),
        pytest.param("PATCH", None, {}, (404, 200, 412), id="patch"),
        pytest.param(
            "PATCH", None, {"ifMatch": 'W/"2"'}, (404, 412, 412), id="patch/If-Match that does not"
        ),
        pytest.param("DELETE", None, {}, (204, 204, 412), id="delete"),
        pytest.param(
            "DELETE", None, {"ifMatch": 'W/"2"'}, (204, 412, 412), id="delete/If-Match not"
        ),
    ],
)  # fmt: skip
def test_none_one_many(
    client: Client, way: Way, method: str, elements: dict[str, Any] | None,
    more: dict[str, str], statuses: tuple[int, int, int],
) -> None:  # fmt: skip
    for value, expected in zip(("none", "one", "many"), statuses, strict=True):
        before = stored(client)
        body = None if elements is None else patient(value, active=True, **elements)
        told = way(
            client,
            method,
            f"identifier=http://s|{value}",
            PATCH if method == "PATCH" else body,
            more,
        )
        assert told.status == expected, (value, told.outcome)
        after = stored(client)
        if expected >= 400:
            assert after == before
            (issue,) = told.outcome["issue"]
            assert issue["diagnostics"]
            assert issue["expression"]
        elif expected == 201:
            (made,) = after.items() - before.items()
            assert made == (body["id"] if body and "id" in body else made[0], "1")
        elif method == "DELETE":
            assert after == {id_: at for id_, at in before.items() if id_ != value}
        else:
            assert after == {**before, "one": "1" if method == "POST" else "2"}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_conditions_that_cannot_be_are_refused(client: Client, way: Way, method: str) -> None:
    """Where the only Patient is, a condition that were left out would select it."""
    client.put("Patient/one", patient("one", id="one"))
    body = {"PATCH": PATCH, "DELETE": None}.get(method, patient("one", active=True))
    for condition, named in (
        ("", "empty"),
        ("nothing=1", "nothing"),
        ("identifier=http://s|one&nothing=1", "nothing"),
        ("identifier=", "identifier"),
        ("identifier:exact=1", "identifier:exact"),
        ("_lastUpdated=yesterday", "_lastUpdated"),
        ("_count=1", "_count"),
        ("identifier=http://s|one&_sort=_id", "_sort"),
        ("_contained=false", "_contained"),
        ("_include=Patient:link", "_include"),
        ("_page=1", "_page"),
        ("_type=Patient", "_type"),
        ("identifier=%zz", "%zz"),
    ):  # fmt: skip
        told = way(client, method, condition, body, {})
        assert told.status == 400, (condition, told.outcome)
        assert named in told.outcome["issue"][0]["diagnostics"], condition
        assert told.outcome["issue"][0].get("expression"), condition
    assert stored(client) == {"one": "1"}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        pytest.param("a=1&b=2", "b=2&a=1", True, id="order of parameters"),
        pytest.param("a=1&a=1", "a=1", True, id="a parameter twice"),
        pytest.param("a=1,2", "a=2,1,2", True, id="order of alternatives"),
        pytest.param("a=s|1", "a=s%7C1", True, id="percent escapes"),
        pytest.param("a=x y", "a=x+y", True, id="plus"),
        pytest.param("?a=1", "a=1", True, id="question mark"),
        pytest.param(r"a=x\y", r"a=x\\y", True, id="backslashes that need no escape"),
        pytest.param("a=1&a=2", "a=1,2", False, id="and is not or"),
        pytest.param(r"a=1\,2", "a=1,2", False, id="an escaped comma"),
        pytest.param(r"a=s\|1", "a=s|1", False, id="an escaped bar"),
        pytest.param("a:not=1", "a=1", False, id="a modifier"),
        pytest.param("a=x", "a=X", False, id="case"),
    ],
)
def test_conditions_that_are_the_same(one: str, other: str, same: bool) -> None:
    """Equal keys run one after the other, and twice in a transaction they are refused."""
    keys = [condition_text("Patient", query).lock_key for query in (one, other)]
    assert (keys[0] == keys[1]) is same
    assert condition_text("Group", one).lock_key != keys[0]
