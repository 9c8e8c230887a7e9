"""TestScripts in XML, of any version: a reader that needs no element definitions.

Spec: https://hl7.org/fhir/R4/xml.html

STU3 has elements that R4 has not, so the table of R4 will not do. What repeats and what is no text
stands here; everything else is read as it is written. Document types are refused.
"""

from xml.sax.saxutils import escape, quoteattr

from fhirserver.definitions import r4
from fhirserver.errors import FhirError
from fhirserver.model.json import JsonObject, JsonValue
from fhirserver.model.xml import parse_xml
from fhirserver.model.xml_source import FHIR, XHTML, Source
from fhirserver_conformance.script.part import ScriptError

_REPEATS = frozenset(
    {
        "action",
        "capability",
        "coding",
        "common",
        "contact",
        "contained",
        "extension",
        "fixture",
        "jurisdiction",
        "modifierExtension",
        "param",
        "parameter",
        "relatedArtifact",
        "requestHeader",
        "requirement",
        "ruleset",
        "security",
        "tag",
        "telecom",
        "test",
        "useContext",
        "variable",
    }
)
"""These repeat wherever they stand."""

_REPEATS_IN = {
    "destination": ("TestScript",),
    "link": ("metadata", "capability"),
    "origin": ("TestScript", "capability"),
    "profile": ("TestScript", "meta"),
    "rule": ("TestScript", "ruleset"),
}
"""These repeat in some elements and not in others."""

_FLAGS = frozenset(
    {
        "autocreate",
        "autodelete",
        "encodeRequestUrl",
        "experimental",
        "navigationLinks",
        "required",
        "stopTestOnFail",
        "validated",
        "valueBoolean",
        "warningOnly",
    }
)
_NUMBERS = frozenset(
    {
        "destination",
        "index",
        "origin",
        "rank",
        "valueInteger",
        "valuePositiveInt",
    }
)

_DIGITS = 10


def script_of_xml(root: Source) -> JsonObject:
    """Turn a TestScript into JSON.

    Args:
        root: its root element, of FHIR's namespace.

    Raises:
        ScriptError: a contained resource that is none of R4.
    """
    return {"resourceType": root.name, **_object(root)}


def _object(source: Source) -> JsonObject:
    found: JsonObject = {key: value for key, value in source.attributes.items() if " " not in key}
    for child in source.children:
        name = child.name
        if name == "contained":
            value, beside = _contained(child), None
        else:
            value, beside = _element(child)
        if name in _REPEATS or source.name in _REPEATS_IN.get(name, ()):
            _append(found, name, value, beside)
            continue
        if value is not None:
            found[name] = value
        if beside is not None:
            found[f"_{name}"] = beside
    return found


def _append(found: JsonObject, name: str, value: JsonValue, beside: JsonObject | None) -> None:
    found.setdefault(name, []).append(value)
    if beside is not None:
        padded = found.setdefault(f"_{name}", [])
        padded.extend([None] * (len(found[name]) - 1 - len(padded)))
        padded.append(beside)


def _element(child: Source) -> tuple[JsonValue, JsonObject | None]:
    """Give an element's value, and what stands beside the value of a primitive."""
    if child.namespace == XHTML:
        return child.narrative, None
    if "value" not in child.attributes:
        return _object(child), None
    rest = _object(child)
    value = _plain(child.name, rest.pop("value"))
    return value, rest or None


def _plain(name: str, text: str) -> JsonValue:
    if name in _FLAGS and text in ("true", "false"):
        return text == "true"
    if name in _NUMBERS and text.isascii() and text.isdigit() and len(text) < _DIGITS:
        return int(text)
    return text


def _contained(child: Source) -> JsonObject:
    raw = "".join(_text(each, f' xmlns="{FHIR}"') for each in child.children)
    try:
        return parse_xml(raw.encode(), r4())
    except FhirError as error:
        raise ScriptError(child.path, f"is no resource of R4: {error}") from None


def _text(source: Source, namespace: str = "") -> str:
    if source.narrative is not None:
        return source.narrative
    attributes = "".join(f" {name}={quoteattr(value)}" for name, value in source.attributes.items())
    inside = escape(source.text) + "".join(map(_text, source.children))
    return f"<{source.name}{namespace}{attributes}>{inside}</{source.name}>"
