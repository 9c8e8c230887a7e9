"""What the token endpoint answers: tokens, and the context that the application was launched in.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#response-5 and
scopes-and-launch-context.html#launch-context-arrives-with-your-access_token
"""

from __future__ import annotations

from fhirserver.model.json import JsonObject
from fhirserver.smart import grants, tokens
from fhirserver.smart.client_authentication import TokenCall
from fhirserver.smart.grants import TokenGrant
from fhirserver.smart.tokens import ACCESS_LIFETIME_S, NewToken, new_secret

OFFLINE_LIFETIME_S = 180 * 86_400
"""Since a refresh token was last used."""
ONLINE_LIFETIME_S = 86_400
"""Longer than any session, with which it ends in any case."""


def issue_under(
    call: TokenCall, under: int, grant: TokenGrant, *, scopes: str = "", refresh_secret: str = ""
) -> JsonObject:
    """Issue tokens under a grant and tell of them.

    Args:
        call: the request.
        under: number of the grant.
        grant: it.
        scopes: of the access token, where it is to have fewer than the grant.
        refresh_secret: of the refresh token, where it is fixed already.
    """
    scopes = scopes or grant.scopes
    lifetime_s = refresh_lifetime_s(grant)
    with call.services.database.connection() as connection, connection.transaction():
        access = NewToken(new_secret(), "access", scopes, ACCESS_LIFETIME_S)
        tokens.add(connection, under, access, call.now_us)
        if lifetime_s:
            secret = refresh_secret or new_secret()
            refresh = NewToken(secret, "refresh", grant.scopes, lifetime_s)
            tokens.add(connection, under, refresh, call.now_us)
        grants.note_use(connection, under, call.now_us)
    return {
        "access_token": access.secret,
        "token_type": "Bearer",
        "expires_in": access.lifetime_s,
        "scope": scopes,
        **launch_context(grant),
        **({"refresh_token": secret} if lifetime_s else {}),
    }


def refresh_lifetime_s(grant: TokenGrant) -> int:
    """Say how long a refresh token under a grant lasts; 0 where there is none."""
    scopes = grant.scopes.split()
    if "offline_access" in scopes:
        return OFFLINE_LIFETIME_S
    return ONLINE_LIFETIME_S if "online_access" in scopes else 0


def launch_context(grant: TokenGrant) -> JsonObject:
    """Give the context of a grant as a token response names it."""
    patient = {} if grant.patient is None else {"patient": grant.patient}
    return {**patient, **grant.context}
