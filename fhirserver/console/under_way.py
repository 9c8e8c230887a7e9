"""A request for authorization, as its pages see it: who asks, who is asked, what can be granted.

Spec: RFC 9700 sections 4.4 and 4.16; https://www.w3.org/TR/CSP3/#directive-form-action
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import Response, abort, make_response, redirect, render_template, request, url_for

from fhirserver.access import AuthContext
from fhirserver.console.signed_in import csrf_token, signed_in
from fhirserver.identity.sessions import Session
from fhirserver.interactions import Services
from fhirserver.smart import authorizations, clients
from fhirserver.smart.authorizations import Pending
from fhirserver.smart.clients import Client
from fhirserver.smart.offer import Offer, make_offer
from fhirserver.smart.person import as_caller


@dataclass(frozen=True, slots=True)
class UnderWay:
    """One request with everything that its pages need.

    Attributes:
        pending: the request.
        client: who asks.
        session: who is asked.
        offer: what can be granted.
        person: who is asked, as a caller of interactions.
    """

    pending: Pending
    client: Client
    session: Session
    offer: Offer
    person: AuthContext

    def page(self, template: str, **values: object) -> Response:
        """Draw one of its pages."""
        made = make_response(
            render_template(
                template,
                id=self.pending.id,
                client=self.client,
                account=self.session.account,
                offer=self.offer,
                csrf=csrf_token(),
                **values,
            )
        )
        made.headers["Content-Security-Policy"] = page_policy(
            self.client, self.pending.request.redirect_uri
        )
        return made


def pending_request(services: Services, id_: str) -> Pending:
    """Find a request that is under way, or end with a page that says what became of it."""
    with services.database.connection() as connection:
        pending = authorizations.find(connection, id_, services.now())
    if pending is None:
        abort(404, "This request was answered already, or is too old; go back to the application.")
    return pending


def with_session(services: Services, pending: Pending, session: Session) -> UnderWay:
    """Give a request to the session that opens it; another's ends with a page."""
    with services.database.connection() as connection:
        if not authorizations.bind(connection, pending.id, session.id):
            abort(403, "This request is of another login; go back to the application.")
        bound = authorizations.find(connection, pending.id, services.now())
    client = clients.find(services.database, pending.client)
    if bound is None or client is None or not client.approved or client.disabled:
        abort(404, "The application is not registered here any more.")
    account = session.account
    offer = make_offer(
        bound.request.scope,
        client,
        account.role,
        services.database.definitions,
        trained=account.is_trained(services.now()),
    )
    person = as_caller(
        services,
        account,
        client.id,
        request_id=secrets.token_hex(12),
        address=request.remote_addr or "",
    )
    return UnderWay(bound, client, session, offer, person)


def open_request(services: Services, id_: str) -> UnderWay:
    """Open a request for one of its pages, or lead to the login first."""
    pending = pending_request(services, id_)
    session = signed_in()
    if session is None:
        abort(redirect(url_for("authorize.go_on", id_=id_), 303))
    return with_session(services, pending, session)


def page_policy(client: Client, redirect_uri: str) -> str:
    """Give the content policy of a page: where its form may lead, and who may frame it. Pure.

    A form that is answered by a redirect needs the target's origin in form-action too. Who
    registered itself frames nothing: it could lay its own page over the consent.
    """
    framing = " ".join(() if client.dynamically_registered else client.origins) or "'none'"
    return (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; "
        f"form-action 'self' {_source(redirect_uri)}; frame-ancestors {framing}"
    )


def _source(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else f"{parts.scheme}:"
