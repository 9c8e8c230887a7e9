"""A small authorization server for tests, independent of ours: strict, or lying as told.

It serves a FHIR base `/fhir` with its SMART configuration, `/authorize` where every user logs in at
once, and `/token`. What a client does wrong is answered as RFC 6749 and RFC 7523 say, and kept in
`refused`.
"""

import base64
import hashlib
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote_plus, urlencode, urlsplit

from joserfc import jwk, jwt
from joserfc.errors import JoseError

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
Form = dict[str, str]


class RefusedError(Exception):
    """What the client did wrong: an error code of RFC 6749 and a description."""


@dataclass
class Answer:
    """What is sent instead of the truth."""

    body: bytes
    status: int = 200
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),)


@dataclass
class AuthorizationServer:
    """One server; a context manager.

    Attributes:
        clock: seconds since 1970.
        keys: public keys by client id.
        secrets: by client id.
        lies: by path, what is answered there instead.
        lifetime_s: of access tokens.
        user_says: "" to consent, else the error that the log-in ends with.
        issuer: of the `iss` parameter; its own where "".
        refresh: whether it gives refresh tokens.
    """

    clock: Callable[[], float]
    keys: dict[str, jwk.RSAKey | jwk.ECKey] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    lies: dict[str, Answer] = field(default_factory=dict)
    lifetime_s: int = 300
    user_says: str = ""
    issuer: str = ""
    refresh: bool = True
    tokens: list[str] = field(default_factory=list)
    forms: list[Form] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._jtis: set[str] = set()
        self._codes: dict[str, Form] = {}
        self._refreshable: dict[str, str] = {}
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"authority": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))
        self._thread.start()
        self.root = f"http://127.0.0.1:{self._http.server_address[1]}"
        self.base = f"{self.root}/fhir"
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def configuration(self) -> dict[str, Any]:
        """Give what the SMART configuration says when it does not lie."""
        return {
            "issuer": self.root,
            "authorization_endpoint": f"{self.root}/authorize",
            "token_endpoint": f"{self.root}/token",
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["private_key_jwt", "client_secret_basic"],
            "token_endpoint_auth_signing_alg_values_supported": ["RS384", "ES384"],
        }

    def authorize(self, asked: Form) -> str:
        """Log the user in, and give the address that the browser goes to."""
        wanted = {"response_type": "code", "aud": self.base, "code_challenge_method": "S256"}
        for name, value in wanted.items():
            _check(asked.get(name) == value, "invalid_request", f"{name} is not {value}")
        for name in ("client_id", "scope", "state", "code_challenge"):
            _check(bool(asked.get(name)), "invalid_request", f"{name} is missing")
        answer = {"state": asked["state"], "iss": self.issuer or self.root}
        if self.user_says:
            answer |= {"error": self.user_says, "error_description": "The user said no."}
        else:
            answer["code"] = f"code-{len(self._codes)}"
            self._codes[answer["code"]] = asked
        return f"{asked['redirect_uri']}?{urlencode(answer)}"

    def token(self, form: Form, basic: str | None) -> dict[str, Any]:
        """Answer a token request."""
        with self._lock:
            self.forms.append(form)
            client_id = self._authenticated(form, basic)
            grants = {
                "client_credentials": self._client_credentials,
                "authorization_code": self._code,
                "refresh_token": self._refresh,
            }
            grant = grants.get(form.get("grant_type", ""))
            _check(grant is not None, "unsupported_grant_type", "no such grant")
            assert grant is not None
            return grant(form, client_id)

    def _authenticated(self, form: Form, basic: str | None) -> str:
        if "client_assertion" in form:
            _check(form.get("client_assertion_type") == ASSERTION, "invalid_client", "type")
            return self._asserted(form["client_assertion"])
        if basic is not None:
            pair = base64.b64decode(basic.removeprefix("Basic ")).decode().partition(":")
            client_id, secret = unquote_plus(pair[0]), unquote_plus(pair[2])
            _check(self.secrets.get(client_id) == secret, "invalid_client", "wrong secret")
            return client_id
        client_id = form.get("client_id", "")
        known = client_id in self.keys or client_id in self.secrets
        _check(bool(client_id) and not known, "invalid_client", "this client has a credential")
        return client_id

    def _asserted(self, assertion: str) -> str:
        """Check an assertion as SMART says, and give its client."""
        claims = json.loads(base64.urlsafe_b64decode(assertion.split(".")[1] + "==="))
        key = self.keys.get(claims["iss"])
        _check(key is not None, "invalid_client", f"no such client: {claims['iss']}")
        assert key is not None
        try:
            token = jwt.decode(assertion, key, algorithms=["RS384", "ES384"])
        except JoseError as error:
            raise RefusedError("invalid_client", f"signature: {error}") from None
        _check(token.header.get("kid") == "key-1", "invalid_client", "unknown kid")
        _check(token.header.get("typ") == "JWT", "invalid_client", "typ")
        _check(claims["sub"] == claims["iss"], "invalid_client", "sub is not iss")
        _check(claims["aud"] == f"{self.root}/token", "invalid_client", "wrong aud")
        _check(0 < claims["exp"] - self.clock() <= 300, "invalid_client", "wrong exp")
        _check(claims["jti"] not in self._jtis, "invalid_client", "replayed jti")
        self._jtis.add(claims["jti"])
        return str(claims["iss"])

    def _client_credentials(self, form: Form, client_id: str) -> dict[str, Any]:
        _check(client_id in self.keys, "unauthorized_client", "not with a key")
        _check(form.get("scope") == "system/*.rs", "invalid_scope", "not that scope")
        return self._issued()

    def _code(self, form: Form, client_id: str) -> dict[str, Any]:
        asked = self._codes.pop(form.get("code", ""), None)
        _check(asked is not None, "invalid_grant", "no such code, or used")
        assert asked is not None
        for name, value in (("client_id", client_id), ("redirect_uri", form.get("redirect_uri"))):
            _check(asked[name] == value, "invalid_grant", f"another {name}")
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        _check(asked["code_challenge"] == challenge, "invalid_grant", "wrong verifier")
        return self._issued(client_id)

    def _refresh(self, form: Form, client_id: str) -> dict[str, Any]:
        owner = self._refreshable.pop(form.get("refresh_token", ""), None)
        _check(owner == client_id, "invalid_grant", "no such refresh token, or used")
        return self._issued(client_id)

    def _issued(self, refresh_for: str | None = None) -> dict[str, Any]:
        self.tokens.append(f"token-{len(self.tokens)}")
        answer: dict[str, Any] = {
            "access_token": self.tokens[-1],
            "token_type": "bearer",
            "expires_in": self.lifetime_s,
            "scope": "system/*.rs",
        }
        if refresh_for is not None and self.refresh:
            answer["refresh_token"] = f"refresh-{len(self.tokens)}"
            self._refreshable[answer["refresh_token"]] = refresh_for
        return answer


