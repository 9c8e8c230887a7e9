"""A confined caller and search parameters of one's own: nothing of others shows through them."""

from typing import Any

import pytest

from fhirserver.access import Access, AuthContext, Decision, Grant, allow_all
from fhirserver.config import Settings
from fhirserver.definitions import Definitions, r4
from fhirserver.errors import FhirError, NotFoundError
from fhirserver.interactions import Query, Services, WriteOptions
from fhirserver.interactions.create import create
from fhirserver.interactions.request_url import parse_pairs
from fhirserver.interactions.search_system import search_system
from fhirserver.interactions.search_type import search_type
from fhirserver.interactions.update import update
from fhirserver.model.json import JsonObject, parse_json
from fhirserver.operations import OFFERED, Call, invoke
from fhirserver.search.extract import IndexRows, extract
from fhirserver.store.database import Database, now_us
from fhirserver.store.search_registry import read_status
from fhirserver.store.search_reindex import search_parameter_step
from tests.conftest import truncate_all

AUTH = AuthContext("Patient/a", "app", "request-1")
SEEN_BY = "http://example.org/seen-by"
BASE = {"base": ["Observation"], "type": "string", "expression": "Observation.method.text"}


def only_a(_auth: AuthContext, _access: Access) -> Decision:
    return Decision(allowed=True, reason="the patient's own record", grants=(Grant(("a",)),))


def services_of(database: Database, policy: Any) -> Services:
    return Services(r4(), database, Settings(), policy, now_us, b"k" * 32, OFFERED)


def definition(code: str, **content: Any) -> JsonObject:
    return {
        "resourceType": "SearchParameter",
        "id": code,
        "url": f"http://example.org/{code}",
        "name": "Own",
        "status": "active",
        "description": "own",
        "code": code,
        **BASE,
        **content,
    }


def observation(id_: str, patient: str) -> JsonObject:
    return {
        "resourceType": "Observation",
        "id": id_,
        "status": "final",
        "code": {"text": "c"},
        "subject": {"reference": f"Patient/{patient}"},
        "method": {"text": f"secret-{patient}"},
        "extension": [{"url": SEEN_BY, "valueReference": {"reference": f"Patient/{patient}"}}],
    }


@pytest.fixture
def confined(database: Database, database_url: str) -> Services:
    truncate_all(database_url)
    database.identities.forget()
    everything = services_of(database, allow_all)
    for content in (
        {"resourceType": "Patient", "id": "a", "name": [{"use": "old"}]},
        {"resourceType": "Patient", "id": "b", "name": [{"use": "old"}]},
        observation("oa", "a"),
        observation("ob", "b"),
        definition("how"),
        definition(
            "seen-by",
            type="reference",
            expression=f"Observation.extension('{SEEN_BY}').value",
            target=["Patient"],
        ),
        definition("name-use", base=["Patient"], type="token", expression="Patient.name.use"),
    ):
        update(everything, AUTH, content["resourceType"], content["id"], content)

    def rows_of(resource: JsonObject, definitions: Definitions) -> IndexRows:
        return extract(resource, definitions=definitions, base_url=None)

    def pending() -> bool:
        with database.connection() as connection:
            return any(each.state != "active" for each in read_status(connection))

    while pending():
        search_parameter_step(database, rows_of)
    return services_of(database, only_a)


@pytest.mark.parametrize(
    ("type_", "query", "expected"),
    [
        pytest.param("Observation", "how=secret", {"oa"}, id="value"),
        pytest.param("Observation", "how=secret-b", set(), id="value-of-others"),
        pytest.param("Observation", "how:missing=false", {"oa"}, id="missing"),
        pytest.param("Observation", "_sort=-how", {"oa"}, id="sort"),
        pytest.param("Observation", "_sort=how&_count=1", {"oa"}, id="page"),
        pytest.param("Observation", "seen-by=Patient/b", set(), id="reference"),
        pytest.param("Observation", "seen-by.name-use=old", {"oa"}, id="chain"),
        pytest.param("Patient", "name-use=old", {"a"}, id="patients"),
        pytest.param("Patient", "_has:Observation:seen-by:how=secret-b", set(), id="has"),
        pytest.param(
            "Patient", "name-use=old&_revinclude=Observation:seen-by", {"a", "oa"}, id="revinclude"
        ),
        pytest.param(
            "Observation", "how=secret&_include=Observation:seen-by", {"a", "oa"}, id="include"
        ),
        pytest.param(None, "_type=Observation&how=secret", {"oa"}, id="system"),
    ],
)
def test_results_totals_and_pages_are_the_callers_own(
    confined: Services, type_: str | None, query: str, expected: set[str]
) -> None:
    asked = Query(parse_pairs(query))
    result = (
        search_system(confined, AUTH, asked)
        if type_ is None
        else search_type(confined, AUTH, type_, asked)
    )
    assert result.body is not None
    bundle = parse_json(result.body)
    entries = bundle.get("entry", ())
    assert {each["resource"]["id"] for each in entries} == expected
    matches = [each for each in entries if each["search"]["mode"] == "match"]
    assert bundle["total"] == len(matches)
    assert [each["relation"] for each in bundle["link"] if each["relation"] == "next"] == []


def test_a_condition_selects_only_what_the_caller_sees(confined: Services) -> None:
    options = WriteOptions(if_none_exist="how=secret-b")
    made = create(confined, AUTH, "Observation", observation("x", "a"), options)
    assert made.status == 201


def test_status_tells_a_confined_caller_nothing(confined: Services) -> None:
    call = Call(confined, AUTH, "SearchParameter", None, Query(), None)
    assert invoke("status", call, "GET").body == b'{"resourceType":"Parameters"}'
    with pytest.raises(NotFoundError):
        invoke("status", Call(confined, AUTH, "SearchParameter", "how", Query(), None), "GET")


def test_a_confined_caller_defines_nothing(confined: Services) -> None:
    for content in (definition("more"), definition("how", status="retired")):
        with pytest.raises(FhirError):
            update(confined, AUTH, "SearchParameter", content["id"], content)
    assert "how" in confined.database.current_definitions().search_parameters("Observation")
