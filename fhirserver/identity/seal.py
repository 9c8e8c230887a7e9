"""Sealing what the server must be able to read again: the secrets of authenticators.

Spec: NIST SP 800-38D (AES-GCM), RFC 5869 (HKDF)

    secrets.key   what is sealed now
    cursor.key    what earlier versions have sealed; opens still, and is sealed anew when it is used

The key is made of the one in the data directory, which no copy of the database holds, so a stolen
dump gives nobody a second factor. Its place is bound in, an account's id, or that and a session's:
moved elsewhere, what is sealed opens nothing.
"""

import os
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from fhirserver.errors import UnavailableError
from fhirserver.interactions import Services

_NONCE_BYTES = 12


class Unsealed(NamedTuple):
    """What was sealed.

    Attributes:
        secret: the secret of the place.
        is_old: whether it was sealed with the key of earlier versions.
    """

    secret: bytes
    is_old: bool


def seal(services: Services, place: str, secret: bytes) -> bytes:
    """Seal the secret of a place."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + _cipher(services.secrets_key).encrypt(nonce, secret, place.encode())


def unseal(services: Services, place: str, sealed: bytes) -> Unsealed:
    """Open what `seal` has made, or that of an earlier version.

    Raises:
        UnavailableError: it was sealed with another key, or for another place.
    """
    nonce, rest = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    for key, is_old in ((services.secrets_key, False), (services.cursor_key, True)):
        try:
            return Unsealed(_cipher(key).decrypt(nonce, rest, place.encode()), is_old)
        except InvalidTag:
            continue
    raise UnavailableError(
        "This server cannot read the second factor of this account: it was enrolled with"
        " another key file. An administrator can bring back secrets.key (cursor.key for what"
        " has not been used since an earlier version), or let the account begin anew with"
        " `fhirserver user reset-second-factor`."
    )


def _cipher(key: bytes) -> AESGCM:
    derived = HKDF(SHA256(), 32, None, b"fhirserver second factor").derive(key)
    return AESGCM(derived)
