"""Authlib as a client: an implementation of OAuth and OpenID Connect that is nobody's of ours.

Spec: RFC 6749, 7636, 7009, 7523; https://openid.net/specs/openid-connect-core-1_0.html
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc6749 import OAuth2Token
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc import jwt
from joserfc.jwk import KeySet

from fhirserver.smart.clients import Client
from tests.secured import Secured
from tests.smart.assertions import key, key_set
from tests.smart.conftest import REDIRECT_URI, SECRET, Hospital
from tests.smart.flows import allow

SCOPE = "openid fhirUser launch/patient patient/Patient.rs offline_access"


@pytest.fixture(autouse=True)
def _plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    """Authlib refuses HTTP without TLS, which the tests' server speaks."""
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")


@pytest.fixture(params=["spa", "confidential"])
def session(request: pytest.FixtureRequest, hospital: Hospital) -> Iterator[OAuth2Session]:
    """A public and a confidential application of the hospital."""
    secret = SECRET if request.param == "confidential" else None
    with OAuth2Session(
        request.param,
        secret,
        token_endpoint=f"{hospital.secured.root}/oauth/token",
        token_endpoint_auth_method="client_secret_basic" if secret else "none",
        revocation_endpoint_auth_method="client_secret_basic" if secret else "none",
        redirect_uri=REDIRECT_URI,
        scope=SCOPE,
        code_challenge_method="S256",
    ) as opened:
        yield opened


def launched(hospital: Hospital, session: OAuth2Session) -> OAuth2Token:
    """Let the patient allow what the application asks for."""
    verifier = "an-authlib-client-of-the-tests-chose-this-one-43"
    address, state = session.create_authorization_url(
        f"{hospital.secured.root}/oauth/authorize",
        code_verifier=verifier,
        aud=hospital.secured.base,
        nonce="a-nonce",
    )
    browser = hospital.browser(hospital.patient)
    page = browser.open(address)
    seen = page if "code" in page.answer else allow(browser, page)
    return session.fetch_token(
        authorization_response=seen.address, state=state, code_verifier=verifier
    )


def test_a_launch_and_what_follows(hospital: Hospital, session: OAuth2Session) -> None:
    """SEC-A1, A5, T1, R1, O1, I2."""
    token = launched(hospital, session)
    assert token["patient"] == "hers"
    base = hospital.secured.base
    assert session.get(f"{base}/Patient/hers").status_code == 200
    assert session.get(f"{base}/Patient/other").status_code == 404

    keys = KeySet.import_key_set(session.get(f"{hospital.secured.root}/oauth/jwks").json())
    claims = jwt.decode(token["id_token"], keys, algorithms=["RS256"]).claims
    assert (claims["iss"], claims["nonce"], claims["aud"]) == (base, "a-nonce", session.client_id)

    refreshed = session.refresh_token(refresh_token=token["refresh_token"])
    assert refreshed["refresh_token"] != token["refresh_token"]
    assert refreshed["patient"] == "hers"
    assert session.get(f"{base}/Patient/hers").status_code == 200

    ended = session.revoke_token(
        f"{hospital.secured.root}/oauth/revoke", token=refreshed["refresh_token"]
    )
    assert ended.status_code == 200
    assert session.get(f"{base}/Patient/hers").status_code == 401


def test_a_program_proves_itself_by_its_key(secured: Secured) -> None:
    """SEC-B1, B4; Authlib signs with RSA keys only."""
    client, kid = "authlib", "rsa-1"
    scope = "system/Patient.rs"
    grants = ("client_credentials",)
    kind = "confidential-asymmetric"
    keys = key_set(kid)
    secured.register(Client(client, client, kind, scopes=scope, grant_types=grants, jwks=keys))
    endpoint = f"{secured.root}/oauth/token"
    # An hour, which Authlib gives an assertion, is twelve times what SMART allows.
    claims = {"exp": int(time.time()) + 240}
    proof = PrivateKeyJWT(endpoint, claims, {"kid": kid}, "RS384")
    with OAuth2Session(
        client,
        key(kid).as_pem(private=True),
        token_endpoint_auth_method="private_key_jwt",
        scope=scope,
    ) as session:
        session.register_client_auth_method(proof)
        token = session.fetch_token(endpoint, grant_type="client_credentials")
        assert token["expires_in"] <= 300
        assert session.get(f"{secured.base}/Patient").status_code == 200
        assert session.get(f"{secured.base}/Observation").status_code == 403
