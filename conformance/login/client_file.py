"""The SMART client that a run logs in as, read from a JSON file.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html and
https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html

    flow              "backend-services", or "standalone-launch" for a user with a browser
    client_id         as registered
    scope             blanks between scopes, e.g. "system/*.cruds"
    private_key_file  PEM or JWK; an RSA key signs RS384, one of curve P-384 ES384
    key_id            `kid` of the registered key; may stand in the JWK
    jwks_url          where the registered keys are published, if so; sent as `jku`
    client_secret     of a confidential client without a key; standalone-launch only
    redirect_uri      as registered: http on this machine, with its port; standalone-launch only

File names are relative to the folder of this file.
"""

import difflib
import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fhirserver.errors import FhirError
from fhirserver.model.json import parse_json
from fhirserver_conformance.login.client_assertion import SigningKey, read_key
from fhirserver_conformance.login.login_error import LoginError

BACKEND_SERVICES = "backend-services"
STANDALONE_LAUNCH = "standalone-launch"
FLOWS = (BACKEND_SERVICES, STANDALONE_LAUNCH)


@dataclass(frozen=True, slots=True)
class SmartClient:
    """Who logs in, and how.

    Attributes:
        key: signs the client's assertions; None for a client without one.
        secret: of a client that has one.
        redirect_uri: "" unless `flow` is standalone-launch.
    """

    flow: str
    client_id: str
    scope: str
    key: SigningKey | None = None
    secret: str | None = None
    redirect_uri: str = ""


def read_client(path: Path) -> SmartClient:
    """Read and check a client's file.

    Raises:
        LoginError: says which file and field, what is wrong, and what belongs there.
    """
    try:
        given = parse_json(path.read_bytes())
    except OSError as error:
        raise LoginError(f"{path}: {error.strerror or error}") from None
    except FhirError as error:
        raise LoginError(f"{path}: {error}") from None
    try:
        fields = _checked(given)
    except _FieldError as error:
        raise LoginError(f"{path}: {error}") from None
    return SmartClient(
        flow=fields["flow"],
        client_id=fields["client_id"],
        scope=fields["scope"],
        key=_key(path.parent, fields),
        secret=fields.get("client_secret"),
        redirect_uri=fields.get("redirect_uri", ""),
    )


def _key(folder: Path, fields: dict[str, str]) -> SigningKey | None:
    if "private_key_file" not in fields:
        return None
    path = folder / fields["private_key_file"]
    return read_key(path, fields.get("key_id"), fields.get("jwks_url"))


class _FieldError(Exception):
    """What is wrong with a field."""


def _any(_text: str) -> None:
    pass


def _flow(text: str) -> None:
    if text not in FLOWS:
        raise _FieldError(f"flow is one of {', '.join(FLOWS)}")


def _redirect_uri(text: str) -> None:
    try:
        parts = urlsplit(text)
        usable = parts.scheme == "http" and bool(parts.port) and _is_loopback(parts.hostname)
    except ValueError:
        usable = False
    if not usable or parts.query or parts.fragment:
        raise _FieldError(
            "redirect_uri is an http address of this machine with a port, "
            "e.g. http://127.0.0.1:8765/callback"
        )


def _is_loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


_FIELDS: dict[str, Callable[[str], None]] = {
    "flow": _flow,
    "client_id": _any,
    "scope": _any,
    "private_key_file": _any,
    "key_id": _any,
    "jwks_url": _any,
    "client_secret": _any,
    "redirect_uri": _redirect_uri,
}
_NEEDED = {
    BACKEND_SERVICES: ("client_id", "scope", "private_key_file"),
    STANDALONE_LAUNCH: ("client_id", "scope", "redirect_uri"),
}
_USELESS = {BACKEND_SERVICES: ("client_secret", "redirect_uri"), STANDALONE_LAUNCH: ()}


def _checked(given: Any) -> dict[str, str]:
    if not isinstance(given, dict):
        raise _FieldError("holds no JSON object")
    for name, value in given.items():
        if name not in _FIELDS:
            near = difflib.get_close_matches(name, _FIELDS, 1)
            meant = f"; did you mean {near[0]}?" if near else f"; fields are {', '.join(_FIELDS)}"
            raise _FieldError(f"{name} is no field{meant}")
        if not isinstance(value, str) or not value.strip():
            raise _FieldError(f"{name} is a text that is not empty")
        _FIELDS[name](value)
    _check_together(given)
    return given


def _check_together(given: dict[str, str]) -> None:
    flow = given.get("flow")
    if flow is None:
        raise _FieldError(f"flow is missing: {' or '.join(FLOWS)}")
    for name in _NEEDED[flow]:
        if name not in given:
            raise _FieldError(f"{name} is missing; {flow} needs it")
    for name in _USELESS[flow]:
        if name in given:
            raise _FieldError(f"{name} has no use with {flow}; take it out")
    if "client_secret" in given and "private_key_file" in given:
        raise _FieldError("client_secret and private_key_file exclude each other; take one out")
