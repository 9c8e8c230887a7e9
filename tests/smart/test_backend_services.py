"""Programs that act for themselves: from a signed assertion to a record, and what is refused."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from fhirserver.model.json import write_json
from fhirserver.smart.clients import Client
from tests.client import Answer
from tests.secured import Secured
from tests.smart.assertions import assertion, key_set
from tests.smart.jwks_host import JwksHost

FORM = "application/x-www-form-urlencoded"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SECRET = "a-secret-of-a-confidential-client"
SCOPES = "system/Patient.rs system/Observation.rs?category=laboratory system/Condition.cruds openid"
BACKEND = ("client_credentials",)


@pytest.fixture(autouse=True)
def _clients(secured: Secured) -> None:
    keys = key_set("rsa-1", "ec-1")
    kind = "confidential-asymmetric"
    for client in (
        Client("backend", "A", kind, scopes=SCOPES, grant_types=BACKEND, jwks=keys),
        Client("app", "B", kind, scopes=SCOPES, jwks=keys),
        Client("secretive", "C", "confidential-symmetric", scopes=SCOPES, grant_types=BACKEND),
        Client("public", "D", "public", scopes=SCOPES, grant_types=BACKEND),
    ):
        secured.register(client, *((SECRET,) if client.kind == "confidential-symmetric" else ()))


def ask(secured: Secured, changes: dict[str, str | None] | None = None, **headers: str) -> Answer:
    """Send a token request of the client "backend", with changes; None leaves one out."""
    form: dict[str, str | None] = {
        "grant_type": "client_credentials",
        "scope": "system/Patient.rs",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": signed(secured),
        **(changes or {}),
    }
    body = urlencode({name: value for name, value in form.items() if value is not None})
    with secured.server.client() as client:
        sent = {"Content-Type": FORM, **headers}
        return client.request("POST", "/oauth/token", body.encode(), sent)


def signed(secured: Secured, client: str = "backend", **changes: Any) -> str:
    return assertion(client, f"{secured.root}/oauth/token", time.time(), **changes)


@pytest.mark.parametrize("name", ["rsa-1", "ec-1"])
def test_a_program_gets_a_token_that_works(secured: Secured, name: str) -> None:
    """SEC-B4, SEC-T1: short-lived, with its scopes, without a refresh token."""
    answer = ask(secured, {"client_assertion": signed(secured, name=name)})
    assert answer.status == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    told = answer.json
    token = told.pop("access_token")
    assert told == {"token_type": "bearer", "expires_in": 300, "scope": "system/Patient.rs"}
    with secured.caller(token) as caller:
        assert caller.get("Patient?_count=0").status == 200
        assert caller.get("Encounter?_count=0").status == 403


@pytest.mark.parametrize(
    ("asked", "granted"),
    [
        pytest.param(
            "system/*.rs",
            "system/Patient.rs system/Observation.rs?category=laboratory system/Condition.rs",
            id="SEC-B4-wildcard",
        ),
        pytest.param("system/Patient.cruds", "system/Patient.rs", id="SEC-B4-fewer-rights"),
        pytest.param("system/Patient.read", "system/Patient.read", id="SEC-S2-v1"),
        pytest.param(
            "system/Observation.rs",
            "system/Observation.rs?category=laboratory",
            id="SEC-B4-registered-query",
        ),
        pytest.param(
            "system/Patient.r system/Encounter.rs offline_access openid launch",
            "system/Patient.r",
            id="SEC-B4-what-is-not-for-programs-is-left-out",
        ),
    ],
)
def test_what_is_granted_is_asked_for_and_registered(
    secured: Secured, asked: str, granted: str
) -> None:
    answer = ask(secured, {"scope": asked})
    assert answer.status == 200, answer.text
    assert answer.json["scope"] == granted
    assert "refresh_token" not in answer.json


REFUSED: list[tuple[str, dict[str, str | None], int, str]] = [
    ("SEC-B4-no-scope", {"scope": None}, 400, "invalid_scope"),
    ("SEC-B4-scope-not-registered", {"scope": "system/Encounter.rs"}, 400, "invalid_scope"),
    ("SEC-B4-patient-scope", {"scope": "patient/Patient.rs"}, 400, "invalid_scope"),
    ("SEC-S1-scope-malformed", {"scope": "system/Patient.sr"}, 400, "invalid_scope"),
    ("SEC-B4-grant-type", {"grant_type": "password"}, 400, "unsupported_grant_type"),
    ("SEC-B4-no-grant-type", {"grant_type": None}, 400, "invalid_request"),
    ("SEC-B4-nul", {"grant_type": "a\0", "scope": "\0"}, 400, "invalid_request"),
    ("SEC-B4-assertion-type", {"client_assertion_type": "jwt"}, 401, "invalid_client"),
    ("SEC-B4-no-assertion-type", {"client_assertion_type": None}, 401, "invalid_client"),
    ("SEC-B4-no-assertion", {"client_assertion": None}, 401, "invalid_client"),
    ("SEC-B4-assertion-no-jwt", {"client_assertion": "x"}, 401, "invalid_client"),
    ("SEC-B1-other-client-id", {"client_id": "app"}, 401, "invalid_client"),
    ("SEC-B5-secret-too", {"client_id": "backend", "client_secret": "x"}, 400, "invalid_request"),
]


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [pytest.param(changes, status, error, id=rule) for rule, changes, status, error in REFUSED],
)
def test_what_is_refused(
    secured: Secured, changes: dict[str, str | None], status: int, error: str
) -> None:
    """SEC-T2."""
    answer = ask(secured, changes)
    assert (answer.status, answer.json["error"]) == (status, error), answer.text
    assert answer.json["error_description"]


WITHOUT = {"client_assertion": None, "client_assertion_type": None}


@pytest.mark.parametrize(
    ("changes", "basic"),
    [
        pytest.param({"client_id": "secretive", "client_secret": SECRET}, "", id="SEC-B5-post"),
        pytest.param({}, f"secretive:{SECRET}", id="SEC-B5-basic"),
        pytest.param({"client_id": "public"}, "", id="SEC-B4-public"),
    ],
)
def test_only_a_key_makes_a_backend_service(
    secured: Secured, changes: dict[str, str | None], basic: str
) -> None:
    headers = {"Authorization": "Basic " + base64.b64encode(basic.encode()).decode()}
    answer = ask(secured, {**WITHOUT, **changes}, **(headers if basic else {}))
    assert (answer.status, answer.json["error"]) == (400, "unauthorized_client")


def test_a_client_of_people_gets_no_token_of_its_own(secured: Secured) -> None:
    answer = ask(secured, {"client_assertion": signed(secured, "app")})
    assert (answer.status, answer.json["error"]) == (400, "unauthorized_client")


def test_an_assertion_counts_once_in_all_workers(secured: Secured) -> None:
    """SEC-20 over HTTP."""
    sent = {"client_assertion": signed(secured)}
    assert ask(secured, sent).status == 200
    for _ in range(4):
        answer = ask(secured, sent)
        assert (answer.status, answer.json["error"]) == (401, "invalid_client")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param("UPDATE oauth_client SET disabled = {} WHERE id = %s", id="SEC-B6-client"),
        pytest.param(
            "UPDATE account SET disabled = {} FROM oauth_client c WHERE c.owner = account.id"
            " AND c.id = %s",
            id="SEC-B6-its-owner",
        ),
    ],
)
def test_who_is_shut_out_is_out_at_once(secured: Secured, change: str) -> None:
    client = Client(
        "misbehaving",
        "M",
        "confidential-asymmetric",
        scopes=SCOPES,
        grant_types=BACKEND,
        jwks=key_set("rsa-1"),
        owner=secured.account("administrator"),
    )
    secured.register(client)

    def ask_for_one() -> Answer:
        return ask(secured, {"client_assertion": signed(secured, client.id)})

    def say(out: bool) -> None:
        with secured.database.connection() as connection:
            connection.execute(change.format(str(out).lower()).encode(), (client.id,))

    with secured.caller(ask_for_one().json["access_token"]) as caller:
        assert caller.get("Patient?_count=0").status == 200
        say(out=True)
        assert caller.get("Patient?_count=0").status == 401
        assert ask_for_one().status == 401
        say(out=False)
        assert caller.get("Patient?_count=0").status == 200


@pytest.fixture
def host(tmp_path: Path) -> Iterator[JwksHost]:
    """A client's own server, which tells nobody to keep its keys."""
    with JwksHost(tmp_path, tls=False, headers={"Cache-Control": "no-store"}) as running:
        running.body = write_json(key_set("rsa-1"))
        yield running


