"""The conformance tool logs in at this server as a backend service."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from fhirserver.smart.clients import Client
from fhirserver_conformance.login.login_error import LoginError
from fhirserver_conformance.login.smart import smart_login
from fhirserver_conformance.transport import Transport
from tests.secured import Secured
from tests.smart.assertions import key, key_set

SCOPES = "system/*.cruds"


@pytest.fixture
def transport() -> Iterator[Transport]:
    opened = Transport(timeout_s=10)
    yield opened
    opened.close()


@pytest.fixture
def client_file(secured: Secured, tmp_path: Path) -> Path:
    """A client's file with an RSA key; its curve's key is beside it."""
    secured.register(
        Client(
            "conformance",
            "Conformance tool",
            "confidential-asymmetric",
            scopes=SCOPES,
            grant_types=("client_credentials",),
            jwks=key_set("rsa-1", "ec-1"),
        )
    )
    for name in ("rsa-1", "ec-1"):
        (tmp_path / f"{name}.json").write_text(json.dumps(key(name).as_dict(private=True)))
    path = tmp_path / "client.json"
    path.write_text(
        json.dumps(
            {
                "flow": "backend-services",
                "client_id": "conformance",
                "scope": SCOPES,
                "private_key_file": "rsa-1.json",
            }
        )
    )
    return path


@pytest.mark.parametrize("name", ["rsa-1", "ec-1"])
def test_the_tool_logs_in(
    secured: Secured, client_file: Path, transport: Transport, name: str
) -> None:
    client_file.write_text(client_file.read_text().replace("rsa-1", name))
    authorization = smart_login(client_file, secured.base, transport=transport, say=print)
    token = (authorization() or "").removeprefix("Bearer ")
    with secured.caller(token) as caller:
        assert caller.get("Patient?_count=0").status == 200


def test_a_refusal_is_told_in_the_servers_words(
    secured: Secured, client_file: Path, transport: Transport
) -> None:
    client_file.write_text(client_file.read_text().replace(SCOPES, "user/*.cruds"))
    with pytest.raises(LoginError, match=r"invalid_scope: scope must name system/ scopes"):
        smart_login(client_file, secured.base, transport=transport, say=print)
