"""What a confined caller can write, and what its writes tell of what it may not see: nothing.

Patients a and b; the caller has a token for a. Over HTTP.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.client import Answer
from tests.secured import Caller, Secured

A, B = "write-a", "write-b"
Open = Callable[..., Caller]
JSON_PATCH = "application/json-patch+json"


def ref(to: str) -> dict[str, str]:
    return {"reference": to}


def observation(patient: str, id_: str | None = None, **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "resourceType": "Observation", "status": "final", "code": {"text": "x"},
        "subject": ref(f"Patient/{patient}"),
        "identifier": [{"system": "http://reach.test", "value": f"{patient}-1"}],
    }  # fmt: skip
    return {**made, **more} if id_ is None else {**made, "id": id_, **more}


def encounter(patient: str) -> dict[str, Any]:
    return {"resourceType": "Encounter", "id": f"{patient}-e", "status": "finished",
            "class": {"code": "AMB"}, "subject": ref(f"Patient/{patient}")}  # fmt: skip


def entry(method: str, url: str, resource: Any = None, **request: str) -> dict[str, Any]:
    made: dict[str, Any] = {"request": {"method": method, "url": url, **request}}
    return made if resource is None else {**made, "resource": resource}


def bundle(type_: str, *entries: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": type_, "entry": list(entries)}


@pytest.fixture(scope="module")
def call(secured: Secured) -> Iterator[Open]:
    with ExitStack() as opened:

        def open_(scopes: str, **whose: Any) -> Caller:
            token = secured.issue(scopes, **whose).secret
            return opened.enter_context(secured.caller(token))

        yield open_


@pytest.fixture
def everybody(call: Open) -> Caller:
    """Whoever may everything, after the records were made anew."""
    caller = call("system/*.cruds")
    made = [
        *({"resourceType": "Patient", "id": each, "active": True} for each in (A, B)),
        *(encounter(each) for each in (A, B)),
        *(observation(each, f"{each}-o") for each in (A, B)),
    ]
    puts = (entry("PUT", f"{each['resourceType']}/{each['id']}", each) for each in made)
    assert caller.request("POST", "", bundle("transaction", *puts)).status == 200
    return caller


@pytest.fixture
def patient(call: Open, everybody: Caller) -> Caller:
    return call("patient/*.cruds", patient=A)


def version(caller: Caller, place: str) -> str:
    return str(caller.get(place).json["meta"]["versionId"])


def row(method: str, path: str, body: Any, headers: dict[str, str], status: int, id: str) -> Any:
    return pytest.param((method, path, body, headers), status, id=id)


WRITES = [
    row("POST", "Observation", observation(B), {}, 403, id="SEC-E14: for another"),
    row("POST", "Observation", observation(A, performer=[ref(f"Patient/{B}")]), {}, 403,
                 id="SEC-E7: for both"),
    row("POST", "Observation", {"resourceType": "Observation", "status": "final",
                 "code": {"text": "x"}}, {}, 403, id="SEC-E21: for nobody"),
    row("POST", "Patient", {"resourceType": "Patient"}, {}, 403, id="another patient"),
    row("POST", "Organization", {"resourceType": "Organization", "name": "x"}, {}, 403,
                 id="SEC-E6: what is shared is read only"),
    row("POST", "Observation", observation(A), {}, 201, id="own"),
    row("POST", "Observation", observation(A, encounter=ref(f"Encounter/{A}-e")), {}, 201,
                 id="own, referring to own"),
    row("PUT", f"Observation/{A}-o", observation(A, f"{A}-o", status="amended"), {}, 200,
                 id="own update"),
    row("PUT", f"Observation/{A}-o", observation(B, f"{A}-o"), {}, 403,
                 id="SEC-E14: out of the compartment"),
    row("PUT", f"Observation/{B}-o", observation(A, f"{B}-o"), {}, 403,
                 id="SEC-E14: into the compartment"),
    row("PATCH", f"Observation/{A}-o",
                 [{"op": "replace", "path": "/subject/reference", "value": f"Patient/{B}"}],
                 {"content_type": JSON_PATCH}, 403, id="SEC-E14: patched out"),
    row("PATCH", f"Observation/{A}-o",
                 [{"op": "remove", "path": "/subject"}], {"content_type": JSON_PATCH}, 403,
                 id="SEC-E21: patched into nobody's"),
    row("PATCH", f"Observation/{A}-o",
                 [{"op": "replace", "path": "/status", "value": "amended"}],
                 {"content_type": JSON_PATCH}, 200, id="patched"),
    row("PATCH", f"Observation/{B}-o",
                 [{"op": "replace", "path": "/subject/reference", "value": f"Patient/{A}"}],
                 {"content_type": JSON_PATCH}, 404, id="SEC-E14: patched in"),
    row("PATCH", "Observation?identifier=http://reach.test|write-b-1",
                 [{"op": "replace", "path": "/status", "value": "amended"}],
                 {"content_type": JSON_PATCH}, 404, id="SEC-E13: conditional patch"),
    row("DELETE", f"Observation/{B}-o", None, {}, 204, id="delete of another's"),
    row("DELETE", "Observation?identifier=http://reach.test|write-b-1", None, {}, 204,
                 id="SEC-E13: conditional delete"),
    row("POST", "Observation", observation(A),
                 {"if_none_exist": "identifier=http://reach.test|write-b-1"}, 201,
                 id="SEC-E13: If-None-Exist does not see another's"),
    row("POST", "Observation", observation(A),
                 {"if_none_exist": "_id=write-a-o"}, 200,
                 id="SEC-E13: If-None-Exist sees the own"),
    row("PUT", "Observation?identifier=http://reach.test|write-b-1",
                 observation(A), {}, 201, id="SEC-E13: conditional update"),
    row("POST", "Observation", observation(A),
                 {"x_provenance": json.dumps({"resourceType": "Provenance", "recorded":
                  "2026-01-01T00:00:00Z", "agent": [{"who": ref(f"Patient/{B}")}]})}, 403,
                 id="X-Provenance of another"),
    row("POST", f"Observation/{A}-o/$validate?mode=update", observation(B, f"{A}-o"), {},
                 200, id="SEC-E16: validation is no way round"),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "status"), WRITES)
def test_writes_stay_in_the_own_record(
    everybody: Caller, patient: Caller, asked: tuple[str, str, Any, dict[str, str]], status: int
) -> None:
    """Leak tests 13, 14, 18: what is another's stays as it was."""
    places = [f"Observation/{B}-o", f"Encounter/{B}-e", f"Patient/{B}"]
    before = [version(everybody, place) for place in places]
    method, path, body, headers = asked
    answer = patient.request(method, path, body, **headers)
    assert answer.status == status, answer.text
    assert [version(everybody, place) for place in places] == before
    own = everybody.get(f"Observation/{A}-o").json
    assert own["subject"] == ref(f"Patient/{A}")


