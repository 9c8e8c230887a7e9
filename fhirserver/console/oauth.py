"""The authorization server's endpoints that applications call themselves.

Spec: RFC 6749 section 3.2, RFC 7009, RFC 7662; OpenID Connect Core section 5.3

    POST /oauth/token         codes and refresh tokens become tokens
    POST /oauth/introspect    what a token is good for
    POST /oauth/revoke        a token counts no longer
    GET, POST /oauth/userinfo who granted an access token
    GET /oauth/style/NAME     how applications in the EHR should look
"""

from __future__ import annotations

from flask import Blueprint, Response, abort

from fhirserver.console.audited import note
from fhirserver.console.oauth_answers import as_json, for_applications, read_bearer, token_call
from fhirserver.interactions import Services
from fhirserver.model.json import write_json
from fhirserver.smart.authenticate import find_bearer
from fhirserver.smart.client_authentication import TokenCall
from fhirserver.smart.introspection import introspect
from fhirserver.smart.origins import RegisteredOrigins
from fhirserver.smart.revocation import revoke
from fhirserver.smart.style import STYLE, STYLE_NAME
from fhirserver.smart.token_endpoint import answer_token_request
from fhirserver.smart.userinfo import userinfo

_CALLED = ["POST", "OPTIONS"]


def make_oauth(services: Services) -> Blueprint:
    """Make the blueprint."""
    blueprint = Blueprint("oauth", __name__, url_prefix="/oauth")
    called = for_applications(RegisteredOrigins(services.database))

    @blueprint.route("/token", methods=_CALLED)
    @called
    def token() -> Response:
        call = token_call()
        answer = answer_token_request(call)
        _note_issued(call, answer["access_token"])
        return as_json(answer)

    @blueprint.route("/introspect", methods=_CALLED)
    @called
    def introspection() -> Response:
        return as_json(introspect(token_call()))

    @blueprint.route("/revoke", methods=_CALLED)
    @called
    def revocation() -> Response:
        revoke(token_call())
        return as_json({})

    @blueprint.route("/userinfo", methods=["GET", *_CALLED])
    @called
    def who() -> Response:
        return as_json(userinfo(services, read_bearer()))

    @blueprint.get("/style/<name>")
    def style(name: str) -> Response:
        if name != STYLE_NAME:
            abort(404, "There is no style of this name.")
        response = Response(write_json(STYLE), mimetype="application/json")
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        response.headers["Access-Control-Allow-Origin"] = "*"
        return response

    return blueprint


def _note_issued(call: TokenCall, secret: str) -> None:
    """Note for the audit trail whose an access token is: what is done with it names its number."""
    services = call.services
    base, definitions = services.settings.public_url, services.definitions
    bearer = find_bearer(services.database, definitions, secret, base, call.now_us)
    if bearer is not None:
        note(
            actor=bearer.actor,
            client=bearer.client,
            token=bearer.token,
            scopes=bearer.scopes,
            patient=bearer.rights.patient,
        )
