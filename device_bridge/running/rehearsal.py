"""The dry run over HTTP: what would become of a message of a source. Nothing is sent or kept.

    POST /convert?source=NAME       the message as it is sent
    200  {"messages": [{"message": […], "readings": […], "quarantined": […], "omitted": […],
                        "unmapped": […], "alarms": […], "rejected": …, "held": …, "bundle": …}]}

Faults of the request are answered with an OperationOutcome; a message that can never be charted is
an answer as any other, and says so.
"""

import itertools
import threading
from collections.abc import Iterable
from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import parse_qs

from fhirserver_device_bridge.dry_run import ENCODER, dry_run, side_by_side
from fhirserver_device_bridge.notification.desk import Reply, refusal
from fhirserver_device_bridge.source import Source

MESSAGE_LIMIT_BYTES = 1024 * 1024
MESSAGES_LIMIT = 100

_TYPES = frozenset({"application/hl7-v2", "application/octet-stream"})


class Rehearsal:
    """Answers dry runs, one at a time: devices come first."""

    def __init__(self, sources: Iterable[Source]) -> None:
        self._sources = {each.name: each for each in sources}
        self._turn = threading.Lock()

    def post(self, query: str, content_type: str, body: bytes) -> Reply:
        """Answer POST.

        A type that a page of another site cannot send without asking first is wanted.
        """
        if content_type.partition(";")[0].strip().lower() not in _TYPES:
            return _NO_MESSAGE_TYPE
        source = self._sources.get(parse_qs(query).get("source", [""])[-1])
        if source is None:
            return _NO_SOURCE
        if not body:
            return _NO_MESSAGE
        with self._turn:
            tried = dry_run(body, source, datetime.now(UTC))
            shown = [side_by_side(*each) for each in itertools.islice(tried, MESSAGES_LIMIT + 1)]
            if len(shown) > MESSAGES_LIMIT:
                return _TOO_MANY
            return Reply(HTTPStatus.OK, ENCODER.encode({"messages": shown}))


_NO_MESSAGE_TYPE = refusal(
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "not-supported",
    "Content-Type must be application/hl7-v2 or application/octet-stream",
)
_NO_SOURCE = refusal(
    HTTPStatus.NOT_FOUND,
    "not-found",
    "the configuration has no source of the name in the parameter `source`: give one that it has",
)
_TOO_MANY = refusal(
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "structure",
    f"the body holds more than {MESSAGES_LIMIT} messages: send fewer",
)
_NO_MESSAGE = refusal(
    HTTPStatus.BAD_REQUEST, "invalid", "the body is empty: send the message, as its device does"
)
