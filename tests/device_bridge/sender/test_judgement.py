"""What an answer says about a message, and how long the next attempt waits. DEV-25."""

from __future__ import annotations

import json

import pytest

from fhirserver_device_bridge.sender.fhir_client import Answer
from fhirserver_device_bridge.sender.judgement import judge, pause_s


@pytest.mark.parametrize(
    ("verdict", "statuses"),
    [
        pytest.param("done", (200, 201), id="it has it"),
        pytest.param("later", (401, 408, 425, 429, 502, 503, 504), id="no message would pass"),
        pytest.param("again", (403, 404, 405, 409, 412, 500, 507), id="a few times"),
        pytest.param("dead", (400, 410, 413, 415, 422), id="never"),
    ],
)
def test_statuses(verdict: str, statuses: tuple[int, ...]) -> None:
    assert {judge(Answer(status, {}, b"")).verdict for status in statuses} == {verdict}


def test_the_reason_is_what_the_server_says() -> None:
    issues = [
        {"code": "invalid", "diagnostics": "no such day", "expression": ["Bundle.entry[1]"]},
        {"code": "required", "details": {"text": "status is missing"}},
    ]
    outcome = json.dumps({"resourceType": "OperationOutcome", "issue": issues}).encode()
    reason = "HTTP 422: invalid no such day Bundle.entry[1]; required status is missing"
    assert judge(Answer(422, {}, outcome)).reason == reason
    assert judge(Answer(502, {}, b"<html>")).reason == "HTTP 502: "


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        pytest.param({"retry-after": "7"}, 7.0, id="seconds"),
        pytest.param(
            {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, None, id="a date is not read"
        ),
        pytest.param({}, None, id="none"),
    ],
)
def test_what_the_server_asks_to_wait(header: dict[str, str], expected: float | None) -> None:
    assert judge(Answer(503, header, b"")).pause_s == expected


def test_pauses_double_up_to_the_longest() -> None:
    assert [pause_s(failures, 3) for failures in (1, 2, 3, 4, 5, 10**6)] == [0.25, 0.5, 1, 2, 3, 3]
