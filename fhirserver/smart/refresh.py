"""A refresh token becomes new tokens, and is replaced by its successor.

Spec: RFC 6749 section 6; RFC 9700 section 4.14; https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#refresh-access-token

    R1 ──used──> R2 ──used──> R3
    R1 again     within GRACE_S, R2 unused: the answer was lost, R2 comes again
                 otherwise: somebody stole it, and all that was granted ends

The successor is computed from the token itself with a key that the server alone has: whoever asks
twice gets the same one, and nothing of it needs to be kept.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

from psycopg import Connection

from fhirserver.access.scope_sets import contains
from fhirserver.access.scope_text import parse_scopes
from fhirserver.definitions import Definitions
from fhirserver.identity import sessions
from fhirserver.model.json import JsonObject
from fhirserver.smart import clients, grants, tokens
from fhirserver.smart.client_authentication import TokenCall, authenticate_client, usable
from fhirserver.smart.clients import Client
from fhirserver.smart.form import needed
from fhirserver.smart.grants import TokenGrant
from fhirserver.smart.oauth_error import OAuthError, invalid_client, invalid_grant
from fhirserver.smart.token_answer import issue_under
from fhirserver.smart.tokens import KeptToken

GRACE_S = 10
_CREDENTIALS = ("client_id", "client_assertion", "client_assertion_type")
_WORTHLESS = "the refresh token is unknown, expired, revoked or replaced; ask for access again"


def refresh(call: TokenCall) -> JsonObject:
    """Answer a request with grant_type=refresh_token.

    Raises:
        OAuthError: refused.
    """
    secret = needed(call.form, "refresh_token")
    claimed = _claimed_client(call)
    with call.services.database.connection() as connection:
        held = tokens.find(connection, secret, call.now_us)
        grant = None if held is None else grants.find(connection, held.under)
        if held is None or grant is None or held.kind != "refresh":
            raise invalid_grant(_WORTHLESS)
        _check_client(call, claimed, grant)
        _check_session(connection, grant, call.now_us)
        scopes = _narrowed(call.form.get("scope", ""), grant, call.services.definitions)
        successor = _successor(call, secret)
        _replace(connection, held, successor, call.now_us)
    return issue_under(call, held.under, grant, scopes=scopes, refresh_secret=successor)


def _claimed_client(call: TokenCall) -> Client | None:
    """Give the client that says who it is; a public one need not."""
    if call.authorization or any(name in call.form for name in _CREDENTIALS):
        return authenticate_client(call)
    return None


def _check_client(call: TokenCall, claimed: Client | None, grant: TokenGrant) -> None:
    if claimed is not None:
        if claimed.id != grant.client:
            raise invalid_grant("the refresh token was issued to another client")
        return
    client = clients.find(call.services.database, grant.client)
    if client is None or client.kind != "public":
        raise invalid_client("the client has to authenticate")
    usable(client)


def _check_session(connection: Connection[Any], grant: TokenGrant, now_us: int) -> None:
    if "offline_access" in grant.scopes.split():
        return
    if grant.session is None or not sessions.is_alive(connection, grant.session, now_us):
        raise invalid_grant("online_access ended with the session in which it was granted")


def _narrowed(text: str, grant: TokenGrant, definitions: Definitions) -> str:
    """Give the scopes that the new access token has.

    Raises:
        OAuthError: they are more than was granted.
    """
    if not text:
        return grant.scopes
    asked, granted = (parse_scopes(each, definitions) for each in (text, grant.scopes))
    wider = [scope for scope in asked.resources if not contains(granted.resources, scope)]
    if wider or asked.refused or not set(asked.others) <= set(granted.others):
        raise OAuthError("invalid_scope", "scope asks for more than was granted")
    kept = [each for each in text.split() if each not in asked.unknown]
    if not kept:
        raise OAuthError("invalid_scope", "scope asks for nothing that was granted")
    return " ".join(dict.fromkeys(kept))


def _successor(call: TokenCall, secret: str) -> str:
    # Its own key, so that no other use of the key can give a successor away.
    key = hmac.digest(call.services.cursor_key, b"refresh token successor", hashlib.sha256)
    made = hmac.digest(key, secret.encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(made).rstrip(b"=").decode()


def _replace(connection: Connection[Any], held: KeptToken, successor: str, now_us: int) -> None:
    """Mark a refresh token as replaced, or find that it was not long ago.

    Raises:
        OAuthError: it was replaced, and comes from somebody who should not have it.
    """
    if tokens.rotate(connection, held.number, now_us):
        return
    rotated = held.rotated if held.rotated is not None else now_us
    if now_us - rotated > GRACE_S * 1_000_000 or tokens.rotated_at(connection, successor):
        grants.revoke(connection, held.under, now_us)
        raise invalid_grant(_WORTHLESS)
