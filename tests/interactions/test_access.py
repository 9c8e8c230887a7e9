"""The access seam: whatever way data leaves or enters, a decision narrows it.

Two patients, a and b; the caller is confined to a's compartment. Every path must show a's record
and nothing of b's, not even that it exists.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest

from fhirserver.access import Access, AuthContext, Decision, Grant, allow_all
from fhirserver.config import Settings
from fhirserver.definitions import r4
from fhirserver.errors import FhirError
from fhirserver.interactions import Patch, Query, Result, Services, WriteOptions
from fhirserver.interactions.create import create
from fhirserver.interactions.delete import delete, delete_conditional
from fhirserver.interactions.history_instance import history_instance
from fhirserver.interactions.history_system import history_system
from fhirserver.interactions.history_type import history_type
from fhirserver.interactions.patch import patch
from fhirserver.interactions.read import read
from fhirserver.interactions.request_url import parse_pairs
from fhirserver.interactions.search_compartment import search_compartment
from fhirserver.interactions.search_system import search_system
from fhirserver.interactions.search_type import search_type
from fhirserver.interactions.transaction import transaction
from fhirserver.interactions.update import update, update_conditional
from fhirserver.interactions.vread import vread
from fhirserver.store.database import Database, now_us
from tests.conftest import truncate_all

AUTH = AuthContext("Patient/a", "app", "request-1")
CODE = {"coding": [{"system": "http://c", "code": "x"}]}


def only_a(_auth: AuthContext, _access: Access) -> Decision:
    return Decision(allowed=True, reason="the patient's own record", grants=(Grant(("a",)),))


def nobody(_auth: AuthContext, _access: Access) -> Decision:
    return Decision(allowed=False, reason="closed")


def services_of(database: Database, policy: Callable[..., Decision]) -> Services:
    return Services(r4(), database, Settings(), policy, now_us, b"k" * 32)


def observation(id_: str, patient: str, *performers: str) -> dict[str, Any]:
    body: dict[str, Any] = {
        "resourceType": "Observation",
        "id": id_,
        "status": "final",
        "code": CODE,
        "subject": {"reference": f"Patient/{patient}"},
    }
    if performers:
        body["performer"] = [{"reference": f"Patient/{each}"} for each in performers]
    return body


@pytest.fixture
def confined(database: Database, database_url: str) -> Services:
    truncate_all(database_url)
    database.identities.forget()
    everything = services_of(database, allow_all)
    for body in (
        {"resourceType": "Patient", "id": "a", "active": True},
        {"resourceType": "Patient", "id": "b", "active": True},
        observation("oa", "a"),
        observation("ob", "b"),
        observation("gone", "b"),
    ):
        update(everything, AUTH, body["resourceType"], body["id"], body)
    delete(everything, AUTH, "Observation", "gone")
    return services_of(database, only_a)


def bundle(result: Result) -> Any:
    assert result.body is not None
    return json.loads(result.body)


def ids(result: Result) -> list[str]:
    found = bundle(result)
    return sorted(each["resource"]["id"] for each in found.get("entry", []) if "resource" in each)


def query(text: str = "") -> Query:
    return Query(parse_pairs(text))


@pytest.mark.parametrize(
    ("type_", "id_"),
    [("Patient", "b"), ("Observation", "ob"), ("Observation", "gone"), ("Patient", "none")],
)
def test_what_is_not_granted_looks_absent(confined: Services, type_: str, id_: str) -> None:
    for ask in (
        lambda: read(confined, AUTH, type_, id_),
        lambda: vread(confined, AUTH, type_, id_, "1"),
        lambda: history_instance(confined, AUTH, type_, id_),
        lambda: patch(confined, AUTH, type_, id_, Patch("application/json-patch+json", [])),
    ):
        with pytest.raises(FhirError) as caught:
            ask()
        assert caught.value.status == 404
    assert delete(confined, AUTH, type_, id_).status == 204


def test_what_is_granted_is_there(confined: Services) -> None:
    assert read(confined, AUTH, "Observation", "oa").status == 200
    assert vread(confined, AUTH, "Patient", "a", "1").status == 200
    assert history_instance(confined, AUTH, "Patient", "a").status == 200


@pytest.mark.parametrize(
    ("text", "expected", "total"),
    [
        pytest.param("", ["oa"], 1, id="all"),
        pytest.param("code=http://c|x&_total=accurate", ["oa"], 1, id="token"),
        pytest.param("patient=b", [], 0, id="the other patient"),
        pytest.param("patient.active=true", ["oa"], 1, id="chain"),
        pytest.param("_summary=count", [], 1, id="count"),
        pytest.param("_include=Observation:subject", ["a", "oa"], 1, id="include"),
        pytest.param("_id=ob", [], 0, id="by id"),
        pytest.param("_sort=-date&_count=1", ["oa"], 1, id="sorted"),
    ],
)
def test_searches_are_narrowed(
    confined: Services, text: str, expected: list[str], total: int
) -> None:
    result = search_type(confined, AUTH, "Observation", query(text))
    assert ids(result) == expected
    assert bundle(result)["total"] == total


def test_other_searches_are_narrowed(confined: Services) -> None:
    revinclude = query("_revinclude=Observation:subject")
    assert ids(search_type(confined, AUTH, "Patient", revinclude)) == ["a", "oa"]
    has = query("_has:Observation:patient:code=x")
    assert ids(search_type(confined, AUTH, "Patient", has)) == ["a"]
    both = query("_type=Patient,Observation")
    assert ids(search_system(confined, AUTH, both)) == ["a", "oa"]
    assert ids(search_compartment(confined, AUTH, "Patient", "a", None, query())) == ["a", "oa"]
    for type_ in ("Observation", None):
        assert ids(search_compartment(confined, AUTH, "Patient", "b", type_, query())) == []


def test_histories_are_narrowed(confined: Services) -> None:
    assert ids(history_type(confined, AUTH, "Patient")) == ["a"]
    assert ids(history_type(confined, AUTH, "Observation")) == ["oa"]
    assert ids(history_system(confined, AUTH)) == ["a", "oa"]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(observation("new", "b"), id="another patient's"),
        pytest.param(observation("new", "a", "b"), id="also another patient's"),
        pytest.param({"resourceType": "Patient", "id": "c"}, id="another patient"),
        pytest.param({"resourceType": "Organization", "id": "o", "name": "x"}, id="nobody's"),
    ],
)
def test_writes_stay_in_the_compartment(confined: Services, body: dict[str, Any]) -> None:
    type_ = body["resourceType"]
    for write in (
        lambda: create(confined, AUTH, type_, body),
        lambda: update(confined, AUTH, type_, body["id"], body),
        lambda: send(confined, entry("POST", type_, body)),
        lambda: send(confined, entry("PUT", f"{type_}/{body['id']}", body)),
    ):
        with pytest.raises(FhirError) as caught:
            write()
        assert caught.value.status == 403


def test_a_foreign_resource_cannot_be_taken_over(confined: Services) -> None:
    """SEC-E14: a hidden id, a deleted one and one that nobody has get the same answer."""
    for write in (
        lambda id_: update(confined, AUTH, "Observation", id_, observation(id_, "a")),
        lambda id_: send(confined, entry("PUT", f"Observation/{id_}", observation(id_, "a"))),
        lambda id_: update_conditional(
            confined, AUTH, "Observation", query(f"_id={id_}"), observation(id_, "a")
        ),
    ):
        answers = set()
        for id_ in ("ob", "gone", "nobody"):
            with pytest.raises(FhirError) as caught:
                write(id_)
            answers.add((caught.value.status, str(caught.value).replace(f"/{id_}", "/id")))
        assert {status for status, _ in answers} == {403}
        assert len(answers) == 1
    assert delete(confined, AUTH, "Observation", "ob").status == 204
    seen = services_of(confined.database, allow_all)
    assert read(seen, AUTH, "Observation", "ob").status == 200


def test_conditions_see_only_what_is_granted(confined: Services) -> None:
    mine = observation("x", "a")
    del mine["id"]
    result = create(confined, AUTH, "Observation", mine, WriteOptions(if_none_exist="code=x"))
    assert result.status == 200
    assert result.stored is not None
    assert result.stored.id == "oa"
    changed = update_conditional(confined, AUTH, "Observation", query("code=x"), mine)
    assert changed.stored is not None
    assert changed.stored.id == "oa"
    assert delete_conditional(confined, AUTH, "Observation", query("code=x")).status == 204
    seen = services_of(confined.database, allow_all)
    assert ids(search_type(seen, AUTH, "Observation", query())) == ["ob"]


def entry(method: str, url: str, resource: Any = None) -> dict[str, Any]:
    made: dict[str, Any] = {"request": {"method": method, "url": url}}
    return made if resource is None else {**made, "resource": resource}


def send(services: Services, *entries: Any, type_: str = "transaction") -> Any:
    body = {"resourceType": "Bundle", "type": type_, "entry": list(entries)}
    return bundle(transaction(services, AUTH, body))


@pytest.mark.parametrize("type_", ["transaction", "batch"])
def test_reads_inside_bundles_are_narrowed(confined: Services, type_: str) -> None:
    answer = send(
        confined,
        entry("GET", "Observation?code=x"),
        entry("GET", "Observation/_history"),
        entry("GET", "Patient/a"),
        type_=type_,
    )
    for place in (0, 1):
        inner = answer["entry"][place]["resource"]
        assert [each["resource"]["id"] for each in inner["entry"]] == ["oa"]
    assert answer["entry"][2]["resource"]["id"] == "a"


def test_a_read_inside_a_transaction_that_is_not_granted_fails_it(confined: Services) -> None:
    with pytest.raises(FhirError) as caught:
        send(confined, entry("GET", "Patient/b"))
    assert caught.value.status == 404


@pytest.mark.parametrize(
    "reference", ["Patient?_id=b", "Patient?active=true&_id=b"], ids=["by id", "by criteria"]
)
def test_conditional_references_see_only_what_is_granted(
    confined: Services, reference: str
) -> None:
    body = observation("x", "a")
    body["performer"] = [{"reference": reference}]
    with pytest.raises(FhirError) as caught:
        send(confined, entry("POST", "Observation", body))
    assert caught.value.status == 412


def test_a_refusal_names_the_rule(confined: Services) -> None:
    closed = services_of(confined.database, nobody)
    for ask in (
        lambda: read(closed, AUTH, "Patient", "a"),
        lambda: search_type(closed, AUTH, "Patient", query()),
        lambda: history_system(closed, AUTH),
        lambda: create(closed, AUTH, "Patient", {"resourceType": "Patient"}),
        lambda: send(closed, entry("GET", "Patient/a")),
    ):
        with pytest.raises(FhirError, match="closed") as caught:
            ask()
        assert caught.value.status == 403


@pytest.mark.parametrize(
    "where",
    [("nonsense", "x"), ("code:not", "x"), ("date", "2020"), ("subject.name", "x"), ("_sort", "x")],
    ids=lambda where: where[0],
)
def test_criteria_that_cannot_be_told_grant_nothing(
    confined: Services, where: tuple[str, str]
) -> None:
    """SEC-S7: whatever the policy says; it is refused, and never left out."""

    def by(_auth: AuthContext, _access: Access) -> Decision:
        return Decision(allowed=True, reason="test", grants=(Grant(("a",), (where,)),))

    narrowed = services_of(confined.database, by)
    for ask in (
        lambda: read(narrowed, AUTH, "Observation", "oa"),
        lambda: vread(narrowed, AUTH, "Observation", "oa", "1"),
        lambda: history_type(narrowed, AUTH, "Observation"),
        lambda: search_type(narrowed, AUTH, "Observation", query()),
        lambda: search_type(narrowed, AUTH, "Observation", Query((), "lenient")),
        lambda: create(narrowed, AUTH, "Observation", observation("x", "a")),
    ):
        with pytest.raises(FhirError, match="nothing is granted") as caught:
            ask()
        assert caught.value.status == 403
