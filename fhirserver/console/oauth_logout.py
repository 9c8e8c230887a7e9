"""An application logs the person out.

Spec: https://openid.net/specs/openid-connect-rpinitiated-1_0.html

    GET, POST /oauth/logout?id_token_hint&post_logout_redirect_uri&state

With an id_token of the person who is logged in here, the session ends at once, and with it all that
was granted for its length. Without one the person is asked. Where the browser goes afterwards must
be one of the application's redirect URIs.
"""

from __future__ import annotations

from urllib.parse import urlencode

from flask import Blueprint, abort, redirect, url_for
from werkzeug.wrappers import Response

from fhirserver.console.oauth_answers import read_form
from fhirserver.console.signed_in import cookie_secret, drop_cookie, signed_in
from fhirserver.identity import app_access, sessions
from fhirserver.interactions import Services
from fhirserver.smart import clients
from fhirserver.smart.form import Form
from fhirserver.smart.id_token import granted_by
from fhirserver.smart.oauth_error import OAuthError


def make_oauth_logout(services: Services) -> Blueprint:
    """Make the blueprint."""
    blueprint = Blueprint("oauth_logout", __name__)

    @blueprint.route("/oauth/logout", methods=["GET", "POST"])
    def log_out() -> Response:
        try:
            form = read_form()
        except OAuthError as error:
            abort(400, f"The application asked wrongly: {error.description}.")
        granted = granted_by(services, form.get("id_token_hint", ""), services.now())
        account, client_id = granted or ("", form.get("client_id", ""))
        target = _target(services, form, client_id)
        session = signed_in()
        if session is None:
            return redirect(target, 303)
        if session.account.id != account:
            return redirect(url_for("login.leave"), 303)
        with services.database.connection() as connection:
            app_access.end_online(connection, (session.id,), services.now())
            sessions.end(connection, cookie_secret())
        return drop_cookie(redirect(target, 303))

    return blueprint


def _target(services: Services, form: Form, client_id: str) -> str:
    """Give where the browser goes: nowhere else than where the application is registered."""
    wanted = form.get("post_logout_redirect_uri")
    client = clients.find(services.database, client_id) if wanted and client_id else None
    if wanted is None or client is None or wanted not in client.redirect_uris:
        return url_for("login.ask")
    if "state" not in form:
        return wanted
    joined = "&" if "?" in wanted else "?"
    return f"{wanted}{joined}{urlencode({'state': form['state']})}"
