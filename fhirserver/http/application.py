"""The FHIR API as one function: `FhirApplication.handle(Request) -> Response`.

Spec: https://hl7.org/fhir/R4/http.html

Order of work: loopback guard, route, limit per client, parameters, format, caller, interaction.
Whatever raises on the way becomes an OperationOutcome in the format negotiated so far. `handle`
itself never raises.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from fhirserver.access import AuthContext
from fhirserver.audit import leaves_no_row, record_refusal
from fhirserver.errors import FhirError
from fhirserver.http.access_log import Served
from fhirserver.http.bearer import anonymous
from fhirserver.http.client_limit import ClientLimit
from fhirserver.http.compression import check_coding, compress
from fhirserver.http.cors import Cors
from fhirserver.http.downloads import Downloads
from fhirserver.http.exchange import Exchange
from fhirserver.http.guard import check_loopback
from fhirserver.http.handlers import HANDLERS
from fhirserver.http.html.page import Page, security_headers
from fhirserver.http.negotiation import Format, Wanted, negotiate
from fhirserver.http.preference import preference_applied
from fhirserver.http.query import Parameters, first_value, parse_query
from fhirserver.http.representation import encode
from fhirserver.http.request import Request
from fhirserver.http.response import Response
from fhirserver.http.routing import Route, Router
from fhirserver.interactions import Services
from fhirserver.interactions.unforeseen import foreseen
from fhirserver.model.outcome import operation_outcome
from fhirserver.operations import OPERATIONS
from fhirserver.store.standing import Presumed

Authenticate = Callable[[Request], AuthContext]
Presume = Callable[[Request], tuple[AuthContext, Presumed] | None]
Observer = Callable[[Served], None]

_ALWAYS = (
    # Clinical content: a cache asks again each time, and only the caller's own keeps it.
    ("Cache-Control", "private, no-cache"),
    ("Vary", "Accept, Accept-Encoding, Authorization, Origin, Prefer"),
    ("X-Content-Type-Options", "nosniff"),
)
INSUFFICIENT = 'Bearer realm="fhir", error="insufficient_scope"'
_UNAVAILABLE = 503
_NO_ROUTE = Route("")
_DEFAULT = Wanted(Format.JSON)


def presume_nothing(_request: Request) -> None:
    """Guess no caller."""


class FhirApplication:
    """The FHIR API of one process; safe to call from many threads.

    Args:
        services: what interactions work with.
        authenticate: makes the caller's context of a request, or raises UnauthorizedError.
        presume: guesses the same without a look, for a read to confirm.
        observers: called once per request with what was served: access log, metrics.
        cors: which pages of other origins may read answers; None for none.
    """

    def __init__(
        self,
        services: Services,
        *,
        authenticate: Authenticate = anonymous,
        presume: Presume = presume_nothing,
        observers: Sequence[Observer] = (),
        cors: Cors | None = None,
    ) -> None:
        self.services = services
        self._authenticate = authenticate
        self._presume = presume
        self._observers = tuple(observers)
        self._cors = cors
        self._router = Router(services.definitions)
        self._clients = ClientLimit(services.settings.client_concurrency)
        self._downloads = Downloads()

    def handle(self, request: Request) -> Response:
        """Answer one request; every failure is an OperationOutcome."""
        started_ns = time.perf_counter_ns()
        route = _NO_ROUTE
        try:
            if self.services.settings.open:
                self._check_loopback(request)
            response = self._preflight(request)
            if response is None:
                route = self._router.find(request.method, request.path)
                response = self._answer(request, route)
        except Exception as error:  # noqa: BLE001 - the edge: every failure becomes an answer
            response = self._failure(foreseen(error, request.request_id), request)
        if self._cors is not None:
            response.headers += self._cors.headers(request)
        compress(response, request.headers.get("accept-encoding"))
        response.headers += (*_ALWAYS, ("X-Request-Id", request.request_id))
        if self._observers:
            self._observe(request, route, response, started_ns)
        return response

    def _answer(self, request: Request, route: Route) -> Response:
        self._clients.begin(request.address)
        try:
            return self._presumed(request, route) or self._authenticated(request, route)
        finally:
            self._clients.end(request.address)

    def _presumed(self, request: Request, route: Route) -> Response | None:
        """Answer a read whose statement confirms who its caller is; None where it does not.

        Of a Binary more than one statement decides.
        """
        if route.interaction != "read" or route.type == "Binary":
            return None
        guess = self._presume(request)
        if guess is None:
            return None
        auth, presumed = guess
        try:
            response = self._respond(request, route, auth, presumed)
        except FhirError as error:
            if presumed.confirmed or error.status == _UNAVAILABLE:
                raise
            return None
        return response if presumed.confirmed else None

    def _authenticated(self, request: Request, route: Route) -> Response:
        auth = anonymous(request)
        try:
            auth = self._authenticate(request)
            return self._respond(request, route, auth)
        except FhirError as error:
            interaction = _told_as(route)
            if leaves_no_row(interaction, error):
                place = (route.type, route.id)
                record_refusal(self.services.database, auth, interaction, place, error)
            raise

    def _respond(
        self, request: Request, route: Route, auth: AuthContext, presumed: Presumed | None = None
    ) -> Response:
        exchange = self._exchange(request, route, auth, presumed)
        response = HANDLERS[route.interaction](exchange)
        if response.stream is not None:
            self._downloads.admit(response, request.method)
        if request.headers.get("prefer"):
            response.headers += preference_applied(
                exchange.prefer, route.interaction, response.status
            )
        return response

    def _check_loopback(self, request: Request) -> None:
        origin = request.headers.get("origin")
        named = self._cors is not None and self._cors.is_named(origin)
        check_loopback(request.headers.get("host"), None if named else origin)

    def _preflight(self, request: Request) -> Response | None:
        return None if self._cors is None else self._cors.preflight(request)

    def _exchange(
        self, request: Request, route: Route, auth: AuthContext, presumed: Presumed | None
    ) -> Exchange:
        check_coding(request.headers.get("accept-encoding"))
        parameters = parse_query(request.query)
        wanted = _wanted(request, route, parameters)
        return Exchange(self._services_now(), request, route, parameters, wanted, auth, presumed)

    def _services_now(self) -> Services:
        """Give one request the search parameters that this process saw last."""
        definitions = self.services.database.definitions
        if definitions is self.services.definitions:
            return self.services
        return replace(self.services, definitions=definitions)

    def _failure(self, error: FhirError, request: Request) -> Response:
        wanted = wanted_of_failure(request)
        response = Response(error.status, [("Content-Type", wanted.content_type), *error.headers])
        if error.status == 403 and not self.services.settings.open and not error.headers:
            response.headers.append(("WWW-Authenticate", INSUFFICIENT))
        page = Page(self.services.settings.public_url, request.path, (), error.status)
        response.body = encode(
            operation_outcome(error.issues), self.services, wanted, pretty=False, page=page
        )
        if wanted.format is Format.HTML:
            response.headers.extend(security_headers())
        return response

    def _observe(self, request: Request, route: Route, response: Response, started_ns: int) -> None:
        duration_us = (time.perf_counter_ns() - started_ns) // 1000
        served = Served(
            at_us=self.services.now() - duration_us,
            method=request.method,
            interaction=route.interaction,
            type=route.type or "",
            status=response.status,
            duration_us=duration_us,
            response_bytes=response.length_bytes,
            request_id=request.request_id,
            address=request.address,
        )
        for observer in self._observers:
            observer(served)


def _wanted(request: Request, route: Route, parameters: Parameters) -> Wanted:
    if route.interaction == "discovery":
        return _DEFAULT
    return negotiate(
        first_value(parameters, "_format") if parameters else None,
        request.headers.get("accept"),
        raw_allowed=route.type == "Binary" and route.interaction in ("read", "vread"),
    )


def _told_as(route: Route) -> str:
    """Name what was wanted as the audit trail does: operations by their own codes."""
    code = route.operation or ""
    return code if code in OPERATIONS else route.interaction


def wanted_of_failure(request: Request) -> Wanted:
    """Choose the format of an error: what the caller asked for as far as it can be read."""
    try:
        format_parameter = first_value(parse_query(request.query), "_format")
    except FhirError:
        format_parameter = None
    try:
        return negotiate(format_parameter, request.headers.get("accept"))
    except FhirError:
        return _DEFAULT
