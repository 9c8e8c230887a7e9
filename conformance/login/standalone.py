"""A user logs in with a browser, and this machine receives the authorization code.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#launch-app-standalone-launch
and https://www.rfc-editor.org/rfc/rfc7636 (PKCE)
"""

import base64
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from fhirserver_conformance.login.client_file import SmartClient
from fhirserver_conformance.login.discovery import Endpoints
from fhirserver_conformance.login.login_error import LoginError
from fhirserver_conformance.login.loopback import listen
from fhirserver_conformance.login.token_request import refusal_in_words

WAIT_S = 300.0
"""So long a user has to log in."""


@dataclass(frozen=True, slots=True)
class _Attempt:
    """The secrets of one log-in."""

    state: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(64), repr=False)

    @property
    def challenge(self) -> str:
        digest = hashlib.sha256(self.verifier.encode("ascii")).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def authorization_code_grant(
    client: SmartClient,
    endpoints: Endpoints,
    base: str,
    say: Callable[[str], None],
    wait_s: float = WAIT_S,
) -> dict[str, str]:
    """Let a user log in, and give the form that exchanges the code for a token.

    Args:
        client: with a redirect address.
        endpoints: of the server.
        base: FHIR base, the `aud` of the log-in.
        say: tells the user which address to open.
        wait_s: how long to wait.

    Raises:
        LoginError: the user or the server refused, the wait was over, or the port is taken.
    """
    attempt = _Attempt()
    with listen(client.redirect_uri) as listener:
        address = _address(client, endpoints, base, attempt)
        say(f"Open this address in a browser to log in:\n{address}")
        answer = listener.wait(attempt.state, wait_s)
    if "error" in answer:
        description = answer.get("error_description")
        raise LoginError(
            f"{endpoints.authorization}: {refusal_in_words(answer['error'], description)}"
        )
    if endpoints.issuer and answer.get("iss", endpoints.issuer) != endpoints.issuer:
        raise LoginError(f"{endpoints.authorization}: the answer is from another issuer")
    if "code" not in answer:
        raise LoginError(f"{endpoints.authorization}: the answer has neither code nor error")
    return {
        "grant_type": "authorization_code",
        "code": answer["code"],
        "redirect_uri": client.redirect_uri,
        "code_verifier": attempt.verifier,
    }


def _address(client: SmartClient, endpoints: Endpoints, base: str, attempt: _Attempt) -> str:
    query = urlencode(
        {
            "response_type": "code",
            "client_id": client.client_id,
            "redirect_uri": client.redirect_uri,
            "scope": client.scope,
            "state": attempt.state,
            "aud": base,
            "code_challenge": attempt.challenge,
            "code_challenge_method": "S256",
        }
    )
    joint = "&" if urlsplit(endpoints.authorization).query else "?"
    return f"{endpoints.authorization}{joint}{query}"
