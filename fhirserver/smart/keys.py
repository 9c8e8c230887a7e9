"""The keys that sign what this server issues, and their rotation.

Spec: https://openid.net/specs/openid-connect-core-1_0.html#RotateSigKeys; RFC 7517

    published ──── signs ──────────── still published ──── forgotten
        PUBLISHED_BEFORE_S   until the next signs     KEPT_S

A key is published before it signs, so that whoever caches the key set knows it in time, and stays
published after its successor took over until everything that it signed has expired. Private keys
are kept encrypted by AES-256-GCM; the key for that never enters the database.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from joserfc import jwt
from joserfc.jwk import RSAKey
from psycopg import Connection
from psycopg.types.json import Jsonb

from fhirserver.model.json import JsonObject
from fhirserver.store.database import Database

ALGORITHM = "RS256"
JWKS_MAX_AGE_S = 900
PUBLISHED_BEFORE_S = 3600
"""Longer than anybody may cache the key set."""
KEPT_S = 86_400
"""Longer than anything that is signed is good for."""

_RSA_BITS = 3072
_NONCE_BYTES = 12
_LOCK = 0x6F617574685F6B79
_READ = "SELECT kid, public, sealed, signs_from FROM oauth_key ORDER BY signs_from, kid"
_ADD = "INSERT INTO oauth_key (kid, public, sealed, signs_from) VALUES (%s, %s, %s, %s)"
_FORGET = "DELETE FROM oauth_key WHERE kid = ANY(%s)"


class SecretsKeyError(RuntimeError):
    """A private key was encrypted with another key than the one at hand."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key.

    Attributes:
        kid: its name.
        public: the public key as a JWK, with kid, use and alg.
        sealed: the private key, encrypted.
        signs_from: epoch microseconds.
    """

    kid: str
    public: JsonObject
    sealed: bytes
    signs_from: int


def signing_key(keys: Sequence[Key], now_us: int) -> Key:
    """Give the key that signs: the latest whose time has come. Pure.

    Args:
        keys: by the time from which they sign; not empty.
        now_us: epoch microseconds.
    """
    due = [key for key in keys if key.signs_from <= now_us]
    return due[-1] if due else keys[0]


def published_keys(keys: Sequence[Key], now_us: int) -> list[Key]:
    """Leave out the keys whose successors have been signing for long enough. Pure."""
    oldest_us = now_us - KEPT_S * 1_000_000
    superseded = [key for key, successor in pairwise(keys) if successor.signs_from <= oldest_us]
    return [key for key in keys if key not in superseded]


def key_set(database: Database, secrets_key: bytes, now_us: int) -> JsonObject:
    """Give the public keys as a JWK Set; makes the first key where there is none."""
    keys = _keys(database, secrets_key, now_us)
    return {"keys": [key.public for key in published_keys(keys, now_us)]}


def sign(database: Database, secrets_key: bytes, claims: JsonObject, now_us: int) -> str:
    """Sign claims as a JWT.

    Args:
        database: keeps the keys.
        secrets_key: 32 bytes that private keys are encrypted with.
        claims: as they shall stand in it.
        now_us: epoch microseconds.

    Raises:
        SecretsKeyError: the key was encrypted with another one.
    """
    key = signing_key(_keys(database, secrets_key, now_us), now_us)
    header = {"alg": ALGORITHM, "kid": key.kid, "typ": "JWT"}
    return jwt.encode(header, claims, _unsealed(key, secrets_key), algorithms=[ALGORITHM])


def list_keys(database: Database) -> list[Key]:
    """Give all keys that are kept, by the time from which they sign."""
    with database.connection() as connection:
        return _read(connection)


def rotate(database: Database, secrets_key: bytes, now_us: int, *, at_once: bool = False) -> Key:
    """Make a key that takes over.

    Args:
        database: keeps the keys.
        secrets_key: see `sign`.
        now_us: epoch microseconds.
        at_once: the new key signs now and no other is published any more: for a key that
            somebody else may know.

    Raises:
        SecretsKeyError: not `at_once`, and the keys there are encrypted with another one: servers
            could not use what is made here.
    """
    with database.connection() as connection, connection.transaction():
        _lock(connection)
        known = _read(connection)
        kept = [] if at_once else published_keys(known, now_us)
        gone = [key.kid for key in known if key not in kept]
        if kept:
            _unsealed(kept[-1], secrets_key)
        connection.execute(_FORGET, (gone,))
        wait_s = PUBLISHED_BEFORE_S if kept else 0
        return _add(connection, secrets_key, now_us + wait_s * 1_000_000)


def _keys(database: Database, secrets_key: bytes, now_us: int) -> list[Key]:
    with database.connection() as connection:
        known = _read(connection)
        if known:
            return known
        with connection.transaction():
            _lock(connection)
            return _read(connection) or [_add(connection, secrets_key, now_us)]


def _lock(connection: Connection[Any]) -> None:
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))


def _read(connection: Connection[Any]) -> list[Key]:
    return [Key(*row) for row in connection.execute(_READ)]


def _add(connection: Connection[Any], secrets_key: bytes, signs_from: int) -> Key:
    kid = secrets.token_urlsafe(12)
    made = RSAKey.generate_key(_RSA_BITS)
    public = {**made.as_dict(private=False), "kid": kid, "use": "sig", "alg": ALGORITHM}
    key = Key(kid, public, _sealed(made, kid, secrets_key), signs_from)
    connection.execute(_ADD, (key.kid, Jsonb(key.public), key.sealed, key.signs_from))
    return key


def _sealed(key: RSAKey, kid: str, secrets_key: bytes) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(secrets_key).encrypt(nonce, key.as_der(private=True), kid.encode())


def _unsealed(key: Key, secrets_key: bytes) -> RSAKey:
    nonce, sealed = key.sealed[:_NONCE_BYTES], key.sealed[_NONCE_BYTES:]
    try:
        return RSAKey.import_key(AESGCM(secrets_key).decrypt(nonce, sealed, key.kid.encode()))
    except InvalidTag:
        raise SecretsKeyError(
            f"the signing key {key.kid} was encrypted with another secrets.key: bring that file "
            "back, or make a new signing key by `fhirserver keys rotate --at-once`"
        ) from None
