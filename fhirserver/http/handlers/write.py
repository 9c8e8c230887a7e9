"""create, update, patch, delete, and their conditional forms.

Spec: https://hl7.org/fhir/R4/http.html#create, #update, #patch, #delete
"""

from fhirserver.http.content import read_patch, sent, write_options
from fhirserver.http.exchange import Exchange
from fhirserver.http.representation import respond
from fhirserver.http.response import Response
from fhirserver.interactions.create import create as create_interaction
from fhirserver.interactions.delete import delete as delete_interaction
from fhirserver.interactions.delete import delete_conditional
from fhirserver.interactions.patch import patch as patch_interaction
from fhirserver.interactions.patch import patch_conditional
from fhirserver.interactions.update import update as update_interaction
from fhirserver.interactions.update import update_conditional


def create(exchange: Exchange) -> Response:
    """Answer `POST [type]`."""
    with sent(exchange, "create") as (content, options):
        result = create_interaction(
            exchange.services, exchange.auth, exchange.type, content, options
        )
    return respond(exchange, result)


def update(exchange: Exchange) -> Response:
    """Answer `PUT [type]/[id]`."""
    with sent(exchange, "update") as (content, options):
        result = update_interaction(
            exchange.services, exchange.auth, exchange.type, exchange.id, content, options
        )
    return respond(exchange, result)


def conditional_update(exchange: Exchange) -> Response:
    """Answer `PUT [type]?[search]`."""
    with sent(exchange, "update") as (content, options):
        result = update_conditional(
            exchange.services, exchange.auth, exchange.type, exchange.query(), content, options
        )
    return respond(exchange, result)


def patch(exchange: Exchange) -> Response:
    """Answer `PATCH [type]/[id]`."""
    document = read_patch(exchange)
    return respond(
        exchange,
        patch_interaction(
            exchange.services,
            exchange.auth,
            exchange.type,
            exchange.id,
            document,
            write_options(exchange),
        ),
    )


def conditional_patch(exchange: Exchange) -> Response:
    """Answer `PATCH [type]?[search]`."""
    document = read_patch(exchange)
    return respond(
        exchange,
        patch_conditional(
            exchange.services,
            exchange.auth,
            exchange.type,
            exchange.query(),
            document,
            write_options(exchange),
        ),
    )


def delete(exchange: Exchange) -> Response:
    """Answer `DELETE [type]/[id]`."""
    return respond(
        exchange,
        delete_interaction(
            exchange.services, exchange.auth, exchange.type, exchange.id, write_options(exchange)
        ),
    )


def conditional_delete(exchange: Exchange) -> Response:
    """Answer `DELETE [type]?[search]`."""
    return respond(
        exchange,
        delete_conditional(
            exchange.services,
            exchange.auth,
            exchange.type,
            exchange.query(),
            write_options(exchange),
        ),
    )
