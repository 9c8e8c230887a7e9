"""What each operation sends."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fhirserver_conformance.engine.interactions import INTERACTIONS, OPERATIONS
from fhirserver_conformance.engine.settings import RunSettings, Target
from fhirserver_conformance.script.model import Assert, Fixture, Operation, Variable
from fhirserver_conformance.transport import Transport
from tests.conformance.engine.runs import JSON, only_test, run, script, settings, verdicts
from tests.conformance.lying_server import LyingServer, Received, Wire, answer, lying_server

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


def _op(id: str, line: str, **members: Any) -> Any:
    return pytest.param(Operation(**members), line, id=id)


LINES = [
    _op("read-params", "GET /Patient/1", code="read", resource="Patient", params="/1"),
    _op("read-no-slash", "GET /Patient/1", code="read", resource="Patient", params="1"),
    _op("read-target", "GET /Patient/p1", code="read", target_id="f"),
    _op("read-target-xml", "GET /Patient/p1", code="read", target_id="x"),
    _op(
        "params-win", "GET /Patient/1", code="read", resource="Patient", params="/1", target_id="f"
    ),
    _op("url-wins", "GET /Group/2", code="read", url="Group/2", resource="Patient", params="/1"),
    _op("url-slash", "GET /Group/2", url="/Group/2"),
    _op("url-empty", "POST ", url="", code="batch", source_id="f"),
    _op("vread-target", "GET /Patient/p1/_history/3", code="vread", target_id="f"),
    _op("history-instance", "GET /Patient/p1/_history", code="history", target_id="f"),
    _op("history-type", "GET /Patient/_history", code="history", resource="Patient"),
    _op("history-system", "GET /_history", code="history"),
    _op(
        "history-params",
        "GET /Patient/1/_history?_count=1",
        code="history",
        resource="Patient",
        params="/1?_count=1",
    ),
    _op(
        "history-named",
        "GET /Patient/1/_history/2",
        code="history",
        resource="Patient",
        params="/1/_history/2",
    ),
    _op("create", "POST /Patient", code="create", source_id="f"),
    _op("update-source", "PUT /Patient/p1", code="update", source_id="f"),
    _op("update-target", "PUT /Patient/p1", code="update", source_id="no-id", target_id="f"),
    _op("update-create", "PUT /Patient/9", code="updateCreate", params="/9", source_id="f"),
    _op(
        "update-conditional",
        "PUT /Patient?identifier=a",
        code="update",
        params="?identifier=a",
        source_id="f",
    ),
    _op("patch", "PATCH /Patient/p1", code="patch", target_id="f", source_id="patch"),
    _op("delete", "DELETE /Patient/p1", code="delete", target_id="f"),
    _op(
        "delete-single",
        "DELETE /Patient?name=a",
        code="deleteCondSingle",
        resource="Patient",
        params="?name=a",
    ),
    _op(
        "delete-multiple",
        "DELETE /Patient?name=a",
        code="deleteCondMultiple",
        resource="Patient",
        params="name=a",
    ),
    _op("search", "GET /Patient?name=a", code="search", resource="Patient", params="?name=a"),
    _op(
        "search-no-mark", "GET /Patient?name=a", code="search", resource="Patient", params="name=a"
    ),
    _op("search-system", "GET /?_type=Patient", code="search", params="/?_type=Patient"),
    _op(
        "search-post",
        "POST /Patient/_search",
        code="search",
        resource="Patient",
        params="?name=a",
        method="post",
    ),
    _op("batch", "POST ", code="batch", source_id="f"),
    _op("transaction", "POST ", code="transaction", source_id="f"),
    _op("capabilities", "GET /metadata", code="capabilities"),
    _op("capabilities-params", "GET /metadata?mode=full", code="capabilities", params="?mode=full"),
    _op(
        "validate-code",
        "GET /ValueSet/$validate-code?code=a",
        code="validate-code",
        resource="ValueSet",
        params="?code=a",
    ),
    _op(
        "expand-named",
        "GET /ValueSet/$expand?url=a",
        code="expand",
        resource="ValueSet",
        params="/$expand?url=a",
    ),
    _op("everything-target", "GET /Patient/p1/$everything", code="everything", target_id="f"),
    _op(
        "everything-params",
        "GET /Patient/1/$everything",
        code="everything",
        resource="Patient",
        params="/1",
    ),
    _op(
        "operation-post",
        "POST /Patient/$match",
        code="match",
        resource="Patient",
        source_id="parameters",
    ),
    _op("operation-system", "POST /$closure", code="closure", source_id="parameters"),
    _op(
        "operation-own",
        "GET /Patient/$frobnicate",
        code="frobnicate",
        params="/Patient/$frobnicate",
    ),
    _op("no-code", "GET /Patient/1", resource="Patient", params="/1"),
    _op("method", "OPTIONS /Patient", method="options", url="Patient"),
    _op("method-wins", "PUT /Patient", code="create", method="put", source_id="f"),
    _op("encoded", "GET /Patient?a=b%20c%7Cd%2Be%23%25", url="Patient?a=b c|d%2Be#%"),
    _op("not-encoded", "GET /Patient?a=b|c", url="Patient?a=b|c", encode_request_url=False),
    _op("variable", "GET /Patient?name=J%C3%BCrgen%20B", url="Patient?name=${name}"),
]


@pytest.mark.parametrize(("operation", "line"), LINES)
def test_an_operation_sends_its_request_line(operation: Operation, line: str) -> None:
    received = _sent(operation)
    assert f"{received.method} {received.target.removeprefix('/fhir')}" == line


def test_every_code_of_r4_is_tried_or_is_an_operation() -> None:
    tried = {row.values[0].code for row in LINES}
    assert set(INTERACTIONS) <= tried
    assert {"validate-code", "expand", "everything", "match", "closure"} <= OPERATIONS


HEADERS = [
    _op("default", "application/fhir+json|None|None", url="a"),
    _op("accept-xml", "application/fhir+xml|None|None", url="a", accept="xml"),
    _op("accept-none", "None|None|None", url="a", accept="none"),
    _op("accept-mime", "text/plain|None|None", url="a", accept="text/plain"),
    _op("accept-header-wins", "b|None|None", url="a", accept="xml", headers=(("accept", "b"),)),
    _op("body-json", "application/fhir+json|application/fhir+json|{", code="create", source_id="f"),
    _op("body-xml", "application/fhir+json|application/fhir+xml|<", code="create", source_id="x"),
    _op(
        "to-xml",
        "application/fhir+json|application/fhir+xml|<",
        code="create",
        source_id="f",
        content_type="xml",
    ),
    _op(
        "to-json",
        "application/fhir+json|application/fhir+json|{",
        code="create",
        source_id="x",
        content_type="json",
    ),
    _op(
        "type-none",
        "application/fhir+json|None|{",
        code="create",
        source_id="f",
        content_type="none",
    ),
    _op(
        "type-header",
        "application/fhir+json|a/b|{",
        code="create",
        source_id="f",
        headers=(("Content-Type", "a/b"),),
    ),
    _op(
        "json-patch",
        "application/fhir+json|application/json-patch+json|[",
        code="patch",
        url="a",
        source_id="patch",
    ),
    _op(
        "xml-patch",
        "application/fhir+json|application/xml-patch+xml|<",
        code="patch",
        url="a",
        source_id="diff",
    ),
    _op(
        "fhir-patch",
        "application/fhir+json|application/fhir+json|{",
        code="patch",
        url="a",
        source_id="parameters",
    ),
    _op(
        "json-patch-said",
        "application/fhir+json|application/json-patch+json|[",
        code="patch",
        url="a",
        source_id="patch",
        content_type="application/json-patch+json",
    ),
    _op(
        "form",
        "application/fhir+json|application/x-www-form-urlencoded|n",
        code="search",
        method="post",
        resource="Patient",
        params="?name=a",
    ),
]


@pytest.mark.parametrize(("operation", "found"), HEADERS)
def test_an_operation_sends_its_formats(operation: Operation, found: str) -> None:
    received = _sent(operation)
    headers = received.headers
    start = received.body[:1].decode() or None
    assert f"{headers.get('accept')}|{headers.get('content-type')}|{start}" == found


def test_values_in_bodies_are_escaped_for_their_format() -> None:
    name = 'a"b\\<&'
    variables = (Variable(name="v", default_value=name),)
    bodies = {
        "json": b'{"resourceType":"Patient","name":[{"family":"${v}"}]}',
        "xml": b"".join(
            (
                b'<Patient xmlns="http://hl7.org/fhir"><name>',
                b'<family value="${v}"/></name></Patient>',
            )
        ),
    }
    for format, body in bodies.items():
        fixture = Fixture(id="v", body=body, format="xml" if format == "xml" else "json")
        operation = Operation(code="create", source_id="v", content_type="json")
        received = _sent(operation, fixtures=(fixture,), variables=variables)
        assert json.loads(received.body)["name"] == [{"family": name}]


def test_headers_are_filled_in_and_sent_in_order() -> None:
    headers = (("If-None-Exist", "name=${name}"), ("Prefer", "return=minimal"))
    received = _sent(Operation(code="create", source_id="f", headers=headers))
    assert received.headers["if-none-exist"].encode("latin-1").decode() == "name=Jürgen B"
    assert received.headers["prefer"] == "return=minimal"


UNSENT = [
    pytest.param(
        Operation(code="frobnicate"), "error", "'frobnicate' is no operation code", id="code"
    ),
    pytest.param(Operation(code="read"), "error", "needs url, params or targetId", id="no-address"),
    pytest.param(Operation(code="read", target_id="y"), "error", "the id 'y'", id="no-target"),
    pytest.param(Operation(code="read", target_id="no-id"), "error", "says no address", id="no-id"),
    pytest.param(
        Operation(code="vread", target_id="x"), "error", "no meta.versionId", id="no-version"
    ),
    pytest.param(
        Operation(code="create", source_id="lost"), "error", "no such file", id="lost-fixture"
    ),
    pytest.param(Operation(url="a", destination=2), "skip", "destination 2", id="destination"),
    pytest.param(Operation(url="${y}"), "error", "no variable 'y'", id="variable"),
    pytest.param(Operation(url="a", gate="not here"), "skip", "not here", id="gate"),
    pytest.param(
        Operation(code="create", url="Patient", source_id="patch", content_type="xml"),
        "error",
        "no object",
        id="not-convertible",
    ),
]


@pytest.mark.parametrize(("operation", "verdict", "message"), UNSENT)
def test_what_cannot_be_sent_says_why_and_ends_the_test(
    operation: Operation, verdict: str, message: str
) -> None:
    with lying_server(lambda _request, wire: wire.send(answer(200))) as server:
        one = script(operation, Assert(response="okay"), fixtures=FIXTURES)
        test = only_test(run(one, settings(server.origin)))
    assert verdicts(test) == [verdict, "skip"]
    assert message in test.message
    assert server.received == []


def test_the_target_of_a_created_fixture_is_where_the_server_put_it() -> None:
    def say(request: Received, wire: Wire) -> None:
        location = {"Location": "http://x/fhir/Patient/of-server/_history/7"}
        wire.send(answer(201, b"", location) if request.method == "POST" else answer(200))

    operations = [
        Operation(code="create", source_id="no-id", response_id="created"),
        Operation(code="vread", target_id="no-id"),
        Operation(code="read", target_id="created"),
    ]
    with lying_server(say) as server:
        test = only_test(run(script(*operations, fixtures=FIXTURES), settings(server.origin)))
    assert test.verdict == "pass"
    assert [each.target for each in server.received[1:]] == [
        "/fhir/Patient/of-server/_history/7",
        "/fhir/Patient/of-server",
    ]


def test_destinations_are_the_servers_of_the_run_and_tokens_go_to_their_own_only() -> None:
    def say(_request: Received, wire: Wire) -> None:
        wire.send(answer(200))

    with lying_server(say) as first, lying_server(say) as second:
        targets = (
            Target(f"{first.origin}/fhir", lambda: "Bearer one"),
            Target(f"{second.origin}/fhir", lambda: "Bearer two"),
        )
        one = script(
            Operation(url="a", destination=1),
            Operation(url="b", destination=2),
            Operation(url=f"{second.origin}/c"),
        )
        run(one, RunSettings(targets, Transport(timeout_s=5)))
    assert _tokens(first) == [("/fhir/a", "Bearer one")]
    assert _tokens(second) == [("/fhir/b", "Bearer two"), ("/c", None)]


def _tokens(server: LyingServer) -> list[tuple[str, str | None]]:
    return [(each.target, each.headers.get("authorization")) for each in server.received]


@pytest.mark.parametrize(
    ("statuses", "verdict", "requests"),
    [
        pytest.param([202, 202, 200], "pass", 3, id="until-another-status"),
        pytest.param([200], "pass", 1, id="at-once"),
        pytest.param([202, 202, 202, 202, 202], "fail", 4, id="given-up"),
        pytest.param([202, 500], "pass", 2, id="any-other-status"),
    ],
)
def test_an_operation_is_repeated_while_its_status_says_so(
    statuses: list[int], verdict: str, requests: int
) -> None:
    left = iter(statuses)
    operation = Operation(
        url="status", wait_while_status=202, wait_attempts=4, wait_interval_s=0.001
    )
    with lying_server(lambda _request, wire: wire.send(answer(next(left)))) as server:
        test = only_test(run(script(operation), settings(server.origin)))
    assert (test.verdict, len(server.received)) == (verdict, requests)


def _sent(operation: Operation, **others: Any) -> Received:
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
