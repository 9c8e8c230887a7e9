"""The id_token: who logged in, signed for the client.

Spec: https://openid.net/specs/openid-connect-core-1_0.html#IDToken;
https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#scopes-for-requesting-identity-data
"""

from __future__ import annotations

from typing import cast

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, KeySetSerialization

from fhirserver.identity import accounts
from fhirserver.identity.accounts import Account
from fhirserver.identity.sessions import Session
from fhirserver.interactions import Services
from fhirserver.model.json import JsonObject
from fhirserver.smart import keys
from fhirserver.smart.grants import TokenGrant
from fhirserver.smart.oauth_error import invalid_grant

LIFETIME_S = 3600


def login_of(session: Session, nonce: str) -> JsonObject:
    """Note how somebody logged in, for the id_token."""
    noted: JsonObject = {
        "auth_time": session.auth_time // 1_000_000,
        "acr": session.acr,
        "amr": list(session.amr),
    }
    return {**noted, "nonce": nonce} if nonce else noted


def id_token(services: Services, grant: TokenGrant, login: JsonObject, now_us: int) -> str:
    """Sign who granted.

    Args:
        services: the keys and accounts.
        grant: with an account.
        login: see `login_of`.
        now_us: epoch microseconds.

    Raises:
        OAuthError: the account is gone.
    """
    account = accounts.find(services.database, grant.account or "")
    if account is None:
        raise invalid_grant("the account is gone")
    now_s = now_us // 1_000_000
    claims: JsonObject = {
        "iss": services.settings.public_url,
        "sub": account.id,
        "aud": grant.client,
        "iat": now_s,
        "exp": now_s + LIFETIME_S,
        **login,
        **identity_claims(account, grant.scopes, services.settings.public_url),
    }
    return keys.sign(services.database, services.secrets_key, claims, now_us)


def granted_by(services: Services, hint: str, now_us: int) -> tuple[str, str] | None:
    """Read an id_token that this server has signed, even one that has expired.

    Args:
        services: the keys.
        hint: as a client sends it back.
        now_us: epoch microseconds.

    Returns:
        The account's id and the client's; None for anything else.
    """
    kept = keys.key_set(services.database, services.secrets_key, now_us)
    known = KeySet.import_key_set(cast("KeySetSerialization", kept))
    try:
        claims = jwt.decode(hint, known, algorithms=[keys.ALGORITHM]).claims
    except (JoseError, ValueError):
        return None
    if claims.get("iss") != services.settings.public_url:
        return None
    return str(claims.get("sub", "")), str(claims.get("aud", ""))


def identity_claims(account: Account, scopes: str, base: str) -> JsonObject:
    """Give what the scopes let a client know of a person. Pure."""
    asked = scopes.split()
    if account.fhir_user is None or ("fhirUser" not in asked and "profile" not in asked):
        return {}
    url = f"{base}/{account.fhir_user}"
    named = {"fhirUser": url} if "fhirUser" in asked else {}
    return {**named, **({"profile": url} if "profile" in asked else {})}
