"""The authorization endpoint: an application asks, and whatever comes next leads to an answer.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html; RFC 6749 section 4.1

    GET, POST /oauth/authorize     reads the request, keeps it, leads to its page
    GET /authorize/ID              leads to whatever comes next, in the end to the application

A POST from the application's page carries no cookie; the redirect after it does. What an answer is
sent to was compared with what is registered before it was kept.
"""

from __future__ import annotations

from flask import Blueprint, abort, redirect, url_for
from werkzeug.wrappers import Response

from fhirserver.console.oauth_answers import read_form
from fhirserver.console.signed_in import signed_in
from fhirserver.console.under_way import UnderWay, pending_request, with_session
from fhirserver.interactions import Services
from fhirserver.smart import authorizations, clients, consents
from fhirserver.smart.authorizations import Launched, Pending
from fhirserver.smart.authorize import (
    Step,
    error_address,
    grant,
    login_step,
    next_step,
    refuse_silent,
)
from fhirserver.smart.authorize_request import (
    RefusedRequestError,
    check_redirect_uri,
    read_request,
)
from fhirserver.smart.client_authentication import usable
from fhirserver.smart.clients import Client
from fhirserver.smart.form import Form, needed
from fhirserver.smart.oauth_error import OAuthError, invalid_request


def make_authorize(services: Services) -> Blueprint:
    """Make the blueprint."""
    blueprint = Blueprint("authorize", __name__)
    base = services.settings.public_url

    @blueprint.route("/oauth/authorize", methods=["GET", "POST"])
    def begin() -> Response:
        form, client = _trusted(services)
        try:
            asked = read_request(form, client, base, services.database.definitions)
        except RefusedRequestError as refused:
            target = error_address(refused.redirect_uri, refused.state, base, refused.error)
            return redirect(target, 303)
        with services.database.connection() as connection:
            id_ = authorizations.begin(connection, client.id, asked, services.now())
        return redirect(url_for("authorize.go_on", id_=id_), 303)

    @blueprint.get("/authorize/<id_>")
    def go_on(id_: str) -> Response:
        pending = pending_request(services, id_)
        try:
            return _go_on(services, pending)
        except OAuthError as error:
            return end_with(services, pending, error)

    return blueprint


def end_with(services: Services, pending: Pending, error: OAuthError) -> Response:
    """End a request and tell the application why."""
    with services.database.connection() as connection:
        authorizations.take(connection, pending)
    request = pending.request
    base = services.settings.public_url
    return redirect(error_address(request.redirect_uri, request.state, base, error), 303)


def end_with_grant(
    services: Services, here: UnderWay, scopes: str, *, chosen: bool = False
) -> Response:
    """End a request with a code for the application.

    Args:
        services: where it is kept.
        here: the request.
        scopes: granted.
        chosen: whether the person was asked, which is remembered.

    Raises:
        OAuthError: it was answered already, or the session has ended meanwhile.
    """
    base, now_us = services.settings.public_url, services.now()
    with services.database.connection() as connection, connection.transaction():
        address = grant(connection, here.pending, here.session, scopes, base, now_us)
        if chosen:
            consents.remember(connection, here.client, here.session.account.id, scopes, now_us)
    return redirect(address, 303)


def _trusted(services: Services) -> tuple[Form, Client]:
    """Read a request as far as it has to be right before anybody is sent anywhere."""
    try:
        form = read_form()
        client = clients.find(services.database, needed(form, "client_id"))
        if client is None:
            raise invalid_request("no application of this client_id is registered here")
        check_redirect_uri(form, usable(client))
    except OAuthError as error:
        abort(400, f"The application asked wrongly ({error.code}): {error.description}.")
    return form, client


def _go_on(services: Services, pending: Pending) -> Response:
    session = signed_in()
    step: Step | None = login_step(pending, session)
    if session is None or step is not None:
        refuse_silent(pending, step or "log-in")
        place = "login.again" if step == "again" else "login.ask"
        here = url_for("authorize.go_on", id_=pending.id)
        return redirect(url_for(place, next=here), 303)
    under_way = with_session(services, pending, session)
    if pending.request.launch and not under_way.pending.launched:
        under_way = _launch(services, under_way)
    own = session.account.patient
    if own is not None and under_way.pending.patient is None and under_way.offer.needs_patient:
        with services.database.connection() as connection:
            authorizations.note_patient(connection, under_way.pending, own)
        under_way = with_session(services, under_way.pending, session)
    return _next(services, under_way)


def _launch(services: Services, here: UnderWay) -> UnderWay:
    """Take the context of an EHR launch.

    Raises:
        OAuthError: the handle is not for this application, person and server, or not any more.
    """
    by = Launched(
        bytes.fromhex(here.pending.request.launch),
        here.session.id,
        here.session.account.id,
        services.settings.public_url,
    )
    with services.database.connection() as connection:
        if not authorizations.launch(connection, here.pending.id, by, services.now()):
            raise invalid_request(
                "launch is unknown, used or older than five minutes, or was made for another "
                "application or person; launch again from the EHR"
            )
    return with_session(services, here.pending, here.session)


def _next(services: Services, here: UnderWay) -> Response:
    if not here.offer.resources and not here.offer.others:
        raise OAuthError(
            "invalid_scope",
            "nothing of the scope is registered for the application and allowed to the person",
        )
    with services.database.connection() as connection:
        consented = consents.has_consented(
            connection,
            here.client,
            here.session.account.id,
            here.offer,
            services.database.definitions,
        )
    step = next_step(here.pending, here.offer, consented=consented)
    refuse_silent(here.pending, step)
    if step == "done":
        return end_with_grant(services, here, here.offer.text)
    return redirect(url_for("authorize_pages.ask", id_=here.pending.id, step=step), 303)
