"""What an application asks for at the authorization endpoint, read and held against the rules.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#request-4; RFC 6749 section
4.1.1; RFC 7636 section 4.3; OpenID Connect Core section 3.1.2.1

Two kinds of faults. While client and redirect_uri are not known to belong together, nobody is sent
anywhere: `UntrustedRequestError`, for a page. After that a fault goes back to the application:
`RefusedRequestError`, with its redirect_uri and state.

    response_type  code            client_id, redirect_uri   registered, equal as strings
    state          any, needed     aud, or resource          this FHIR base
    scope          see access      code_challenge            S256
    launch         of an EHR launch; goes with the scope of this name
    nonce, prompt, max_age         of OpenID Connect
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass

from fhirserver.access.scope_text import Asked, parse_scopes
from fhirserver.definitions import Definitions
from fhirserver.model.json import JsonObject
from fhirserver.smart import pkce
from fhirserver.smart.clients import Client
from fhirserver.smart.form import Form
from fhirserver.smart.oauth_error import OAuthError, invalid_request

PROMPTS = frozenset(("none", "login", "consent", "select_account"))
_STATE_MAX = 4000
_NOT_SUPPORTED = {
    "request": "request_not_supported",
    "request_uri": "request_uri_not_supported",
    "registration": "registration_not_supported",
}


@dataclass(frozen=True, slots=True)
class AuthorizeRequest:
    """A request that is in order.

    Attributes:
        redirect_uri: where the answer goes.
        state: goes with it, unchanged.
        scope: as asked.
        challenge: of PKCE.
        launch: SHA-256 of the handle of an EHR launch, hexadecimal; "" for a standalone launch.
        nonce: for the id_token; "" without one.
        prompt: what the person must be asked; "none" for nothing.
        max_age_s: seconds since the login at most; None for any.
    """

    redirect_uri: str
    state: str
    scope: str
    challenge: str
    launch: str = ""
    nonce: str = ""
    prompt: tuple[str, ...] = ()
    max_age_s: int | None = None

    def as_json(self) -> JsonObject:
        """Give it as it is kept."""
        return asdict(self)

    @classmethod
    def from_json(cls, kept: JsonObject) -> AuthorizeRequest:
        """Take what `as_json` gave."""
        return cls(**{**kept, "prompt": tuple(kept["prompt"])})


class RefusedRequestError(Exception):
    """A fault that the application is told of, at its redirect_uri.

    Args:
        error: what is wrong.
        redirect_uri: registered for the client.
        state: to be sent back; "" where none was sent.
    """

    def __init__(self, error: OAuthError, redirect_uri: str, state: str) -> None:
        super().__init__(error.code)
        self.error = error
        self.redirect_uri = redirect_uri
        self.state = state


def read_request(
    form: Form, client: Client, base: str, definitions: Definitions
) -> AuthorizeRequest:
    """Read a request of a client whose redirect_uri has been checked. Pure.

    Args:
        form: its parameters.
        client: who asks.
        base: this FHIR base.
        definitions: types and search parameters, for scopes.

    Raises:
        RefusedRequestError: it breaks a rule.
    """
    try:
        return _read(form, client, base, definitions)
    except OAuthError as error:
        raise RefusedRequestError(error, form["redirect_uri"], form.get("state", "")) from error


def check_redirect_uri(form: Form, client: Client) -> None:
    """Refuse an address that the client has not registered.

    Raises:
        OAuthError: for a page; nobody may be sent there.
    """
    if form.get("redirect_uri") not in client.redirect_uris:
        raise invalid_request(
            "redirect_uri is missing or not registered for this application; it must equal a "
            "registered one, character by character"
        )


def _read(form: Form, client: Client, base: str, definitions: Definitions) -> AuthorizeRequest:
    for name, code in _NOT_SUPPORTED.items():
        if name in form:
            raise OAuthError(code, f"the parameter {name} is not supported")
    _check_basics(form, client)
    _check_audience(form, base)
    _check_challenge(form)
    _check_scopes(form, parse_scopes(form.get("scope", ""), definitions))
    return AuthorizeRequest(
        redirect_uri=form["redirect_uri"],
        state=form["state"],
        scope=form["scope"],
        challenge=form["code_challenge"],
        launch=hashlib.sha256(form["launch"].encode()).hexdigest() if "launch" in form else "",
        nonce=form.get("nonce", ""),
        prompt=_prompt(form),
        max_age_s=_max_age_s(form),
    )


def _check_basics(form: Form, client: Client) -> None:
    if "state" not in form or len(form["state"]) > _STATE_MAX:
        raise invalid_request(
            f"state is needed, at most {_STATE_MAX} characters: something unguessable that is "
            "tied to the browser, compared when it comes back"
        )
    if form.get("response_type", "code") != "code":
        raise OAuthError("unsupported_response_type", "response_type must be code")
    if "response_type" not in form:
        raise invalid_request("response_type is missing; it must be code")
    if form.get("response_mode", "query") != "query":
        raise invalid_request("response_mode must be query")
    if "authorization_code" not in client.grant_types:
        raise OAuthError("unauthorized_client", "the client is not registered for codes")


def _check_audience(form: Form, base: str) -> None:
    named = [form[name] for name in ("aud", "resource") if name in form]
    if not named or any(each.removesuffix("/") != base for each in named):
        raise invalid_request(f"aud must be the FHIR base of this server, which is {base}")


def _check_challenge(form: Form) -> None:
    if form.get("code_challenge_method") != pkce.METHOD:
        raise invalid_request("code_challenge_method must be S256")
    if not pkce.is_challenge(form.get("code_challenge", "")):
        raise invalid_request(
            "code_challenge must be the SHA-256 of the verifier in base64url, 43 characters"
        )


def _check_scopes(form: Form, asked: Asked) -> None:
    if asked.refused:
        text, reason = asked.refused[0]
        raise OAuthError("invalid_scope", f"scope {text[:100]}: {reason}")
    if not asked.resources and not asked.others:
        raise OAuthError("invalid_scope", "scope is missing, or holds nothing that exists here")
    if ("launch" in form) != ("launch" in asked.others):
        raise invalid_request(
            "an EHR launch has both the parameter launch and the scope launch; any other neither"
        )


def _prompt(form: Form) -> tuple[str, ...]:
    prompts = tuple(form.get("prompt", "").split())
    unknown = set(prompts) - PROMPTS
    if unknown or ("none" in prompts and len(prompts) > 1):
        raise invalid_request(f"prompt must be none alone, or some of {', '.join(sorted(PROMPTS))}")
    return prompts


def _max_age_s(form: Form) -> int | None:
    text = form.get("max_age")
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise invalid_request("max_age must be a number of seconds")
    return int(text)
