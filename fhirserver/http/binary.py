"""Binary: its content, as itself or inside the resource.

Spec: https://hl7.org/fhir/R4/binary.html#rest

A caller that asks for a FHIR media type gets the resource; any other caller gets the content under
its own type, or a part of it. A browser must not run what somebody stored: raw content goes out
sandboxed, without sniffing, and as a download. Content that is kept apart leaves while it is read.
"""

import base64
import binascii
from collections.abc import Iterator

from fhirserver.errors import UnprocessableError
from fhirserver.http.exchange import Exchange
from fhirserver.http.negotiation import Format
from fhirserver.http.ranges import wanted_range
from fhirserver.http.representation import encode, is_pretty, page_of, version_headers
from fhirserver.http.response import Header, Response, Stream
from fhirserver.interactions import Result
from fhirserver.interactions.large_content import content_parts, kept_content
from fhirserver.model.content_apart import (
    PLACE_OF_CONTENT,
    base64_length,
    base64_parts,
    may_be_apart,
    with_place,
)
from fhirserver.model.json import JsonObject, parse_json
from fhirserver.model.stored import StoredResource
from fhirserver.store.contents import KeptContent


def with_content(exchange: Exchange, result: Result, response: Response) -> Response:
    """Answer a read of a Binary with its content.

    Args:
        exchange: what the caller wants.
        result: of the read.
        response: the resource as it is stored, in the format wanted.

    Raises:
        UnprocessableError: the data are not base64.
        RangeNotSatisfiableError: nothing of the content is in the range that is asked for.
    """
    stored, body = result.stored, result.body
    assert stored is not None
    assert stored.body is not None
    assert body is not None
    kept = kept_content(exchange.services, stored) if may_be_apart(stored.body) else None
    if not exchange.wanted.by_fhir_type:
        return _raw(exchange, stored, parse_json(stored.body), kept)
    if kept is None or not may_be_apart(body) or exchange.wanted.format is Format.HTML:
        return response
    return _whole(exchange, parse_json(body), kept, response)


def _raw(
    exchange: Exchange, stored: StoredResource, resource: JsonObject, kept: KeptContent | None
) -> Response:
    content = b"" if kept is not None else _data(resource)
    size_bytes = len(content) if kept is None else kept.size_bytes
    headers = version_headers(exchange.services, stored) + _raw_headers(resource)
    wanted = wanted_range(exchange.request.headers, size_bytes)
    start, stop = wanted or (0, size_bytes)
    if wanted is not None:
        headers.append(("Content-Range", f"bytes {start}-{stop - 1}/{size_bytes}"))
    response = Response(200 if wanted is None else 206, headers, content[start:stop])
    if kept is not None:
        response.stream = Stream(stop - start, content_parts(exchange.services, kept, start, stop))
    return response


def _raw_headers(resource: JsonObject) -> list[Header]:
    headers = [
        ("Content-Type", _safe(resource.get("contentType"))),
        ("Content-Security-Policy", "default-src 'none'; sandbox"),
        ("Content-Disposition", "attachment"),
        ("Accept-Ranges", "bytes"),
    ]
    context = resource.get("securityContext", {}).get("reference")
    if isinstance(context, str) and context.isascii() and context.isprintable():
        headers.append(("X-Security-Context", context))
    return headers


def _data(resource: JsonObject) -> bytes:
    try:
        return base64.b64decode("".join(resource.get("data", "").split()), validate=True)
    except (binascii.Error, ValueError):
        raise UnprocessableError(
            "The stored data is not base64; read the Binary as application/fhir+json.",
            expression=("Binary.data",),
        ) from None


def _whole(
    exchange: Exchange, resource: JsonObject, kept: KeptContent, response: Response
) -> Response:
    """Write the resource around its content, which is its last element in either format."""
    around = encode(
        with_place(resource),
        exchange.services,
        exchange.wanted,
        pretty=is_pretty(exchange.parameters),
        page=page_of(exchange, response),
    )
    before, _, behind = around.rpartition(PLACE_OF_CONTENT.encode())
    octets = content_parts(exchange.services, kept, 0, kept.size_bytes)
    length_bytes = len(before) + base64_length(kept.size_bytes) + len(behind)
    response.body = b""
    response.stream = Stream(length_bytes, _between(before, base64_parts(octets), behind))
    return response


def _between(before: bytes, parts: Iterator[bytes], behind: bytes) -> Iterator[bytes]:
    yield before
    yield from parts
    yield behind


def _safe(content_type: object) -> str:
    """Give a stored content type if it can stand in a header."""
    if isinstance(content_type, str) and content_type.isascii() and content_type.isprintable():
        return content_type
    return "application/octet-stream"
