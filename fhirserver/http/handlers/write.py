"""create, update, patch, delete, and their conditional forms.

Spec: https://hl7.org/fhir/R4/http.html#create, #update, #patch, #delete
"""

from fhirserver.http.content import read_patch, sent, write_options
from fhirserver.http.exchange import Exchange
from fhirserver.http.handlers.keyed import answer_write
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
    auth, type_ = exchange.auth, exchange.type
    with sent(exchange, "create") as (content, options):
        return answer_write(
            exchange,
            options,
            lambda services: create_interaction(services, auth, type_, content, options),
        )


def update(exchange: Exchange) -> Response:
    """Answer `PUT [type]/[id]`."""
    auth, type_, id_ = exchange.auth, exchange.type, exchange.id
    with sent(exchange, "update") as (content, options):
        return answer_write(
            exchange,
            options,
            lambda services: update_interaction(services, auth, type_, id_, content, options),
        )


def conditional_update(exchange: Exchange) -> Response:
    """Answer `PUT [type]?[search]`."""
    auth, type_, query = exchange.auth, exchange.type, exchange.query()
    with sent(exchange, "update") as (content, options):
        return answer_write(
            exchange,
            options,
            lambda services: update_conditional(services, auth, type_, query, content, options),
        )


def patch(exchange: Exchange) -> Response:
    """Answer `PATCH [type]/[id]`."""
    auth, type_, id_ = exchange.auth, exchange.type, exchange.id
    document = read_patch(exchange)
    options = write_options(exchange)
    return answer_write(
        exchange,
        options,
        lambda services: patch_interaction(services, auth, type_, id_, document, options),
    )


def conditional_patch(exchange: Exchange) -> Response:
    """Answer `PATCH [type]?[search]`."""
    auth, type_, query = exchange.auth, exchange.type, exchange.query()
    document = read_patch(exchange)
    options = write_options(exchange)
    return answer_write(
        exchange,
        options,
        lambda services: patch_conditional(services, auth, type_, query, document, options),
    )


def delete(exchange: Exchange) -> Response:
    """Answer `DELETE [type]/[id]`."""
    auth, type_, id_ = exchange.auth, exchange.type, exchange.id
    options = write_options(exchange)
    return answer_write(
        exchange, options, lambda services: delete_interaction(services, auth, type_, id_, options)
    )


def conditional_delete(exchange: Exchange) -> Response:
    """Answer `DELETE [type]?[search]`."""
    auth, type_, query = exchange.auth, exchange.type, exchange.query()
    options = write_options(exchange)
    return answer_write(
        exchange,
        options,
        lambda services: delete_conditional(services, auth, type_, query, options),
    )
