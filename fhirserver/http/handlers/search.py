"""search: by GET, and by POST to `_search` with a form.

Spec: https://hl7.org/fhir/R4/http.html#search

A `_search` takes the URL's parameters and the form's; the form's come after.
"""

from urllib.parse import urlsplit

from fhirserver.errors import UnsupportedMediaTypeError
from fhirserver.http.exchange import Exchange
from fhirserver.http.negotiation import Format, negotiate, parse_content_type
from fhirserver.http.query import first_value, parse_query
from fhirserver.http.representation import respond
from fhirserver.http.response import Response
from fhirserver.interactions.search_compartment import search_compartment as in_compartment
from fhirserver.interactions.search_system import search_system as in_system
from fhirserver.interactions.search_type import search_type as of_type

_FORM = "application/x-www-form-urlencoded"


def search_type(exchange: Exchange) -> Response:
    """Answer `GET [type]` and `POST [type]/_search`."""
    append_form(exchange)
    return respond(
        exchange, of_type(exchange.services, exchange.auth, exchange.type, exchange.query())
    )


def search_system(exchange: Exchange) -> Response:
    """Answer `GET [base]` and `POST _search`; a browser without a question gets the front page."""
    if exchange.request.method == "GET" and _is_bare(exchange):
        public = urlsplit(exchange.services.settings.public_url)
        return Response(303, [("Location", f"{public.scheme}://{public.netloc}/")])
    append_form(exchange)
    return respond(exchange, in_system(exchange.services, exchange.auth, exchange.query()))


def search_compartment(exchange: Exchange) -> Response:
    """Answer `GET [compartment]/[id]/[type]` and its `_search`."""
    append_form(exchange)
    assert exchange.route.compartment is not None
    return respond(
        exchange,
        in_compartment(
            exchange.services,
            exchange.auth,
            exchange.route.compartment,
            exchange.id,
            exchange.route.type,
            exchange.query(),
        ),
    )


def append_form(exchange: Exchange) -> None:
    """Read the form of a `_search`; its `_format` counts too."""
    if exchange.request.method != "POST":
        return
    body = exchange.request.body.read()
    if not body:
        return
    media_type = parse_content_type(exchange.request.headers.get("content-type"))
    if media_type.name != _FORM:
        raise UnsupportedMediaTypeError(
            f"A search body of Content-Type {media_type.name!r} is not read here; send {_FORM}.",
            expression=("http.Content-Type",),
        )
    exchange.parameters = [*exchange.parameters, *parse_query(body.decode("latin-1"))]
    exchange.wanted = negotiate(
        first_value(exchange.parameters, "_format"), exchange.request.headers.get("accept")
    )


def _is_bare(exchange: Exchange) -> bool:
    return exchange.wanted.format is Format.HTML and not exchange.parameters