TRANSACTIONS = [
    pytest.param([entry("POST", "Observation", observation(A)),
                  entry("POST", "Observation", observation(B))], 403, id="one for another"),
    pytest.param([entry("GET", f"Observation/{B}-o")], 404, id="read of another's"),
    pytest.param([entry("PUT", f"Observation/{B}-o", observation(A, f"{B}-o"))], 403,
                 id="taken over"),
    pytest.param([entry("PUT", "Observation/write-new", observation(A, "write-new"))], 403,
                 id="under an id of one's choice"),
    pytest.param([entry("DELETE", f"Observation/{B}-o")], 200, id="delete of another's"),
    pytest.param([entry("DELETE", f"Observation/{B}-o", ifMatch='W/"1"')], 412,
                 id="delete of another's version"),
    pytest.param([entry("DELETE", "Observation/none", ifMatch='W/"1"')], 412,
                 id="delete of nothing's version"),
    pytest.param([entry("POST", "Observation", observation(
        A, encounter=ref("Encounter?class=AMB&patient=write-b")))], 412,
        id="SEC-E12: conditional reference"),
    pytest.param([entry("POST", "Observation", observation(A),
                        ifNoneExist="identifier=http://reach.test|write-b-1")], 200,
                 id="SEC-E13: ifNoneExist"),
]  # fmt: skip


