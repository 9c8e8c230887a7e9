"""The page `/inspect`: which rule lets a request in or refuses it, step by step.

GET   /inspect
POST  /inspect     an access token, or for administrators its number or an account; a request

The token is looked up and forgotten: it is in no page, no log and no address. What is told is what
`$explain-access` tells: no resource is looked at.
"""

from __future__ import annotations

from typing import NamedTuple

from flask import Blueprint, make_response, render_template, request
from werkzeug.wrappers import Response

from fhirserver.access import AuthContext, Trace
from fhirserver.access.trace import told
from fhirserver.console.caller import caller
from fhirserver.console.form_text import form_text
from fhirserver.console.names import client_name
from fhirserver.console.offices import administers
from fhirserver.console.signed_in import needs_session, services_here, session_here
from fhirserver.errors import FhirError, ForbiddenError, InvalidRequestError, NotFoundError
from fhirserver.operations.explain_access import explain
from fhirserver.smart.authenticate import find_bearer
from fhirserver.smart.callers import find_caller

INSPECTOR = Blueprint("inspector", __name__)
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


class Inspected(NamedTuple):
    """Who a request was inspected for, and what the policy said."""

    auth: AuthContext
    client: str
    traces: list[Trace]


@INSPECTOR.route("/inspect", methods=["GET", "POST"])
@needs_session()
def inspect() -> Response:
    """Ask for a token and a request, and tell."""
    error, found = None, None
    if request.method == "POST":
        try:
            found = _inspect()
        except FhirError as refusal:
            error = refusal
    may_name = administers(session_here().account)
    page = make_response(
        render_template(
            "inspect.html",
            error=error,
            found=found,
            methods=METHODS,
            told=told,
            may_name=may_name,
            given=request.form,
            typing=True,
        )
    )
    page.status_code = 200 if error is None else error.status
    return page


def _inspect() -> Inspected:
    services = services_here()
    auth = _who(form_text("token"), form_text("who"))
    method, path = form_text("method") or "GET", form_text("path").removeprefix("/fhir")
    if method not in METHODS:
        raise InvalidRequestError(f"Method is one of {', '.join(METHODS)}.", expression=("method",))
    client = client_name(auth.client) if auth.client else ""
    return Inspected(auth, client, explain(services, auth, f"{method} {path}"))


def _who(token: str, who: str) -> AuthContext:
    """Find for whom it is asked: the bearer of a token, somebody named, or whoever asks.

    Raises:
        ForbiddenError: somebody is named, and whoever asks does not administer.
        NotFoundError: nobody that counts.
    """
    services = services_here()
    if token:
        base = services.settings.public_url
        found = find_bearer(services.database, services.definitions, token, base, services.now())
        if found is None:
            raise NotFoundError(
                "This access token counts for nothing here: it is unknown, expired or revoked, "
                "or its application or account is disabled.",
                expression=("token",),
            )
        return AuthContext(found.actor, found.client, "", rights=found.rights, token=found.token)
    if not who:
        return caller()
    if not administers(session_here().account):
        raise ForbiddenError("Only administrators may ask about others.", expression=("who",))
    named = find_caller(services, who)
    if named is None:
        raise NotFoundError(
            "No account and no token that counts; write account:USERNAME or token:NUMBER.",
            expression=("who",),
        )
    return named
