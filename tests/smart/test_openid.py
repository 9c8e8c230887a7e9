"""Who logged in: id_token, userinfo, logout; what a token is good for: introspection."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from fhirserver.store.database import now_us
from tests.smart.browser import App, Told
from tests.smart.conftest import REDIRECT_URI, Hospital
from tests.smart.flows import granted

ASKED = "openid fhirUser launch/patient patient/Observation.rs offline_access"


def tokens_of(hospital: Hospital, account: str = "", **changes: str) -> tuple[App, Any]:
    """Get the tokens of the patient, or of somebody else."""
    app = hospital.app("approved", ASKED)
    told = granted(app, hospital.browser(account or hospital.patient), **changes)
    assert told.status == 200, told.body
    return app, told.json


def published(hospital: Hospital) -> KeySet:
    """Fetch the keys that discovery leads to."""
    with hospital.secured.caller() as caller:
        configuration = caller.get(".well-known/openid-configuration").json
        place = configuration["jwks_uri"].removeprefix(hospital.secured.root)
        return KeySet.import_key_set(caller.get(place).json)


def test_an_id_token(hospital: Hospital) -> None:
    """SEC-O1, SEC-D6."""
    _, body = tokens_of(hospital, nonce="n-1", max_age="3600")
    keys = published(hospital)
    decoded = jwt.decode(body["id_token"], keys, algorithms=["RS256"])
    assert decoded.header["kid"] in {key.kid for key in keys}
    claims = decoded.claims
    now_s = now_us() // 1_000_000
    assert claims["iss"] == hospital.secured.base
    assert claims["sub"] == hospital.patient
    assert claims["aud"] == "approved"
    assert claims["nonce"] == "n-1"
    assert claims["fhirUser"] == f"{hospital.secured.base}/Patient/hers"
    assert claims["iat"] <= now_s + 5 < claims["exp"]
    assert claims["auth_time"] <= claims["iat"]
    assert claims["amr"] == ["pwd"]
    assert claims["acr"]


@pytest.mark.parametrize(
    ("scope", "names"),
    [
        pytest.param("openid launch/patient patient/Observation.rs", set(), id="openid"),
        pytest.param("openid fhirUser launch/patient", {"fhirUser"}, id="fhirUser"),
        pytest.param("openid profile launch/patient", {"profile"}, id="profile"),
    ],
)
def test_an_id_token_says_what_was_asked(hospital: Hospital, scope: str, names: set[str]) -> None:
    """SEC-O1."""
    told = granted(hospital.app("approved", scope), hospital.browser(hospital.patient)).json
    claims = jwt.decode(told["id_token"], published(hospital), algorithms=["RS256"]).claims
    assert {"fhirUser", "profile"} & claims.keys() == names
    assert "nonce" not in claims


def test_without_openid_there_is_none(hospital: Hospital) -> None:
    app = hospital.app("approved", "launch/patient patient/Observation.rs")
    assert "id_token" not in granted(app, hospital.browser(hospital.patient)).json


def test_the_persons_own_resource_can_be_read_and_no_other(hospital: Hospital) -> None:
    """SEC-O2."""
    app = hospital.app("approved", "openid fhirUser")
    body = granted(app, hospital.browser(hospital.physician)).json
    with hospital.secured.caller(body["access_token"]) as caller:
        assert caller.get("Practitioner/doc").status == 200
        assert caller.get("Practitioner/colleague").status == 403
        assert caller.get("Practitioner").status == 403


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_userinfo(hospital: Hospital, method: str) -> None:
    _, body = tokens_of(hospital)
    with hospital.secured.caller(body["access_token"]) as caller:
        answer = caller.request(method, "/oauth/userinfo", b"" if method == "POST" else None)
    assert answer.json == {
        "sub": hospital.patient,
        "fhirUser": f"{hospital.secured.base}/Patient/hers",
    }


@pytest.mark.parametrize(
    ("scopes", "role", "status", "error"),
    [
        pytest.param(None, None, 401, "invalid_token", id="no-token"),
        pytest.param("system/*.rs", None, 401, "invalid_token", id="of-no-person"),
        pytest.param("user/*.rs", "physician", 403, "insufficient_scope", id="without-openid"),
    ],
)
def test_who_gets_no_userinfo(
    hospital: Hospital, scopes: str | None, role: str | None, status: int, error: str
) -> None:
    token = scopes and hospital.secured.issue(scopes, role=role, user="Practitioner/doc").secret
    with hospital.secured.caller(token) as caller:
        answer = caller.get("/oauth/userinfo")
    assert answer.status == status
    assert f'error="{error}"' in answer.headers["www-authenticate"]


@pytest.mark.parametrize(
    ("uri", "state", "target"),
    [
        pytest.param(REDIRECT_URI, "s 1", f"{REDIRECT_URI}&state=s+1", id="registered"),
        pytest.param(REDIRECT_URI, None, REDIRECT_URI, id="without-state"),
        pytest.param("https://evil.example", None, "/login", id="SEC-A2-not-registered"),
        pytest.param(None, None, "/login", id="nowhere"),
    ],
)
def test_an_application_logs_the_person_out(
    hospital: Hospital, uri: str | None, state: str | None, target: str
) -> None:
    """SEC-O3: the session ends, and what was granted for its length."""
    app = hospital.app("approved", "openid launch/patient patient/Observation.rs online_access")
    browser = hospital.browser(hospital.patient)
    body = granted(app, browser).json
    asked = {"id_token_hint": body["id_token"], "post_logout_redirect_uri": uri, "state": state}
    query = urlencode({name: value for name, value in asked.items() if value is not None})
    seen = browser.open(f"/oauth/logout?{query}")
    assert seen.address == target
    assert 'type="password"' in browser.open("/account").text
    assert app.refresh(body["refresh_token"]).json["error"] == "invalid_grant"
    with hospital.secured.caller(body["access_token"]) as caller:
        assert caller.get("Observation/of-hers").status == 401


@pytest.mark.parametrize("hint", ["", "x.y.z", "of-another"])
def test_nobody_is_logged_out_unasked(hospital: Hospital, hint: str) -> None:
    browser = hospital.browser(hospital.patient)
    if hint == "of-another":
        hint = tokens_of(hospital, hospital.patient)[1]["id_token"]
        browser = hospital.browser(hospital.proxy)
    seen = browser.open(f"/oauth/logout?{urlencode({'id_token_hint': hint})}")
    assert seen.address == "/logout"
    assert 'type="password"' not in browser.open("/account").text


def introspect(app: App, token: str, **headers: str) -> Told:
    """Ask what a token is good for."""
    return app.call("/oauth/introspect", {"token": token}, **headers)


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_a_client_hears_of_its_own_tokens(hospital: Hospital, kind: str) -> None:
    """SEC-I1."""
    app = hospital.app("confidential", ASKED)
    body = granted(app, hospital.browser(hospital.patient)).json
    told = introspect(app, body[kind]).json
    assert told["active"] is True
    assert told["scope"] == body["scope"]
    assert told["client_id"] == "confidential"
    assert told["exp"] > now_us() // 1_000_000
    assert told["iss"] == hospital.secured.base
    assert told["sub"] == hospital.patient
    assert told["fhirUser"] == f"{hospital.secured.base}/Patient/hers"
    assert told["patient"] == "hers"


@pytest.mark.parametrize("which", ["unknown", "revoked", "of-another", "rotated"])
def test_what_is_inactive_says_nothing_else(hospital: Hospital, which: str) -> None:
    """SEC-I1."""
    app = hospital.app("confidential", ASKED)
    body = granted(app, hospital.browser(hospital.patient)).json
    token = body["access_token"]
    match which:
        case "unknown":
            token = "x" * 43
        case "revoked":
            app.call("/oauth/revoke", {"token": body["refresh_token"]})
        case "of-another":
            token = tokens_of(hospital)[1]["access_token"]
        case _:
            app.refresh(body["refresh_token"])
            token = body["refresh_token"]
    told = introspect(app, token)
    assert (told.status, told.json) == (200, {"active": False})


@pytest.mark.parametrize(
    ("asker", "status", "active"),
    [
        pytest.param("itself", 200, True, id="SEC-I1-itself"),
        pytest.param("introspection", 200, True, id="SEC-I1-with-the-scope"),
        pytest.param("other-client", 200, False, id="SEC-I1-other-client"),
        pytest.param("wrong", 401, None, id="SEC-I1-wrong-token"),
        pytest.param("nobody", 400, None, id="SEC-I1-nobody"),
    ],
)
def test_who_may_ask_with_a_token(
    hospital: Hospital, asker: str, status: int, active: bool | None
) -> None:
    _, body = tokens_of(hospital)
    secured = hospital.secured
    presented = {
        "itself": body["access_token"],
        "introspection": secured.issue("introspection", client="resource-server").secret,
        "other-client": secured.issue("system/*.rs", client="elsewhere").secret,
        "wrong": "x" * 43,
    }
    headers = {} if asker == "nobody" else {"authorization": f"Bearer {presented[asker]}"}
    told = introspect(App(secured, "", "", ""), body["access_token"], **headers)
    assert told.status == status, told.body
    assert told.json.get("active") == active
