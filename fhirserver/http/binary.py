"""Binary: content of any type, as itself or as a resource.

Spec: https://hl7.org/fhir/R4/binary.html#rest

A caller that asks for a FHIR media type gets the resource; any other caller gets the content under
its own type. What comes as a FHIR media type or as application/json is a Binary resource; a body of
any other type is content. A browser must not run what somebody stored: raw content goes out
sandboxed, without sniffing, and as a download.
"""

import base64
import binascii

from fhirserver.errors import FhirError, UnprocessableError, UnsupportedMediaTypeError
from fhirserver.http.exchange import Exchange
from fhirserver.http.representation import version_headers
from fhirserver.http.response import Response
from fhirserver.interactions import Result
from fhirserver.model.json import JsonObject, parse_json

_CONTENT_TYPE_LIMIT = 200


class LengthRequiredError(FhirError):
    """Raw content without a length: a truncated body would look complete."""

    status = 411
    code = "required"


def respond_raw(exchange: Exchange, result: Result) -> Response:
    """Answer with the content of a Binary."""
    assert result.body is not None
    resource = parse_json(result.body)
    try:
        content = base64.b64decode("".join(resource.get("data", "").split()), validate=True)
    except (binascii.Error, ValueError):
        raise UnprocessableError(
            "The stored data is not base64; read the Binary as application/fhir+json.",
            expression=("Binary.data",),
        ) from None
    headers = version_headers(exchange.services, result.stored) if result.stored else []
    headers += [
        ("Content-Type", _safe(resource.get("contentType"))),
        ("Content-Security-Policy", "default-src 'none'; sandbox"),
        ("Content-Disposition", "attachment"),
    ]
    context = resource.get("securityContext", {}).get("reference")
    if isinstance(context, str) and context.isascii() and context.isprintable():
        headers.append(("X-Security-Context", context))
    return Response(result.status, headers, content)


def wrap_raw(exchange: Exchange, content_type: str) -> JsonObject:
    """Make a Binary of a raw body.

    Raises:
        UnsupportedMediaTypeError: a Content-Type too long to keep.
        LengthRequiredError: the body comes in chunks.
    """
    if exchange.request.headers.get("content-length") is None:
        raise LengthRequiredError(
            "Raw content needs Content-Length, so that a broken transfer shows.",
            expression=("http.Content-Length",),
        )
    if len(content_type) > _CONTENT_TYPE_LIMIT:
        raise UnsupportedMediaTypeError(
            f"A Content-Type longer than {_CONTENT_TYPE_LIMIT} characters is not kept.",
            expression=("http.Content-Type",),
        )
    content = exchange.request.body.read()
    resource: JsonObject = {"resourceType": "Binary"}
    if exchange.route.id is not None:
        resource["id"] = exchange.route.id
    resource["contentType"] = content_type
    context = exchange.request.headers.get("x-security-context")
    if context:
        resource["securityContext"] = {"reference": context}
    if content:
        resource["data"] = base64.b64encode(content).decode("ascii")
    return resource


def _safe(content_type: object) -> str:
    """Give a stored content type if it can stand in a header."""
    if isinstance(content_type, str) and content_type.isascii() and content_type.isprintable():
        return content_type
    return "application/octet-stream"
