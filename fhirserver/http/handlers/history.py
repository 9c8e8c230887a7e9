"""history of an instance, a type, the system.

Spec: https://hl7.org/fhir/R4/http.html#history
"""

from fhirserver.http.exchange import Exchange
from fhirserver.http.representation import respond
from fhirserver.http.response import Response
from fhirserver.interactions.history_instance import history_instance as of_instance
from fhirserver.interactions.history_system import history_system as of_system
from fhirserver.interactions.history_type import history_type as of_type


def history_instance(exchange: Exchange) -> Response:
    """Answer `GET [type]/[id]/_history`."""
    return respond(
        exchange,
        of_instance(exchange.services, exchange.auth, exchange.type, exchange.id, exchange.query()),
    )


def history_type(exchange: Exchange) -> Response:
    """Answer `GET [type]/_history`."""
    return respond(
        exchange, of_type(exchange.services, exchange.auth, exchange.type, exchange.query())
    )


def history_system(exchange: Exchange) -> Response:
    """Answer `GET _history`."""
    return respond(exchange, of_system(exchange.services, exchange.auth, exchange.query()))
