"""`_explain`: how a search is run, for administrators only, and without anybody's values."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from fhirserver.access import Access, AuthContext, Decision, Grant, allow_all
from fhirserver.config import Settings
from fhirserver.definitions import r4
from fhirserver.errors import FhirError, ForbiddenError
from fhirserver.interactions import Query, Services
from fhirserver.interactions.request_url import parse_pairs
from fhirserver.interactions.search_compartment import search_compartment
from fhirserver.interactions.search_system import search_system
from fhirserver.interactions.search_type import search_type
from fhirserver.interactions.update import update
from fhirserver.store.database import Database, now_us
from tests.client import Client

AUTH = AuthContext("Practitioner/9", "app", "request-1")
OTHERS = "other-patient-77"


def confined(_auth: AuthContext, _access: Access) -> Decision:
    return Decision(allowed=True, reason="own record", grants=(Grant(("a",)),))


def no_administrator(_auth: AuthContext, access: Access) -> Decision:
    return Decision(allowed=access.interaction != "search-explain", reason="no administrator")


def by_type(_auth: AuthContext, access: Access) -> Decision:
    narrow = access.interaction == "search-type" and access.type == "Observation"
    return Decision(allowed=True, reason="ward", grants=(Grant((OTHERS,) if narrow else None),))


def services_of(database: Database, policy: Callable[..., Decision]) -> Services:
    return Services(r4(), database, Settings(), policy, now_us, b"k" * 32)


def explained(services: Services, type_: str, text: str) -> Any:
    result = search_type(services, AUTH, type_, Query(parse_pairs(text)))
    assert result.body is not None
    assert result.no_store
    return json.loads(result.body)


def parts(found: Any, name: str) -> list[dict[str, Any]]:
    return [
        {part["name"]: next(v for k, v in part.items() if k != "name") for part in each["part"]}
        for each in found["parameter"]
        if each["name"] == name
    ]


@pytest.mark.parametrize(
    "text",
    [
        "code=x&_explain=true",
        "code=x&_explain=true&_sort=-date",
        "patient=p&code=x&_sort=-date&_explain=true",
        "subject.name=secret&_total=accurate&_explain=true",
        "_has:Provenance:target:agent=secret&_explain=true",
        "date=gt2020&_summary=count&_explain=true",
        "value-quantity=5||mg&_sort=code,date&_explain=true",
        "_id=secret&_explain=true",
    ],
)
def test_it_shows_sql_without_values(database: Database, text: str) -> None:
    found = explained(services_of(database, allow_all), "Observation", text)
    assert found["resourceType"] == "Parameters"
    statements = parts(found, "statement")
    assert statements
    for each in statements:
        assert each["sql"].startswith(("SELECT", "WITH"))
        assert f"${each['parameters']}" in each["sql"]
        assert "%s" not in each["sql"]
        assert "execution_ms" in each
        assert "actual" in each["plan"]
    assert "secret" not in json.dumps(found["parameter"][1:])
    assert parts(found, "condition")[0]["from"] == "query"


def test_a_plan_does_not_run(database: Database) -> None:
    found = explained(services_of(database, allow_all), "Observation", "code=x&_explain=plan")
    for each in parts(found, "statement"):
        assert "execution_ms" not in each
        assert "actual" not in each["plan"]


def test_includes_are_explained(database: Database) -> None:
    services = services_of(database, allow_all)
    for type_, id_, content in (
        ("Patient", "inc", {"name": [{"family": "Secretname"}]}),
        ("Flag", "inc-1", {"status": "active", "code": {"text": "secret"},
                           "subject": {"reference": "Patient/inc"}}),
    ):  # fmt: skip
        update(services, AUTH, type_, id_, {"resourceType": type_, "id": id_, **content})
    text = "_id=inc-1&_include=Flag:patient&_revinclude:iterate=Flag:patient&_explain="
    told = {each["purpose"]: each for each in parts(explained(services, "Flag", f"{text}true"),
                                                    "statement")}  # fmt: skip
    assert list(told)[-2:] == ["include 1", "include 2"]
    assert "execution_ms" in told["include 1"]
    assert "inc-1" not in json.dumps(list(told.values()))
    planned = parts(explained(services, "Flag", f"{text}plan"), "statement")
    assert not any("include" in each["purpose"] for each in planned)


@pytest.mark.parametrize("policy", [confined, no_administrator])
def test_others_are_refused(database: Database, policy: Callable[..., Decision]) -> None:
    """Whatever else they send, right or wrong, and at every door of search."""
    services = services_of(database, policy)
    for text in ("_explain=true", "_explain=plan", "_explain=x", "_explain=true&nonsense=1"):
        query = Query(parse_pairs(text))
        with pytest.raises(ForbiddenError):
            search_type(services, AUTH, "Observation", query)
        with pytest.raises(ForbiddenError):
            search_system(services, AUTH, query)
        with pytest.raises(ForbiddenError):
            search_compartment(services, AUTH, "Patient", "a", None, query)


def test_what_access_adds_is_told_without_its_values(database: Database) -> None:
    found = explained(services_of(database, by_type), "Observation", "code=x&_explain=true")
    assert parts(found, "access") == [
        {"types": "Observation", "confined": "to 1 patients", "reason": "ward"}
    ]
    assert parts(found, "condition")[0]["from"] == "access or address"
    assert OTHERS not in json.dumps(found)


@pytest.mark.parametrize("text", ["_explain=yes", "_explain=true&_explain=true", "_explain="])
def test_other_values_are_refused(database: Database, text: str) -> None:
    with pytest.raises(FhirError, match="true, plan") as caught:
        explained(services_of(database, allow_all), "Patient", text)
    assert caught.value.status == 400


def test_it_gives_no_resource_and_is_audited(database: Database, database_url: str) -> None:
    services = services_of(database, allow_all)
    update(services, AUTH, "Patient", "a", {"resourceType": "Patient", "id": "a",
                                            "name": [{"family": "Secretname"}]})  # fmt: skip
    assert "Secretname" not in json.dumps(explained(services, "Patient", "_explain=true&_id=a"))
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "SELECT interaction, matches FROM audit WHERE query LIKE '%_explain=true&_id=a%'"
        ).fetchall()
    assert rows == [("search-type", 0)]


def test_over_http(client: Client) -> None:
    client.connection.request("GET", f"{urlsplit(client.base).path}/Patient?name=x&_explain=true")
    response = client.connection.getresponse()
    assert (response.status, response.read()[:15]) == (200, b'{"resourceType"')
    assert "no-store" in str(response.getheader("Cache-Control"))
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    posted = client.request("POST", "Patient/_search", b"name=x&_explain=true", form)
    assert posted.json["resourceType"] == "Parameters"
    assert client.get("?_explain=plan").status == 200
    assert client.get("Patient/1/*?_explain=plan").status == 200
