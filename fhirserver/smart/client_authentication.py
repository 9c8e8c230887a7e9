"""How a client proves who it is to the token, introspection and revocation endpoints.

Spec: RFC 6749 section 2.3; https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-symmetric.html

    none                  client_id in the form           public
    client_secret_basic   Authorization: Basic            confidential-symmetric
    client_secret_post    client_secret in the form       confidential-symmetric
    private_key_jwt       client_assertion in the form    confidential-asymmetric

One way a request, and the one of the client's kind. An error does not tell an unknown client from
a wrong secret.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from urllib.parse import unquote_plus

from fhirserver.config import split_networks
from fhirserver.interactions import Services
from fhirserver.interactions.authorization_addresses import address
from fhirserver.smart import clients
from fhirserver.smart.client_assertion import (
    ASSERTION_TYPE,
    AssertionRefusedError,
    authenticate,
)
from fhirserver.smart.clients import Client, Kind
from fhirserver.smart.form import Form, needed
from fhirserver.smart.jwks_fetch import KeySets
from fhirserver.smart.oauth_error import OAuthError, invalid_client, invalid_request
from fhirserver.smart.tokens import digest

_ASSERTED = frozenset(("client_assertion", "client_assertion_type"))
_UNKNOWN = "the client is unknown, or did not prove who it is"


@dataclass(frozen=True, slots=True)
class TokenCall:
    """A request to one of the endpoints that clients call themselves.

    Attributes:
        services: where everything is kept, the settings and the clock.
        form: its parameters.
        authorization: its Authorization header; "" without one.
        now_us: epoch microseconds.
    """

    services: Services
    form: Form
    authorization: str
    now_us: int


@dataclass(frozen=True, slots=True)
class Way:
    """One way to prove it.

    Attributes:
        name: as in the client's metadata and in discovery.
        kind: of the clients that use it.
        is_tried: whether a request uses it.
        prove: gives the client, or raises invalid_client.
    """

    name: str
    kind: Kind
    is_tried: Callable[[TokenCall], bool]
    prove: Callable[[TokenCall], Client]


def authenticate_client(call: TokenCall) -> Client:
    """Find out which client calls.

    Raises:
        OAuthError: none, more than one way at once, or no proof.
    """
    tried = [way for way in CLIENT_AUTHENTICATION if way.is_tried(call)]
    if len(tried) > 1:
        raise invalid_request("the client authenticates in several ways at once; use one")
    if tried:
        client = tried[0].prove(call)
        _check_kind(client, tried[0])
    else:
        client = _public(call)
    return usable(client)


def usable(client: Client) -> Client:
    """Give the client back unless it may not be used.

    Raises:
        OAuthError: it waits for approval, or was shut out.
    """
    if not client.approved or client.disabled:
        raise invalid_client("the client has not been approved, or has been shut out")
    return client


def _check_kind(client: Client, way: Way) -> None:
    if client.kind != way.kind:
        raise invalid_client(f"the client is registered as {client.kind}; not for {way.name}")


def _public(call: TokenCall) -> Client:
    client = clients.find(call.services.database, needed(call.form, "client_id"))
    if client is None or client.kind != "public":
        raise invalid_client(_UNKNOWN)
    return client


def _by_basic(call: TokenCall) -> Client:
    try:
        decoded = base64.b64decode(call.authorization[6:].strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise invalid_client("Authorization is not base64 of id:secret", basic=True) from None
    # RFC 6749 has both parts form-encoded before they are joined.
    id_, colon, secret = decoded.partition(":")
    id_, secret = unquote_plus(id_), unquote_plus(secret)
    if not colon or call.form.get("client_id", id_) != id_:
        raise invalid_client(_UNKNOWN, basic=True)
    return _by_secret(call, id_, secret, basic=True)


def _by_post(call: TokenCall) -> Client:
    return _by_secret(call, needed(call.form, "client_id"), call.form["client_secret"], basic=False)


def _by_secret(call: TokenCall, id_: str, secret: str, *, basic: bool) -> Client:
    presented = digest(secret)
    client = clients.find(call.services.database, id_) if "\0" not in id_ else None
    known = () if client is None else clients.secrets_of(call.services.database, id_)
    # All are compared, so that the time taken tells nothing.
    matches = [hmac.compare_digest(presented, each) for each in known]
    if client is None or not any(matches):
        raise invalid_client(_UNKNOWN, basic=basic)
    return client


def _by_assertion(call: TokenCall) -> Client:
    if call.form.get("client_assertion_type") != ASSERTION_TYPE:
        raise invalid_client(f"client_assertion_type must be {ASSERTION_TYPE}")
    settings = call.services.settings
    try:
        client = authenticate(
            call.services.database,
            _key_sets(settings.jwks_networks),
            call.form.get("client_assertion", ""),
            address(settings.public_url, "token"),
            call.now_us,
        )
    except AssertionRefusedError as error:
        raise invalid_client(str(error)) from None
    if call.form.get("client_id", client.id) != client.id:
        raise invalid_client("client_id is not the iss of the assertion; leave it out")
    return client


@cache
def _key_sets(networks: str) -> KeySets:
    """Make what fetches key sets in this process, once."""
    return KeySets(split_networks(networks))


CLIENT_AUTHENTICATION: tuple[Way, ...] = (
    Way(
        "client_secret_basic",
        "confidential-symmetric",
        lambda call: call.authorization[:6].lower() == "basic ",
        _by_basic,
    ),
    Way(
        "client_secret_post",
        "confidential-symmetric",
        lambda call: "client_secret" in call.form,
        _by_post,
    ),
    Way(
        "private_key_jwt",
        "confidential-asymmetric",
        lambda call: not call.form.keys().isdisjoint(_ASSERTED),
        _by_assertion,
    ),
)
"""All ways but `none`, which is what is left."""

__all__ = ["CLIENT_AUTHENTICATION", "OAuthError", "TokenCall", "Way", "authenticate_client"]
