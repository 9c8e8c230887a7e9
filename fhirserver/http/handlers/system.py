"""batch, transaction, capabilities and their OpenAPI form; OPTIONS.

Spec: https://hl7.org/fhir/R4/http.html#transaction and #capabilities; RFC 9110 section 9.3.7
"""

from dataclasses import replace

from fhirserver.errors import UnavailableError
from fhirserver.http.content import read_resource, write_options
from fhirserver.http.exchange import Exchange
from fhirserver.http.representation import respond
from fhirserver.http.response import Response
from fhirserver.interactions import Services
from fhirserver.interactions.capabilities import capabilities as capabilities_interaction
from fhirserver.interactions.once import BatchOnce, once
from fhirserver.interactions.openapi import openapi as openapi_interaction
from fhirserver.interactions.patch_formats import PATCH_FORMATS
from fhirserver.interactions.searching import newest
from fhirserver.interactions.transaction import transaction
from fhirserver.operations import allowed, level_of


def batch(exchange: Exchange) -> Response:
    """Answer `POST [base]`: a batch or a transaction, as the Bundle says."""
    services, auth, keyed = exchange.services, exchange.auth, exchange.keyed
    bundle = read_resource(exchange)
    options = write_options(exchange)
    if keyed is not None and isinstance(bundle, dict) and bundle.get("type") == "batch":
        memory = BatchOnce(services, auth, keyed)
        result = transaction(services, auth, bundle, options, memory)
        return respond(exchange, replace(result, replayed=memory.replayed))
    return respond(
        exchange,
        once(
            services,
            auth,
            keyed and replace(keyed, interaction="transaction"),
            lambda inside: transaction(inside, auth, bundle, options),
        ),
    )


def capabilities(exchange: Exchange) -> Response:
    """Answer `GET metadata`."""
    services = _newest(exchange.services)
    return respond(exchange, capabilities_interaction(services, exchange.auth, exchange.query()))


def openapi(exchange: Exchange) -> Response:
    """Answer `GET openapi.json`: always JSON, whatever else the caller would take."""
    result = openapi_interaction(_newest(exchange.services), exchange.auth)
    assert result.body is not None
    return Response(200, [("Content-Type", "application/json")], result.body)


def options(exchange: Exchange) -> Response:
    """Answer OPTIONS anywhere: what this place takes."""
    route = exchange.route
    methods = route.methods
    if route.operation is not None:
        methods = allowed(route.operation, route.type, level_of(route.type, route.id))
    headers = [("Allow", ", ".join(methods))]
    if "PATCH" in methods:
        headers.append(("Accept-Patch", ", ".join(PATCH_FORMATS)))
    return Response(204, headers)


def _newest(services: Services) -> Services:
    """Look which search parameters there are; without a database, those that were seen last."""
    try:
        return newest(services)
    except UnavailableError:
        return services