class _Handler(BaseHTTPRequestHandler):
    authority: AuthorizationServer

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path in self.authority.lies:
            self._send(self.authority.lies[parts.path])
        elif parts.path == "/fhir/.well-known/smart-configuration":
            self._send(Answer(json.dumps(self.authority.configuration()).encode()))
        elif parts.path == "/authorize":
            try:
                place = self.authority.authorize(_single(parts.query))
                self._send(Answer(b"", 302, (("Location", place),)))
            except RefusedError as error:
                self._refuse(error)
        else:
            self._send(Answer(b"{}", 404))

    def do_POST(self) -> None:
        form = _single(self.rfile.read(int(self.headers["Content-Length"])).decode())
        if self.path in self.authority.lies:
            self._send(self.authority.lies[self.path])
            return
        try:
            answer = self.authority.token(form, self.headers["Authorization"])
        except RefusedError as error:
            self._refuse(error)
        else:
            self._send(Answer(json.dumps(answer).encode()))

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def _refuse(self, error: RefusedError) -> None:
        code, description = error.args
        self.authority.refused.append(f"{code}: {description}")
        body = json.dumps({"error": code, "error_description": description})
        self._send(Answer(body.encode(), 400))

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)


def _single(query: str) -> Form:
    return {name: values[0] for name, values in parse_qs(query).items() if len(values) == 1}


def _check(holds: bool, code: str, description: str) -> None:
    if not holds:
        raise RefusedError(code, description)
