"""The patch formats: how each is read and applied.

Spec: https://hl7.org/fhir/R4/http.html#patch
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from fhirserver.definitions import Definitions
from fhirserver.errors import UnsupportedMediaTypeError
from fhirserver.interactions.fhirpath_patch import apply_fhirpath_patch
from fhirserver.interactions.json_patch import apply_json_patch
from fhirserver.interactions.merge_patch import apply_merge_patch
from fhirserver.interactions.types import Patch
from fhirserver.interactions.xml_patch import apply_xml_patch
from fhirserver.interactions.xml_patch_document import parse_xml_patch
from fhirserver.model.json import JsonObject, JsonValue, parse_json
from fhirserver.model.xml import parse_xml

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
XML_PATCH = "application/xml-patch+xml"
FHIRPATH_PATCH = "application/fhir+json"
FHIRPATH_PATCH_XML = "application/fhir+xml"


class PatchFormat(NamedTuple):
    """One format.

    Attributes:
        parse: reads a body.
        apply: makes the patched resource of a resource and what `parse` gave; changes neither.
    """

    parse: Callable[[Definitions, bytes], JsonValue]
    apply: Callable[[Definitions, JsonObject, JsonValue], JsonValue]


PATCH_FORMATS: Mapping[str, PatchFormat] = {
    JSON_PATCH: PatchFormat(
        lambda _, raw: parse_json(raw), lambda _, resource, patch: apply_json_patch(resource, patch)
    ),
    MERGE_PATCH: PatchFormat(
        lambda _, raw: parse_json(raw),
        lambda _, resource, patch: apply_merge_patch(resource, patch),
    ),
    XML_PATCH: PatchFormat(lambda _, raw: parse_xml_patch(raw), apply_xml_patch),
    FHIRPATH_PATCH: PatchFormat(lambda _, raw: parse_json(raw), apply_fhirpath_patch),
    FHIRPATH_PATCH_XML: PatchFormat(
        lambda definitions, raw: parse_xml(raw, definitions), apply_fhirpath_patch
    ),
}
"""By media type; the CapabilityStatement and Accept-Patch list them."""


def check_patch_format(media_type: str, place: str = "http.Content-Type") -> None:
    """Require a format that is offered.

    Args:
        media_type: without parameters, in lower case.
        place: where it stands, for the error.

    Raises:
        UnsupportedMediaTypeError: it is none; carries Accept-Patch.
    """
    if media_type not in PATCH_FORMATS:
        offered = ", ".join(PATCH_FORMATS)
        raise UnsupportedMediaTypeError(
            f"A patch of type {media_type[:100]!r} is not read here; send {offered}.",
            expression=(place,),
            headers=(("Accept-Patch", offered),),
        )


def parse_patch(definitions: Definitions, media_type: str, raw: bytes) -> Patch:
    """Read the body of a patch.

    Args:
        definitions: the R4 specification.
        media_type: one that is offered.
        raw: the body.

    Raises:
        FhirError: the body is not of that format.
    """
    return Patch(media_type, PATCH_FORMATS[media_type].parse(definitions, raw))
