"""Operations for the tests, and what a server receives of them."""

from __future__ import annotations

from typing import Any

import pytest

from fhirserver_conformance.script.model import Fixture, Operation, Variable
from tests.conformance.engine.runs import JSON, only_test, run, script, settings
from tests.conformance.lying_server import Received, answer, lying_server

PATIENT = b'{"resourceType":"Patient","id":"p1","meta":{"versionId":"3"},"active":true}'
PATIENT_XML = (
    b'<Patient xmlns="http://hl7.org/fhir"><id value="p1"/><active value="true"/></Patient>'
)
FIXTURES = (
    Fixture(id="f", body=PATIENT),
    Fixture(id="x", body=PATIENT_XML, format="xml"),
    Fixture(id="no-id", body=b'{"resourceType":"Patient"}'),
    Fixture(id="parameters", body=b'{"resourceType":"Parameters"}'),
    Fixture(id="patch", body=b'[{"op":"remove","path":"/active"}]'),
    Fixture(id="diff", body=b'<diff><remove sel="a"/></diff>', format="xml"),
    Fixture(id="lost", problem="there is no such file"),
)


def op_row(id: str, line: str, **members: Any) -> Any:
    return pytest.param(Operation(**members), line, id=id)


def sent_by(operation: Operation, **others: Any) -> Received:
    """Run a script of one operation and give what the server received."""
    parts: dict[str, Any] = {
        "fixtures": FIXTURES,
        "variables": (Variable(name="name", default_value="Jürgen B"),),
        **others,
    }
    with lying_server(lambda _request, wire: wire.send(answer(200, b"{}", JSON))) as server:
        test = only_test(run(script(operation, **parts), settings(server.origin)))
    assert test.verdict == "pass", test.message
    return server.received[0]
