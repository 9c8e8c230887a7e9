"""What a token is good for, told to whoever may know.

Spec: RFC 7662; https://hl7.org/fhir/smart-app-launch/STU2.2/token-introspection.html

    asks                                          hears of
    a client that authenticates                   its own tokens
    a client, or an access token, with the        every token
    scope `introspection`
    any access token                              itself, and tokens of the same client

Everything else is `{"active": false}`, and so is a token that counts for nothing.
"""

from __future__ import annotations

from fhirserver.identity import accounts
from fhirserver.model.json import JsonObject
from fhirserver.smart import grants, tokens
from fhirserver.smart.authenticate import find_bearer
from fhirserver.smart.client_authentication import TokenCall, authenticate_client
from fhirserver.smart.form import needed
from fhirserver.smart.grants import TokenGrant
from fhirserver.smart.id_token import identity_claims
from fhirserver.smart.oauth_error import OAuthError
from fhirserver.smart.token_answer import launch_context
from fhirserver.smart.tokens import KeptToken

EVERY_TOKEN = "introspection"  # noqa: S105 - a scope
_INACTIVE: JsonObject = {"active": False}


def introspect(call: TokenCall) -> JsonObject:
    """Tell of a token.

    Raises:
        OAuthError: who asks did not prove who it is.
    """
    client, sees_all = _asker(call)
    with call.services.database.connection() as connection:
        found = tokens.find(connection, needed(call.form, "token"), call.now_us)
        grant = None if found is None else grants.find(connection, found.under)
    if found is None or grant is None or found.rotated is not None:
        return _INACTIVE
    if not sees_all and grant.client != client:
        return _INACTIVE
    return _describe(call, found, grant)


def bearer_of(authorization: str) -> str:
    """Give the token of an Authorization header; "" where it has none."""
    scheme, _, secret = authorization.partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else ""


def _asker(call: TokenCall) -> tuple[str, bool]:
    """Give the client that asks, and whether it may hear of every token."""
    secret = bearer_of(call.authorization)
    if not secret:
        client = authenticate_client(call)
        if client.kind == "public":
            raise OAuthError("invalid_client", "a public client proves nothing", status=401)
        return client.id, EVERY_TOKEN in client.scopes.split()
    services = call.services
    base = services.settings.public_url
    definitions = services.database.definitions
    bearer = find_bearer(services.database, definitions, secret, base, call.now_us)
    if bearer is None:
        raise invalid_token()
    return bearer.client, EVERY_TOKEN in bearer.scopes.split()


def invalid_token() -> OAuthError:
    """Give the error of an access token that counts for nothing."""
    challenge = ("WWW-Authenticate", 'Bearer realm="oauth", error="invalid_token"')
    return OAuthError(
        "invalid_token",
        "the access token is wrong, has expired or was revoked",
        status=401,
        headers=[challenge],
    )


def _describe(call: TokenCall, found: KeptToken, grant: TokenGrant) -> JsonObject:
    base = call.services.settings.public_url
    told: JsonObject = {
        "active": True,
        "scope": found.scopes,
        "client_id": grant.client,
        "exp": found.expires // 1_000_000,
        "iat": found.issued // 1_000_000,
        "iss": base,
        "aud": grant.audience,
        "token_type": "Bearer" if found.kind == "access" else "refresh_token",
        **launch_context(grant),
    }
    if grant.account is None:
        return {**told, "sub": grant.client}
    account = accounts.find(call.services.database, grant.account)
    named = {} if account is None else identity_claims(account, found.scopes, base)
    return {**told, "sub": grant.account, **named}
