"""The bridge as a SMART backend service, against an authorization server that is not ours."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fhirserver_device_bridge.config.settings import Server, Smart
from fhirserver_device_bridge.sender.authorization import (
    Authorization,
    UnauthorizedError,
    authorization_of,
)
from fhirserver_device_bridge.sender.fhir_client import FhirClient, UnreachableError
from tests.conformance.login.authorization_server import Answer, AuthorizationServer
from tests.conformance.login.keys import jwk_file, key, pem

CONFIGURATION = "/fhir/.well-known/smart-configuration"


@pytest.fixture
def authority() -> Iterator[AuthorizationServer]:
    with AuthorizationServer(time.time, keys={"bridge": key("RSA")}) as running:
        yield running


@pytest.fixture
def bridge(authority: AuthorizationServer, tmp_path: Path) -> Callable[[bytes], Server]:
    def server(private_key: bytes) -> Server:
        file = tmp_path / "key"
        file.write_bytes(private_key)
        return Server(authority.base, smart=Smart("bridge", file, "key-1", "system/*.rs"))

    return server


def bearers(authorization: Authorization, times: int) -> list[str]:
    return [authorization.headers()["Authorization"] for _ in range(times)]


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        pytest.param("RSA", pem("RSA"), id="RS384, PEM"),
        pytest.param("RSA", jwk_file("RSA"), id="RS384, JWK"),
        pytest.param("P-384", pem("P-384"), id="ES384, PEM"),
    ],
)
def test_a_token_serves_until_it_is_old(
    authority: AuthorizationServer, bridge: Callable[[bytes], Server], kind: str, written: bytes
) -> None:
    """Its assertion is held against SMART's rules by the authorization server."""
    authority.keys["bridge"] = key(kind)
    authorization = authorization_of(bridge(written))
    assert bearers(authorization, 3) == ["Bearer token-0"] * 3
    authorization.refused()
    assert bearers(authorization, 2) == ["Bearer token-1"] * 2
    authority.lifetime_s = 0
    authorization.refused()
    assert bearers(authorization, 3) == ["Bearer token-2", "Bearer token-3", "Bearer token-4"]
    assert authority.refused == []


def test_all_connections_share_a_token(bridge: Callable[[bytes], Server]) -> None:
    assert authorization_of(bridge(pem("RSA"))) is authorization_of(bridge(pem("RSA")))


@pytest.mark.parametrize(
    ("place", "answer", "said"),
    [
        pytest.param(CONFIGURATION, Answer(b"{}", 404), "404", id="no configuration"),
        pytest.param(CONFIGURATION, Answer(b"{}"), "token_endpoint", id="no token endpoint"),
        pytest.param(CONFIGURATION, Answer(b"[]"), "no JSON object", id="no object"),
        pytest.param(
            CONFIGURATION,
            Answer(json.dumps({"token_endpoint": "file:///etc/passwd"}).encode()),
            "less safe",
            id="no address of HTTP",
        ),
        pytest.param(
            "/token", Answer(b'{"error": "invalid_scope"}', 400), "400 invalid_scope", id="refused"
        ),
        pytest.param("/token", Answer(b"<html>", 500), "500", id="broken"),
        pytest.param("/token", Answer(b'{"expires_in": 1}'), "access_token", id="no token"),
    ],
)
def test_without_a_token_messages_wait(
    authority: AuthorizationServer,
    bridge: Callable[[bytes], Server],
    place: str,
    answer: Answer,
    said: str,
) -> None:
    authority.lies[place] = answer
    client = FhirClient(bridge(pem("RSA")))
    with pytest.raises(UnreachableError, match=said):
        client.transaction(b"{}")


@pytest.mark.filterwarnings("ignore:Key size")
@pytest.mark.parametrize(
    "written",
    [
        pytest.param(b"no key", id="no key"),
        pytest.param(b"{}", id="no JWK"),
        pytest.param(jwk_file("RSA", private=False), id="only the public half"),
        pytest.param(pem("RSA-1024"), id="too short"),
        pytest.param(pem("P-256"), id="another curve"),
    ],
)
def test_keys_that_cannot_sign(bridge: Callable[[bytes], Server], written: bytes) -> None:
    with pytest.raises(UnauthorizedError, match="RSA of 2048 bits or more, or of the curve P-384"):
        authorization_of(bridge(written)).headers()


def test_a_token_that_the_server_does_not_know_is_renewed(
    authority: AuthorizationServer, bridge: Callable[[bytes], Server]
) -> None:
    authority.lies["/fhir"] = Answer(b"{}", 401)
    client = FhirClient(bridge(pem("RSA")))
    for _ in range(2):
        assert client.transaction(b"{}").status == 401
    client.close()
    assert len(authority.tokens) == 2
