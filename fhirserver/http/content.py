"""Request bodies as resources and patches, and the headers of a write.

Spec: https://hl7.org/fhir/R4/http.html#mime-type and #patch
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace

from fhirserver.errors import InvalidRequestError
from fhirserver.http.binary_upload import describe_raw, is_kept_apart, raw_type, wrap_raw
from fhirserver.http.exchange import Exchange
from fhirserver.http.headers import parse_tags
from fhirserver.http.negotiation import FORMATS_BY_TYPE, Format, body_format, parse_content_type
from fhirserver.interactions import Patch, WriteOptions
from fhirserver.interactions.large_content import uploaded
from fhirserver.interactions.patch_formats import check_patch_format, parse_patch
from fhirserver.interactions.preconditions import unheeded
from fhirserver.interactions.provenance import read_provenance
from fhirserver.model.json import JsonValue, parse_json
from fhirserver.model.xml import parse_xml
from fhirserver.store.contents import CHUNK_BYTES


@contextmanager
def sent(exchange: Exchange, interaction: str) -> Iterator[tuple[JsonValue, WriteOptions]]:
    """Read body and headers of a create or update.

    Raw content that is large is stored while it arrives, and is forgotten if the write that
    happens inside the `with` makes no version of it.

    Args:
        exchange: the request.
        interaction: "create" or "update".

    Raises:
        FhirError: as `read_resource`, `write_options` and `uploaded`.
    """
    options = write_options(exchange)
    content_type = raw_type(exchange)
    if content_type is None or not is_kept_apart(exchange):
        yield read_resource(exchange), options
        return
    resource = describe_raw(exchange, content_type)
    limit_bytes = exchange.services.settings.binary_limit_bytes
    with (
        closing(exchange.request.body.parts(CHUNK_BYTES, limit_bytes)) as parts,
        uploaded(exchange.services, exchange.auth, interaction, exchange.route.id, parts) as upload,
    ):
        yield resource, replace(options, upload=upload)


def read_resource(exchange: Exchange) -> JsonValue:
    """Read the body as JSON of any shape; XML is translated, raw content becomes a Binary.

    Raises:
        UnsupportedMediaTypeError: the Content-Type is none that is read here.
        MalformedBodyError: not JSON or XML.
        InvalidRequestError: there is no body.
    """
    raw = raw_type(exchange)
    if raw is not None:
        return wrap_raw(exchange, raw)
    found = body_format(exchange.request.headers.get("content-type"))
    body = _required(exchange.request.body.read())
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
        InvalidRequestError: a header that is malformed, If-None-Match with anything but `*`, or a
            precondition that this write does not heed.
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
    options = WriteOptions(
        if_match=None if if_match is None else if_match.versions,
        if_none_match_any=if_none_match is not None,
        if_none_exist=headers.get("if-none-exist"),
        prefer=exchange.prefer.returns,
        provenance=None
        if provenance is None
        else read_provenance(exchange.services.definitions, provenance),
    )
    _refuse_unheeded(exchange, options)
    return options


def _refuse_unheeded(exchange: Exchange, options: WriteOptions) -> None:
    """Refuse preconditions that would be passed over; If-Match stands above the date beside it."""
    names = unheeded(exchange.route.interaction, options)
    unmodified_since = exchange.request.headers.get("if-unmodified-since")
    if options.if_match is None and unmodified_since is not None:
        names.append("If-Unmodified-Since")
    if names:
        raise InvalidRequestError(
            f"{names[0]} is not heeded here; leave it out, or make an update, patch or delete "
            "depend on the version by If-Match.",
            expression=(f"http.{names[0]}",),
        )


def _required(body: bytes) -> bytes:
    if not body.strip():
        raise InvalidRequestError("The request has no body; send the resource in it.")
    return body
