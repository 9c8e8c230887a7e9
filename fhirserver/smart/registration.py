"""Clients register themselves, and look after their registration.

Spec: RFC 7591 and RFC 7592

    who may register   whoever presents an invitation; everybody where the operator says so, up to
                       so many a day; staff who are logged in, for clients that they look after
    who approves       nobody, where a client asks for patient/ scopes alone; otherwise an
                       administrator, and until then the client counts for nothing

A change that widens what was approved waits for approval again, and one that changes the scopes or
how the client proves itself ends its tokens.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, replace
from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb

from fhirserver.access.scope_sets import contains
from fhirserver.access.scope_text import parse_scopes
from fhirserver.definitions import Definitions
from fhirserver.interactions import Services
from fhirserver.interactions.authorization_addresses import address
from fhirserver.model.json import JsonObject, JsonValue
from fhirserver.smart import clients, grants
from fhirserver.smart.client_metadata import Registered, read_metadata
from fhirserver.smart.client_secrets import add_secret, clear_secrets
from fhirserver.smart.clients import Client
from fhirserver.smart.invitations import use_invitation
from fhirserver.smart.oauth_error import OAuthError
from fhirserver.smart.open_registrations import count_open
from fhirserver.smart.tokens import digest, new_secret

OWNED_MAX = 20
"""Clients that one account looks after."""
_ID_BYTES = 16
_NOTE = "UPDATE oauth_client SET registration = %s, metadata = %s WHERE id = %s"
_FIND = "SELECT registration, metadata FROM oauth_client WHERE id = %s FOR UPDATE"
_CHANGE = "UPDATE oauth_client SET metadata = %s WHERE id = %s"


@dataclass(frozen=True, slots=True)
class Own:
    """A request by which a client looks after its registration.

    Attributes:
        services: where everything is kept.
        client_id: of the client.
        secret: the registration access token that is presented; "" without one.
    """

    services: Services
    client_id: str
    secret: str


def register(services: Services, given: JsonValue, invitation: str, address: str) -> JsonObject:
    """Register a client.

    Args:
        services: where everything is kept.
        given: what it says of itself.
        invitation: that is presented; "" without one.
        address: network address that it comes from.

    Returns:
        Its registration, with what is shown once: the access token for it, and a secret where the
        client is confidential and has no keys.

    Raises:
        OAuthError: not invited, something said is wrong, or too many registered without invitation.
    """
    registered = read_metadata(given, services.definitions)
    with services.database.connection() as connection, connection.transaction():
        if services.settings.open_registration:
            count_open(connection, services.settings, address, now_us=services.now())
        else:
            _check_invited(connection, invitation, services.now())
        return _register(services, connection, registered, None)


def register_owned(services: Services, given: JsonValue, owner: str) -> JsonObject:
    """Register a client for somebody who is logged in and looks after it; as `register` otherwise.

    Args:
        services: where everything is kept.
        given: what is said of the client.
        owner: id of the account.

    Raises:
        OAuthError: something said is wrong, or the account looks after OWNED_MAX clients.
    """
    registered = read_metadata(given, services.definitions)
    with services.database.connection() as connection, connection.transaction():
        if len(clients.owned_by(connection, owner)) >= OWNED_MAX:
            raise OAuthError(
                "invalid_client_metadata",
                f"you look after {OWNED_MAX} applications; delete one that is not needed any more",
            )
        return _register(services, connection, registered, owner)


def read_registration(own: Own) -> JsonObject:
    """Give a client its registration.

    Raises:
        OAuthError: not its own.
    """
    with own.services.database.connection() as connection, connection.transaction():
        client, metadata = _own(connection, own)
    return _described(own.services, client, metadata)


def change_registration(own: Own, given: JsonValue) -> JsonObject:
    """Replace what a client says of itself.

    Raises:
        OAuthError: not its own, or something said is wrong.
    """
    registered = read_metadata(given, own.services.definitions)
    assert isinstance(given, dict)
    if given.get("client_id") != own.client_id:
        raise OAuthError("invalid_client_metadata", "client_id is the one that was registered")
    with own.services.database.connection() as connection, connection.transaction():
        old, _ = _own(connection, own)
        changed = _changed(old, registered.client, own.services.definitions)
        clients.replace_all(connection, changed)
        connection.execute(_CHANGE, (Jsonb(registered.metadata), own.client_id))
        shown: JsonObject = {}
        if changed.kind != old.kind:
            clear_secrets(connection, own.client_id)
            shown = _new_secret(connection, changed)
        if changed.kind != old.kind or changed.scopes != old.scopes:
            grants.revoke_all(connection, own.client_id, own.services.now())
    return {**_described(own.services, changed, registered.metadata), **shown}


def delete_registration(own: Own) -> None:
    """Forget a client with all its tokens.

    Raises:
        OAuthError: not its own.
    """
    with own.services.database.connection() as connection, connection.transaction():
        _own(connection, own)
        clients.remove(connection, own.client_id)


def _register(
    services: Services, connection: Connection[Any], registered: Registered, owner: str | None
) -> JsonObject:
    id_ = secrets.token_urlsafe(_ID_BYTES)
    client = replace(
        registered.client,
        id=id_,
        name=registered.client.name or id_,
        created=services.now(),
        owner=owner,
    )
    token = new_secret()
    clients.add(connection, client)
    connection.execute(_NOTE, (digest(token), Jsonb(registered.metadata), id_))
    return {
        **_described(services, client, registered.metadata),
        **_new_secret(connection, client),
        "registration_access_token": token,
    }


def _check_invited(connection: Connection[Any], invitation: str, now_us: int) -> None:
    if not use_invitation(connection, invitation, now_us):
        raise _unauthorized(
            "registering needs an invitation in Authorization: Bearer, which an administrator "
            "makes by `fhirserver client invite`; this one is unknown, used up or over"
        )


def _own(connection: Connection[Any], own: Own) -> tuple[Client, JsonObject]:
    """Find and lock a client by its id and registration access token."""
    id_ = "" if "\0" in own.client_id else own.client_id
    row = connection.execute(_FIND, (id_,)).fetchone()
    client = clients.read(connection, id_)
    known = b"" if row is None or row[0] is None else row[0]
    if not hmac.compare_digest(known, digest(own.secret)) or client is None or client.disabled:
        raise _unauthorized("this is not the access token of that client's registration")
    assert row is not None
    return client, row[1]


def _changed(old: Client, new: Client, definitions: Definitions) -> Client:
    """Keep of a client what it does not say itself, and approval as long as nothing widens."""
    stays = not _is_wider(old, new, definitions)
    return replace(
        new,
        id=old.id,
        name=new.name or old.id,
        approved=new.approved or (old.approved and stays),
        pre_approved=old.pre_approved and stays,
        owner=old.owner,
        created=old.created,
    )


def _is_wider(old: Client, new: Client, definitions: Definitions) -> bool:
    known, wanted = (parse_scopes(each.scopes, definitions) for each in (old, new))
    return not (
        set(new.redirect_uris) <= set(old.redirect_uris)
        and set(new.grant_types) <= set(old.grant_types)
        and set(wanted.others) <= set(known.others)
        and all(contains(known.resources, scope) for scope in wanted.resources)
    )


def _new_secret(connection: Connection[Any], client: Client) -> JsonObject:
    secret = add_secret(connection, client.id)
    return {} if secret is None else {"client_secret": secret, "client_secret_expires_at": 0}


def _described(services: Services, client: Client, metadata: JsonObject) -> JsonObject:
    """Write a registration by the names of RFC 7591; what is absent is left out."""
    place = f"{address(services.settings.public_url, 'register')}/{client.id}"
    described: JsonObject = {
        "client_id": client.id,
        "client_id_issued_at": client.created // 1_000_000,
        "client_name": client.name,
        "redirect_uris": list(client.redirect_uris),
        "grant_types": list(client.grant_types),
        "scope": client.scopes,
        "initiate_login_uri": client.launch_url,
        "jwks": client.jwks,
        "jwks_uri": client.jwks_uri,
        "registration_client_uri": place,
        "approved": client.approved,
        **metadata,
    }
    return {name: value for name, value in described.items() if value is not None}


def _unauthorized(description: str) -> OAuthError:
    challenge = ("WWW-Authenticate", 'Bearer realm="oauth", error="invalid_token"')
    return OAuthError("invalid_token", description, status=401, headers=[challenge])
