"""An authorization code becomes tokens.

Spec: RFC 6749 section 4.1.3; RFC 7636 section 4.6; RFC 9700 section 2.1.1

The code is used up before anything else of the request is looked at, so that it can be tried once
only. One that comes again ends what it was issued for.
"""

from __future__ import annotations

from fhirserver.model.json import JsonObject
from fhirserver.smart import codes, grants
from fhirserver.smart.client_authentication import TokenCall, authenticate_client
from fhirserver.smart.clients import Client
from fhirserver.smart.codes import Code
from fhirserver.smart.form import needed
from fhirserver.smart.grants import TokenGrant
from fhirserver.smart.id_token import id_token
from fhirserver.smart.oauth_error import OAuthError, invalid_grant
from fhirserver.smart.pkce import proves
from fhirserver.smart.token_answer import issue_under


def exchange_code(call: TokenCall) -> JsonObject:
    """Answer a request with grant_type=authorization_code.

    Raises:
        OAuthError: refused.
    """
    client = authenticate_client(call)
    if "authorization_code" not in client.grant_types:
        raise OAuthError("unauthorized_client", "the client is not registered for codes")
    secret = needed(call.form, "code")
    with call.services.database.connection() as connection:
        taken = codes.take(connection, secret, call.now_us)
        if taken is None:
            used = codes.grant_of_used(connection, secret)
            if used is not None:
                grants.revoke(connection, used, call.now_us)
            raise invalid_grant("the code is unknown, was used before, or is older than a minute")
    code, grant = taken
    _check(call, client, code, grant)
    answer = issue_under(call, code.under, grant)
    if "openid" in grant.scopes.split():
        answer["id_token"] = id_token(call.services, grant, code.login, call.now_us)
    return answer


def _check(call: TokenCall, client: Client, code: Code, grant: TokenGrant) -> None:
    if grant.client != client.id:
        raise invalid_grant("the code was issued to another client")
    if call.form.get("redirect_uri") != code.redirect_uri:
        raise invalid_grant("redirect_uri is not the one that the code was sent to")
    if not proves(call.form.get("code_verifier", ""), code.challenge):
        raise invalid_grant("code_verifier is not the one of the code_challenge")
