"""The audit trail of `/oauth`: authorizations, consents, tokens, registrations.

Spec: https://hl7.org/fhir/R4/auditevent.html, 45 CFR 164.312(b)

One table names what is told of which place; a place that changes something and is in neither table
fails the tests. If the row cannot be written, the answer, with its code or token, does not leave.
"""

import base64
import binascii
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from flask import Flask, Response, render_template, request

from fhirserver.audit import audit_row
from fhirserver.console.caller import caller
from fhirserver.console.signed_in import services_here
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
    who = caller()
    row = audit_row(replace(who, client=_client() or who.client), event)
    try:
        with services_here().database.connection() as connection:
            record(connection, row, response.status_code, detail=_detail() or None)
    except FhirError as error:
        return refusal(error)
    return response


def add_audit(application: Flask) -> None:
    """Let an application tell what is done at its places."""

    def refusal(error: FhirError) -> Response:
        page = render_template("trouble.html", status=error.status, message=str(error))
        return Response(page, error.status, list(error.headers))

    application.after_request(lambda response: tell(response, refusal))


def _client() -> str:
    """Name the client that a request says it is from; it may have failed to prove it."""
    named = request.form.get("client_id", "")
    if not named and request.authorization is not None and request.authorization.type == "basic":
        named = request.authorization.username or ""
    return _storable(named or _issuer(request.form.get("client_assertion", "")), 200)


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
    said: dict[str, Any] = {
        name: _storable(request.form[name], 200)
        for name in ("grant_type", "decision", "verdict")
        if name in request.form
    }
    scopes = request.form.getlist("scope")
    if scopes:
        said["scopes"] = _storable(" ".join(scopes), 2000)
    places = request.view_args or {}
    return said | {name: _storable(str(value), 200) for name, value in places.items()}


def _storable(said: str, most: int) -> str:
    """Cut what a caller says to a length, and replace what PostgreSQL holds in no text."""
    return said[:most].replace("\0", "\ufffd")
