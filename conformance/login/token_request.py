"""Asks a token endpoint for an access token.

Spec: https://www.rfc-editor.org/rfc/rfc6749#section-5

A client proves itself in one of three ways:

    with a key      client_assertion, private_key_jwt
    with a secret   Authorization: Basic …, client_secret_basic
    with neither    client_id: a public client
"""

import base64
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import quote_plus, urlencode

from fhirserver.errors import FhirError
from fhirserver.model.json import parse_json
from fhirserver_conformance.login.bearer import is_bearer_token
from fhirserver_conformance.login.client_assertion import ASSERTION_TYPE, client_assertion
from fhirserver_conformance.login.client_file import SmartClient
from fhirserver_conformance.login.login_error import LoginError
from fhirserver_conformance.results import Exchange
from fhirserver_conformance.transport import Request, Transport

_UNKNOWN_LIFETIME_S = 300.0
"""Of a token whose answer names none."""


@dataclass(frozen=True, slots=True)
class Token:
    """An access token.

    Attributes:
        expires_at: seconds since 1970.
        lifetime_s: from when it was asked for until then.
        refresh: token to get the next one with; None where there is none.
    """

    access: str = field(repr=False)
    expires_at: float
    lifetime_s: float
    refresh: str | None = field(default=None, repr=False)


def request_token(
    client: SmartClient, url: str, grant: dict[str, str], transport: Transport, now: float
) -> Token:
    """Ask for a token.

    Args:
        client: who asks.
        url: of the token endpoint.
        grant: grant_type and what belongs to it.
        transport: sends the request.
        now: seconds since 1970.

    Raises:
        LoginError: refused, with the server's `error` and `error_description`, or no token answer.
    """
    headers = [
        ("Accept", "application/json"),
        ("Content-Type", "application/x-www-form-urlencoded"),
    ]
    form = dict(grant)
    if client.key is not None:
        form["client_assertion_type"] = ASSERTION_TYPE
        form["client_assertion"] = client_assertion(client.client_id, client.key, url, now)
    elif client.secret is not None:
        headers.append(("Authorization", _basic(client.client_id, client.secret)))
    else:
        form["client_id"] = client.client_id
    body = urlencode(form).encode("ascii")
    return _token(url, transport.send(Request("POST", url, tuple(headers), body)), now)


def _basic(client_id: str, secret: str) -> str:
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return f"Basic {base64.b64encode(pair.encode('ascii')).decode('ascii')}"


def _token(url: str, exchange: Exchange, now: float) -> Token:
    if exchange.failure is not None:
        raise LoginError(f"{url}: {exchange.failure}")
    try:
        answer = parse_json(exchange.response_body)
    except FhirError:
        answer = None
    if exchange.status != 200:
        raise LoginError(f"{url}: {_refusal(exchange, answer)}")
    if not isinstance(answer, dict):
        raise LoginError(f"{url}: the answer is no JSON object")
    access, token_type = answer.get("access_token"), answer.get("token_type")
    if not isinstance(access, str) or not is_bearer_token(access):
        raise LoginError(f"{url}: the answer has no access_token that a header can hold")
    if not isinstance(token_type, str) or token_type.lower() != "bearer":
        raise LoginError(f"{url}: the answer's token_type is not Bearer")
    lifetime_s = _lifetime_s(url, answer)
    refresh = answer.get("refresh_token")
    return Token(
        access, now + lifetime_s, lifetime_s, refresh if isinstance(refresh, str) else None
    )


def _lifetime_s(url: str, answer: dict[str, Any]) -> float:
    lifetime = answer.get("expires_in", _UNKNOWN_LIFETIME_S)
    if isinstance(lifetime, bool) or not isinstance(lifetime, int | float | Decimal):
        raise LoginError(f"{url}: the answer's expires_in is no number")
    if not 0 < lifetime < 10**9:
        raise LoginError(f"{url}: the answer's expires_in is {lifetime}: no token to use")
    return float(lifetime)


def _refusal(exchange: Exchange, answer: Any) -> str:
    if isinstance(answer, dict) and isinstance(answer.get("error"), str):
        return refusal_in_words(answer["error"], answer.get("error_description"))
    return f"answered {exchange.status} where a token was to be had"


def refusal_in_words(error: str, description: object) -> str:
    """Say what an authorization server says that is wrong."""
    explained = f": {description}" if isinstance(description, str) and description else ""
    return f"the log-in was refused: {error}{explained}"
