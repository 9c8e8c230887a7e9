"""JWK Sets of clients: what may be registered, and which key verifies an assertion. Pure.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html
#registering-a-client-communicating-public-keys; RFC 7517, RFC 7518

    alg     kty   the key itself
    RS384   RSA   at least 2048 bits
    ES384   EC    curve P-384

A set may hold keys of other kinds besides; they verify nothing.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from fhirserver.model.json import JsonObject, JsonValue

KEY_TYPES = {"RS384": "RSA", "ES384": "EC"}
MOST_KEYS = 32

_SMALLEST_RSA_BITS = 2048
_CURVE = "P-384"
_NAMES = ("kid", "kty")
_KINDS: dict[str, type[RSAKey | ECKey]] = {"RS384": RSAKey, "ES384": ECKey}
_PRIVATE = frozenset(("d", "p", "q", "dp", "dq", "qi", "oth", "k"))


class KeySetError(Exception):
    """What is wrong with a key set, and what belongs there."""


def check_key_set(key_set: JsonValue) -> JsonObject:
    """Check a set that a client registers by value, and give it.

    Raises:
        KeySetError: no set, a private key, a key without a name or two of one name, or none that
            could verify an assertion.
    """
    keys = _keys(key_set)
    for key in keys:
        if not isinstance(key, dict) or not all(_is_name(key.get(name)) for name in _NAMES):
            raise KeySetError("every key of jwks needs a kty, and a kid that assertions name it by")
        if _PRIVATE & key.keys():
            raise KeySetError(
                "jwks holds a private key: make a new pair, as this one has been sent over the "
                "network, and register its public half"
            )
    names = Counter((key["kid"], key["kty"]) for key in keys)
    twice = next((kid for (kid, _), count in names.items() if count > 1), None)
    if twice is not None:
        raise KeySetError(f"jwks holds two keys with the kid {twice!r}; give each its own")
    if not any(_verifies(key, algorithm) for key in keys for algorithm in KEY_TYPES):
        raise KeySetError(
            f"jwks holds no key for RS384 (RSA, {_SMALLEST_RSA_BITS} bits or more) or ES384 "
            f"(EC, {_CURVE})"
        )
    return {"keys": keys}


def has_key(key_set: JsonObject, kid: str) -> bool:
    """Tell whether a set knows the name of a key."""
    keys = key_set.get("keys")
    return isinstance(keys, list) and any(
        isinstance(key, dict) and key.get("kid") == kid for key in keys
    )


def select_key(key_set: JsonValue, kid: str, algorithm: str) -> RSAKey | ECKey:
    """Give the one key that an assertion names.

    Args:
        key_set: of the client.
        kid: as the assertion's header says.
        algorithm: likewise, one of KEY_TYPES.

    Raises:
        KeySetError: none or several of that name and kind, or one that must not verify this.
    """
    wanted = (kid, KEY_TYPES[algorithm])
    found = [
        key
        for key in _keys(key_set)
        if isinstance(key, dict) and (key.get("kid"), key.get("kty")) == wanted
    ]
    if len(found) != 1:
        raise KeySetError(f"{len(found)} keys of the set have the kid and the kty {wanted[1]}")
    key = _imported(found[0], algorithm)
    if key is None:
        raise KeySetError(f"the key of that kid is not one that verifies {algorithm}")
    return key


def _keys(key_set: JsonValue) -> list[Any]:
    keys = key_set.get("keys") if isinstance(key_set, dict) else None
    if not isinstance(keys, list) or not 1 <= len(keys) <= MOST_KEYS:
        raise KeySetError(f"a JWK Set is an object whose `keys` lists 1 to {MOST_KEYS} keys")
    return keys


def _is_name(value: JsonValue) -> bool:
    return isinstance(value, str) and value != ""


def _verifies(key: JsonObject, algorithm: str) -> bool:
    return key.get("kty") == KEY_TYPES[algorithm] and _imported(key, algorithm) is not None


def _imported(key: JsonObject, algorithm: str) -> RSAKey | ECKey | None:
    """Make a public key of a JWK; None where it is broken, too weak or meant for something else."""
    if key.get("use", "sig") != "sig" or key.get("alg", algorithm) != algorithm:
        return None
    operations = key.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        return None
    public = {
        name: value for name, value in key.items() if name in ("kty", "n", "e", "crv", "x", "y")
    }
    try:
        imported = _KINDS[algorithm].import_key(public)
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return imported if _is_strong(imported) else None


def _is_strong(key: RSAKey | ECKey) -> bool:
    if isinstance(key, ECKey):
        return key.curve_name == _CURVE
    public = key.public_key
    assert isinstance(public, RSAPublicKey)
    return public.key_size >= _SMALLEST_RSA_BITS
