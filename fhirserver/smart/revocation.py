"""A client gives up a token.

Spec: RFC 7009

    access token      ends itself
    refresh token     ends all that was granted with it, access tokens too
    any other text    nothing, and the answer is the same
"""

from __future__ import annotations

from fhirserver.smart import grants, tokens
from fhirserver.smart.client_authentication import TokenCall, authenticate_client
from fhirserver.smart.form import needed


def revoke(call: TokenCall) -> None:
    """End a token of the client that asks.

    Raises:
        OAuthError: the client did not prove who it is.
    """
    client = authenticate_client(call)
    with call.services.database.connection() as connection:
        found = tokens.find(connection, needed(call.form, "token"), call.now_us)
        grant = None if found is None else grants.find(connection, found.under)
        if found is None or grant is None or grant.client != client.id:
            return
        if found.kind == "refresh":
            grants.revoke(connection, found.under, call.now_us)
        else:
            tokens.forget(connection, found.number)
