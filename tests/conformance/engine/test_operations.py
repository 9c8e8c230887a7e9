"""Where each operation goes, and what becomes of it."""

from __future__ import annotations

import pytest

from fhirserver_conformance.engine.interactions import INTERACTIONS, OPERATIONS
from fhirserver_conformance.engine.settings import RunSettings, Target
from fhirserver_conformance.script.model import Assert, Operation
from fhirserver_conformance.transport import Transport
from tests.conformance.engine.runs import only_test, run, script, settings, verdicts
from tests.conformance.engine.sending import FIXTURES, op_row, sent_by
from tests.conformance.lying_server import LyingServer, Received, Wire, answer, lying_server

LINES = [
    op_row("read-params", "GET /Patient/1", code="read", resource="Patient", params="/1"),
    op_row("read-no-slash", "GET /Patient/1", code="read", resource="Patient", params="1"),
    op_row("read-target", "GET /Patient/p1", code="read", target_id="f"),
    op_row("read-target-xml", "GET /Patient/p1", code="read", target_id="x"),
    op_row(
        "params-win", "GET /Patient/1", code="read", resource="Patient", params="/1", target_id="f"
    ),
    op_row("url-wins", "GET /Group/2", code="read", url="Group/2", resource="Patient", params="/1"),
    op_row("url-slash", "GET /Group/2", url="/Group/2"),
    op_row("url-empty", "POST ", url="", code="batch", source_id="f"),
    op_row("vread-target", "GET /Patient/p1/_history/3", code="vread", target_id="f"),
    op_row("history-instance", "GET /Patient/p1/_history", code="history", target_id="f"),
    op_row("history-type", "GET /Patient/_history", code="history", resource="Patient"),
    op_row("history-system", "GET /_history", code="history"),
    op_row(
        "history-params",
        "GET /Patient/1/_history?_count=1",
        code="history",
        resource="Patient",
        params="/1?_count=1",
    ),
    op_row(
        "history-named",
        "GET /Patient/1/_history/2",
        code="history",
        resource="Patient",
        params="/1/_history/2",
    ),
    op_row("create", "POST /Patient", code="create", source_id="f"),
    op_row("update-source", "PUT /Patient/p1", code="update", source_id="f"),
    op_row("update-target", "PUT /Patient/p1", code="update", source_id="no-id", target_id="f"),
    op_row("update-create", "PUT /Patient/9", code="updateCreate", params="/9", source_id="f"),
    op_row(
        "update-conditional",
        "PUT /Patient?identifier=a",
        code="update",
        params="?identifier=a",
        source_id="f",
    ),
    op_row("patch", "PATCH /Patient/p1", code="patch", target_id="f", source_id="patch"),
    op_row("delete", "DELETE /Patient/p1", code="delete", target_id="f"),
    op_row(
        "delete-single",
        "DELETE /Patient?name=a",
        code="deleteCondSingle",
        resource="Patient",
        params="?name=a",
    ),
    op_row(
        "delete-multiple",
        "DELETE /Patient?name=a",
        code="deleteCondMultiple",
        resource="Patient",
        params="name=a",
    ),
    op_row("search", "GET /Patient?name=a", code="search", resource="Patient", params="?name=a"),
    op_row(
        "search-no-mark", "GET /Patient?name=a", code="search", resource="Patient", params="name=a"
    ),
    op_row("search-system", "GET /?_type=Patient", code="search", params="/?_type=Patient"),
    op_row(
        "search-post",
        "POST /Patient/_search",
        code="search",
        resource="Patient",
        params="?name=a",
        method="post",
    ),
    op_row("batch", "POST ", code="batch", source_id="f"),
    op_row("transaction", "POST ", code="transaction", source_id="f"),
    op_row("capabilities", "GET /metadata", code="capabilities"),
    op_row(
        "capabilities-params", "GET /metadata?mode=full", code="capabilities", params="?mode=full"
    ),
    op_row(
        "validate-code",
        "GET /ValueSet/$validate-code?code=a",
        code="validate-code",
        resource="ValueSet",
        params="?code=a",
    ),
    op_row(
        "expand-named",
        "GET /ValueSet/$expand?url=a",
        code="expand",
        resource="ValueSet",
        params="/$expand?url=a",
    ),
    op_row("everything-target", "GET /Patient/p1/$everything", code="everything", target_id="f"),
    op_row(
        "everything-params",
        "GET /Patient/1/$everything",
        code="everything",
        resource="Patient",
        params="/1",
    ),
    op_row(
        "operation-post",
        "POST /Patient/$match",
        code="match",
        resource="Patient",
        source_id="parameters",
    ),
    op_row("operation-system", "POST /$closure", code="closure", source_id="parameters"),
    op_row(
        "operation-own",
        "GET /Patient/$frobnicate",
        code="frobnicate",
        params="/Patient/$frobnicate",
    ),
    op_row("no-code", "GET /Patient/1", resource="Patient", params="/1"),
    op_row("method", "OPTIONS /Patient", method="options", url="Patient"),
    op_row("method-wins", "PUT /Patient", code="create", method="put", source_id="f"),
    op_row("encoded", "GET /Patient?a=b%20c%7Cd%2Be%23%25", url="Patient?a=b c|d%2Be#%"),
    op_row("not-encoded", "GET /Patient?a=b|c", url="Patient?a=b|c", encode_request_url=False),
    op_row("variable", "GET /Patient?name=J%C3%BCrgen%20B", url="Patient?name=${name}"),
]


@pytest.mark.parametrize(("operation", "line"), LINES)
def test_an_operation_sends_its_request_line(operation: Operation, line: str) -> None:
    received = sent_by(operation)
    assert f"{received.method} {received.target.removeprefix('/fhir')}" == line


def test_every_code_of_r4_is_tried_or_is_an_operation() -> None:
    tried = {row.values[0].code for row in LINES}
    assert set(INTERACTIONS) <= tried
    assert {"validate-code", "expand", "everything", "match", "closure"} <= OPERATIONS


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
        run(one, RunSettings(targets, Transport(timeout_s=60)))
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
