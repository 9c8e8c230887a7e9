"""One-time codes of authenticator applications: six digits, a new one every thirty seconds.

Spec: RFC 6238 (TOTP) and RFC 4226 section 5.3; the address that a QR code holds is
https://github.com/google/google-authenticator/wiki/Key-Uri-Format

Codes of the step before and after count too, as clocks differ; each counts once, so the step of
the last one is kept with the account.
"""

import base64
import hmac
import secrets
from struct import pack
from urllib.parse import quote, urlencode

STEP_S = 30
_DIGITS = 6
_SECRET_BYTES = 20
_ISSUER = "fhirserver"


def new_secret() -> bytes:
    """Make a secret of 160 bits, as RFC 4226 recommends."""
    return secrets.token_bytes(_SECRET_BYTES)


def code(secret: bytes, step: int, digits: int = _DIGITS) -> str:
    """Give the code of a step. Pure."""
    mac = hmac.digest(secret, pack(">Q", step), "sha1")
    offset = mac[-1] & 15
    number = int.from_bytes(mac[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**digits:0{digits}d}"


def step_of(secret: bytes, given: str, now_us: int, last_step: int) -> int | None:
    """Find the step whose code was given.

    Args:
        secret: shared with the application.
        given: as typed; spaces do not count.
        now_us: epoch microseconds.
        last_step: codes of this step and earlier ones have been used up.

    Returns:
        The step; None where the code is none of those that count now.
    """
    typed = "".join(given.split()).encode()
    present = now_us // 1_000_000 // STEP_S
    for step in (present, present - 1, present + 1):
        if step > last_step and hmac.compare_digest(typed, code(secret, step).encode()):
            return step
    return None


def written(secret: bytes) -> str:
    """Write a secret for somebody who types it into an application, in groups of four."""
    text = base64.b32encode(secret).decode()
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


def address(secret: bytes, username: str, host: str) -> str:
    """Give the address that an application reads from a QR code.

    Args:
        secret: to share.
        username: shown by the application.
        host: of this server, so that entries of several are told apart.
    """
    issuer = f"{_ISSUER} {host}"
    query = urlencode({"secret": base64.b32encode(secret).decode(), "issuer": issuer})
    return f"otpauth://totp/{quote(f'{issuer}:{username}')}?{query.replace('+', '%20')}"
