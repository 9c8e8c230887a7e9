"""What a request says of who asks: nothing, a bearer token of a file, or one of SMART.

Spec: https://hl7.org/fhir/smart-app-launch/backend-services.html and
https://hl7.org/fhir/smart-app-launch/client-confidential-asymmetric.html

    .well-known/smart-configuration   names the token endpoint
    client assertion                  a JWT, RS384 or ES384, signed with the bridge's own key, that
                                      lives five minutes at most and is used once (Authlib's)
    client_credentials                gives a token, which is used until shortly before it expires

One token serves all connections to a server.
"""

import contextlib
import json
import ssl
import threading
import time
import urllib.error
import urllib.request
from functools import lru_cache
from typing import Any, Protocol
from urllib.parse import urlencode

from fhirserver_device_bridge.config.settings import Server, Smart

_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ASSERTION_LIVES_S = 240
_LONGEST_MARGIN_S = 30.0
_ANSWER_LIMIT_BYTES = 1024 * 1024
_SMALLEST_RSA_BITS = 2048


class UnauthorizedError(Exception):
    """There is no token to ask with; the message says why, without secrets."""


class Authorization(Protocol):
    """Gives the header; any number of threads may ask."""

    def headers(self) -> dict[str, str]:
        """Give the header, or none. Raises UnauthorizedError."""

    def refused(self) -> None:
        """Note that the server did not know what was given last (401)."""


@lru_cache
def authorization_of(server: Server) -> Authorization:
    """Give the one that all connections to a server share."""
    return SmartBackend(server, server.smart) if server.smart else TokenFile(server)


class TokenFile:
    """The token of a file, read anew for every request; nothing where none is configured."""

    def __init__(self, server: Server) -> None:
        self._file = server.token_file

    def headers(self) -> dict[str, str]:
        """Give what the file holds now."""
        if self._file is None:
            return {}
        try:
            return _bearer(self._file.read_text("ascii").strip())
        except (OSError, UnicodeDecodeError) as error:
            raise UnauthorizedError(f"the token file cannot be read: {_said(error)}") from None

    def refused(self) -> None:
        """Do nothing: the file is read again anyway."""


class SmartBackend:
    """Tokens of the server's own authorization server.

    Args:
        server: whose base tells where to ask.
        smart: who the bridge is.
    """

    def __init__(self, server: Server, smart: Smart) -> None:
        self._server = server
        self._smart = smart
        self._lock = threading.Lock()
        self._token = ""
        self._renew_at_s = 0.0

    def headers(self) -> dict[str, str]:
        """Give the token there is, or get another."""
        with self._lock:
            if not self._token or time.monotonic() >= self._renew_at_s:
                self._renew()
            return _bearer(self._token)

    def refused(self) -> None:
        """Ask for another token next time."""
        with self._lock:
            self._token = ""

    def _renew(self) -> None:
        self._token = ""
        began = time.monotonic()
        endpoint = self._text(self._ask(self._well_known(), None), "token_endpoint")
        answer = self._ask(endpoint, self._request(endpoint))
        lives_s = answer.get("expires_in", 0)
        lives_s = float(lives_s) if isinstance(lives_s, int | float) else 0.0
        self._token = self._text(answer, "access_token")
        self._renew_at_s = began + lives_s - min(_LONGEST_MARGIN_S, lives_s / 5)

    def _well_known(self) -> str:
        return f"{self._server.base}/.well-known/smart-configuration"

    def _request(self, endpoint: str) -> bytes:
        fields = {
            "grant_type": "client_credentials",
            "scope": self._smart.scope,
            "client_assertion_type": _ASSERTION_TYPE,
            "client_assertion": self._assertion(endpoint),
        }
        return urlencode(fields).encode("ascii")

    def _assertion(self, endpoint: str) -> str:
        # It takes a while to import, and only this needs it.
        from authlib.oauth2.rfc7523 import private_key_jwt_sign

        smart = self._smart
        key, algorithm = _signing_key(smart)
        signed = private_key_jwt_sign(
            key,
            smart.client_id,
            endpoint,
            alg=algorithm,
            header={"typ": "JWT", "kid": smart.key_id},
            expires_in=_ASSERTION_LIVES_S,
        )
        return str(signed)

    def _ask(self, url: str, form: bytes | None) -> dict[str, Any]:
        # Bases and endpoints are of http or https: the configuration says so, and `_text`.
        request = urllib.request.Request(url, form, {"Accept": "application/json"})  # noqa: S310
        try:
            with urllib.request.urlopen(  # noqa: S310
                request, timeout=self._server.timeout_s, context=self._tls()
            ) as answer:
                value = json.loads(answer.read(_ANSWER_LIMIT_BYTES))
        except urllib.error.HTTPError as error:
            with error:
                told = f"{error.code}{_oauth_error(error)}"
            raise UnauthorizedError(f"no token: {url} answered {told}") from None
        except (OSError, ValueError) as error:
            raise UnauthorizedError(f"no token: {url}: {_said(error)}") from None
        if not isinstance(value, dict):
            raise UnauthorizedError(f"no token: {url} answered no JSON object")
        return value

    def _tls(self) -> ssl.SSLContext | None:
        file = self._server.ca_file
        return None if file is None else ssl.create_default_context(cafile=file)

    def _text(self, answer: dict[str, Any], name: str) -> str:
        value = answer.get(name)
        if not isinstance(value, str) or not value:
            raise UnauthorizedError(f"no token: the answer has no {name}")
        if name == "token_endpoint" and not value.startswith(self._server.base.split(":")[0]):
            raise UnauthorizedError("no token: token_endpoint is less safe than the server's base")
        return value


def _signing_key(smart: Smart) -> tuple[Any, str]:
    """Read the private key, in PEM or as a JWK, and tell the algorithm that it signs with."""
    from joserfc import jwk
    from joserfc.errors import JoseError

    kinds: tuple[type[jwk.RSAKey | jwk.ECKey], ...] = (jwk.RSAKey, jwk.ECKey)
    try:
        text = smart.key_file.read_text("ascii")
        given = json.loads(text) if text.lstrip().startswith("{") else text
    except (OSError, ValueError) as error:
        raise UnauthorizedError(f"server.smart.key_file cannot be read: {_said(error)}") from None
    for kind in kinds:
        with contextlib.suppress(JoseError, ValueError, KeyError, TypeError):
            key = kind.import_key(given)
            algorithm = _algorithm(key)
            if key.is_private and algorithm:
                return key, algorithm
    raise UnauthorizedError(
        "server.smart.key_file holds no private key without a passphrase, in PEM or as a JWK, that"
        f" is RSA of {_SMALLEST_RSA_BITS} bits or more, or of the curve P-384"
    )


def _algorithm(key: Any) -> str | None:
    if key.key_type == "EC":
        return "ES384" if key.curve_name == "P-384" else None
    return "RS384" if key.raw_value.key_size >= _SMALLEST_RSA_BITS else None


def _oauth_error(error: urllib.error.HTTPError) -> str:
    """Give the code of an OAuth error (RFC 6749, 5.2); "" for any other body."""
    try:
        code = json.loads(error.read(_ANSWER_LIMIT_BYTES)).get("error")
    except (OSError, ValueError, AttributeError):
        return ""
    return f" {code}" if isinstance(code, str) else ""


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _said(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
