"""Bytes of a file to a TestScript as JSON, whatever its format.

Spec: https://hl7.org/fhir/R4/formats.html
"""

from fhirserver.errors import FhirError
from fhirserver.model.json import JsonObject, parse_json
from fhirserver.model.xml_source import FHIR, parse_source
from fhirserver_conformance.script.part import ScriptError
from fhirserver_conformance.script.xml_script import script_of_xml

_TYPE = "TestScript"


def parse_script(raw: bytes) -> JsonObject | None:
    """Parse a TestScript; None for anything else.

    Raises:
        ScriptError: neither JSON nor XML, or XML that is no resource; with line and column.
    """
    try:
        if raw.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<":
            root = parse_source(raw)
            is_script = root.name == _TYPE and root.namespace == FHIR
            return script_of_xml(root) if is_script else None
        resource = parse_json(raw)
    except FhirError as error:
        raise ScriptError(_TYPE, str(error)) from None
    is_script = isinstance(resource, dict) and resource.get("resourceType") == _TYPE
    return resource if is_script else None
