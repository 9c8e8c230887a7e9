"""Idempotency-Key and X-Provenance, around whatever writes.

Spec: https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/ and
https://hl7.org/fhir/R4/provenance.html#header

    a create, update, patch or delete   both headers
    batch, transaction                  both headers
    an operation that changes something Idempotency-Key; X-Provenance is refused
    whatever only reads                 Idempotency-Key changes nothing; X-Provenance is refused
"""

import hashlib
from collections.abc import Callable
from dataclasses import replace

from fhirserver.errors import InvalidRequestError
from fhirserver.http.exchange import Exchange
from fhirserver.http.headers import parse_idempotency_key
from fhirserver.http.representation import respond
from fhirserver.http.request import BytesBody, Request
from fhirserver.http.response import Response
from fhirserver.interactions import Result, Services, WriteOptions
from fhirserver.interactions.once import Keyed, once
from fhirserver.interactions.provenance import recorded

Handler = Callable[[Exchange], Response]

_SHAPING = (
    *("content-type", "if-match", "if-none-exist", "if-none-match", "prefer", "x-provenance"),
    "x-security-context",
)
"""Headers that change what a write does or answers."""


def keyed(handler: Handler) -> Handler:
    """Have a handler know the key of its request, and what exactly was asked for under it."""

    def handle(exchange: Exchange) -> Response:
        request = exchange.request
        key = parse_idempotency_key(request.headers.get("idempotency-key"))
        if key is not None:
            body = request.body.read()
            exchange.request = replace(request, body=BytesBody(body))
            route = exchange.route
            interaction = route.operation or route.interaction.removeprefix("conditional-")
            digest = _digest(request, body)
            exchange.keyed = Keyed(key, digest, interaction, route.type, route.id)
        return handler(exchange)

    return handle


def unrecorded(handler: Handler) -> Handler:
    """Have a handler refuse X-Provenance, which would go unheeded."""

    def handle(exchange: Exchange) -> Response:
        if exchange.request.headers.get("x-provenance") is not None:
            raise InvalidRequestError(
                "X-Provenance goes with creates, updates, patches, deletes, batches and "
                "transactions; leave it out here.",
                expression=("http.X-Provenance",),
            )
        return handler(exchange)

    return handle


def answer_write(
    exchange: Exchange, options: WriteOptions, write: Callable[[Services], Result]
) -> Response:
    """Do what a write of one resource asks for, and answer.

    Args:
        exchange: says whether the request has a key.
        options: say whether it has a Provenance.
        write: the interaction, given the services to use.
    """
    auth = exchange.auth
    result = once(
        exchange.services,
        auth,
        exchange.keyed,
        lambda inside: recorded(inside, auth, options.provenance, write),
    )
    return respond(exchange, result)


def _digest(request: Request, body: bytes) -> bytes:
    parts = [request.method, request.path, request.query]
    parts += [f"{name}:{request.headers.get(name) or ''}" for name in _SHAPING]
    digest = hashlib.blake2b("\n".join(parts).encode("utf-8"), digest_size=32)
    digest.update(b"\n\n" + body)
    return digest.digest()
