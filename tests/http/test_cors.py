"""Cross-origin requests: nothing unless the origin is named."""

from __future__ import annotations

import pytest

from fhirserver.http.cors import Cors
from fhirserver.http.request import BytesBody, HeaderMap, Request

APP = "https://app.example.org"


def request(method: str, **headers: str) -> Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(method, "/Patient", "", HeaderMap(named), BytesBody(), "", "1")


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        pytest.param({"origin": APP}, True, id="named"),
        pytest.param({"origin": "https://evil.example.org"}, False, id="other"),
        pytest.param({"origin": "null"}, False, id="null"),
        pytest.param({}, False, id="none"),
    ],
)
def test_only_named_origins_may_read(origin: dict[str, str], allowed: bool) -> None:
    headers = dict(Cors(frozenset({APP})).headers(request("GET", **origin)))
    assert headers.get("Access-Control-Allow-Origin") == (APP if allowed else None)
    assert "Access-Control-Allow-Credentials" not in headers


def test_a_preflight_is_answered() -> None:
    asked = request("OPTIONS", origin=APP, access_control_request_method="PUT")
    answer = Cors(frozenset({APP})).preflight(asked)
    assert answer is not None
    assert answer.status == 204
    assert "PUT" in (answer.header("access-control-allow-methods") or "")
    assert "If-Match" in (answer.header("access-control-allow-headers") or "")


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param(request("OPTIONS", origin=APP), id="no-preflight"),
        pytest.param(
            request("OPTIONS", origin="https://x.org", access_control_request_method="PUT"),
            id="other-origin",
        ),
        pytest.param(request("PUT", origin=APP), id="other-method"),
    ],
)
def test_everything_else_goes_its_way(asked: Request) -> None:
    assert Cors(frozenset({APP})).preflight(asked) is None
