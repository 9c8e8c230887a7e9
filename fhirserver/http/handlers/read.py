"""read and vread.

Spec: https://hl7.org/fhir/R4/http.html#read and #vread
"""

from fhirserver.http.binary import with_content
from fhirserver.http.exchange import Exchange
from fhirserver.http.representation import respond_unless_unchanged
from fhirserver.http.response import Response
from fhirserver.interactions import Result
from fhirserver.interactions.read import read as read_interaction
from fhirserver.interactions.vread import vread as vread_interaction


def read(exchange: Exchange) -> Response:
    """Answer `GET [type]/[id]`."""
    result = read_interaction(
        exchange.services,
        exchange.auth,
        exchange.type,
        exchange.id,
        exchange.query(),
        presumed=exchange.presumed,
    )
    return _answer(exchange, result)


def vread(exchange: Exchange) -> Response:
    """Answer `GET [type]/[id]/_history/[vid]`."""
    assert exchange.route.version is not None
    result = vread_interaction(
        exchange.services,
        exchange.auth,
        exchange.type,
        exchange.id,
        exchange.route.version,
        exchange.query(),
    )
    return _answer(exchange, result)


def _answer(exchange: Exchange, result: Result) -> Response:
    response = respond_unless_unchanged(exchange, result)
    if exchange.type == "Binary" and response.status == 200:
        return with_content(exchange, result, response)
    return response