@pytest.mark.parametrize(("entries", "status"), TRANSACTIONS)
def test_transactions_are_the_caller_s(
    everybody: Caller, patient: Caller, entries: list[Any], status: int
) -> None:
    """SEC-E12; leak test 13."""
    before = version(everybody, f"Observation/{B}-o")
    answer = patient.request("POST", "", bundle("transaction", *entries))
    assert answer.status == status, answer.text
    assert version(everybody, f"Observation/{B}-o") == before
    batch = patient.request("POST", "", bundle("batch", *entries)).json
    statuses = [int(each["response"]["status"][:3]) for each in batch["entry"]]
    assert (max(statuses) >= 400) == (status >= 400)
    assert version(everybody, f"Observation/{B}-o") == before


@pytest.mark.parametrize("door", ["create", "update", "transaction", "$validate"])
def test_references_do_not_tell_what_exists(patient: Caller, door: str) -> None:
    """SEC-E2; leak test 22: a reference to what is hidden is one to nothing."""
    answers = []
    for target in (f"{B}-e", "write-none"):
        body = observation(A, f"{A}-o", encounter=ref(f"Encounter/{target}"))
        answer = _write(patient, door, body)
        text = answer.text.replace(target, "ID")
        answers.append((answer.status, json.loads(text)))
    assert _without_id(answers[0]) == _without_id(answers[1])
    assert "not stored" in json.dumps(answers[0][1])


def provenance(*targets: str) -> dict[str, Any]:
    made = {"resourceType": "Provenance", "recorded": "2026-01-01T00:00:00Z",
            "agent": [{"who": ref(f"Patient/{A}")}]}  # fmt: skip
    return {**made, "target": list(map(ref, targets))} if targets else made


def test_what_a_provenance_is_of_does_not_tell_what_exists(
    everybody: Caller, patient: Caller
) -> None:
    """SEC-E2; leak test 22: a target may be deleted, but not be hidden."""
    gone = encounter(B) | {"id": "write-gone"}
    assert everybody.request("PUT", "Encounter/write-gone", gone).status in (200, 201)
    assert everybody.request("DELETE", "Encounter/write-gone").status == 204
    answers = []
    for target in (f"{B}-e", "write-gone", "write-none"):
        body = provenance(f"Patient/{A}", f"Encounter/{target}")
        answer = patient.request("POST", "Provenance", body)
        issue = answer.json["issue"][0]
        words = issue["diagnostics"].partition(" refers ")[2].replace(target, "ID")
        answers.append((answer.status, issue["expression"], words))
    assert answers[0][0] == 409
    assert answers == [answers[0]] * 3
    told = patient.request("POST", "Provenance", provenance(f"Patient/{A}", f"Encounter/{A}-e"))
    assert told.status == 201, told.text


def test_a_provenance_tells_of_what_its_writer_just_wrote(everybody: Caller, call: Open) -> None:
    """SEC-E2: also of what it deleted or cannot read."""
    made = observation(A, "write-told")
    assert everybody.request("PUT", "Observation/write-told", made).status in (200, 201)
    blind = call("patient/Patient.u patient/Observation.cd patient/Provenance.c", patient=A)
    entries = [
        entry("PUT", f"Patient/{A}", {"resourceType": "Patient", "id": A, "language": "en"}),
        entry("DELETE", "Observation/write-told"),
        entry("POST", "Observation", observation(A)),
    ]
    header = {"x_provenance": json.dumps(provenance())}
    answer = blind.request("POST", "", bundle("transaction", *entries), **header)
    assert answer.status == 200, answer.text
    told = answer.headers["link"].partition("/fhir/")[2].partition("/_history")[0]
    assert len(everybody.get(told).json["target"]) == 3


def _write(caller: Caller, door: str, body: Any) -> Answer:
    match door:
        case "create":
            return caller.request("POST", "Observation", body)
        case "update":
            return caller.request("PUT", f"Observation/{A}-o", body)
        case "transaction":
            put = entry("PUT", f"Observation/{A}-o", body)
            return caller.request("POST", "", bundle("transaction", put))
        case _:
            return caller.request("POST", f"Observation/{A}-o/$validate?mode=update", body)


def _without_id(answer: tuple[int, Any]) -> tuple[int, str]:
    words = " ".join(each["diagnostics"] for each in answer[1]["issue"]).split()
    return answer[0], " ".join(word for word in words if not word.startswith("Observation/"))


