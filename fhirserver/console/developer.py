"""The pages below `/developer`: applications that somebody registers and looks after.

GET, POST  /developer             register one; the answer shows its secret, once
POST       /developer/secret      another secret; the latest one before it stays good
POST       /developer/delete      forget one with all its tokens

What may be registered, and who approves it, is as for any registration (RFC 7591).
"""

from __future__ import annotations

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from fhirserver.console import scope_builder
from fhirserver.console.app_audit import tell
from fhirserver.console.form_text import form_text
from fhirserver.console.offices import develops, launches, require
from fhirserver.console.scope_builder import Ticks
from fhirserver.console.signed_in import needs_session, services_here, session_here
from fhirserver.errors import FhirError, NotFoundError
from fhirserver.model.json import JsonObject, parse_json
from fhirserver.smart import clients
from fhirserver.smart.client_secrets import add_secret
from fhirserver.smart.clients import Client
from fhirserver.smart.oauth_error import OAuthError
from fhirserver.smart.registration import register_owned

DEVELOPER = Blueprint("developer", __name__, url_prefix="/developer")
METHODS = {
    "none": "None: the app runs in a browser or on a phone",
    "client_secret_basic": "A secret: the app has a server of its own",
    "private_key_jwt": "Keys: the app has a server and signs",
}


@DEVELOPER.route("", methods=["GET", "POST"])
@needs_session()
def index() -> Response:
    """Show one's applications and the form for another, or register it."""
    require(holds=develops(session_here().account))
    if request.method == "GET":
        return _page()
    try:
        made = _register()
    except OAuthError as error:
        return _page(error=error.description)
    return _page(made=made)


@DEVELOPER.post("/secret")
@needs_session(step_up=True)
def secret() -> Response:
    """Give an application another secret."""
    client = _own(form_text("client"))
    with services_here().database.connection() as connection, connection.transaction():
        made = add_secret(connection, client.id)
        tell(connection, "new-app-secret", client.id)
    return _page(made={"client_id": client.id, "client_name": client.name, "client_secret": made})


@DEVELOPER.post("/delete")
@needs_session()
def delete() -> Response:
    """Forget an application."""
    client = _own(form_text("client"))
    with services_here().database.connection() as connection, connection.transaction():
        clients.remove(connection, client.id)
        tell(connection, "delete-app", client.id)
    return redirect(url_for(".index"), 303)


def _register() -> JsonObject:
    services, account = services_here(), session_here().account
    made = register_owned(services, _metadata(), account.id)
    with services.database.connection() as connection:
        tell(connection, "register-app", made["client_id"])
    return made


def _metadata() -> JsonObject:
    """Read the form as RFC 7591 names things; what is empty is not said.

    Raises:
        OAuthError: the keys are no JSON.
    """
    method = form_text("method") or "none"
    jwks_uri, jwks = form_text("jwks_uri"), form_text("jwks")
    said: JsonObject = {
        "client_name": form_text("name"),
        "redirect_uris": form_text("redirect_uris").split(),
        "initiate_login_uri": form_text("launch_url"),
        "token_endpoint_auth_method": method,
        "scope": scope_builder.build(_ticks()),
        "jwks_uri": jwks_uri if method == "private_key_jwt" else "",
        "jwks": _keys(jwks) if method == "private_key_jwt" else None,
    }
    return {name: value for name, value in said.items() if value}


def _keys(text: str) -> JsonObject | None:
    if not text:
        return None
    try:
        found: JsonObject = parse_json(text.encode())
    except FhirError as error:
        raise OAuthError("invalid_client_metadata", f"the keys are no JSON: {error}") from None
    return found


def _ticks() -> Ticks:
    form = request.form
    return Ticks(
        form_text("level"),
        form.getlist("see"),
        form.getlist("write"),
        form.getlist("also"),
        form_text("more"),
    )


def _own(client_id: str) -> Client:
    """Find an application of whoever asks.

    Raises:
        NotFoundError: there is none, or it is somebody else's.
    """
    account = session_here().account
    with services_here().database.connection() as connection:
        for client in clients.owned_by(connection, account.id):
            if client.id == client_id:
                return client
    raise NotFoundError("You look after no such application.", expression=("client",))


def _page(*, made: JsonObject | None = None, error: str = "") -> Response:
    services, account = services_here(), session_here().account
    with services.database.connection() as connection:
        own = clients.owned_by(connection, account.id)
    given = request.form if error else None
    page = make_response(
        render_template(
            "developer.html",
            apps=[each for each in own if made is None or each.id != made["client_id"]],
            made=made,
            error=error,
            base=services.settings.public_url,
            builder=scope_builder,
            methods=METHODS,
            ticks=_ticks() if error else None,
            given=given or {},
            launches=launches(account),
            typing=True,
        )
    )
    page.status_code = 400 if error else 201 if made else 200
    return page
