"""`Prefer: respond-async`: requests that are answered later, and the address of their answers.

Spec: https://hl7.org/fhir/R4/async.html, RFC 7240 section 4.1

    a search, history, batch or      202, Content-Location, Preference-Applied
    transaction that prefers it
    GET    _async/[key]              202, X-Progress, Retry-After   while it is not answered
                                     200, Expires, and a Bundle     afterwards
    DELETE _async/[key]              202; it is cancelled or forgotten
    either, of another caller's      404
"""

from collections.abc import Callable
from http import HTTPStatus

from fhirserver.access import AuthContext
from fhirserver.errors import Issue
from fhirserver.http.content import read_resource, write_options
from fhirserver.http.exchange import Exchange
from fhirserver.http.handlers.search import append_form
from fhirserver.http.representation import attach_body, respond
from fhirserver.http.response import Header, Response
from fhirserver.interactions import Result, Services
from fhirserver.interactions.deferred import Deferred, cancel, defer, expires_us, followed
from fhirserver.interactions.once import once
from fhirserver.model.instant import format_http_date
from fhirserver.model.json import write_json
from fhirserver.model.outcome import operation_outcome
from fhirserver.store.job_answers import Followed

_PAUSE_S = (1, 60)
"""The shortest and the longest pause that a client is asked for."""


def deferrable(handler: Callable[[Exchange], Response]) -> Callable[[Exchange], Response]:
    """Have an interaction answer later where its caller prefers that."""

    def handle(exchange: Exchange) -> Response:
        if exchange.prefer.respond_async and exchange.request.method != "HEAD":
            return _defer(exchange)
        return handler(exchange)

    return handle


def async_status(exchange: Exchange) -> Response:
    """Answer `GET _async/[key]`."""
    found = followed(exchange.services, exchange.auth, exchange.id)
    if found.answer is None or found.ended_us is None:
        return _pending(exchange, found)
    expires = format_http_date(expires_us(exchange.services, found.ended_us))
    response = Response(HTTPStatus.OK, [("Expires", expires)])
    attach_body(response, exchange, found.answer)
    return response


def async_cancel(exchange: Exchange) -> Response:
    """Answer `DELETE _async/[key]`."""
    cancel(exchange.services, exchange.auth, exchange.id)
    return _accepted(exchange, [], "Cancelled if it was not done, and forgotten.")


def _defer(exchange: Exchange) -> Response:
    route = exchange.route
    if route.interaction == "batch":
        bundle = read_resource(exchange)
        is_transaction = isinstance(bundle, dict) and bundle.get("type") == "transaction"
        interaction = "transaction" if is_transaction else "batch"
        options = write_options(exchange)
        request = Deferred(
            interaction, bundle=bundle, prefer=options.prefer, provenance=options.provenance
        )
    else:
        append_form(exchange)
        request = Deferred(
            route.interaction, route.type, route.id, route.compartment, exchange.query()
        )
    auth = exchange.auth
    result = once(
        exchange.services, auth, exchange.keyed, lambda inside: _deferred(inside, auth, request)
    )
    return respond(exchange, result)


def _deferred(services: Services, auth: AuthContext, request: Deferred) -> Result:
    place = defer(services, auth, request)
    text = f"Accepted: {place} tells how it goes and then has the answer; DELETE it to cancel."
    return Result(HTTPStatus.ACCEPTED, body=_told(text), follow=place)


def _pending(exchange: Exchange, found: Followed) -> Response:
    progress = found.state
    if found.entries:
        progress += f", entries done: {found.entries}"
    least, most = _PAUSE_S
    pause_s = max(least, min(most, int(found.age_s) // 10))
    headers = [("X-Progress", progress), ("Retry-After", str(pause_s))]
    return _accepted(exchange, headers, f"Not answered yet: {progress}.")


def _accepted(exchange: Exchange, headers: list[Header], text: str) -> Response:
    response = Response(HTTPStatus.ACCEPTED, headers)
    attach_body(response, exchange, _told(text))
    return response


def _told(text: str) -> bytes:
    return write_json(operation_outcome([Issue("information", "informational", text)]))
