"""Request bodies as resources and patches, and the headers of a write.

Spec: https://hl7.org/fhir/R4/http.html#mime-type and #patch
"""

from fhirserver.errors import InvalidRequestError
from fhirserver.http.binary import wrap_raw
from fhirserver.http.exchange import Exchange
from fhirserver.http.headers import parse_tags
from fhirserver.http.negotiation import FORMATS_BY_TYPE, Format, body_format, parse_content_type
from fhirserver.interactions import Patch, WriteOptions
from fhirserver.interactions.patch_formats import check_patch_format, parse_patch
from fhirserver.interactions.provenance import read_provenance
from fhirserver.model.json import JsonValue, parse_json
from fhirserver.model.xml import parse_xml


def read_resource(exchange: Exchange) -> JsonValue:
    """Read the body as JSON of any shape; XML is translated, raw content becomes a Binary.

    Raises:
        UnsupportedMediaTypeError: the Content-Type is none that is read here.
        MalformedBodyError: not JSON or XML.
        InvalidRequestError: there is no body.
    """
    request = exchange.request
    content_type = request.headers.get("content-type")
    if exchange.route.type == "Binary" and content_type is not None:
        name = parse_content_type(content_type).name
        # A CDA document is application/xml too: only a FHIR type makes a body a Binary resource.
        if "fhir" not in name and name != "application/json":
            return wrap_raw(exchange, content_type)
    found = body_format(content_type)
    body = _required(request.body.read())
    if found is Format.XML:
        return parse_xml(body, exchange.services.definitions)
    return parse_json(body)


def read_patch(exchange: Exchange) -> Patch:
    """Read the body of a PATCH.

    Raises:
        UnsupportedMediaTypeError: no patch format that is offered; carries Accept-Patch.
        FhirError: the body is not of that format.
        InvalidRequestError: there is no body.
    """
    media_type = parse_content_type(exchange.request.headers.get("content-type"))
    found = FORMATS_BY_TYPE.get(media_type.name)
    name = media_type.name if found is None else found.value
    check_patch_format(name)
    body = _required(exchange.request.body.read())
    return parse_patch(exchange.services.definitions, name, body)


def write_options(exchange: Exchange) -> WriteOptions:
    """Read the headers of a write.

    Raises:
        InvalidRequestError: a header that is malformed, or If-None-Match with anything but `*`.
        FhirError: as `read_provenance`.
    """
    headers = exchange.request.headers
    if_match = parse_tags("If-Match", headers.get("if-match"))
    if_none_match = parse_tags("If-None-Match", headers.get("if-none-match"))
    if if_none_match is not None and not if_none_match.any:
        raise InvalidRequestError(
            "If-None-Match on a write is understood as * only.",
            expression=("http.If-None-Match",),
        )
    provenance = headers.get("x-provenance")
    return WriteOptions(
        if_match=None if if_match is None else if_match.versions,
        if_none_match_any=if_none_match is not None,
        if_none_exist=headers.get("if-none-exist"),
        prefer=exchange.prefer.returns,
        provenance=None
        if provenance is None
        else read_provenance(exchange.services.definitions, provenance),
    )


def _required(body: bytes) -> bytes:
    if not body.strip():
        raise InvalidRequestError("The request has no body; send the resource in it.")
    return body
