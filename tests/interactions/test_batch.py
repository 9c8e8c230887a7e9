"""batch: entries that have nothing to do with each other.

Spec: https://hl7.org/fhir/R4/http.html#brules
"""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from fhirserver.definitions import r4
from tests.client import Client
from tests.server import ServerProcess

pytestmark = pytest.mark.usefixtures("clean")
PATIENT = {"resourceType": "Patient", "active": True}


def entry(method: str, url: str, resource: Any = None, **request: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"request": {"method": method, "url": url, **request}}
    return made if resource is None else {**made, "resource": resource}


def send(client: Client, *entries: Any) -> list[Any]:
    answer = client.post("", {"resourceType": "Bundle", "type": "batch", "entry": list(entries)})
    assert answer.status == 200, answer.text
    assert answer.json["type"] == "batch-response"
    found: list[Any] = answer.json.get("entry", [])
    return found


def test_each_entry_is_answered_in_its_place(client: Client) -> None:
    client.put("Patient/a", {**PATIENT, "id": "a"})
    entries = {
        "create": (entry("POST", "Patient", PATIENT), "201 Created"),
        "read": (entry("GET", "Patient/a"), "200 OK"),
        "missing": (entry("GET", "Patient/none"), "404 Not Found"),
        "invalid": (entry("POST", "Patient", {**PATIENT, "active": 1}), "422 Unprocessable Entity"),
        "malformed": ("x", "400 Bad Request"),
        "search": (entry("GET", "Patient?active=true"), "200 OK"),
        "update": (
            entry("PUT", "Patient/b", {**PATIENT, "id": "b"}, ifNoneMatch="*"), "201 Created",
        ),
        "unchanged": (entry("GET", "Patient/a", ifNoneMatch='W/"1"'), "304 Not Modified"),
        "vread": (entry("GET", "Patient/a/_history/1"), "200 OK"),
        "history": (entry("GET", "Patient/a/_history"), "200 OK"),
        "compartment": (entry("GET", "Patient/a/Observation"), "200 OK"),
        "capabilities": (entry("GET", "metadata"), "200 OK"),
        "head": (entry("HEAD", "Patient/a"), "200 OK"),
        "delete": (entry("DELETE", "Patient/none"), "204 No Content"),
        "operation": (entry("GET", "Patient/a/$everything"), "404 Not Found"),
    }  # fmt: skip
    answers = send(client, *(asked for asked, _ in entries.values()))
    found = dict(zip(entries, answers, strict=True))
    told = {name: each["response"]["status"] for name, each in found.items()}
    assert told == {name: status for name, (_, status) in entries.items()}
    assert found["read"]["resource"]["id"] == "a"
    assert found["read"]["response"]["etag"] == 'W/"1"'
    assert "resource" not in found["create"]
    assert "resource" not in found["head"]
    assert found["missing"]["response"]["outcome"]["issue"][0]["code"] == "not-found"
    places = found["invalid"]["response"]["outcome"]["issue"][0]["expression"]
    assert places == ["Bundle.entry[3].resource.active"]


def test_a_failure_leaves_the_others(client: Client) -> None:
    send(client, entry("POST", "Patient", PATIENT), entry("POST", "Patient", {}))
    assert len(client.search("Patient")) == 1


_BREAK = """
CREATE FUNCTION break_type() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'secret' USING ERRCODE = 'XX001'; END $$;
CREATE TRIGGER break_type BEFORE INSERT ON resource FOR EACH ROW WHEN (NEW.tid = %s)
EXECUTE FUNCTION break_type()
"""


@pytest.fixture
def broken_basics(server_database_url: str) -> Iterator[None]:
    """A database that says of every new Basic that its data are corrupted."""
    with psycopg.connect(server_database_url, autocommit=True) as connection:
        connection.execute(_BREAK.replace("%s", str(r4().type_id("Basic"))).encode())
        yield
        connection.execute("DROP FUNCTION break_type CASCADE")


def test_a_defect_met_by_an_entry_is_the_answer_to_that(
    client: Client, server: ServerProcess, broken_basics: None
) -> None:
    entries = [
        entry("POST", "Patient", PATIENT),
        entry("POST", "Basic", {"resourceType": "Basic", "code": {"text": "x"}}),
        entry("PUT", "Patient/b", {**PATIENT, "id": "b"}),
    ]
    bundle = {"resourceType": "Bundle", "type": "batch", "entry": entries}
    answer = client.post("", bundle, x_request_id="defect-of-one-entry")
    assert answer.status == 200, answer.text
    told = [each["response"] for each in answer.json["entry"]]
    assert [each["status"] for each in told] == [
        "201 Created", "500 Internal Server Error", "201 Created",
    ]  # fmt: skip
    (issue,) = told[1]["outcome"]["issue"]
    assert (issue["code"], issue["expression"]) == ("exception", ["Bundle.entry[1]"])
    assert "defect-of-one-entry" in issue["diagnostics"]
    assert len(client.search("Patient")) == 2
    (line,) = (
        each
        for each in server.log.read_text().splitlines()
        if "defect-of-one" in each and '"event":"log"' in each
    )
    assert "DataCorrupted" in line
    assert "secret" not in line + answer.text


def test_references_between_entries_are_not_rewritten(client: Client) -> None:
    urn = "urn:uuid:1"
    basic = {"resourceType": "Basic", "code": {"text": "x"}, "subject": {"reference": urn}}
    first = {**entry("POST", "Patient", PATIENT), "fullUrl": urn}
    send(client, first, entry("POST", "Basic", basic))
    (stored,) = client.search("Basic")
    assert stored["subject"]["reference"] == urn


def test_an_empty_batch(client: Client) -> None:
    assert send(client) == []
