"""An XML Patch as it is sent: a list of directives, taken apart. Pure.

Spec: RFC 5261 sections 4 and 5; https://hl7.org/fhir/R4/http.html#patch

    <diff xmlns="http://hl7.org/fhir">
      <add sel= [pos="prepend|before|after"]>nodes</add>       at the end of the element without pos
      <add sel= type="@name|namespace::prefix">text</add>
      <replace sel=>one node, or text</replace>
      <remove sel= [ws="before|after|both"]/>
    </diff>

The names of the directives count, whatever namespace they and the root are in. Elements without a
namespace are taken for FHIR's, as a resource has no others.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from fhirserver.errors import InvalidRequestError, TooLargeError
from fhirserver.interactions.json_patch import OPERATIONS_LIMIT
from fhirserver.interactions.xml_patch_selector import Selector, parse_selector
from fhirserver.model.xml_source import FHIR
from fhirserver.model.xml_tree import XmlElement, parse_tree

Kind = Literal["add", "replace", "remove"]

_ATTRIBUTES: Mapping[Kind, Mapping[str, tuple[str, ...]]] = {
    "add": {"sel": (), "type": (), "pos": ("prepend", "before", "after")},
    "replace": {"sel": ()},
    "remove": {"sel": (), "ws": ("before", "after", "both")},
}
"""What each directive takes; an empty list of values stands for any."""


@dataclass(frozen=True, slots=True)
class Directive:
    """One directive; what it does not say is None.

    Attributes:
        place: index among the directives, for messages.
        selector: what it is about.
        content: the directive itself, which holds what it brings.
        position: where an add puts it.
        made: attribute or namespace declaration that an add makes.
        spaces: sides on which a remove takes white space along.
    """

    place: int
    kind: Kind
    selector: Selector
    content: XmlElement
    position: str | None
    made: Selector | None
    spaces: str | None


def parse_xml_patch(raw: bytes) -> tuple[Directive, ...]:
    """Take a patch apart.

    Raises:
        MalformedBodyError: no XML, or one with a document type.
        InvalidRequestError: not an XML Patch.
        TooLargeError: nested too deep, or too many directives.
    """
    root = parse_tree(raw)
    elements = list(root.elements)
    if not elements:
        raise InvalidRequestError(
            "The XML Patch has no add, replace or remove in its root element "
            "(invalid-patch-directive)."
        )
    if len(elements) > OPERATIONS_LIMIT:
        raise TooLargeError(f"An XML Patch has at most {OPERATIONS_LIMIT} directives.")
    return tuple(
        _directive(place, element, {**root.declared, **element.declared})
        for place, element in enumerate(elements)
    )


def _directive(place: int, element: XmlElement, prefixes: Mapping[str, str]) -> Directive:
    kind = next((each for each in _ATTRIBUTES if each == element.name), None)
    if kind is None:
        raise _malformed(place, f"it is add, replace or remove, not {element.name[:100]!r}")
    _check_attributes(place, kind, element)
    attributes = element.attributes
    selector = parse_selector(attributes["sel"], prefixes)
    made = None
    if "type" in attributes:
        made = parse_selector(attributes["type"], prefixes)
        if made.steps or "pos" in attributes:
            raise _malformed(
                place, 'type is "@name" or "namespace::prefix", and then there is no pos'
            )
    if kind == "add" and (selector.attribute or selector.prefix):
        raise _malformed(place, "sel of an add leads to an element or another node")
    for child in element.elements:
        _adopt(child)
    position, spaces = attributes.get("pos"), attributes.get("ws")
    return Directive(place, kind, selector, element, position, made, spaces)


def _check_attributes(place: int, kind: Kind, element: XmlElement) -> None:
    allowed = _ATTRIBUTES[kind]
    for name, value in element.attributes.items():
        if name not in allowed:
            raise _malformed(
                place, f"{kind} has no {name[:100]!r}, only {', '.join(allowed)}", _VALUE
            )
        if allowed[name] and value not in allowed[name]:
            choices = ", ".join(allowed[name])
            raise _malformed(place, f"{name} is one of {choices}, not {value[:100]!r}", _VALUE)
    if "sel" not in element.attributes:
        raise _malformed(place, "sel is missing", _VALUE)


def _adopt(element: XmlElement) -> None:
    element.namespace = element.namespace or FHIR
    for child in element.elements:
        _adopt(child)


_VALUE = "invalid-attribute-value"


def _malformed(
    place: int, reason: str, condition: str = "invalid-patch-directive"
) -> InvalidRequestError:
    return InvalidRequestError(f"XML Patch directive {place}: {reason} ({condition}).")
