"""One JSON line per request, without anything that could tell of a patient.

A line has the interaction and the type, never a path, an id or a query string: logical ids may be
chosen by clients and queries hold names and identifiers. The audit record has those.
"""

from functools import lru_cache
from typing import BinaryIO, NamedTuple

from fhirserver.model.instant import format_instant
from fhirserver.model.json import write_json


class Served(NamedTuple):
    """A request that has been answered.

    Attributes:
        at_us: when it came, epoch microseconds.
        method: of HTTP.
        interaction: FHIR's code; "" where routing failed.
        type: resource type; "" where there is none.
        status: of HTTP.
        duration_us: from the request line to the complete response.
        response_bytes: size of the response body as sent.
        request_id: as in the X-Request-Id of the response.
        address: network address of the caller.
    """

    at_us: int
    method: str
    interaction: str
    type: str
    status: int
    duration_us: int
    response_bytes: int
    request_id: str
    address: str


class AccessLog:
    """Writes the lines; usable as an observer of `FhirApplication`.

    Args:
        stream: unbuffered, so that a line is one write and lines of workers do not mix.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def __call__(self, served: Served) -> None:
        """Write the line of one request."""
        self._stream.write(
            write_json(
                {
                    "at": _instant(served.at_us),
                    "event": "request",
                    "method": served.method[:20],
                    "interaction": served.interaction,
                    "type": served.type,
                    "status": served.status,
                    "duration_us": served.duration_us,
                    "response_bytes": served.response_bytes,
                    "request_id": served.request_id,
                    "address": served.address,
                }
            )
            + b"\n"
        )


def _instant(us: int) -> str:
    seconds, fraction_us = divmod(us, 1_000_000)
    return f"{_second(seconds)}.{fraction_us:06d}Z"


@lru_cache(maxsize=4)
def _second(seconds: int) -> str:
    """Write a second without its fraction; the lines of one second share it."""
    return format_instant(seconds * 1_000_000)[:19]
