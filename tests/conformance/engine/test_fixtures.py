"""autocreate and autodelete: what is created, and what is always deleted."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from fhirserver_conformance.script.model import (
    Fixture,
    Operation,
)
from tests.conformance.engine.runs import (
    JSON,
    answering,
    only_test,
    phase,
    run,
    script,
    sent,
    settings,
    verdicts,
)
from tests.conformance.engine.stores import BREAKS, HOLDS, NO_ID, OK, PATIENT, stores
from tests.conformance.lying_server import Received, Wire, answer, lying_server


def test_fixtures_are_created_in_order_and_deleted_in_the_opposite_one() -> None:
    one = script(Operation(code="read", target_id="o"), fixtures=(PATIENT, NO_ID))
    with lying_server(stores) as server:
        result = run(one, settings(server.origin))
    assert result.verdict == "pass"
    assert sent(server.received) == [
        "PUT /Patient/p1",
        "POST /Group",
        "GET /Group/made",
        "DELETE /Group/made",
        "DELETE /Patient/p1",
    ]


def test_fixtures_are_created_and_deleted_on_every_server() -> None:
    with lying_server(stores) as first, lying_server(stores) as second:
        run(script(OK, fixtures=(PATIENT,)), settings(first.origin, second.origin))
    for server in (first, second):
        assert [line for line in sent(server.received) if "ok" not in line] == [
            "PUT /Patient/p1",
            "DELETE /Patient/p1",
        ]


def test_a_server_that_gives_ids_itself_creates_fixtures_too() -> None:
    replies = {
        "PUT /Patient/p1": answer(405),
        "POST /Patient": answer(201, b"", {"Location": "Patient/7"}),
        "GET /Patient/7": answer(200),
        "DELETE /Patient/7": answer(200),
    }
    one = script(Operation(code="read", target_id="p"), HOLDS, fixtures=(PATIENT,))
    with lying_server(answering(replies)) as server:
        result = run(one, settings(server.origin))
    assert result.verdict == "pass"
    assert sent(server.received)[-1] == "DELETE /Patient/7"


def test_what_the_script_itself_creates_is_deleted_where_it_asks_for_that() -> None:
    fixtures = (replace(NO_ID, autocreate=False), replace(PATIENT, autocreate=False))
    kept = Fixture(id="kept", body=b'{"resourceType":"List"}')
    operations = [Operation(code="create", source_id=id) for id in ("o", "kept")]
    with lying_server(stores) as server:
        run(script(*operations, BREAKS, fixtures=(*fixtures, kept)), settings(server.origin))
    assert sent(server.received)[2:] == ["DELETE /Group/made"]


CREATING = [
    pytest.param(lambda wire: wire.send(answer(500)), "not created", [], id="refused"),
    pytest.param(lambda wire: wire.reset(), "not created", ["DELETE /Patient/p1"], id="no-answer"),
]


@pytest.mark.parametrize(("say", "message", "deleted"), CREATING)
def test_a_fixture_that_is_not_created_skips_the_tests(
    say: Callable[[Wire], None], message: str, deleted: list[str]
) -> None:
    def answers(request: Received, wire: Wire) -> None:
        if request.method == "DELETE":
            wire.send(answer(404))
        else:
            say(wire)

    one = script(OK, setup=(OK,), fixtures=(PATIENT, NO_ID))
    with lying_server(answers) as server:
        result = run(one, settings(server.origin))
    assert verdicts(phase(result, "setup")) == ["error", "skip"]
    assert message in phase(result, "setup").message
    assert only_test(result).verdict == "skip"
    assert sent(server.received) == ["PUT /Patient/p1", *deleted]


def test_a_creation_without_an_answer_is_named_as_it_may_be_left_behind() -> None:
    with lying_server(lambda _request, wire: wire.reset()) as server:
        result = run(script(OK, fixtures=(NO_ID,)), settings(server.origin))
    teardown = phase(result, "teardown")
    assert (teardown.verdict, "whether fixture 'o' was created" in teardown.message) == (
        "error",
        True,
    )


def test_what_cannot_be_deleted_is_an_error_that_names_it_and_the_rest_is_deleted() -> None:
    def say(request: Received, wire: Wire) -> None:
        if request.method == "DELETE" and "Patient" in request.target:
            wire.send(answer(409))
        else:
            stores(request, wire)

    one = script(OK, fixtures=(NO_ID, PATIENT))
    with lying_server(say) as server:
        result = run(one, settings(server.origin))
    teardown = phase(result, "teardown")
    assert (only_test(result).verdict, teardown.verdict) == ("pass", "error")
    assert "Patient/p1 may be left behind" in teardown.message
    assert "DELETE /Group/made" in sent(server.received)


def test_what_something_else_referred_to_is_deleted_once_that_is_gone() -> None:
    gone: list[str] = []

    def say(request: Received, wire: Wire) -> None:
        if request.method == "DELETE" and request.target.endswith("/p1") and not gone:
            wire.send(answer(409))
        else:
            gone.extend([request.target] if request.method == "DELETE" else [])
            stores(request, wire)

    one = script(OK, fixtures=(NO_ID, PATIENT))
    with lying_server(say) as server:
        result = run(one, settings(server.origin))
    assert result.verdict == "pass"
    assert sent(server.received)[-1] == "DELETE /Patient/p1"


def test_what_is_gone_already_counts_as_deleted() -> None:
    replies = {"PUT /Patient/p1": answer(201), "DELETE /Patient/p1": answer(410)}
    replies["GET /ok"] = answer(200)
    with lying_server(answering(replies)) as server:
        assert run(script(OK, fixtures=(PATIENT,)), settings(server.origin)).verdict == "pass"


def test_a_fixture_is_deleted_from_every_place_that_operations_sent_it_to() -> None:
    numbers = iter(range(1, 9))

    def say(request: Received, wire: Wire) -> None:
        location = {"Location": f"Group/{next(numbers)}/_history/1"}
        wire.send(answer(201, b"", location) if request.method == "POST" else answer(204))

    operations = [Operation(code="create", source_id="o")] * 2
    fixture = replace(NO_ID, autocreate=False)
    with lying_server(say) as server:
        run(script(*operations, fixtures=(fixture,)), settings(server.origin))
    assert sent(server.received)[2:] == ["DELETE /Group/2", "DELETE /Group/1"]


def test_a_bundle_that_is_stored_as_such_is_deleted_as_such() -> None:
    stored = b'{"resourceType":"Bundle","type":"collection","id":"7"}'
    replies = {"POST /Bundle": answer(201, stored, JSON), "DELETE /Bundle/7": answer(204)}
    bundle = Fixture(id="b", body=b'{"resourceType":"Bundle"}', autodelete=True)
    one = script(Operation(code="create", source_id="b"), fixtures=(bundle,))
    with lying_server(answering(replies)) as server:
        assert run(one, settings(server.origin)).verdict == "pass"
    assert sent(server.received) == ["POST /Bundle", "DELETE /Bundle/7"]


def test_of_a_bundle_that_is_deleted_its_new_resources_are() -> None:
    entries = [
        {"response": {"status": "201 Created", "location": "Patient/1/_history/1"}},
        {"response": {"status": "200 OK", "location": "Patient/2/_history/7"}},
        {"response": {"status": "201", "location": "nonsense"}},
        "nonsense",
    ]
    body = json.dumps({"resourceType": "Bundle", "type": "transaction-response", "entry": entries})
    replies = {"POST ": answer(200, body.encode(), JSON), "DELETE /Patient/1": answer(204)}
    bundle = Fixture(id="b", body=b'{"resourceType":"Bundle"}', autodelete=True)
    one = script(Operation(code="transaction", source_id="b"), fixtures=(bundle,))
    with lying_server(answering(replies)) as server:
        assert run(one, settings(server.origin)).verdict == "pass"
    assert sent(server.received) == ["POST ", "DELETE /Patient/1"]
