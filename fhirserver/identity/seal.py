"""Sealing what the server must be able to read again: the secrets of authenticators.

Spec: NIST SP 800-38D (AES-GCM), RFC 5869 (HKDF)

The key is made of the one in the data directory, which no copy of the database holds, so a stolen
dump gives nobody a second factor. Its place is bound in, an account's id, or that and a session's:
moved elsewhere, what is sealed opens nothing.
"""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from fhirserver.errors import UnavailableError

_NONCE_BYTES = 12


def seal(key: bytes, place: str, secret: bytes) -> bytes:
    """Seal the secret of a place; `key` is `Services.cursor_key`."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + _cipher(key).encrypt(nonce, secret, place.encode())


def unseal(key: bytes, place: str, sealed: bytes) -> bytes:
    """Open what `seal` has made.

    Raises:
        UnavailableError: it was sealed with another key, or for another place.
    """
    nonce, rest = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    try:
        return _cipher(key).decrypt(nonce, rest, place.encode())
    except InvalidTag:
        raise UnavailableError(
            "This server cannot read the second factor of this account: it was enrolled with"
            " another key file. An administrator can bring back cursor.key, or let the account"
            " begin anew with `fhirserver user reset-second-factor`."
        ) from None


def _cipher(key: bytes) -> AESGCM:
    derived = HKDF(SHA256(), 32, None, b"fhirserver second factor").derive(key)
    return AESGCM(derived)
