"""The same change in every patch format: the language of a resource becomes German.

Spec: https://hl7.org/fhir/R4/http.html#patch and https://hl7.org/fhir/R4/fhirpatch.html
"""

import json
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patch:
    """One format.

    Attributes:
        fixture: id of its fixture.
        body: makes the patch for a resource of a type that has no language.
    """

    fixture: str
    body: Callable[[str], bytes]


def _fhirpath_json(name: str) -> bytes:
    parts = [
        {"name": "type", "valueCode": "add"},
        {"name": "path", "valueString": name},
        {"name": "name", "valueString": "language"},
        {"name": "value", "valueCode": "de"},
    ]
    parameter = {"name": "operation", "part": parts}
    return json.dumps({"resourceType": "Parameters", "parameter": [parameter]}).encode()


def _fhirpath_xml(name: str) -> bytes:
    rows = (
        ("type", "valueCode", "add"),
        ("path", "valueString", name),
        ("name", "valueString", "language"),
        ("value", "valueCode", "de"),
    )
    parts = "".join(
        f'<part><name value="{part}"/><{element} value="{value}"/></part>'
        for part, element, value in rows
    )
    parameter = f'<parameter><name value="operation"/>{parts}</parameter>'
    return f'<Parameters xmlns="http://hl7.org/fhir">{parameter}</Parameters>'.encode()


def _json_patch(_name: str) -> bytes:
    return json.dumps([{"op": "add", "path": "/language", "value": "de"}]).encode()


def _merge_patch(_name: str) -> bytes:
    return json.dumps({"language": "de"}).encode()


def _xml_patch(name: str) -> bytes:
    # `language` stands after `meta`, which a stored resource has.
    place = f'sel="f:{name}/f:meta" pos="after"'
    element = '<f:language value="de"/>'
    return f'<diff xmlns:f="http://hl7.org/fhir"><add {place}>{element}</add></diff>'.encode()


_FHIRPATH_JSON, _FHIRPATH_XML = (
    Patch("fhirpath", _fhirpath_json),
    Patch("fhirpath-xml", _fhirpath_xml),
)
PATCHES = {
    "application/fhir+json": _FHIRPATH_JSON,
    "json": _FHIRPATH_JSON,
    "application/fhir+xml": _FHIRPATH_XML,
    "xml": _FHIRPATH_XML,
    "application/json-patch+json": Patch("json-patch", _json_patch),
    "application/merge-patch+json": Patch("merge-patch", _merge_patch),
    "application/xml-patch+xml": Patch("xml-patch", _xml_patch),
}
"""By what CapabilityStatement.patchFormat says."""
