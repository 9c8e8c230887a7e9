"""A script with most kinds of actions on a real server, which keeps nothing of it."""

from __future__ import annotations

import pytest

from fhirserver_conformance.engine.settings import FhirPathName, RunSettings, Target
from fhirserver_conformance.script.model import Assert, Fixture, Operation, Script, Test, Variable
from fhirserver_conformance.transport import Transport
from tests.client import Client
from tests.conformance.engine.runs import run
from tests.server import ServerProcess

PATIENT = (
    b'<Patient xmlns="http://hl7.org/fhir"><name><family value="${C12}"/></name>'
    b'<gender value="male"/></Patient>'
)
OBSERVATION = (
    b'{"resourceType":"Observation","status":"final","code":{"text":"x"},'
    b'"subject":{"reference":"Patient/${patient}"}}'
)
SCRIPT = Script(
    suite="s",
    source="real.json",
    name="real",
    fixtures=(
        Fixture(id="patient", body=PATIENT, format="xml", autocreate=True, autodelete=True),
        Fixture(id="observation", body=OBSERVATION, autodelete=True),
    ),
    profiles=(("p", "http://hl7.org/fhir/StructureDefinition/Patient"),),
    variables=(
        Variable(name="patient", path="Patient/id", source_id="read"),
        Variable(name="family", expression="Patient.name.family", source_id="patient"),
        Variable(name="version", header_field="ETag", source_id="read"),
    ),
    setup=(
        Operation(code="read", target_id="patient", accept="xml", response_id="read"),
        Assert(response="okay"),
    ),
    tests=(
        Test(
            name="read",
            actions=(
                Operation(code="read", target_id="patient"),
                Assert(content_type="json"),
                Assert(resource="Patient"),
                Assert(minimum_id="patient"),
                Assert(validate_profile_id="p"),
                Assert(expression="Patient.name.family", value="${family}"),
                Assert(path="Patient/name/family", compare_to_source_id="read"),
                Assert(header_field="ETag", value="${version}"),
            ),
        ),
        Test(
            name="search",
            actions=(
                Operation(code="create", source_id="observation"),
                Assert(response="created"),
                Operation(
                    code="search",
                    resource="Observation",
                    params="?patient=${patient}",
                    method="post",
                ),
                Assert(expression="Bundle.total", value="1"),
                Assert(request_method="post"),
                Operation(code="history", target_id="patient"),
                Assert(path="/Bundle/type", value="history"),
            ),
        ),
    ),
)


@pytest.mark.parametrize("engine", ["own", "fhirpathpy"])
def test_a_script_runs_on_a_real_server_and_leaves_nothing_behind(
    server: ServerProcess, clean: None, client: Client, engine: FhirPathName
) -> None:
    settings = RunSettings((Target(server.base),), Transport(), fhirpath=engine)
    result = run(SCRIPT, settings)
    settings.transport.close()
    messages = [action.message for test in result.tests for action in test.actions]
    assert (result.verdict, [text for text in messages if text]) == ("pass", [])
    assert client.get("?_type=Patient,Observation&_summary=count").json["total"] == 0
