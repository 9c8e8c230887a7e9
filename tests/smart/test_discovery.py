"""What is advertised is there, and everybody may read it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.smart.conftest import SCOPES, Hospital
from tests.smart.flows import granted

DOCUMENTS = ("smart-configuration", "openid-configuration")
ORIGIN = "https://app.example.org"
SHOWN_BY = {
    "launch-ehr": "test_launch.py::test_one_click_leads_to_the_context",
    "launch-standalone": "test_authorize.py::test_a_code_comes_back_with_the_state_and_the_issuer",
    "client-public": "test_tokens.py::test_refreshing",
    "client-confidential-symmetric": "test_tokens.py::test_how_a_client_proves_itself",
    "client-confidential-asymmetric": "test_backend_services.py",
    "sso-openid-connect": "test_openid.py::test_an_id_token",
    "context-banner": "test_launch.py::test_one_click_leads_to_the_context",
    "context-style": "test_launch.py::test_one_click_leads_to_the_context",
    "context-ehr-patient": "test_launch.py::test_one_click_leads_to_the_context",
    "context-ehr-encounter": "test_launch.py::test_one_click_leads_to_the_context",
    "context-standalone-patient": "test_launch.py::test_a_picker_shows_whom_the_person_may_see",
    "context-standalone-encounter": "test_launch.py::test_an_encounter_is_chosen_too",
    "permission-offline": "test_tokens.py::test_how_long_a_refresh_token_lasts",
    "permission-online": "test_tokens.py::test_online_access_ends_with_the_session",
    "permission-patient": "test_tokens.py::test_what_a_token_response_holds",
    "permission-user": "test_discovery.py::test_every_scope_that_is_listed_is_granted",
    "permission-v1": "test_launch.py::test_a_person_may_grant_less",
    "permission-v2": "test_launch.py::test_a_person_may_grant_less",
    "authorize-post": "test_authorize.py::test_a_code_comes_back_with_the_state_and_the_issuer",
}
"""Where each capability that is claimed is shown."""


def document(hospital: Hospital, name: str) -> Any:
    """Fetch one of the documents."""
    with hospital.secured.caller() as caller:
        return caller.get(f".well-known/{name}").json


@pytest.mark.parametrize("name", DOCUMENTS)
@pytest.mark.parametrize("accept", ["application/json", "application/fhir+xml", "text/html", "x/y"])
def test_it_is_json_whatever_is_asked_for(hospital: Hospital, name: str, accept: str) -> None:
    """SEC-D1."""
    with hospital.secured.caller() as caller:
        answer = caller.get(f".well-known/{name}", accept=accept, origin="https://any.example")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_address_is_absolute_and_answers(hospital: Hospital, name: str) -> None:
    """SEC-D1, SEC-D2, SEC-D6."""
    found = document(hospital, name)
    places = {key: value for key, value in found.items() if key.endswith(("_endpoint", "_uri"))}
    assert {"authorization_endpoint", "token_endpoint", "jwks_uri"} <= places.keys()
    for key, place in places.items():
        assert place.startswith(f"{hospital.secured.root}/")
        with hospital.secured.caller() as caller:
            path = place.removeprefix(hospital.secured.root)
            answers = {caller.request(method, path).status for method in ("GET", "POST")}
        assert answers - {404}, key
    assert found["issuer"] == hospital.secured.base


def test_what_the_configuration_says(hospital: Hospital) -> None:
    """SEC-D2."""
    found = document(hospital, "smart-configuration")
    assert found["code_challenge_methods_supported"] == ["S256"]
    assert found["response_types_supported"] == ["code"]
    assert {"authorization_code", "refresh_token", "client_credentials"} <= set(
        found["grant_types_supported"]
    )
    assert {"RS384", "ES384"} <= set(found["token_endpoint_auth_signing_alg_values_supported"])
    assert {"none", "client_secret_basic", "client_secret_post", "private_key_jwt"} == set(
        found["token_endpoint_auth_methods_supported"]
    )


def test_every_capability_is_shown(hospital: Hospital) -> None:
    """SEC-D3."""
    assert set(document(hospital, "smart-configuration")["capabilities"]) == set(SHOWN_BY)


def test_every_scope_that_is_listed_is_granted(hospital: Hospital) -> None:
    """SEC-D4."""
    listed = document(hospital, "smart-configuration")["scopes_supported"]
    once = [
        each for each in listed if each not in ("launch", "online_access") and "system/" not in each
    ]
    assert set(once) <= set(SCOPES.split()) | {
        "patient/*.rs",
        "user/*.rs",
        "patient/*.read",
        "user/*.read",
    }
    for scope in once:
        app = hospital.app("approved", f"launch/patient {scope}")
        browser = hospital.browser(hospital.physician)
        choices = [("patient", "hers")]
        if scope == "launch/encounter":
            choices.append(("encounter", "of-hers"))
        assert scope in granted(app, browser, *choices).json["scope"].split()


def test_the_openid_configuration_has_what_it_must(hospital: Hospital) -> None:
    """SEC-D6."""
    found = document(hospital, "openid-configuration")
    assert {
        "issuer",
        "authorization_endpoint",
        "token_endpoint",
        "jwks_uri",
        "response_types_supported",
        "subject_types_supported",
        "id_token_signing_alg_values_supported",
    } <= found.keys()
    assert found["id_token_signing_alg_values_supported"] == ["RS256"]


def test_the_capability_statement_leads_to_the_same_places(hospital: Hospital) -> None:
    """SEC-D5."""
    with hospital.secured.caller() as caller:
        statement = caller.get("metadata").json
    security = statement["rest"][0]["security"]
    (extension,) = security["extension"]
    named = {each["url"]: each["valueUri"] for each in extension["extension"]}
    found = document(hospital, "smart-configuration")
    assert named["authorize"] == found["authorization_endpoint"]
    assert named["token"] == found["token_endpoint"]
    assert named["register"] == found["registration_endpoint"]
    assert named["introspect"] == found["introspection_endpoint"]
    assert named["revoke"] == found["revocation_endpoint"]
    assert security["service"][0]["coding"][0]["code"] == "SMART-on-FHIR"


@pytest.mark.parametrize(
    ("path", "origin", "allowed"),
    [
        pytest.param("/fhir/metadata", "https://any.example", "*", id="SEC-K1-metadata"),
        pytest.param("/fhir/Patient/hers", ORIGIN, ORIGIN, id="SEC-K1-registered"),
        pytest.param("/fhir/Patient/hers", "https://any.example", None, id="SEC-K1-other"),
        pytest.param("/fhir/Patient/hers", "null", None, id="SEC-K1-null"),
        pytest.param("/oauth/token", ORIGIN, ORIGIN, id="SEC-K1-token"),
        pytest.param("/oauth/token", "https://any.example", None, id="SEC-K1-token-other"),
        pytest.param("/authorize/x", ORIGIN, None, id="SEC-K1-no-page"),
    ],
)
@pytest.mark.parametrize("preflight", [True, False])
def test_whose_pages_may_read(
    hospital: Hospital, path: str, origin: str, allowed: str | None, preflight: bool
) -> None:
    sent = {"origin": origin}
    method = "POST" if path == "/oauth/token" else "GET"
    if preflight:
        method, sent = "OPTIONS", {**sent, "access_control_request_method": method}
    with hospital.secured.caller() as caller:
        answer = caller.request(method, path, **sent)
    assert answer.headers.get("access-control-allow-origin") == allowed
    assert "access-control-allow-credentials" not in answer.headers
    if preflight and allowed:
        assert answer.status == 204
        assert "Authorization" in answer.headers["access-control-allow-headers"]


def test_an_open_server_has_no_authorization_server(client: Any) -> None:
    assert client.get(".well-known/smart-configuration").status == 404
    assert client.get("/oauth/authorize").status == 404
    assert "security" not in client.get("metadata").json["rest"][0]
