"""One JSON line per request."""

from __future__ import annotations

import json
from io import BytesIO

from fhirserver.http.access_log import AccessLog, Served


def test_a_request_is_one_line() -> None:
    stream = BytesIO()
    log = AccessLog(stream)
    for at_us in (1_700_000_000_000_007, 1_700_000_000_999_999, 1_700_000_001_000_000):
        log(
            Served(
                at_us=at_us,
                method="GET",
                interaction="read",
                type="Patient",
                status=200,
                duration_us=5,
                response_bytes=10,
                request_id="r",
                address="127.0.0.1",
            )
        )
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["at"] for line in lines] == [
        "2023-11-14T22:13:20.000007Z",
        "2023-11-14T22:13:20.999999Z",
        "2023-11-14T22:13:21.000000Z",
    ]
    assert lines[0]["interaction"] == "read"
    assert lines[0]["status"] == 200
    assert not {"path", "query", "id"} & lines[0].keys()
