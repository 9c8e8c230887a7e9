"""Who granted an access token, for clients that may know it.

Spec: https://openid.net/specs/openid-connect-core-1_0.html#UserInfo
"""

from __future__ import annotations

from fhirserver.identity import accounts
from fhirserver.interactions import Services
from fhirserver.model.json import JsonObject
from fhirserver.smart.authenticate import find_bearer
from fhirserver.smart.id_token import identity_claims
from fhirserver.smart.introspection import invalid_token
from fhirserver.smart.oauth_error import OAuthError


def userinfo(services: Services, secret: str) -> JsonObject:
    """Tell who granted a token.

    Args:
        services: where tokens and accounts are kept.
        secret: the access token.

    Raises:
        OAuthError: it counts for nothing, or was granted without `openid`.
    """
    base, database = services.settings.public_url, services.database
    bearer = find_bearer(database, database.definitions, secret, base, services.now())
    account = None
    if bearer is not None and bearer.account is not None:
        account = accounts.find(database, bearer.account)
    if bearer is None or account is None:
        raise invalid_token()
    if "openid" not in bearer.scopes.split():
        challenge = ("WWW-Authenticate", 'Bearer error="insufficient_scope", scope="openid"')
        raise OAuthError(
            "insufficient_scope", "it takes the scope openid", status=403, headers=[challenge]
        )
    return {"sub": account.id, **identity_claims(account, bearer.scopes, base)}
