"""A client proves who it is by a signed assertion.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html
and https://www.rfc-editor.org/rfc/rfc7523

    header   alg RS384 or ES384, kid, typ JWT, and jku where the keys are published
    claims   iss and sub: the client's id; aud: the token endpoint; exp: at most 5 minutes from now;
             jti: never the same again
"""

import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from joserfc import jwk, jwt
from joserfc.errors import JoseError

from fhirserver.errors import FhirError
from fhirserver.model.json import parse_json
from fhirserver_conformance.login.login_error import LoginError

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

_LIFETIME_S = 240
"""Less than the five minutes that a server must accept, so that clocks may differ."""
_SMALLEST_RSA_BITS = 2048
_KINDS: dict[str, type[jwk.RSAKey | jwk.ECKey]] = {"RSA": jwk.RSAKey, "EC": jwk.ECKey}


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key.

    Attributes:
        algorithm: "RS384" or "ES384".
        key_id: `kid`.
        jwks_url: `jku`; None to send none.
    """

    key: jwk.RSAKey | jwk.ECKey = field(repr=False)
    algorithm: str
    key_id: str
    jwks_url: str | None = None


def read_key(path: Path, key_id: str | None, jwks_url: str | None) -> SigningKey:
    """Read a private key in PEM or as a JWK.

    Args:
        path: of the key's file.
        key_id: `kid`; the JWK's own where None.
        jwks_url: where the public key is published, or None.

    Raises:
        LoginError: cannot be read, is not private, of no kind that SMART signs with, or nameless.
    """
    try:
        key = _imported(path.read_bytes())
    except OSError as error:
        raise LoginError(f"{path}: {error.strerror or error}") from None
    except (ValueError, TypeError, FhirError, JoseError):
        key = None
    algorithm = _algorithm(key)
    if key is None or algorithm is None or not key.is_private:
        raise LoginError(
            f"{path}: holds no private key without a passphrase, in PEM or as a JWK, "
            f"that is RSA of {_SMALLEST_RSA_BITS} bits or more, or of the curve P-384"
        )
    named = key_id or key.kid
    if not named:
        raise LoginError(f"{path}: the key has no name; add key_id, its kid as registered")
    return SigningKey(key, algorithm, named, jwks_url)


def client_assertion(client_id: str, key: SigningKey, audience: str, now: float) -> str:
    """Sign an assertion for one request.

    Args:
        client_id: as registered.
        key: registered for that client.
        audience: address of the token endpoint, as discovered.
        now: seconds since 1970.
    """
    header: dict[str, Any] = {"alg": key.algorithm, "kid": key.key_id, "typ": "JWT"}
    if key.jwks_url is not None:
        header["jku"] = key.jwks_url
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": audience,
        "exp": int(now) + _LIFETIME_S,
        "jti": secrets.token_urlsafe(32),
    }
    return jwt.encode(header, claims, key.key, algorithms=[key.algorithm])


def _imported(raw: bytes) -> jwk.RSAKey | jwk.ECKey | None:
    if raw.lstrip().startswith(b"{"):
        given = parse_json(raw)
        kind = _KINDS.get(given.get("kty"))
        return None if kind is None else kind.import_key(given)
    for kind in _KINDS.values():
        try:
            return kind.import_key(raw)
        except JoseError:  # a key of another kind
            continue
    return None


def _algorithm(key: jwk.RSAKey | jwk.ECKey | None) -> str | None:
    if isinstance(key, jwk.RSAKey):
        return "RS384" if key.raw_value.key_size >= _SMALLEST_RSA_BITS else None
    if isinstance(key, jwk.ECKey):
        return "ES384" if key.curve_name == "P-384" else None
    return None
