"""Operations: `$name` at the base, at a type or at an instance.

Spec: https://hl7.org/fhir/R4/operations.html#executing
"""

from dataclasses import replace

from fhirserver.http.content import read_resource
from fhirserver.http.exchange import Exchange
from fhirserver.http.representation import respond
from fhirserver.http.response import Response
from fhirserver.interactions.once import once
from fhirserver.operations import Call, affects_state, invoke


def operation(exchange: Exchange) -> Response:
    """Answer `GET` or `POST` of an operation; a POST without a body has no resource."""
    route = exchange.route
    assert route.operation is not None
    headers = exchange.request.headers
    chunked = headers.get("transfer-encoding") is not None
    carries_body = chunked or headers.get("content-length") not in (None, "0")
    content = read_resource(exchange) if carries_body else None
    call = Call(
        services=exchange.services,
        auth=exchange.auth,
        type=route.type,
        id=route.id,
        query=exchange.query(),
        content=content,
        prefer=exchange.prefer.returns,
    )
    code, method = route.operation, exchange.request.method
    return respond(
        exchange,
        once(
            exchange.services,
            exchange.auth,
            exchange.keyed if affects_state(code) else None,
            lambda services: invoke(code, replace(call, services=services), method),
        ),
    )
