"""Proof that whoever redeems a code also asked for it: PKCE by S256, and nothing else.

Spec: RFC 7636; https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#considerations-for-pkce-support
"""

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode

METHOD = "S256"
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9\-._~]{43,128}")


def is_challenge(text: str) -> bool:
    """Whether a text can be the SHA-256 of a verifier."""
    return _CHALLENGE.fullmatch(text) is not None


def proves(verifier: str, challenge: str) -> bool:
    """Whether a verifier is the one of a challenge."""
    if _VERIFIER.fullmatch(verifier) is None:
        return False
    hashed = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
    return hmac.compare_digest(hashed, challenge.encode())
