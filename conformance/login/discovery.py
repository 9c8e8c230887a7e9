"""Where a FHIR server says that its authorization server is.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from fhirserver.errors import FhirError
from fhirserver.model.json import parse_json
from fhirserver_conformance.login.client_file import STANDALONE_LAUNCH, SmartClient
from fhirserver_conformance.login.login_error import LoginError
from fhirserver_conformance.transport import Request, Transport

PATH = "/.well-known/smart-configuration"


@dataclass(frozen=True, slots=True)
class Endpoints:
    """What a log-in needs of a server's SMART configuration.

    Attributes:
        token: absolute address.
        authorization: likewise; "" where the flow needs none.
        issuer: "" where the server names none.
    """

    token: str
    authorization: str = ""
    issuer: str = ""


def discover(base: str, client: SmartClient, transport: Transport) -> Endpoints:
    """Ask a server for its SMART configuration.

    Raises:
        LoginError: there is none, it is no JSON object, it lacks an endpoint or sends secrets
            over plain HTTP, or it says that it does not take what the client has.
    """
    url = base + PATH
    exchange = transport.send(Request("GET", url, (("Accept", "application/json"),)))
    if exchange.failure is not None or exchange.status != 200:
        answer = exchange.failure or f"answered {exchange.status}"
        raise LoginError(f"{url}: {answer}; a log-in needs the server's SMART configuration")
    try:
        stated = parse_json(exchange.response_body)
    except FhirError as error:
        raise LoginError(f"{url}: {error}") from None
    if not isinstance(stated, dict):
        raise LoginError(f"{url}: holds no JSON object")
    _check_offers(url, stated, client)
    needs_user = client.flow == STANDALONE_LAUNCH
    issuer = stated.get("issuer")
    return Endpoints(
        token=_endpoint(url, stated, "token_endpoint", base),
        authorization=_endpoint(url, stated, "authorization_endpoint", base) if needs_user else "",
        issuer=issuer if isinstance(issuer, str) else "",
    )


def _endpoint(url: str, stated: dict[str, Any], name: str, base: str) -> str:
    """Read an address; only a server that is itself asked over plain HTTP may name another such."""
    address = stated.get(name)
    try:
        parts = urlsplit(address if isinstance(address, str) else "")
    except ValueError:
        parts = urlsplit("")
    allowed = ("https", "http") if base.startswith("http:") else ("https",)
    if parts.scheme not in allowed or not parts.hostname or parts.fragment:
        raise LoginError(f"{url}: {name} is no absolute {allowed[0]} address")
    return str(address)


def _check_offers(url: str, stated: dict[str, Any], client: SmartClient) -> None:
    """Say before the log-in what the server says that it refuses; what it does not say is tried."""
    needed = {
        "token_endpoint_auth_methods_supported": _authentication(client),
        "token_endpoint_auth_signing_alg_values_supported": client.key and client.key.algorithm,
        "code_challenge_methods_supported": "S256" if client.flow == STANDALONE_LAUNCH else None,
    }
    for name, value in needed.items():
        offered = stated.get(name)
        if value is not None and isinstance(offered, list) and value not in offered:
            raise LoginError(f"{url}: {name} lacks {value}, which this client needs")


def _authentication(client: SmartClient) -> str | None:
    if client.key is not None:
        return "private_key_jwt"
    return "client_secret_basic" if client.secret is not None else None
