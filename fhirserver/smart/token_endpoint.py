"""The token endpoint: a grant becomes tokens.

Spec: RFC 6749 sections 4.1.3, 5 and 6; https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html

    grant_type            asks with                             gets
    authorization_code    code, redirect_uri, code_verifier     tokens with the launch context
    refresh_token         refresh_token, maybe scope            the same again, rotated
    client_credentials    scope                                 an access token of its own
"""

from collections.abc import Callable, Mapping

from fhirserver.model.json import JsonObject
from fhirserver.smart.client_authentication import TokenCall
from fhirserver.smart.client_credentials import client_credentials
from fhirserver.smart.code_exchange import exchange_code
from fhirserver.smart.form import needed
from fhirserver.smart.oauth_error import OAuthError
from fhirserver.smart.refresh import refresh

GRANT_TYPES: Mapping[str, Callable[[TokenCall], JsonObject]] = {
    "authorization_code": exchange_code,
    "refresh_token": refresh,
    "client_credentials": client_credentials,
}


def answer_token_request(call: TokenCall) -> JsonObject:
    """Answer a request for tokens.

    Raises:
        OAuthError: refused.
    """
    grant_type = needed(call.form, "grant_type")
    run = GRANT_TYPES.get(grant_type)
    if run is None:
        raise OAuthError(
            "unsupported_grant_type", f"use one of these grant types: {', '.join(GRANT_TYPES)}"
        )
    return run(call)
