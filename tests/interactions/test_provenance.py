"""X-Provenance: what is written and the Provenance of it are stored together, or neither is.

Spec: https://hl7.org/fhir/R4/provenance.html#header
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from fhirserver.access import Access, AuthContext, Decision, Grant
from fhirserver.config import Settings
from fhirserver.definitions import r4
from fhirserver.errors import ForbiddenError
from fhirserver.interactions import Result, Services
from fhirserver.interactions.create import create
from fhirserver.interactions.provenance import recorded
from fhirserver.store.database import Database, now_us
from tests.client import Answer, Client

pytestmark = pytest.mark.usefixtures("clean")

AGENT = {"who": {"display": "Dr. Müller"}}
PROVENANCE = {"resourceType": "Provenance", "recorded": "2026-05-01T10:00:00Z", "agent": [AGENT]}
HEADER = {"X-Provenance": json.dumps(PROVENANCE)}
PATIENT = {"resourceType": "Patient", "active": True}
NAMED = {**PATIENT, "identifier": [{"system": "urn:s", "value": "1"}]}
A = {**NAMED, "id": "a"}
PATCH = [{"op": "replace", "path": "/active", "value": False}]
JSON_PATCH = {"Content-Type": "application/json-patch+json"}
_LINK = re.compile(r'<(.*)>; rel="http://www\.w3\.org/ns/prov#has_provenance"')
_AUDITED = "SELECT interaction, tid, outcome FROM audit WHERE request_id = %s ORDER BY entry"


def bundle(type_: str, *entries: tuple[str, str, Any]) -> dict[str, Any]:
    return {
        "resourceType": "Bundle",
        "type": type_,
        "entry": [
            {"request": {"method": method, "url": url}}
            | ({} if resource is None else {"resource": resource})
            for method, url, resource in entries
        ],
    }


def provenances(client: Client) -> list[Any]:
    return client.search("Provenance?_sort=_id")


def targets(provenance: Any) -> list[str]:
    return [each["reference"] for each in provenance["target"]]


def linked(client: Client, answer: Answer) -> Any:
    """Read the Provenance that an answer leads to."""
    match = _LINK.fullmatch(answer.headers["link"])
    assert match is not None, answer.headers
    return client.get(match[1]).json


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "written"),
    [
        pytest.param("POST", "Patient", PATIENT, {}, r"Patient/[^/]+/_history/1", id="create"),
        pytest.param(
            "POST",
            "Patient",
            PATIENT,
            {"If-None-Exist": "identifier=urn:s|2"},
            r"Patient/[^/]+/_history/1",
            id="conditional-create",
        ),
        pytest.param(
            "PUT", "Patient/a", {**A, "active": False}, {}, "Patient/a/_history/2", id="update"
        ),
        pytest.param(
            "PUT",
            "Patient/new",
            {**PATIENT, "id": "new"},
            {},
            "Patient/new/_history/1",
            id="create-by-update",
        ),
        pytest.param(
            "PUT",
            "Patient?identifier=urn:s|1",
            {**NAMED, "active": False},
            {},
            "Patient/a/_history/2",
            id="conditional-update",
        ),
        pytest.param("PATCH", "Patient/a", PATCH, JSON_PATCH, "Patient/a/_history/2", id="patch"),
        pytest.param(
            "PATCH",
            "Patient?identifier=urn:s|1",
            PATCH,
            JSON_PATCH,
            "Patient/a/_history/2",
            id="conditional-patch",
        ),
        pytest.param(
            "DELETE",
            "Patient/a",
            None,
            {},
            "Patient/a/_history/1",
            id="the-version-that-is-deleted",
        ),
        pytest.param(
            "DELETE",
            "Patient?identifier=urn:s|1",
            None,
            {},
            "Patient/a/_history/1",
            id="conditional-delete",
        ),
    ],
)
def test_a_write_is_stored_with_its_provenance(
    client: Client,
    method: str,
    path: str,
    body: Any,
    headers: dict[str, str],
    written: str,
) -> None:
    client.put("Patient/a", A)
    answer = client.request(method, path, body, {**HEADER, **headers})
    assert answer.status in (200, 201, 204), answer.text
    (stored,) = provenances(client)
    assert linked(client, answer) == stored
    (target,) = targets(stored)
    assert re.fullmatch(written, target)
    assert client.get(target).status == 200
    assert {name: stored[name] for name in PROVENANCE} == PROVENANCE


def test_both_are_audited(client: Client, server_database_url: str) -> None:
    client.request("POST", "Patient", PATIENT, {**HEADER, "X-Request-Id": "recorded"})
    with psycopg.connect(server_database_url) as connection:
        audited = connection.execute(_AUDITED, ("recorded",)).fetchall()
    assert audited == [("create", r4().type_id(each), 201) for each in ("Patient", "Provenance")]


def test_a_transaction_has_one_provenance_of_all_that_it_writes(client: Client) -> None:
    client.put("Patient/a", A)
    client.put("Patient/b", {**PATIENT, "id": "b"})
    sent = bundle(
        "transaction",
        ("POST", "Patient", PATIENT),
        ("PUT", "Patient/a", {**A, "active": False}),
        ("DELETE", "Patient/b", None),
        ("GET", "Patient/a", None),
    )
    answer = client.request("POST", "", sent, HEADER)
    assert answer.status == 200, answer.text
    (stored,) = provenances(client)
    assert linked(client, answer) == stored
    created = answer.json["entry"][0]["response"]["location"]
    assert sorted(targets(stored)) == sorted(
        [created, "Patient/a/_history/2", "Patient/b/_history/1"]
    )


def test_each_entry_of_a_batch_has_a_provenance_of_its_own(client: Client) -> None:
    client.put("Patient/a", A)
    sent = bundle(
        "batch",
        ("PUT", "Patient/a", {**A, "active": False}),
        ("PUT", "Patient/bad", {**PATIENT, "id": "bad", "active": 1}),
        ("PUT", "Patient/b", {**PATIENT, "id": "b"}),
        ("GET", "Patient/a", None),
    )
    answer = client.request("POST", "", sent, HEADER)
    statuses = [each["response"]["status"][:3] for each in answer.json["entry"]]
    assert statuses == ["200", "422", "201", "200"]
    found = sorted(targets(each) for each in provenances(client))
    assert found == [["Patient/a/_history/2"], ["Patient/b/_history/1"]]


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status"),
    [
        pytest.param(
            "POST", "Patient", NAMED, {"If-None-Exist": "identifier=urn:s|1"}, 200, id="a-match"
        ),
        pytest.param("PUT", "Patient/a", A, {}, 200, id="the-same-content"),
        pytest.param("DELETE", "Patient/none", None, {}, 204, id="nothing-to-delete"),
        pytest.param(
            "POST", "", bundle("transaction", ("GET", "Patient/a", None)), {}, 200, id="only-reads"
        ),
    ],
)
def test_what_writes_nothing_has_no_provenance(
    client: Client, method: str, path: str, body: Any, headers: dict[str, str], status: int
) -> None:
    client.put("Patient/a", A)
    answer = client.request(method, path, body, {**HEADER, **headers})
    assert answer.status == status, answer.text
    assert "link" not in answer.headers
    assert provenances(client) == []


def sent(**changes: Any) -> str:
    return json.dumps({**PROVENANCE, **changes})


@pytest.mark.parametrize(
    ("header", "status", "place", "words"),
    [
        pytest.param("", 400, None, "empty", id="empty"),
        pytest.param("{", 400, None, "line 1", id="no-json"),
        pytest.param("[]", 400, None, "one JSON object", id="no-object"),
        pytest.param(
            '{"resourceType":"Patient"}', 400, "resourceType", "Provenance", id="other-type"
        ),
        pytest.param(
            sent(target=[{"reference": "Patient/a"}]),
            400,
            "Provenance.target",
            "leave it out",
            id="targets",
        ),
        pytest.param(
            '{"resourceType":"Provenance","recorded":"2026-05-01T10:00:00Z"}',
            422,
            "Provenance.agent",
            "agent",
            id="without-agent",
        ),
        pytest.param(
            sent(recorded="2026-05-01"), 422, "Provenance.recorded", "instant", id="malformed"
        ),
        pytest.param(
            sent(agent=[{"who": {"reference": "Device/none"}}]),
            409,
            "Provenance.agent[0].who",
            "Device/none",
            id="a-reference-to-nothing",
        ),
    ],
)
@pytest.mark.parametrize("type_", ["single", "batch", "transaction"])
def test_a_wrong_header_stops_the_write(
    client: Client, type_: str, header: str, status: int, place: str | None, words: str
) -> None:
    """The outcome names the header, then the element. A batch says so entry by entry."""
    single = ("PUT", "Patient/p", {**PATIENT, "id": "p"})
    method, path, body = single if type_ == "single" else ("POST", "", bundle(type_, single))
    answer = client.request(method, path, body, {"X-Provenance": header})
    outcome = answer.json
    if type_ == "batch" and status == 409:
        (entry,) = outcome["entry"]
        assert entry["response"]["status"] == "409 Conflict"
        outcome = entry["response"]["outcome"]
    else:
        assert answer.status == status, answer.text
    issue = outcome["issue"][0]
    assert issue["expression"][0] == "http.X-Provenance"
    assert issue["expression"][1:] == ([] if place is None else [place])
    assert words in issue["diagnostics"]
    assert client.get("Patient/p").status == 404
    assert provenances(client) == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        pytest.param("GET", "Patient/a", None, id="read"),
        pytest.param("GET", "Patient?active=true", None, id="search"),
        pytest.param("GET", "metadata", None, id="capabilities"),
        pytest.param("POST", "Patient/$validate", PATIENT, id="operation"),
    ],
)
def test_what_does_not_write_refuses_the_header(
    client: Client, method: str, path: str, body: Any
) -> None:
    answer = client.request(method, path, body, HEADER)
    assert answer.status == 400
    assert answer.json["issue"][0]["expression"] == ["http.X-Provenance"]


def test_a_provenance_holds_back_no_delete_and_may_tell_of_one(client: Client) -> None:
    client.request("PUT", "Patient/a", A, HEADER)
    assert client.delete("Patient/a").status == 204
    late = {**PROVENANCE, "target": [{"reference": "Patient/a/_history/1"}]}
    assert client.post("Provenance", late).status == 201
    both = {**late, "entity": [{"role": "source", "what": {"reference": "Patient/a"}}]}
    assert client.post("Provenance", both).status == 409, "what else it refers to must be live"
    never = {**PROVENANCE, "target": [{"reference": "Patient/never"}]}
    assert client.post("Provenance", never).status == 409


def test_whoever_may_not_create_a_provenance_writes_nothing(
    database: Database,
) -> None:
    auth = AuthContext("Patient/a", "app", "request-1")
    checked = {**PROVENANCE, "agent": [{"who": {"display": "x"}}]}

    def attempt(policy: Callable[[AuthContext, Access], Decision]) -> Result:
        services = Services(r4(), database, Settings(), policy, now_us, b"")
        return recorded(
            services, auth, checked, lambda inside: create(inside, auth, "Basic", BASIC)
        )

    def closed(_auth: AuthContext, access: Access) -> Decision:
        return Decision(allowed=access.type != "Provenance", reason="closed")

    def confined(_auth: AuthContext, access: Access) -> Decision:
        only = ("a",) if access.type == "Provenance" else None
        return Decision(allowed=True, reason="own record", grants=(Grant(only),))

    for policy in (closed, confined):
        with pytest.raises(ForbiddenError, match="Provenance"):
            attempt(policy)
    with database.connection() as connection:
        stored = connection.execute("SELECT count(*) FROM resource WHERE state = 1").fetchone()
    assert stored == (0,)


BASIC = {"resourceType": "Basic", "code": {"text": "x"}}
