"""The audit trail of pages: authorizations, consents, tokens, registrations, and refusals.

Spec: https://hl7.org/fhir/R4/auditevent.html, 45 CFR 164.312(b)

One table names what is told of which place; a place that changes something and is in neither table
fails the tests. If the row cannot be written, the answer, with its code or token, does not leave.
"""

import base64
import binascii
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from flask import Flask, Response, g, render_template, request
from werkzeug.datastructures import MultiDict

from fhirserver.access import AuthContext
from fhirserver.audit import audit_row
from fhirserver.console.caller import caller
from fhirserver.console.oauth_answers import FORM_TYPE
from fhirserver.console.signed_in import services_here, signed_in
from fhirserver.errors import FhirError
from fhirserver.model.json import parse_json
from fhirserver.store.audit_row import record

EVENTS = {
    "authorize.begin": "authorize",
    "authorize_pages.choose": "authorize-choice",
    "oauth.token": "token",
    "oauth.introspection": "token-introspection",
    "oauth.revocation": "token-revocation",
    "oauth_registration.registration": "client-registration",
    "oauth_registration.change": "client-registration",
    "oauth_registration.delete": "client-registration",
    "oauth_logout.log_out": "logout",
    "launcher.launch": "launch",
    "inspector.inspect": "token-inspection",
}
"""Endpoint -> what the trail calls a request to it that is no GET."""

TOLD_BY_ITSELF = frozenset(
    (
        "login.ask",
        "login.second_factor",
        "login.enrol",
        "login.new_password",
        "login.again",
        "login.leave",
        "account.password",
        "account.enrol",
        "account.recovery_codes",
        "account.end_one",
        "account.end_others",
        "accounts.make",
        "accounts.disable",
        "accounts.enable",
        "accounts.unlock",
        "admin_apps.change",
        "apps.end",
        "apps.narrow",
        "developer.index",
        "developer.secret",
        "developer.delete",
        "break_glass.ask",
        "break_glass.reviewed",
        "conformance.run",
        "conformance.run_suite",
        "conformance.cancel",
        "oauth.who",
    )
)
"""Endpoints whose own work is told where it is done, or that change nothing."""

_READING = ("GET", "HEAD", "OPTIONS")
_REFUSED = (401, 403)


def note(*, actor: str = "", client: str = "", token: str = "", **detail: str | None) -> None:
    """Say what a view finds out and the request does not tell; later notes add to earlier ones.

    Args:
        actor: who it is really done for, where that is not who asks.
        client: id of the application.
        token: public number of the access token.
        detail: what else; None says nothing.
    """
    known = g.setdefault("noted", {"detail": {}})
    said = {"actor": actor, "client": client, "token": token}
    known |= {name: value for name, value in said.items() if value}
    known["detail"] |= {name: value for name, value in detail.items() if value is not None}


def tell(response: Response, refusal: Callable[[FhirError], Response]) -> Response:
    """Write the row of what has just been answered.

    Args:
        response: the answer.
        refusal: makes the answer to a failure.

    Returns:
        The answer; another one where the row could not be written.
    """
    event = EVENTS.get(request.endpoint or "")
    if event is None or request.method in _READING:
        return response
    row = audit_row(_who(), event)
    try:
        with services_here().database.connection() as connection:
            record(connection, row, response.status_code, detail=_detail() or None)
    except FhirError as error:
        return refusal(error)
    return response


def tell_refusal(error: FhirError) -> FhirError:
    """Write the row of a page that was refused to somebody who is logged in.

    Places that `tell` tells of have theirs anyway.

    Returns:
        The error; another one where the row could not be written.
    """
    endpoint = request.endpoint or ""
    has_row = endpoint in EVENTS and request.method not in _READING
    if error.status not in _REFUSED or has_row or signed_in() is None:
        return error
    detail = {"page": endpoint, "method": request.method}
    row, reason = audit_row(_who(), "page"), str(error)[:500]
    try:
        with services_here().database.connection() as connection:
            record(connection, row, error.status, reason=reason, detail=detail)
    except FhirError as failure:
        return failure
    return error


def add_audit(application: Flask) -> None:
    """Let an application tell what is done at its places."""

    def refusal(error: FhirError) -> Response:
        page = render_template("trouble.html", status=error.status, message=str(error))
        return Response(page, error.status, list(error.headers))

    application.after_request(lambda response: tell(response, refusal))


def _who() -> AuthContext:
    """Say who acts, through what: as the view has noted it, else as the request says."""
    asks, noted = caller(), g.get("noted", {})
    return replace(
        asks,
        actor=noted.get("actor", asks.actor),
        client=noted.get("client") or _client() or asks.client,
        token=noted.get("token", asks.token),
    )


def _form() -> MultiDict[str, str]:
    """Give the form; none where it is of another type, which no view reads and may be too large."""
    return request.form if request.mimetype == FORM_TYPE else MultiDict()


def _client() -> str:
    """Name the client that a request says it is from; it may have failed to prove it."""
    named = _form().get("client_id", "")
    if not named and request.authorization is not None and request.authorization.type == "basic":
        named = request.authorization.username or ""
    return _storable(named or _issuer(_form().get("client_assertion", "")), 200)


def _issuer(assertion: str) -> str:
    """Read who an assertion says it is of, checked or not."""
    try:
        payload = assertion.split(".")[1]
        claims = parse_json(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, binascii.Error, ValueError, FhirError):
        return ""
    issuer = claims.get("iss") if isinstance(claims, dict) else None
    return issuer if isinstance(issuer, str) else ""


def _detail() -> dict[str, Any]:
    """Say which step, grant, decision or account it was about."""
    form = _form()
    said: dict[str, Any] = {
        name: _storable(form[name], 200)
        for name in ("grant_type", "decision", "verdict")
        if name in form
    }
    scopes = form.getlist("scope")
    if scopes:
        said["scopes"] = _storable(" ".join(scopes), 2000)
    places = {**(request.view_args or {}), **g.get("noted", {}).get("detail", {})}
    return said | {name: _storable(str(value), 200) for name, value in places.items()}


def _storable(said: str, most: int) -> str:
    """Cut what a caller says to a length, and replace what PostgreSQL holds in no text."""
    return said[:most].replace("\0", "\ufffd")
