"""What the page shows of a run, packed so that 25,000 exchanges fit into one file.

    index    of all scripts: names, verdicts, reasons; unpacked when the page opens
    detail   of one script: actions, requests and answers; unpacked when somebody opens the script

Both are JSON, deflated (RFC 1950) and written in base64, which cannot hold markup. Keys are spelled
out: what repeats costs next to nothing after packing. A body that occurs several times in a script
stands there once. Of bodies longer than `BODY_LIMIT_BYTES` the beginning is kept.
"""

import base64
import zlib
from typing import Any

from fhirserver.model.json import write_json
from fhirserver_conformance.report.test_report import report_id
from fhirserver_conformance.report.text import shown
from fhirserver_conformance.results import ActionResult, Exchange, Headers, ScriptResult, TestResult

BODY_LIMIT_BYTES = 32 * 1024

Row = dict[str, Any]


def packed(value: object) -> str:
    """Pack a JSON value as the page's script unpacks it. Pure."""
    return base64.b64encode(zlib.compress(write_json(value), 6)).decode("ascii")


def index_row(result: ScriptResult, cases: tuple[TestResult, ...]) -> Row:
    """Say of a script what the list shows before it is opened. Pure.

    Args:
        result: the script.
        cases: what is counted of it. Setup, teardown and tests that are none are listed with
            `counted` false.
    """
    tests = result.tests or cases
    counted = {id(case) for case in cases}
    return {
        "id": report_id(result),
        "suite": shown(result.suite),
        "source": shown(result.source),
        "name": shown(result.name),
        "url": shown(result.url),
        "base": shown(result.base),
        "verdict": result.verdict,
        "duration_ms": round(result.duration_ms, 1),
        "tests": [_test(test, counted=id(test) in counted) for test in tests],
    }


def detail(result: ScriptResult) -> Row:
    """Say what happened in a script: `tests` in the order of the index, and their `bodies`. Pure.

    Returns:
        {"tests": [[action…]…], "bodies": [{"text", "size_bytes", "cut"}…]}; exchanges name bodies
        by their index, None for an empty one.
    """
    bodies = _Bodies()
    tests = [[_action(action, bodies) for action in test.actions] for test in result.tests]
    return {"tests": tests, "bodies": bodies.rows}


class _Bodies:
    """Keeps each different body once."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self._places: dict[bytes, int] = {}

    def place(self, body: bytes) -> int | None:
        """Keep a body and give its index; None for an empty one."""
        if not body:
            return None
        if body not in self._places:
            self._places[body] = len(self.rows)
            self.rows.append(_body(body))
        return self._places[body]


def _body(body: bytes) -> Row:
    text = body[:BODY_LIMIT_BYTES].decode("utf-8", "backslashreplace")
    cut = len(body) > BODY_LIMIT_BYTES
    return {"text": shown(text, len(text)), "size_bytes": len(body), "cut": cut}


def _test(test: TestResult, *, counted: bool) -> Row:
    return {
        "phase": test.phase,
        "name": shown(test.name),
        "description": shown(test.description),
        "verdict": test.verdict,
        "message": shown(test.message),
        "requirements": [shown(each) for each in test.requirements],
        "counted": counted,
    }


def _action(action: ActionResult, bodies: _Bodies) -> Row:
    row: Row = {
        "kind": action.kind,
        "verdict": action.verdict,
        "label": shown(action.label),
        "description": shown(action.description),
        "message": shown(action.message),
    }
    if action.exchange is not None:
        row["exchange"] = _exchange(action.exchange, bodies)
    return row


def _exchange(exchange: Exchange, bodies: _Bodies) -> Row:
    return {
        "method": shown(exchange.method),
        "url": shown(exchange.url),
        "status": exchange.status,
        "duration_ms": round(exchange.duration_ms, 1),
        "failure": None if exchange.failure is None else shown(exchange.failure),
        "request_headers": _headers(exchange.request_headers),
        "request_body": bodies.place(exchange.request_body),
        "response_headers": _headers(exchange.response_headers),
        "response_body": bodies.place(exchange.response_body),
    }


def _headers(headers: Headers) -> list[list[str]]:
    return [[shown(name), shown(value)] for name, value in headers]
