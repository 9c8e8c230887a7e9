"""Cross-origin requests: nothing unless the origin is named."""

from __future__ import annotations

import pytest

from fhirserver.access import allow_all
from fhirserver.config import Settings, read_settings, split_origins
from fhirserver.definitions import r4
from fhirserver.http.application import FhirApplication
from fhirserver.http.cors import Cors
from fhirserver.http.request import BytesBody, HeaderMap, Request
from fhirserver.interactions import Services
from fhirserver.store.database import Database, now_us

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


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        pytest.param(APP, 200, id="named"),
        pytest.param("https://evil.example.org", 403, id="other"),
        pytest.param("http://localhost:3000", 200, id="loopback"),
    ],
)
def test_an_open_server_answers_pages_of_named_origins(
    database: Database, origin: str, status: int
) -> None:
    settings = Settings(open=True)
    services = Services(r4(), database, settings, allow_all, now_us, b"")
    application = FhirApplication(services, cors=Cors(frozenset({APP})))
    headers = HeaderMap({"origin": origin, "host": "127.0.0.1:8080"})
    asked = Request("GET", "/metadata", "", headers, BytesBody(), "", "1")
    answer = application.handle(asked)
    assert answer.status == status
    read_by = answer.header("access-control-allow-origin")
    assert read_by == (APP if origin == APP else None)


@pytest.mark.parametrize(
    ("text", "origins"),
    [
        pytest.param("", set(), id="none"),
        pytest.param(f"{APP}, http://localhost:3000", {APP, "http://localhost:3000"}, id="several"),
    ],
)
def test_the_setting_holds_origins(text: str, origins: set[str]) -> None:
    settings = read_settings({"FHIRSERVER_CORS_ORIGINS": text})
    assert split_origins(settings.cors_origins) == origins


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("*", id="everybody"),
        pytest.param("https://a.example/", id="path"),
        pytest.param("a.example", id="no-scheme"),
    ],
)
def test_the_setting_holds_nothing_else(text: str) -> None:
    with pytest.raises(ValueError, match="FHIRSERVER_CORS_ORIGINS"):
        read_settings({"FHIRSERVER_CORS_ORIGINS": text})
