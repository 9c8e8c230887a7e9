"""Raw content on its way to a Binary.

Spec: https://hl7.org/fhir/R4/binary.html#rest

What comes as a FHIR media type or as application/json is a Binary resource; a body of any other
type is content. A CDA document is application/xml too: only a FHIR type makes a body a resource.
"""

import base64
import re

from fhirserver.errors import FhirError, InvalidRequestError, UnsupportedMediaTypeError
from fhirserver.http.exchange import Exchange
from fhirserver.http.negotiation import parse_content_type
from fhirserver.model.json import JsonObject

_CONTENT_TYPE_LIMIT = 200
_REFERENCE = re.compile(
    r"(?:https?://[!-~]+/)?[A-Z][A-Za-z]*/[A-Za-z0-9\-.]{1,64}(?:/_history/[A-Za-z0-9\-.]{1,64})?"
)


class LengthRequiredError(FhirError):
    """Raw content without a length: a truncated body would look complete."""

    status = 411
    code = "required"


def raw_type(exchange: Exchange) -> str | None:
    """Give the Content-Type of raw content; None where the body is a resource.

    Raises:
        UnsupportedMediaTypeError: malformed, another charset than UTF-8, or too long to keep.
    """
    content_type = exchange.request.headers.get("content-type")
    if exchange.route.type != "Binary" or content_type is None:
        return None
    name = parse_content_type(content_type).name
    if "fhir" in name or name == "application/json":
        return None
    if len(content_type) > _CONTENT_TYPE_LIMIT:
        raise UnsupportedMediaTypeError(
            f"A Content-Type longer than {_CONTENT_TYPE_LIMIT} characters is not kept.",
            expression=("http.Content-Type",),
        )
    return content_type


def is_kept_apart(exchange: Exchange) -> bool:
    """Whether raw content is too large for a row; compressed content is never kept apart."""
    headers = exchange.request.headers
    length = headers.get("content-length") or ""
    if not (length.isascii() and length.isdigit()) or headers.get("content-encoding"):
        return False
    return int(length) > exchange.services.settings.binary_row_limit_bytes


def wrap_raw(exchange: Exchange, content_type: str) -> JsonObject:
    """Make a Binary of a raw body.

    Raises:
        LengthRequiredError: the body comes in chunks.
    """
    resource = describe_raw(exchange, content_type)
    if exchange.request.headers.get("content-length") is None:
        raise LengthRequiredError(
            "Raw content needs Content-Length, so that a broken transfer shows.",
            expression=("http.Content-Length",),
        )
    content = exchange.request.body.read()
    if content:
        resource["data"] = base64.b64encode(content).decode("ascii")
    return resource


def describe_raw(exchange: Exchange, content_type: str) -> JsonObject:
    """Make a Binary of a raw body, without its content.

    Raises:
        InvalidRequestError: X-Security-Context is no reference.
    """
    resource: JsonObject = {"resourceType": "Binary"}
    if exchange.route.id is not None:
        resource["id"] = exchange.route.id
    resource["contentType"] = content_type
    context = exchange.request.headers.get("x-security-context")
    if context is not None:
        if _REFERENCE.fullmatch(context) is None:
            raise InvalidRequestError(
                f"X-Security-Context {context[:100]!r} is not a reference; write it as Patient/1.",
                expression=("http.X-Security-Context",),
            )
        resource["securityContext"] = {"reference": context}
    return resource
