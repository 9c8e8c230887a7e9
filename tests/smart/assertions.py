"""Keys and assertions of clients that are programs."""

from __future__ import annotations

import hmac
import secrets
from functools import cache
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey, Key, RSAKey
from joserfc.util import urlsafe_b64decode, urlsafe_b64encode

from fhirserver.model.json import parse_json, write_json

ALGORITHMS = {"rsa": "RS384", "ec": "ES384"}


@cache
def key(name: str) -> RSAKey | ECKey:
    """Make a private key, the same each time: its kid is its name, which begins with its kind."""
    parameters = {"kid": name, "use": "sig"}
    if name.startswith("rsa-weak"):
        return RSAKey.generate_key(1024, parameters)
    if name.startswith("rsa"):
        return RSAKey.generate_key(2048, parameters)
    return ECKey.generate_key("P-256" if name.startswith("ec-256") else "P-384", parameters)


def key_set(*names: str) -> dict[str, Any]:
    """Give the public halves as a JWK Set."""
    return {"keys": [key(name).as_dict(private=False) for name in names]}


def assertion(
    client: str,
    token_url: str,
    now_s: float,
    *,
    name: str = "rsa-1",
    header: dict[str, Any] | None = None,
    claims: dict[str, Any] | None = None,
    signs: Key | None = None,
) -> str:
    """Sign an assertion.

    Args:
        client: its id.
        token_url: whom it is for.
        now_s: seconds since 1970.
        name: of the key.
        header: changes of the header; None as a value leaves a member out.
        claims: likewise of the claims.
        signs: another key than the one named.
    """
    algorithm = ALGORITHMS[name.partition("-")[0]]
    stated = {"alg": algorithm, "kid": name, "typ": "JWT", **(header or {})}
    said = {
        "iss": client,
        "sub": client,
        "aud": token_url,
        "exp": int(now_s) + 240,
        "jti": secrets.token_urlsafe(16),
        **(claims or {}),
    }
    algorithms = ["RS384", "ES384", "RS256"]
    return jws.serialize_compact(
        {member: value for member, value in stated.items() if value is not None},
        write_json({member: value for member, value in said.items() if value is not None}),
        signs or key(name),
        algorithms=algorithms,
        registry=jws.JWSRegistry(algorithms=algorithms, strict_check_header=False),
    )


def forged(sent: str, secret: bytes) -> str:
    """Sign an assertion anew by HMAC: what confuses a verifier that trusts the header's alg."""
    signed = replaced(sent, {"alg": "HS256"}).rpartition(".")[0]
    digest = hmac.digest(secret, signed.encode(), "sha256")
    return f"{signed}.{urlsafe_b64encode(digest).decode()}"


def public_pem(name: str) -> bytes:
    """Give a public key as everybody can have it."""
    return key(name).as_pem(private=False)


def replaced(sent: str, header: dict[str, Any]) -> str:
    """Change members of an assertion's header and leave its signature; None takes one out."""
    head, rest = sent.split(".", 1)
    members = {**parse_json(urlsafe_b64decode(head.encode())), **header}
    kept = {member: value for member, value in members.items() if value is not None}
    return f"{urlsafe_b64encode(write_json(kept)).decode()}.{rest}"
