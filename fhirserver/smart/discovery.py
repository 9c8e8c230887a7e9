"""What clients find out by themselves: the documents below .well-known.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html;
https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata

Every capability that is named here has a test that shows it.
"""

from __future__ import annotations

from fhirserver.interactions.authorization_addresses import address
from fhirserver.model.json import JsonObject
from fhirserver.smart.client_authentication import CLIENT_AUTHENTICATION
from fhirserver.smart.jwks import KEY_TYPES
from fhirserver.smart.keys import ALGORITHM
from fhirserver.smart.offer import CONTEXTS, REFRESHING
from fhirserver.smart.pkce import METHOD
from fhirserver.smart.token_endpoint import GRANT_TYPES

CAPABILITIES = (
    "launch-ehr",
    "launch-standalone",
    "client-public",
    "client-confidential-symmetric",
    "client-confidential-asymmetric",
    "sso-openid-connect",
    "context-banner",
    "context-style",
    "context-ehr-patient",
    "context-ehr-encounter",
    "context-standalone-patient",
    "context-standalone-encounter",
    "permission-offline",
    "permission-online",
    "permission-patient",
    "permission-user",
    "permission-v1",
    "permission-v2",
    "authorize-post",
)
SCOPES = (
    *sorted(CONTEXTS),
    *REFRESHING,
    "patient/*.rs",
    "patient/*.cruds",
    "user/*.rs",
    "user/*.cruds",
    "patient/*.read",
    "patient/*.*",
    "user/*.read",
    "user/*.*",
    "system/*.rs",
    "system/*.cruds",
    "system/*.read",
    "system/*.*",
)


def smart_configuration(base: str) -> JsonObject:
    """Describe the server for SMART App Launch."""
    return {
        **_common(base),
        "management_endpoint": address(base, "manage"),
        "capabilities": list(CAPABILITIES),
    }


def openid_configuration(base: str) -> JsonObject:
    """Describe the server for OpenID Connect."""
    return {
        **_common(base),
        "userinfo_endpoint": address(base, "userinfo"),
        "end_session_endpoint": address(base, "logout"),
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "claims_supported": [
            *("iss", "sub", "aud", "exp", "iat", "nonce", "auth_time", "acr", "amr"),
            *("fhirUser", "profile"),
        ],
        "response_modes_supported": ["query"],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
    }


DOCUMENTS = {
    "smart-configuration": smart_configuration,
    "openid-configuration": openid_configuration,
}


def _common(base: str) -> JsonObject:
    ways = ["none", *(way.name for way in CLIENT_AUTHENTICATION)]
    return {
        "issuer": base,
        "jwks_uri": address(base, "jwks"),
        "authorization_endpoint": address(base, "authorize"),
        "token_endpoint": address(base, "token"),
        "registration_endpoint": address(base, "register"),
        "introspection_endpoint": address(base, "introspect"),
        "revocation_endpoint": address(base, "revoke"),
        "grant_types_supported": list(GRANT_TYPES),
        "response_types_supported": ["code"],
        "code_challenge_methods_supported": [METHOD],
        "token_endpoint_auth_methods_supported": ways,
        "token_endpoint_auth_signing_alg_values_supported": list(KEY_TYPES),
        "scopes_supported": list(SCOPES),
        "authorization_response_iss_parameter_supported": True,
    }
