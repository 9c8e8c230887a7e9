"""What a client says of itself when it registers. Pure.

Spec: RFC 7591 section 2; https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#register-app-with-ehr

    token_endpoint_auth_method               kind
    none                                     public
    client_secret_basic, client_secret_post  confidential-symmetric
    private_key_jwt                          confidential-asymmetric; needs jwks or jwks_uri

Members that are not known here are ignored, as the RFC wants, and do not come back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from fhirserver.access.scope_text import parse_scopes, render_granted
from fhirserver.definitions import Definitions
from fhirserver.model.json import JsonObject, JsonValue
from fhirserver.smart.client_addresses import LONGEST, is_address, origin_of
from fhirserver.smart.clients import Client, Kind
from fhirserver.smart.jwks import KeySetError, check_key_set
from fhirserver.smart.oauth_error import OAuthError

KINDS: dict[str, Kind] = {
    "none": "public",
    "client_secret_basic": "confidential-symmetric",
    "client_secret_post": "confidential-symmetric",
    "private_key_jwt": "confidential-asymmetric",
}
GRANT_TYPES = ("authorization_code", "refresh_token", "client_credentials")
DEFAULT_SCOPES = "openid fhirUser launch launch/patient online_access offline_access patient/*.rs"

_MOST = 20


@dataclass(frozen=True, slots=True)
class Registered:
    """A client as it registers.

    Attributes:
        client: without an id; approved where nobody has to look at it.
        metadata: what else comes back when it is read, by the names of RFC 7591.
    """

    client: Client
    metadata: JsonObject


def read_metadata(given: JsonValue, definitions: Definitions) -> Registered:
    """Check what a client says of itself.

    Args:
        given: the request's body.
        definitions: types and search parameters, for its scopes.

    Raises:
        OAuthError: invalid_redirect_uri or invalid_client_metadata, with the member and the rule.
    """
    if not isinstance(given, dict):
        raise _invalid("the body is no JSON object")
    members = {name: given[name] for name in _MEMBERS if given.get(name) is not None}
    for name, value in members.items():
        _MEMBERS[name](name, value)
    method = members.get("token_endpoint_auth_method", "client_secret_basic")
    client = Client(
        id="",
        name=members.get("client_name", ""),
        kind=KINDS[method],
        redirect_uris=tuple(members.get("redirect_uris", ())),
        launch_url=members.get("initiate_login_uri"),
        grant_types=tuple(members.get("grant_types", GRANT_TYPES[:2])),
        jwks=members.get("jwks"),
        jwks_uri=members.get("jwks_uri"),
        origins=tuple(dict.fromkeys(map(origin_of, members.get("redirect_uris", ())))),
        dynamically_registered=True,
    )
    _check_grants(client, members)
    _check_keys(client)
    scopes, is_patient_facing = _scopes(client, members, definitions)
    kept = {name: value for name, value in members.items() if name in _KEPT}
    return Registered(
        replace(client, scopes=scopes, approved=is_patient_facing),
        {**kept, "token_endpoint_auth_method": method},
    )


def _check_grants(client: Client, members: JsonObject) -> None:
    by_code = "authorization_code" in client.grant_types
    if by_code != bool(client.redirect_uris):
        raise OAuthError(
            "invalid_redirect_uri",
            "redirect_uris and the grant type authorization_code go together",
        )
    if "client_credentials" in client.grant_types and client.kind != "confidential-asymmetric":
        raise _invalid(
            "client_credentials is for backend services, whose token_endpoint_auth_method is "
            "private_key_jwt; a secret is not enough"
        )
    if not by_code and "client_credentials" not in client.grant_types:
        raise _invalid("grant_types needs authorization_code or client_credentials")
    if members.get("response_types", ["code"] if by_code else []) != ["code"] and by_code:
        raise _invalid('response_types is ["code"] where authorization_code is granted')


def _check_keys(client: Client) -> None:
    if client.kind == "confidential-asymmetric":
        if (client.jwks is None) == (client.jwks_uri is None):
            raise _invalid("private_key_jwt needs either jwks or jwks_uri")
    elif client.jwks is not None or client.jwks_uri is not None:
        raise _invalid("jwks and jwks_uri go with token_endpoint_auth_method private_key_jwt")


def _scopes(client: Client, members: JsonObject, definitions: Definitions) -> tuple[str, bool]:
    """Give the scopes that are known here, and whether they are for patients only."""
    text = members.get("scope", DEFAULT_SCOPES if client.redirect_uris else "")
    asked = parse_scopes(text, definitions)
    if asked.refused:
        scope, reason = asked.refused[0]
        raise _invalid(f"scope {scope}: {reason}")
    levels = {scope.level for scope in asked.resources}
    if "system" in levels and "client_credentials" not in client.grant_types:
        raise _invalid("system/ scopes go with the grant type client_credentials")
    if not client.redirect_uris and levels != {"system"}:
        raise _invalid("scope of a backend service names system/ scopes, e.g. system/Patient.rs")
    scopes = " ".join(filter(None, (render_granted(asked.resources, asked), *asked.others)))
    return scopes, levels <= {"patient"}


def _invalid(description: str) -> OAuthError:
    return OAuthError("invalid_client_metadata", description)


def _text(longest: int) -> Callable[[str, JsonValue], None]:
    def check(name: str, value: JsonValue) -> None:
        if not isinstance(value, str) or not value.isprintable() or not 0 < len(value) <= longest:
            raise _invalid(f"{name} is a text of 1 to {longest} characters on one line")

    return check


def _address(name: str, value: JsonValue) -> None:
    if not is_address(value):
        raise _invalid(f"{name} is an https address of {LONGEST} characters at most")


def _redirect_uris(name: str, value: JsonValue) -> None:
    if not isinstance(value, list) or not len(value) <= _MOST or not all(map(is_address, value)):
        raise OAuthError(
            "invalid_redirect_uri",
            f"{name} lists at most {_MOST} addresses: https, or http of localhost, 127.0.0.1 or "
            "[::1]; no fragment, no user, no wildcard",
        )


def _one_of(*allowed: str) -> Callable[[str, JsonValue], None]:
    def check(name: str, value: JsonValue) -> None:
        if not isinstance(value, str) or value not in allowed:
            raise _invalid(f"{name} is one of {', '.join(allowed)}")

    return check


def _some_of(*allowed: str) -> Callable[[str, JsonValue], None]:
    def check(name: str, value: JsonValue) -> None:
        if not isinstance(value, list) or not all(each in allowed for each in value):
            raise _invalid(f"{name} lists some of {', '.join(allowed)}")

    return check


def _contacts(name: str, value: JsonValue) -> None:
    if not isinstance(value, list) or not len(value) <= _MOST:
        raise _invalid(f"{name} lists at most {_MOST} texts")
    for each in value:
        _text(320)(name, each)


def _key_set(_name: str, value: JsonValue) -> None:
    try:
        check_key_set(value)
    except KeySetError as error:
        raise _invalid(str(error)) from None


_KEPT: dict[str, Callable[[str, JsonValue], None]] = {
    "client_uri": _address,
    "logo_uri": _address,
    "tos_uri": _address,
    "policy_uri": _address,
    "contacts": _contacts,
    "software_id": _text(255),
    "software_version": _text(255),
    "response_types": _some_of("code"),
}
"""Members that only come back."""
_MEMBERS: dict[str, Callable[[str, JsonValue], None]] = {
    **_KEPT,
    "client_name": _text(200),
    "redirect_uris": _redirect_uris,
    "token_endpoint_auth_method": _one_of(*KINDS),
    "grant_types": _some_of(*GRANT_TYPES),
    "scope": _text(20_000),
    "jwks": _key_set,
    "jwks_uri": _address,
    "initiate_login_uri": _address,
}