def test_a_delete_does_not_name_who_refers(everybody: Caller, call: Open) -> None:
    """SEC-E2; leak test 22."""
    shared = observation(A, "write-shared", encounter=ref(f"Encounter/{A}-e"),
                         performer=[ref(f"Patient/{B}")])  # fmt: skip
    assert everybody.request("PUT", "Observation/write-shared", shared).status in (200, 201)
    answer = call("patient/*.cruds", patient=A).request("DELETE", f"Encounter/{A}-e")
    assert answer.status == 409
    assert "write-shared" not in answer.text
    assert "may not see" in answer.text
    assert everybody.request("DELETE", "Observation/write-shared").status == 204


def test_versions_are_judged_with_the_current_one(everybody: Caller, call: Open) -> None:
    """SEC-E3; leak test 5: a resource that was another's, and one that has become so."""
    moved = "Observation/write-moved"
    for owner in (A, B):
        body = observation(owner, "write-moved")
        assert everybody.request("PUT", moved, body).status in (200, 201)
    first, second = call("patient/*.rs", patient=A), call("patient/*.rs", patient=B)
    history, now = f"{moved}/_history", int(version(everybody, moved))
    paths = [moved, f"{history}/{now - 1}", f"{history}/{now}", history]
    assert [first.get(path).status for path in paths] == [404, 404, 404, 404]
    assert [second.get(path).status for path in paths] == [200, 404, 200, 200]
    listed = second.get(history).json
    owners = [each["resource"]["subject"]["reference"] for each in listed["entry"]]
    assert owners == [f"Patient/{B}"]
    assert "total" not in listed
    for path in ("Observation/_history?_count=1000", "_history?_count=1000"):
        resources = [each["resource"] for each in second.get(path).json["entry"]]
        of_moved = [each for each in resources if each["id"] == "write-moved"]
        assert {each["subject"]["reference"] for each in of_moved} == {f"Patient/{B}"}
        assert "write-moved" not in first.get(path).text


def test_an_answer_belongs_to_its_caller(call: Open, everybody: Caller) -> None:
    """SEC-E10, SEC-E13; leak tests 3, 12: keys and asynchronous answers."""
    caller = call("patient/*.cruds", patient=A)
    key = {"idempotency_key": '"reach-key"'}
    first = caller.request("POST", "Observation", observation(A), **key)
    assert (
        caller.request("POST", "Observation", observation(A), **key).headers["location"]
        == first.headers["location"]
    )
    others = [
        call("patient/Observation.cruds", patient=A), call("patient/*.cruds", patient=B),
        call("system/*.cruds", client="another"),
    ]  # fmt: skip
    for other in others:
        again = other.request("POST", "Observation", observation(A), **key)
        assert again.headers.get("location") != first.headers["location"]
        assert "idempotency-replayed" not in again.headers
    accepted = caller.get("Observation", prefer="respond-async")
    assert accepted.status == 202
    place = accepted.headers["content-location"].removeprefix(f"{caller.client.base}/")
    for other in others:
        assert other.get(place).status == 404
        assert other.request("DELETE", place).status == 404
    assert call("patient/*.cruds", patient=A).get(place).status in (200, 202)


@pytest.mark.parametrize("kind", ["batch", "transaction"])
def test_a_kept_answer_is_for_the_role_that_it_was_made_in(
    secured: Secured, everybody: Caller, call: Open, kind: str
) -> None:
    """SEC-E26: another role since is asked for again, as are relations."""
    person = {"user": f"Practitioner/write-{kind}", "role": "physician", "patients": (A,)}
    caller = call("user/*.cruds", **person)
    key = {"idempotency_key": f'"reach-role-{kind}"'}
    reads = bundle(kind, entry("GET", f"Observation/{A}-o"))
    change = "UPDATE account SET role = %s WHERE id = %s"
    account = secured.account(**person)
    statuses = []
    for role in ("physician", "physician", "billing", "physician"):
        with secured.database.connection() as connection:
            connection.execute(change, (role, account))
        statuses.append(caller.request("POST", "", reads, **key).status)
    assert statuses == [200, 200, 403, 200]


