"""The page `/apps`: what somebody has allowed applications to do, and taking it back.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html (management_endpoint)

    GET  /apps            each application with what it may, for which patient, until when
    POST /apps/end        takes everything back from one
    POST /apps/narrow     leaves it what is still ticked

What is taken back counts from the next request, and is in the audit trail.
"""

from __future__ import annotations

from itertools import groupby
from typing import NamedTuple

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from fhirserver.console.app_audit import tell
from fhirserver.console.form_text import form_text
from fhirserver.console.moment import moment
from fhirserver.console.names import name_of
from fhirserver.console.signed_in import needs_session, services_here, session_here
from fhirserver.errors import ConflictError
from fhirserver.smart import allowed_apps
from fhirserver.smart.allowed_apps import Allowed
from fhirserver.smart.offer import Offer

APPS = Blueprint("apps", __name__, url_prefix="/apps")
_CHANGED = "What this application may do has changed meanwhile; look at the page again."


class Shown(NamedTuple):
    """One grant on the page: it, what it says in plain words, and the patient's name."""

    allowed: Allowed
    offer: Offer
    patient: str


@APPS.get("")
@needs_session()
def index() -> str:
    """List the applications."""
    shown = map(_shown, _listed())
    apps = [list(each) for _, each in groupby(shown, key=lambda one: one.allowed.client)]
    return render_template("apps.html", apps=apps, moment=moment)


@APPS.post("/end")
@needs_session()
def end() -> Response:
    """Take everything back from one application."""
    return _end(form_text("client"))


@APPS.post("/narrow")
@needs_session()
def narrow() -> Response:
    """Leave an application what is still ticked.

    Raises:
        ConflictError: it has something else by now.
    """
    services, account = services_here(), session_here().account
    number = request.form.get("number", "")
    allowed = next((each for each in _listed() if str(each.numbers[-1]) == number), None)
    if allowed is None:
        raise ConflictError(_CHANGED)
    offer = allowed_apps.offer_of(allowed, services.definitions)
    ticked = frozenset(request.form.getlist("scope"))
    left = offer.chosen(ticked, refreshing="refreshing" in request.form)
    if not left:
        return _end(allowed.client)
    with services.database.connection() as connection, connection.transaction():
        definitions, now = services.definitions, services.now()
        if not allowed_apps.narrow(connection, allowed, account.id, left, definitions, now):
            raise ConflictError(_CHANGED)  # which undoes what is done so far
        tell(connection, "narrow-app", allowed.client, [allowed.patient])
    return redirect(url_for(".index"), 303)


def _end(client: str) -> Response:
    services, account = services_here(), session_here().account
    with services.database.connection() as connection, connection.transaction():
        ended = allowed_apps.end(connection, account.id, client, services.now())
        tell(connection, "revoke-app", client, ended)
    return redirect(url_for(".index"), 303)


def _listed() -> list[Allowed]:
    services = services_here()
    with services.database.connection() as connection:
        return allowed_apps.list_allowed(connection, session_here().account.id, services.now())


def _shown(allowed: Allowed) -> Shown:
    services = services_here()
    patient = "" if allowed.patient is None else name_of(f"Patient/{allowed.patient}")
    return Shown(allowed, allowed_apps.offer_of(allowed, services.definitions), patient)
