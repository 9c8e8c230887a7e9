"""TestScript/$run up to its 202: what is accepted, what waits then, and what is refused.

Nothing here works on jobs: what a run comes to is shown in tests/app.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from fhirserver.access import Access, AuthContext, Decision, allow_all, read_caller
from fhirserver.config import Settings
from fhirserver.definitions import r4
from fhirserver.errors import FhirError
from fhirserver.interactions import Preference, Query, Result, Services
from fhirserver.interactions.delete import delete
from fhirserver.interactions.read import read
from fhirserver.interactions.update import update
from fhirserver.operations import OFFERED, Call, invoke, test_script_run
from fhirserver.store.database import Database, now_us
from fhirserver.validation import validate
from tests.conftest import truncate_all
from tests.operations.scripts import script

AUTH = AuthContext("Practitioner/7", "tests", "request-1", "192.0.2.7")
BASE = Settings().public_url
PATIENT = {"resourceType": "Patient", "id": "p", "active": True}
NARRATIVE = {
    "status": "generated",
    "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{"x" * 1_000_000}</div>',
}


@pytest.fixture
def services(database: Database, database_url: str) -> Services:
    truncate_all(database_url)
    database.identities.forget()
    made = Services(r4(), database, Settings(job_limit=2), allow_all, now_us, b"", OFFERED)
    update(made, AUTH, "TestScript", "t", script(id="t"))
    update(made, AUTH, "Patient", "p", PATIENT)
    return made


def run(
    services: Services,
    id_: str | None = "t",
    content: Any = None,
    query: tuple[tuple[str, str], ...] = (),
    prefer: Preference | None = None,
) -> Result:
    call = Call(services, AUTH, "TestScript", id_, Query(query), content, prefer)
    return invoke("run", call, "POST")


def jobs(url: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT kind, state, parameters, caller FROM job").fetchall()


def report_of(services: Services, result: Result) -> Any:
    assert result.follow is not None
    assert result.follow.startswith(f"{BASE}/TestReport/")
    return json.loads(read(services, AUTH, "TestReport", result.follow.split("/")[-1]).body or b"")


def test_a_report_waits_and_so_does_a_job(services: Services, database_url: str) -> None:
    result = run(services)
    assert (result.status, result.location) == (202, None)
    report = report_of(services, result)
    assert json.loads(result.body or b"") == report
    assert (report["status"], report["result"]) == ("waiting", "pending")
    assert report["testScript"]["reference"] == "TestScript/t"
    assert report["tester"] == "Practitioner/7"
    (server,) = report["participant"]
    assert (server["type"], server["uri"]) == ("server", BASE)
    ((kind, state, parameters, caller),) = jobs(database_url)
    assert (kind, state, parameters["report"]) == ("test-run", "waiting", report["id"])
    assert json.loads(parameters["script"])["test"] == script()["test"]
    assert read_caller(caller, r4()) == AUTH


def test_who_ran_what_is_audited(services: Services, database_url: str) -> None:
    run(services)
    with psycopg.connect(database_url) as connection:
        found = connection.execute(
            "SELECT interaction, tid, actor FROM audit WHERE interaction IN ('read', 'create')"
        )
        rows = {(interaction, r4().type_name(tid), actor) for interaction, tid, actor in found}
    assert rows == {("read", "TestScript", AUTH.actor), ("create", "TestReport", AUTH.actor)}


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(script(), id="alone"),
        pytest.param(
            {
                "resourceType": "Parameters",
                "parameter": [{"name": "resource", "resource": script()}],
            },
            id="in-parameters",
        ),
    ],
)
def test_a_script_may_come_along(services: Services, content: Any) -> None:
    report = report_of(services, run(services, None, content))
    identifier = {"system": "urn:ietf:rfc:3986", "value": script()["url"]}
    assert report["testScript"]["identifier"] == identifier
    assert "reference" not in report["testScript"]


@pytest.mark.parametrize(
    ("prefer", "kind"),
    [
        ("representation", "TestReport"),
        ("OperationOutcome", "OperationOutcome"),
        ("minimal", None),
    ],
)
def test_the_body_is_as_preferred(services: Services, prefer: Preference, kind: str | None) -> None:
    body = run(services, prefer=prefer).body
    assert (json.loads(body)["resourceType"] if body else None) == kind


def test_a_fixture_of_this_server_is_sent_along(services: Services, database_url: str) -> None:
    fixtures = [
        {"id": f"f{number}", "autocreate": False, "autodelete": False, "resource": resource}
        for number, resource in enumerate(
            ({"reference": "#own"}, {"reference": "Patient/p"}, {"reference": f"{BASE}/Patient/p"})
        )
    ]
    own = {"resourceType": "Basic", "id": "own", "code": {"text": "x"}}
    run(services, None, script(fixture=fixtures, contained=[own]))
    sent = json.loads(jobs(database_url)[0][2]["script"])
    assert sent["contained"] == [own]
    found = [each["resource"] for each in sent["fixture"]]
    assert found[0] == {"reference": "#own"}
    assert [(each["id"], each["active"]) for each in found[1:]] == [("p", True)] * 2


def test_many_long_fixtures_are_not_all_read(services: Services, database_url: str) -> None:
    update(services, AUTH, "Patient", "p", {**PATIENT, "text": NARRATIVE})
    fixture = {"autocreate": False, "autodelete": False, "resource": {"reference": "Patient/p"}}
    fixtures = [{**fixture, "id": f"f{number}"} for number in range(100)]
    with pytest.raises(FhirError, match="divide it"):
        run(services, None, script(fixture=fixtures))
    with psycopg.connect(database_url) as connection:
        (read_times,) = connection.execute(
            "SELECT count(*) FROM audit WHERE interaction = 'read' AND id = 'p'"
        )
    assert read_times == (3,)


def with_fixture(reference: str) -> Any:
    resource = {"reference": reference}
    fixture = {"id": "f", "autocreate": False, "autodelete": False, "resource": resource}
    return script(fixture=[fixture])


@pytest.mark.parametrize(
    ("id_", "content", "status", "words"),
    [
        pytest.param("none", None, 404, "does not exist", id="no-such-script"),
        pytest.param("t", script(), 400, "takes no parameters", id="one-script-too-many"),
        pytest.param(None, None, 400, "Send the TestScript", id="no-script"),
        pytest.param(None, PATIENT, 400, "this address takes TestScript", id="another-type"),
        pytest.param(None, script(status="x"), 422, "status", id="an-invalid-script"),
        pytest.param(None, with_fixture("Patient/none"), 404, "Patient/none", id="no-fixture"),
        *(
            pytest.param(None, with_fixture(reference), 422, "contains", id=f"fixture-{name}")
            for name, reference in (
                ("file", "file:///etc/passwd"),
                ("path", "../../etc/passwd"),
                ("name", "fixture.json"),
                ("elsewhere", "http://elsewhere.test/fhir/Patient/1"),
                ("version", "Patient/p/_history/1"),
                ("no-type", "Strange/p"),
            )
        ),
        pytest.param(
            None,
            script(**dict.fromkeys(("description", "purpose", "copyright"), "x" * 1_000_000)),
            413,
            "divide it",
            id="too-long",
        ),
    ],
)
def test_what_is_refused(
    services: Services,
    database_url: str,
    id_: str | None,
    content: Any,
    status: int,
    words: str,
) -> None:
    with pytest.raises(FhirError, match=words) as refused:
        run(services, id_, content)
    assert refused.value.status == status
    assert jobs(database_url) == []


def test_a_stored_script_waits_once(services: Services, database_url: str) -> None:
    report = report_of(services, run(services))["id"]
    with pytest.raises(FhirError, match=f"TestReport/{report} tells how it goes") as refused:
        run(services)
    assert refused.value.status == 409
    assert len(jobs(database_url)) == 1
    update(services, AUTH, "TestScript", "u", script(id="u"))
    assert run(services, "u").status == 202, "another script waits beside it"
    delete(services, AUTH, "TestReport", report)
    assert run(services).status == 202, "a deleted report makes room"


@pytest.mark.parametrize(
    ("id_", "content", "query"),
    [
        pytest.param("t", None, (), id="stored"),
        pytest.param(None, script(), (), id="sent"),
        pytest.param(None, None, (("suite", "system"),), id="suite"),
    ],
)
def test_a_run_starts_no_runs(
    services: Services,
    database_url: str,
    id_: str | None,
    content: Any,
    query: tuple[tuple[str, str], ...],
) -> None:
    auth = replace(AUTH, of_test_run=True)
    with pytest.raises(FhirError, match="starts no runs") as refused:
        invoke("run", Call(services, auth, "TestScript", id_, Query(query), content), "POST")
    assert refused.value.status == 403
    assert jobs(database_url) == []


def test_a_caller_has_so_many_jobs(services: Services, database_url: str) -> None:
    first = run(services, None, script())
    run(services)
    with pytest.raises(FhirError, match="2 jobs of this caller") as refused:
        run(services, None, script())
    assert (refused.value.status, dict(refused.value.headers)) == (429, {"Retry-After": "30"})
    assert len(jobs(database_url)) == 2
    delete(services, AUTH, "TestReport", report_of(services, first)["id"])
    assert run(services, None, script()).status == 202, "a deleted report makes room"


def refuse(interaction: str) -> Callable[[AuthContext, Access], Decision]:
    return lambda _auth, access: Decision(access.interaction != interaction, "tests")


@pytest.mark.parametrize("interaction", ["run", "read", "create"])
def test_the_policy_is_asked(services: Services, database_url: str, interaction: str) -> None:
    with pytest.raises(FhirError) as refused:
        run(replace(services, policy=refuse(interaction)))
    assert refused.value.status == 403
    assert jobs(database_url) == []


def test_its_definition_is_valid_and_can_be_read(services: Services) -> None:
    body = read(services, AUTH, "OperationDefinition", "TestScript-run").body
    definition = json.loads(body or b"")
    assert not validate(definition, definitions=r4())
    assert definition["url"] == f"{BASE}/OperationDefinition/TestScript-run"
    assert (definition["code"], definition["resource"]) == ("run", ["TestScript"])
    operation = test_script_run.OPERATION
    levels = {level for level in ("system", "type", "instance") if definition[level]}
    assert levels == operation.levels
    assert definition["affectsState"] is operation.affects_state