@pytest.mark.parametrize("scopes", ["u", "ru"])
def test_a_patch_shows_content_to_whoever_may_read_it(
    everybody: Caller, call: Open, scopes: str
) -> None:
    """SEC-E4: one that changes something, one that does not, and entries of Bundles."""
    caller = call(f"patient/Observation.{scopes}", patient=A)
    place, prefer = f"Observation/{A}-o", {"prefer": "return=representation"}
    answers = []
    for status in ("amended", "amended", "final"):
        patch = [{"op": "replace", "path": "/status", "value": status}]
        answers.append(caller.request("PATCH", place, patch, content_type=JSON_PATCH, **prefer))
    for kind in ("batch", "transaction"):
        for value in ("amended", "amended"):
            parts = [{"name": "type", "valueCode": "replace"},
                     {"name": "path", "valueString": "Observation.status"},
                     {"name": "value", "valueCode": value}]  # fmt: skip
            operation = {"name": "operation", "part": parts}
            patch = {"resourceType": "Parameters", "parameter": [operation]}
            whole = bundle(kind, entry("PATCH", place, patch))
            answers.append(caller.request("POST", "", whole, **prefer))
    assert {each.status for each in answers} == {200}
    assert {"identifier" in each.text for each in answers} == {scopes == "ru"}


def test_operations_read_as_the_caller(patient: Caller) -> None:
    """SEC-E16."""

    def evaluate(reference: str) -> Answer:
        parameters = [
            {"name": "expression", "valueString": "status"},
            {"name": "resource", "valueString": reference},
        ]
        body = {"resourceType": "Parameters", "parameter": parameters}
        return patient.request("POST", "$fhirpath", body)

    hidden, absent = evaluate(f"Observation/{B}-o"), evaluate("Observation/write-none")
    assert (hidden.status, absent.status) == (404, 404)
    assert hidden.text.replace(f"{B}-o", "ID") == absent.text.replace("write-none", "ID")
    assert evaluate(f"Observation/{A}-o").status == 200
    assert patient.request("POST", "TestScript/$run", None).status == 403
    assert patient.request("POST", "$nothing", None).status == 404


PATHS = [
    f"Patient/../Observation/{B}-o", f"Patient/%2e%2e/Observation/{B}-o", f"Observation//{B}-o",
    f"observation/{B}-o", f"OBSERVATION/{B}-o", f"Observation/{B}-o/", f"Observation/{B}%2Do",
    f"Observation/{B}-o;x", f"Observation/{B}-o?_method=DELETE", f"Observation/{B}-o?_format=html",
    f"Patient/{A}/Observation/{B}-o", f"Observation/{B}-o/_history/", f"./Observation/{B}-o",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_tricks_with_paths_lead_nowhere(everybody: Caller, patient: Caller, path: str) -> None:
    """Leak tests 31, 32."""
    answer = patient.get(path, x_http_method_override="DELETE", x_http_method="DELETE")
    assert answer.status in (400, 404), answer.text
    assert "subject" not in answer.text
    assert everybody.get(f"Observation/{B}-o").status == 200


def test_the_audit_says_what_the_caller_got(secured: Secured, patient: Caller) -> None:
    """SEC-T10: hidden is recorded as not found, and a delete of what is hidden is recorded."""
    asked = [("GET", f"Observation/{B}-o"), ("GET", f"Observation/{B}-o/_history/1"),
             ("GET", f"Observation/{B}-o/_history"), ("DELETE", f"Observation/{B}-o"),
             ("GET", f"Observation/{A}-o"), ("GET", f"Observation/{A}-o/_history/1"),
             ("GET", f"Observation/{A}-o/_history")]  # fmt: skip
    for number, (method, path) in enumerate(asked):
        patient.request(method, path, x_request_id=f"reach-audit-{number}")
    with secured.database.connection() as connection:
        rows = connection.execute(
            "SELECT request_id, outcome FROM audit WHERE request_id LIKE 'reach-audit-%'"
            " ORDER BY request_id"
        ).fetchall()
    assert rows == [
        (f"reach-audit-{number}", 404 if number < 4 else 200) for number in range(len(asked))
    ]
