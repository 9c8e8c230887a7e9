"""Alarms over HTTP: listed, shown, acknowledged.

    GET  /alarms                    those that are open; with ?ended=true all that are kept
    GET  /alarms/ID                 one
    POST /alarms/ID/acknowledge     {"by": "who"} takes it over; the first who does it counts

Faults are answered with an OperationOutcome.
"""

import contextlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Literal
from urllib.parse import parse_qs

import msgspec

from fhirserver_device_bridge.alarms import recording
from fhirserver_device_bridge.alarms.alarm import Alarm
from fhirserver_device_bridge.journal.alarms import acknowledge, alarm, alarms
from fhirserver_device_bridge.journal.journal import Journal
from fhirserver_device_bridge.journal.layout import JournalError

_ONE = re.compile(r"/alarms/([0-9a-f]{64})(/acknowledge)?")
_NAME_LIMIT = 200

Issue = Literal["not-found", "not-supported", "invalid", "structure", "transient", "login"]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; the body is JSON."""

    status: HTTPStatus
    body: bytes


class Acknowledgement(msgspec.Struct, forbid_unknown_fields=True):
    """What is posted: who takes an alarm over, as he or she is known in the house."""

    by: str


def refusal(status: HTTPStatus, code: Issue, words: str) -> Reply:
    """Write an OperationOutcome; its words quote nothing that was sent."""
    issue = {"severity": "error", "code": code, "diagnostics": words}
    outcome = {"resourceType": "OperationOutcome", "issue": [issue]}
    return Reply(status, msgspec.json.encode(outcome))


class Office:
    """Answers requests about alarms; any number of threads may ask."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def get(self, path: str, query: str) -> Reply:
        """Answer GET."""
        if path == "/alarms":
            ended = parse_qs(query).get("ended", ["false"])[-1] == "true"
            with contextlib.closing(self._journal.reader()) as reader:
                found = list(alarms(reader, ended=ended))
            return Reply(HTTPStatus.OK, msgspec.json.encode(found))
        one = _ONE.fullmatch(path)
        if one is None or one[2]:
            return _UNKNOWN
        return self._found(one[1]) or _NO_ALARM

    def post(self, path: str, content_type: str, body: bytes) -> Reply:
        """Answer POST.

        JSON alone is taken: a page of another site cannot send that without asking first.
        """
        one = _ONE.fullmatch(path)
        if one is None or not one[2]:
            return _UNKNOWN
        if content_type.partition(";")[0].strip().lower() != "application/json":
            return _NO_JSON
        try:
            by = msgspec.json.decode(body, type=Acknowledgement).by.strip()
        except msgspec.MsgspecError:
            by = ""
        if not 0 < len(by) <= _NAME_LIMIT or not by.isprintable():
            return _NOBODY
        return self._acknowledged(one[1], by)

    def _acknowledged(self, alarm_id: str, by: str) -> Reply:
        if self._found(alarm_id) is None:
            return _NO_ALARM
        try:
            change = acknowledge(alarm_id, by, datetime.now(UTC))
            return _shown(self._journal.ask(change).result())
        except JournalError:
            return _NOT_KEPT

    def _found(self, alarm_id: str) -> Reply | None:
        with contextlib.closing(self._journal.reader()) as reader:
            try:
                return _shown(alarm(reader, alarm_id))
            except JournalError:
                return None


def _shown(found: Alarm) -> Reply:
    return Reply(HTTPStatus.OK, recording.encode(found))


_UNKNOWN = refusal(
    HTTPStatus.NOT_FOUND,
    "not-supported",
    "unknown path: GET /metrics, /health, /alarms, /alarms/stream or /alarms/ID, or POST"
    " /alarms/ID/acknowledge or /convert",
)
_NO_ALARM = refusal(
    HTTPStatus.NOT_FOUND, "not-found", "no alarm has the id of the path: GET /alarms lists them"
)
_NO_JSON = refusal(
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "not-supported",
    "Content-Type must be application/json",
)
_NOBODY = refusal(
    HTTPStatus.BAD_REQUEST,
    "invalid",
    f'the body must be {{"by": "…"}} and say who acknowledges, in 1 to {_NAME_LIMIT} characters'
    " of one line",
)
_NOT_KEPT = refusal(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "transient",
    "the journal cannot be written now: nothing is acknowledged; ask again",
)
