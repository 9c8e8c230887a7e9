"""Keys for the tests of the log-in: made once, never written down."""

from functools import cache

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from joserfc import jwk

from fhirserver.model.json import write_json


@cache
def pem(kind: str) -> bytes:
    """Make a private key in PEM: "RSA", "RSA-1024", or a curve's name as P-384."""
    curves: dict[str, ec.EllipticCurve] = {"P-384": ec.SECP384R1(), "P-256": ec.SECP256R1()}
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
    if kind in curves:
        key = ec.generate_private_key(curves[kind])
    else:
        key = rsa.generate_private_key(65537, 1024 if kind == "RSA-1024" else 2048)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


@cache
def key(kind: str) -> jwk.RSAKey | jwk.ECKey:
    """Give the same key as joserfc has it."""
    raw = pem(kind)
    return jwk.ECKey.import_key(raw) if kind.startswith("P-") else jwk.RSAKey.import_key(raw)


def jwk_file(kind: str, *, private: bool = True, kid: str | None = None) -> bytes:
    """Give the same key as a JWK."""
    members = key(kind).as_dict(private=private)
    return write_json(members if kid is None else {**members, "kid": kid})
