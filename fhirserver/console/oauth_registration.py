"""Registration of clients, and the keys that this server signs with: what needs no page.

Spec: RFC 7591, RFC 7592; RFC 7517 section 5

    POST   /oauth/register        registers a client
    GET    /oauth/register/ID     its registration
    PUT    /oauth/register/ID     changes it
    DELETE /oauth/register/ID     forgets the client
    GET    /oauth/jwks            public keys
"""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, request

from fhirserver.console.audited import note
from fhirserver.console.oauth_answers import as_error, as_json, read_bearer
from fhirserver.errors import FhirError
from fhirserver.interactions import Services
from fhirserver.model.json import JsonValue, parse_json, write_json
from fhirserver.smart.keys import JWKS_MAX_AGE_S, key_set
from fhirserver.smart.oauth_error import OAuthError
from fhirserver.smart.registration import (
    Own,
    change_registration,
    delete_registration,
    read_registration,
    register,
)

BODY_MAX_BYTES = 65_536


def make_oauth_registration(services: Services) -> Blueprint:
    """Make the blueprint."""
    blueprint = Blueprint("oauth_registration", __name__, url_prefix="/oauth")

    @blueprint.post("/register")
    def registration() -> Response:
        def run() -> Response:
            made = register(services, _read_body(), read_bearer(), request.remote_addr or "")
            note(client=made["client_id"])
            return as_json(made, 201)

        return _answer(run)

    @blueprint.get("/register/<client_id>")
    def read(client_id: str) -> Response:
        own = Own(services, client_id, read_bearer())
        return _answer(lambda: as_json(read_registration(own)))

    @blueprint.put("/register/<client_id>")
    def change(client_id: str) -> Response:
        own = Own(services, client_id, read_bearer())
        return _answer(lambda: as_json(change_registration(own, _read_body())))

    @blueprint.delete("/register/<client_id>")
    def delete(client_id: str) -> Response:
        def run() -> Response:
            delete_registration(Own(services, client_id, read_bearer()))
            return Response(status=204)

        return _answer(run)

    @blueprint.get("/jwks")
    def keys() -> Response:
        found = key_set(services.database, services.secrets_key, services.now())
        response = Response(write_json(found), mimetype="application/json")
        response.headers["Cache-Control"] = f"public, max-age={JWKS_MAX_AGE_S}"
        response.headers["Access-Control-Allow-Origin"] = "*"
        return response

    return blueprint


def _answer(run: Callable[[], Response]) -> Response:
    try:
        return run()
    except OAuthError as error:
        return as_error(error)


def _read_body() -> JsonValue:
    """Read the JSON of a request.

    Raises:
        OAuthError: it is too large, or no JSON.
    """
    length = request.content_length
    if request.mimetype != "application/json" or length is None or length > BODY_MAX_BYTES:
        raise OAuthError(
            "invalid_client_metadata",
            f"send application/json with a Content-Length of {BODY_MAX_BYTES} bytes at most",
        )
    try:
        return parse_json(request.get_data(cache=False))
    except FhirError as error:
        raise OAuthError("invalid_client_metadata", str(error)) from None
