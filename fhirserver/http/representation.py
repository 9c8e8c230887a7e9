"""From an interaction's result to a response: format, conditions, headers.

Spec: https://hl7.org/fhir/R4/http.html#read and #versions

JSON that nobody wants shortened or indented goes out as the stored bytes; everything else takes
the longer way through the parsed resource.
"""

from fhirserver.errors import InvalidRequestError
from fhirserver.http.exchange import Exchange
from fhirserver.http.headers import parse_http_date_us, parse_tags
from fhirserver.http.html.page import Page, security_headers
from fhirserver.http.html.page import render as render_html
from fhirserver.http.negotiation import Format, Wanted
from fhirserver.http.query import Parameters, first_value
from fhirserver.http.request import Request
from fhirserver.http.response import Header, Response
from fhirserver.interactions import Result, Services
from fhirserver.model.instant import format_http_date
from fhirserver.model.json import JsonObject, parse_json, write_json, write_json_pretty
from fhirserver.model.stored import StoredResource
from fhirserver.model.xml import write_xml

_HAS_PROVENANCE = "http://www.w3.org/ns/prov#has_provenance"
"""Relation of https://www.w3.org/TR/prov-aq/#resource-accessed-by-http"""


def respond(exchange: Exchange, result: Result) -> Response:
    """Answer with what an interaction gave back."""
    headers: list[Header] = []
    if result.stored is not None:
        headers = version_headers(exchange.services, result.stored)
        if result.location is not None:
            headers.append(("Location", result.location))
    if result.follow is not None:
        headers.append(("Content-Location", result.follow))
    if result.provenance is not None:
        headers.append(("Link", f'<{result.provenance}>; rel="{_HAS_PROVENANCE}"'))
    if result.replayed:
        headers.append(("Idempotency-Replayed", "true"))
    if result.no_store:
        headers.append(("Cache-Control", "no-store"))
    response = Response(result.status, headers)
    if result.body is not None:
        attach_body(response, exchange, result.body)
    return response


def respond_unless_unchanged(exchange: Exchange, result: Result) -> Response:
    """Answer a read: 304 where the caller's copy is still current."""
    if result.stored is not None and _is_current(exchange.request, result.stored):
        return Response(304, version_headers(exchange.services, result.stored))
    return respond(exchange, result)


def version_headers(services: Services, stored: StoredResource) -> list[Header]:
    """Give the headers that name a version."""
    return [
        ("ETag", stored.etag),
        ("Last-Modified", format_http_date(stored.updated_us)),
        (
            "Content-Location",
            f"{services.settings.public_url}/{stored.type}/{stored.id}/_history/{stored.version}",
        ),
    ]


def attach_body(response: Response, exchange: Exchange, body: bytes) -> None:
    """Put a resource into a response in the format that was negotiated.

    Args:
        response: gets the body and its headers.
        exchange: what the caller wants.
        body: compact JSON of a resource.
    """
    wanted = exchange.wanted
    response.headers.append(("Content-Type", wanted.content_type))
    if wanted.format is Format.JSON and not exchange.parameters:
        response.body = body
        return
    pretty = is_pretty(exchange.parameters)
    if wanted.format is Format.JSON and not pretty:
        response.body = body
        return
    response.body = encode(
        parse_json(body), exchange.services, wanted, pretty=pretty, page=page_of(exchange, response)
    )
    if wanted.format is Format.HTML:
        response.headers.extend(security_headers())


def page_of(exchange: Exchange, response: Response) -> Page:
    """Describe the page that a browser would get for this exchange."""
    return Page(
        base_url=exchange.services.settings.public_url,
        path=exchange.request.path,
        query=tuple(pair for pair in exchange.parameters if pair[0] != "_format"),
        status=response.status,
    )


def encode(
    resource: JsonObject, services: Services, wanted: Wanted, *, pretty: bool, page: Page
) -> bytes:
    """Write a resource in the format wanted."""
    match wanted.format:
        case Format.JSON:
            return write_json_pretty(resource) if pretty else write_json(resource)
        case Format.XML:
            return write_xml(resource, services.definitions, pretty=pretty)
        case Format.HTML:
            return render_html(resource, page)


def is_pretty(parameters: Parameters) -> bool:
    """Read `_pretty`.

    Raises:
        InvalidRequestError: neither true nor false.
    """
    match first_value(parameters, "_pretty"):
        case None | "false":
            return False
        case "true" | "":
            return True
        case other:
            raise InvalidRequestError(
                f"_pretty {other[:50]!r} does not exist; use true or false.",
                expression=("http._pretty",),
            )


def _is_current(request: Request, stored: StoredResource) -> bool:
    tags = parse_tags("If-None-Match", request.headers.get("if-none-match"))
    if tags is not None:
        return tags.match(stored.version)
    since = parse_http_date_us(request.headers.get("if-modified-since"))
    # An HTTP date has whole seconds: a version of the same second counts as seen.
    return since is not None and stored.updated_us // 1_000_000 <= since // 1_000_000
