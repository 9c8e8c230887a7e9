"""Clients that register themselves: what they may say, who approves, what they can change."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest

from fhirserver.console.under_way import page_policy
from fhirserver.smart import clients, tokens
from fhirserver.smart.invitations import invite
from fhirserver.store.database import now_us
from tests.client import Answer
from tests.secured import Secured
from tests.smart.assertions import assertion, key, key_set

CALLBACK = "https://app.example.org/callback"
PUBLIC = {"redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none"}
CONFIDENTIAL = {"redirect_uris": [CALLBACK]}
BY_KEY = {
    "token_endpoint_auth_method": "private_key_jwt",
    "grant_types": ["client_credentials"],
    "jwks": key_set("rsa-1"),
    "scope": "system/Patient.rs",
}


def send(
    secured: Secured, method: str, path: str, token: str, body: object = None, **headers: str
) -> Answer:
    sent = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", **headers}
    raw = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    with secured.server.client() as client:
        return client.request(method, path, raw, sent)


def invitation(secured: Secured, uses: int = 1, lifetime_s: int = 60) -> str:
    with secured.database.connection() as connection:
        return invite(connection, uses, lifetime_s, now_us())


def register(secured: Secured, said: object, **changes: Any) -> Answer:
    body = {**said, **changes} if isinstance(said, dict) else said
    return send(secured, "POST", "/oauth/register", invitation(secured), body)


def own(secured: Secured, told: dict[str, Any], method: str, body: object = None) -> Answer:
    path = told["registration_client_uri"].removeprefix(secured.root)
    return send(secured, method, path, told["registration_access_token"], body)


@pytest.mark.parametrize(
    ("said", "kind", "shown", "approved"),
    [
        pytest.param(PUBLIC, "public", False, True, id="SEC-29-public-gets-no-secret"),
        pytest.param(CONFIDENTIAL, "confidential-symmetric", True, True, id="SEC-G1-secret"),
        pytest.param(BY_KEY, "confidential-asymmetric", False, False, id="SEC-B3-key-by-value"),
        pytest.param(
            {**BY_KEY, "jwks": None, "jwks_uri": "https://app.example.org/jwks.json"},
            "confidential-asymmetric",
            False,
            False,
            id="SEC-B3-key-by-url",
        ),
        pytest.param(
            {**PUBLIC, "scope": "launch patient/*.rs user/Patient.rs"},
            "public",
            False,
            False,
            id="SEC-G3-user-scopes-wait",
        ),
        pytest.param(
            {**PUBLIC, "scope": "openid patient/*.cruds"},
            "public",
            False,
            True,
            id="SEC-G3-patient",
        ),
    ],
)
def test_what_is_registered(
    secured: Secured, said: dict[str, Any], kind: str, shown: bool, approved: bool
) -> None:
    answer = register(secured, said, client_name="App", contacts=["a@example.org"], more=["x"])
    assert answer.status == 201, answer.text
    assert answer.headers["cache-control"] == "no-store"
    told = answer.json
    assert ("client_secret" in told) is shown
    assert told.get("client_secret_expires_at") == (0 if shown else None)
    assert "more" not in told
    assert told["contacts"] == ["a@example.org"]
    client = clients.find(secured.database, told["client_id"])
    assert client is not None
    assert (client.kind, client.approved, client.dynamically_registered) == (kind, approved, True)
    assert not client.pre_approved
    kept = clients.secrets_of(secured.database, client.id)
    assert kept == ((tokens.digest(told["client_secret"]),) if shown else ())


@pytest.mark.parametrize(
    "address",
    [
        "https://app.example.org",
        "https://app.example.org:8443/a?b=c",
        "http://localhost:8765/callback",
        "http://127.0.0.1/",
        "http://[::1]:8765/",
    ],
)
def test_redirect_uris(secured: Secured, address: str) -> None:
    answer = register(secured, PUBLIC, redirect_uris=[address])
    assert answer.json["redirect_uris"] == [address]


@pytest.mark.parametrize(
    "addresses",
    [
        pytest.param(["http://app.example.org/"], id="SEC-G1-http"),
        pytest.param(["https://*.example.org/"], id="SEC-G1-wildcard"),
        pytest.param(["https://app.example.org/#a"], id="SEC-G1-fragment"),
        pytest.param(["https://app.example.org/#"], id="SEC-G1-empty-fragment"),
        pytest.param(["https://user@app.example.org/"], id="SEC-G1-user"),
        pytest.param(["https://app.example.org\\@evil.example/"], id="SEC-G1-backslash"),
        pytest.param(["https://app.example.org/\n"], id="SEC-G1-control"),
        pytest.param(["https://äpp.example.org/"], id="SEC-G1-not-ascii"),
        pytest.param(["https:///callback"], id="SEC-G1-no-host"),
        pytest.param(["https://app.example.org:x/"], id="SEC-G1-port"),
        pytest.param(["/callback"], id="SEC-G1-relative"),
        pytest.param(["javascript:alert(1)"], id="SEC-G1-script"),
        pytest.param(["http://localhost.evil.example/"], id="SEC-G1-like-localhost"),
        pytest.param([CALLBACK, "http://x.example/"], id="SEC-G1-one-of-two"),
        pytest.param([], id="SEC-G1-none"),
        pytest.param(CALLBACK, id="SEC-G1-no-list"),
        pytest.param([7], id="SEC-G1-no-text"),
    ],
)
def test_redirect_uris_that_are_refused(secured: Secured, addresses: object) -> None:
    answer = register(secured, PUBLIC, redirect_uris=addresses)
    assert (answer.status, answer.json["error"]) == (400, "invalid_redirect_uri")


@pytest.mark.parametrize(
    ("said", "names"),
    [
        pytest.param({"token_endpoint_auth_method": "tls_client_auth"}, "auth_method", id="method"),
        pytest.param({"token_endpoint_auth_method": ["none"]}, "auth_method", id="method-no-text"),
        pytest.param({"grant_types": ["password"]}, "grant_types", id="grant-type"),
        pytest.param({"grant_types": [["x"]]}, "grant_types", id="grant-type-no-text"),
        pytest.param(
            {"grant_types": ["authorization_code", "client_credentials"]},
            "private_key_jwt",
            id="SEC-B5-backend-with-a-secret",
        ),
        pytest.param({"response_types": ["token"]}, "response_types", id="implicit"),
        pytest.param({"scope": "patient/Nothing.rs"}, "scope", id="SEC-S1-scope"),
        pytest.param({"scope": "system/Patient.rs"}, "system/", id="SEC-G1-system-for-people"),
        pytest.param({"jwks": key_set("rsa-1")}, "jwks", id="keys-without-their-method"),
        pytest.param({**BY_KEY, "redirect_uris": None, "jwks": None}, "jwks", id="no-keys"),
        pytest.param({**BY_KEY, "redirect_uris": None, "scope": None}, "scope", id="no-scope"),
        pytest.param(
            {
                **BY_KEY,
                "redirect_uris": None,
                "jwks": {"keys": [key("rsa-1").as_dict(private=True)]},
            },
            "private",
            id="SEC-B3-private-key",
        ),
        pytest.param({"client_name": "a\u202eb"}, "client_name", id="name-turned-around"),
        pytest.param({"client_name": "x" * 201}, "client_name", id="name-too-long"),
        pytest.param({"logo_uri": "javascript:alert(1)"}, "logo_uri", id="logo"),
        pytest.param({"contacts": "a@example.org"}, "contacts", id="contacts"),
    ],
)
def test_what_is_refused(secured: Secured, said: dict[str, Any], names: str) -> None:
    answer = register(secured, CONFIDENTIAL, **said)
    assert (answer.status, answer.json["error"]) == (400, "invalid_client_metadata"), answer.text
    assert names in answer.json["error_description"]


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b"", b'{"a":1,"a":2}', b" " * 70_000])
def test_bodies_that_are_no_registration(secured: Secured, body: bytes) -> None:
    answer = register(secured, body)
    assert (answer.status, answer.json["error"]) == (400, "invalid_client_metadata")


def test_an_invitation_is_needed_and_counts_as_often_as_it_says(secured: Secured) -> None:
    """SEC-G1: what is refused uses none up."""

    def status(token: str, said: object = PUBLIC) -> int:
        return send(secured, "POST", "/oauth/register", token, said).status

    assert status("") == 401
    assert status(secured.issue("system/*.cruds").secret) == 401
    assert status(invitation(secured, lifetime_s=0)) == 401
    twice = invitation(secured, 2)
    assert [status(twice, []), status(twice), status(twice), status(twice)] == [400, 201, 201, 401]


def test_a_client_reads_changes_and_deletes_itself(secured: Secured) -> None:
    """RFC 7592."""
    told = register(secured, CONFIDENTIAL, client_name="Before").json
    seen = own(secured, told, "GET").json
    hidden = {"client_secret", "client_secret_expires_at", "registration_access_token"}
    assert seen == {name: value for name, value in told.items() if name not in hidden}
    said = {**CONFIDENTIAL, "client_id": told["client_id"], "client_name": "After"}
    changed = own(secured, told, "PUT", said)
    assert changed.status == 200
    assert (changed.json["client_name"], "client_secret" in changed.json) == ("After", False)
    assert own(secured, told, "GET").json == changed.json
    assert own(secured, told, "PUT", {**said, "client_id": "other"}).status == 400
    assert own(secured, told, "DELETE").status == 204
    assert own(secured, told, "GET").status == 401
    assert clients.find(secured.database, told["client_id"]) is None


def test_nobody_else_looks_after_a_client(secured: Secured) -> None:
    one, other = (register(secured, PUBLIC).json for _ in range(2))
    mixed = {**one, "registration_access_token": other["registration_access_token"]}
    nobodys = {**one, "registration_client_uri": f"{secured.root}/oauth/register/nobody"}
    no_token = {**one, "registration_access_token": ""}
    secured.register(clients.Client("by-an-administrator", "X", "public"))
    theirs = {
        **no_token,
        "registration_client_uri": f"{secured.root}/oauth/register/by-an-administrator",
    }
    for method in ("GET", "DELETE", "PUT"):
        for told in (mixed, nobodys, no_token, theirs):
            id_ = told["registration_client_uri"].rpartition("/")[2]
            answer = own(secured, told, method, {**PUBLIC, "client_id": id_})
            assert answer.status == 401
            assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    assert own(secured, one, "GET").status == 200


def test_a_client_that_is_deleted_takes_its_tokens_along(secured: Secured) -> None:
    """SEC-G1, SEC-I2."""
    told = register(secured, PUBLIC).json
    token = secured.issue("system/Patient.rs", client=told["client_id"]).secret
    with secured.caller(token) as caller:
        assert caller.get("Patient?_count=0").status == 200
        assert own(secured, told, "DELETE").status == 204
        assert caller.get("Patient?_count=0").status == 401


@pytest.mark.parametrize(
    ("changes", "stays", "tokens_stay"),
    [
        pytest.param({"client_name": "Other"}, True, True, id="name"),
        pytest.param({"jwks": key_set("ec-1")}, True, True, id="SEC-B3-keys-rotate"),
        pytest.param({"scope": "system/Patient.r"}, True, False, id="SEC-G3-narrower"),
        pytest.param({"scope": "system/*.rs"}, False, False, id="SEC-G3-wider"),
        pytest.param({"scope": "system/Patient.rs openid"}, False, False, id="SEC-G3-more"),
        pytest.param(
            {
                "grant_types": ["client_credentials", "authorization_code"],
                "redirect_uris": [CALLBACK],
            },
            False,
            True,
            id="SEC-G3-another-way",
        ),
    ],
)
def test_approval_lasts_as_long_as_nothing_widens(
    secured: Secured, changes: dict[str, Any], stays: bool, tokens_stay: bool
) -> None:
    told = register(secured, BY_KEY).json
    sent = {
        "grant_type": "client_credentials",
        "scope": "system/Patient.rs",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    }

    def ask() -> Answer:
        signed = assertion(told["client_id"], f"{secured.root}/oauth/token", time.time())
        form = urlencode({**sent, "client_assertion": signed}).encode()
        header = {"Content-Type": "application/x-www-form-urlencoded"}
        with secured.server.client() as client:
            return client.request("POST", "/oauth/token", form, header)

    assert ask().status == 401
    with secured.database.connection() as connection:
        row = (told["client_id"],)
        connection.execute("UPDATE oauth_client SET approved = true WHERE id = %s", row)
    token = ask().json["access_token"]
    answer = own(secured, told, "PUT", {**BY_KEY, "client_id": told["client_id"], **changes})
    assert (answer.status, answer.json["approved"]) == (200, stays), answer.text
    with secured.caller(token) as caller:
        assert caller.get("Patient?_count=0").status == (200 if tokens_stay else 401)


def test_another_way_to_prove_itself_ends_secrets(secured: Secured) -> None:
    told = register(secured, CONFIDENTIAL).json
    said = {"client_id": told["client_id"], "redirect_uris": [CALLBACK]}
    assert own(secured, told, "PUT", {**said, **PUBLIC}).status == 200
    assert clients.secrets_of(secured.database, told["client_id"]) == ()
    back = own(secured, told, "PUT", said).json
    assert back["client_secret"] != told["client_secret"]


def test_who_registered_itself_frames_no_page_of_ours() -> None:
    """SEC-A8: over the consent it could lay its own page."""
    client = clients.Client("a", "A", "public", origins=("https://app.example.org",))
    assert "frame-ancestors https://app.example.org" in page_policy(client, CALLBACK)
    itself = replace(client, dynamically_registered=True)
    assert page_policy(itself, CALLBACK).endswith("frame-ancestors 'none'")


def test_the_key_set_is_published(secured: Secured) -> None:
    """SEC-O3: public keys for everybody, and nothing of the private ones."""
    with secured.server.client() as client:
        answer = client.get("/oauth/jwks")
    assert answer.headers["cache-control"] == "public, max-age=900"
    assert answer.headers["access-control-allow-origin"] == "*"
    for published in answer.json["keys"]:
        assert set(published) == {"kty", "n", "e", "kid", "use", "alg"}
        assert (published["kty"], published["alg"], published["use"]) == ("RSA", "RS256", "sig")
