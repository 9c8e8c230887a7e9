"""Backend services: a program that acts for itself gets an access token.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/backend-services.html

    granted = asked for, and pre-authorised at its registration; `system/` scopes only

The token is short-lived and there is no refresh token: the program proves itself again.
"""

from __future__ import annotations

from fhirserver.access.scope_sets import intersect
from fhirserver.access.scope_text import parse_scopes, render_granted
from fhirserver.definitions import Definitions
from fhirserver.model.json import JsonObject
from fhirserver.smart import tokens
from fhirserver.smart.client_authentication import TokenCall, authenticate_client
from fhirserver.smart.clients import Client
from fhirserver.smart.grants import TokenGrant
from fhirserver.smart.oauth_error import OAuthError

LIFETIME_S = 300

# An hour later nobody asks any more what a token was for; its audit has the number.
_FORGET = """
DELETE FROM oauth_grant WHERE number IN (
    SELECT number FROM oauth_grant
    WHERE client = %s AND account IS NULL AND granted < %s
    ORDER BY number LIMIT 20 FOR UPDATE SKIP LOCKED
)
"""
_KEPT_US = 3_600_000_000


def client_credentials(call: TokenCall) -> JsonObject:
    """Answer a request with grant_type=client_credentials.

    Raises:
        OAuthError: refused.
    """
    client = authenticate_client(call)
    if client.kind != "confidential-asymmetric" or "client_credentials" not in client.grant_types:
        raise OAuthError(
            "unauthorized_client",
            "client_credentials is for backend services, which are registered for it and prove "
            "who they are by a key, never by a secret",
        )
    scopes = grantable(call.form.get("scope", ""), client, call.services.definitions)
    database, base = call.services.database, call.services.settings.public_url
    with database.connection() as connection:
        connection.execute(_FORGET, (client.id, call.now_us - _KEPT_US))
    issued = tokens.issue(
        database, TokenGrant(client.id, base, scopes), now_us=call.now_us, lifetime_s=LIFETIME_S
    )
    return {
        "access_token": issued.secret,
        "token_type": "bearer",
        "expires_in": issued.expires_in_s,
        "scope": issued.scopes,
    }


def grantable(text: str, client: Client, definitions: Definitions) -> str:
    """Say which scopes a backend service gets of those it asks for. Pure.

    Raises:
        OAuthError: none, or one that is wrong.
    """
    asked = parse_scopes(text, definitions)
    if asked.refused:
        scope, reason = asked.refused[0]
        raise OAuthError("invalid_scope", f"{scope}: {reason}")
    registered = parse_scopes(client.scopes, definitions).resources
    wanted = [scope for scope in asked.resources if scope.level == "system"]
    granted = render_granted(intersect(wanted, registered), asked)
    if not granted:
        raise OAuthError(
            "invalid_scope",
            "scope must name system/ scopes that the client is registered for, e.g. "
            "system/Patient.rs; none of those asked for is",
        )
    return granted
