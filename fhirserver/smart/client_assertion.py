"""A client proves who it is by an assertion that it signed.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html
#authenticating-to-the-token-endpoint; RFC 7523 section 3

    header   alg RS384 or ES384; kid; typ JWT; jku, if given, is the registered URL
    claims   iss and sub: the client's id; aud: the token endpoint, exactly; exp: at most
             LIFETIME_S from now; jti: never used before by this client

What the caller got wrong in the assertion itself is said to it. Whether a client is known, and
what is the matter with its keys, is not: all that is one answer, and the log says more.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from psycopg import Connection

from fhirserver.errors import FhirError
from fhirserver.model.json import JsonObject, JsonValue, parse_json
from fhirserver.smart import clients
from fhirserver.smart.clients import Client
from fhirserver.smart.jwks import KEY_TYPES, KeySetError, select_key
from fhirserver.smart.jwks_fetch import KeySets
from fhirserver.store.database import Database

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LIFETIME_S = 300
SKEW_S = 30
"""Seconds by which clocks may differ."""

_MOST_CHARACTERS = 8192
_ID = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)
_NOT_PROVEN = (
    "the assertion does not prove a registered client: the client is unknown, not approved or "
    "shut out, its key set cannot be had, jku is not its registered URL, or not exactly one of "
    "its keys has this kid and kty and verifies the signature"
)
_USE_ONCE = """
WITH outdated AS (
    SELECT issuer, jti FROM oauth_assertion WHERE expires < %(now)s
    ORDER BY expires LIMIT 20 FOR UPDATE SKIP LOCKED
), forgotten AS (
    DELETE FROM oauth_assertion o USING outdated
    WHERE o.issuer = outdated.issuer AND o.jti = outdated.jti
)
INSERT INTO oauth_assertion (issuer, jti, expires) VALUES (%(issuer)s, %(jti)s, %(expires)s)
ON CONFLICT DO NOTHING RETURNING true
"""

_log = logging.getLogger("fhirserver.smart")


class AssertionRefusedError(Exception):
    """Why an assertion proves nothing, in words for its sender."""


@dataclass(frozen=True, slots=True)
class Presented:
    """An assertion whose own statements are in order; nothing is verified yet.

    Attributes:
        issuer: id of the client that it claims to be of.
        algorithm: one of KEY_TYPES.
        jku: None where absent.
        expires: seconds since 1970.
    """

    issuer: str
    algorithm: str
    kid: str
    jku: JsonValue
    jti: str
    expires: float
    signed: jws.CompactSignature


def authenticate(
    database: Database, key_sets: KeySets, assertion: str, token_url: str, now_us: int
) -> Client:
    """Give the client that an assertion proves, and use the assertion up.

    Args:
        database: keeps clients and used assertions.
        key_sets: fetches what clients publish.
        assertion: as sent, a JWT.
        token_url: address of the token endpoint, which the assertion must be meant for.
        now_us: epoch microseconds.

    Raises:
        AssertionRefusedError: it proves nothing.
    """
    presented = read_assertion(assertion, token_url, now_us / 1_000_000)
    client = _verify(presented, clients.find(database, presented.issuer), key_sets)
    with database.connection() as connection:
        if not use_once(connection, presented, now_us):
            raise AssertionRefusedError("jti was used before; every assertion needs a new one")
    return client


def read_assertion(assertion: str, token_url: str, now_s: float) -> Presented:
    """Check what an assertion says of itself. Pure.

    Raises:
        AssertionRefusedError: names the rule.
    """
    signed, claims = _parsed(assertion)
    header: JsonObject = dict(signed.headers())
    for holds, rule in _HEADER_RULES:
        if not holds(header):
            raise AssertionRefusedError(rule)
    for holds, rule in _CLAIM_RULES:
        if not holds(claims):
            raise AssertionRefusedError(rule)
    if claims["aud"] not in (token_url, [token_url]):
        raise AssertionRefusedError(f"aud must be the address of this token endpoint, {token_url}")
    _check_times(claims, now_s)
    return Presented(
        issuer=claims["iss"],
        algorithm=header["alg"],
        kid=header["kid"],
        jku=header.get("jku"),
        jti=claims["jti"],
        expires=float(claims["exp"]),
        signed=signed,
    )


def use_once(connection: Connection[Any], presented: Presented, now_us: int) -> bool:
    """Mark an assertion as used; False where it was. One statement decides for all workers."""
    values = {
        "now": now_us,
        "issuer": presented.issuer,
        "jti": hashlib.sha256(presented.jti.encode()).digest(),
        "expires": int((presented.expires + SKEW_S) * 1_000_000),
    }
    return connection.execute(_USE_ONCE, values).fetchone() is not None


def _verify(presented: Presented, client: Client | None, key_sets: KeySets) -> Client:
    try:
        return _proven(presented, client, key_sets)
    except (KeySetError, JoseError) as error:
        if client is not None:
            _log.warning("client %s: assertion refused: %s", client.id, error)
        raise AssertionRefusedError(_NOT_PROVEN) from None


def _proven(presented: Presented, client: Client | None, key_sets: KeySets) -> Client:
    if client is None or not client.approved or client.disabled:
        raise KeySetError("the client is unknown, not approved or shut out")
    key_set = _key_set(presented, client, key_sets)
    key = select_key(key_set, presented.kid, presented.algorithm)
    if not jws.validate_compact(presented.signed, key, algorithms=[presented.algorithm]):
        raise KeySetError("the signature is wrong")
    return client


def _key_set(presented: Presented, client: Client, key_sets: KeySets) -> JsonValue:
    if client.kind != "confidential-asymmetric":
        raise KeySetError("the client has no keys")
    if presented.jku is not None and presented.jku != client.jwks_uri:
        raise KeySetError("jku is not the registered URL")
    if client.jwks_uri is not None:
        return key_sets.find(client.jwks_uri, presented.kid)
    return client.jwks


def _parsed(assertion: str) -> tuple[jws.CompactSignature, JsonObject]:
    if len(assertion) > _MOST_CHARACTERS:
        raise AssertionRefusedError(f"client_assertion has more than {_MOST_CHARACTERS} characters")
    try:
        signed = jws.extract_compact(assertion.encode())
        claims = parse_json(signed.payload)
    except (JoseError, ValueError, FhirError):
        claims = None
    if not isinstance(claims, dict):
        raise AssertionRefusedError(
            "client_assertion is no JWT: three parts in base64url, the first two JSON objects"
        )
    return signed, claims


def _check_times(claims: JsonObject, now_s: float) -> None:
    if not now_s - SKEW_S < claims["exp"] <= now_s + LIFETIME_S + SKEW_S:
        raise AssertionRefusedError(
            f"exp must lie ahead, by {LIFETIME_S} seconds at most; is the client's clock right?"
        )
    for name in ("nbf", "iat"):
        if claims.get(name, 0) > now_s + SKEW_S:
            raise AssertionRefusedError(f"{name} lies ahead; is the client's clock right?")


def _is_text(value: JsonValue) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 255


def _is_number(value: JsonValue) -> bool:
    return not isinstance(value, bool | str | list | dict | None)


_Rule = tuple[Callable[[JsonObject], bool], str]

_HEADER_RULES: tuple[_Rule, ...] = (
    (lambda header: header.get("alg") in tuple(KEY_TYPES), "alg must be RS384 or ES384"),
    (lambda header: header.get("typ") == "JWT", "typ must be JWT"),
    (lambda header: _is_text(header.get("kid")), "kid must name the key"),
    (lambda header: "crit" not in header, "crit names extensions, and none is known here"),
)
_CLAIM_RULES: tuple[_Rule, ...] = (
    (
        lambda claims: _is_text(claims.get("iss")) and _ID.fullmatch(claims["iss"]) is not None,
        "iss must be the client's id",
    ),
    (lambda claims: claims.get("sub") == claims["iss"], "sub must be the same as iss"),
    (lambda claims: "aud" in claims, "aud is missing"),
    (lambda claims: _is_number(claims.get("exp")), "exp must be a number of seconds since 1970"),
    (
        lambda claims: all(_is_number(claims.get(name, 0)) for name in ("nbf", "iat")),
        "nbf and iat, where given, must be numbers of seconds since 1970",
    ),
    (lambda claims: _is_text(claims.get("jti")), "jti must be a text of 1 to 255 characters"),
)