def test_published_keys_may_rotate(secured: Secured, host: JwksHost) -> None:
    """SEC-B2, SEC-B3: the key set is asked again, and jku must be its registered address."""
    client = f"published-{host.port}"
    secured.register(
        Client(
            client,
            "P",
            "confidential-asymmetric",
            scopes=SCOPES,
            grant_types=BACKEND,
            jwks_uri=host.url(),
        )
    )

    def status(name: str, **header: Any) -> int:
        sent = signed(secured, client, name=name, header=header)
        return ask(secured, {"client_assertion": sent}).status

    assert status("rsa-1", jku=host.url()) == 200
    assert status("rsa-1", jku=host.url("localhost")) == 401
    assert status("rsa-2") == 401
    host.body = write_json(key_set("rsa-2"))
    assert status("rsa-2") == 200
    assert status("rsa-1") == 401
    host.status = 404
    assert status("rsa-2") == 401


def test_no_secret_is_kept_in_clear(secured: Secured) -> None:
    """SEC-T3: what the database holds lets nobody in."""
    token = ask(secured).json["access_token"]
    with secured.database.connection() as connection:
        rows = connection.execute(
            "SELECT row_to_json(t)::text FROM oauth_token t UNION ALL"
            " SELECT row_to_json(g)::text FROM oauth_grant g"
        ).fetchall()
    assert rows
    assert not any(token in row[0] for row in rows)


def test_what_is_offered_to_programs_is_advertised(secured: Secured) -> None:
    with secured.server.client() as client:
        told = json.loads(client.get(".well-known/smart-configuration").body)
    assert "client-confidential-asymmetric" in told["capabilities"]
    assert "private_key_jwt" in told["token_endpoint_auth_methods_supported"]
    assert told["token_endpoint_auth_signing_alg_values_supported"] == ["RS384", "ES384"]
    assert "client_credentials" in told["grant_types_supported"]
    assert "system/*.rs" in told["scopes_supported"]
