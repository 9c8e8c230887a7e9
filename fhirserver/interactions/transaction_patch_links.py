"""Links in the patches of a transaction: what they bring is linked like a body. Pure.

Spec: https://hl7.org/fhir/R4/http.html#trules

    JSON Patch      `value`, as the element that the pointer leads to
    merge patch     as in the resource
    XML Patch       elements that come in, and text for an attribute, as `sel` says what they are
    FHIRPath Patch  values by their type, and texts for `reference`

What a selector or a path compares with stays as it is, and so does everything in a patch of a
Bundle. The documents are of any shape: what is wrong with them is said where they are applied.
"""

from collections.abc import Callable, Iterator, Mapping

from fhirserver.definitions import Definitions
from fhirserver.definitions.elements import Node
from fhirserver.interactions.json_patch import pointer_tokens
from fhirserver.interactions.patch_formats import (
    FHIRPATH_PATCH,
    FHIRPATH_PATCH_XML,
    JSON_PATCH,
    MERGE_PATCH,
    XML_PATCH,
)
from fhirserver.interactions.transaction_references import Links, Place
from fhirserver.interactions.types import Patch
from fhirserver.interactions.xml_patch_document import Directive
from fhirserver.interactions.xml_patch_selector import NameTest
from fhirserver.model.json import JsonValue
from fhirserver.model.xml_tree import XmlElement

_REFERENCES = ("href", "src")


def find_patch_links(
    links: Links, definitions: Definitions, type_: str, patch: Patch
) -> list[Place]:
    """Find the places of one patch.

    Args:
        links: of the transaction.
        definitions: names elements and types.
        type_: of the resource that is patched.
        patch: its document is what `Links.fill` changes.

    Raises:
        InvalidRequestError: a reference to a UUID that is no entry's.
    """
    if type_ == "Bundle":
        return []
    find = _FINDERS[patch.media_type]
    return list(find(_Finder(links, definitions), definitions.node(type_), patch.document))


class _Finder:
    def __init__(self, links: Links, definitions: Definitions) -> None:
        self._links = links
        self._definitions = definitions

    def json_patch(self, node: Node, document: JsonValue) -> Iterator[Place]:
        for operation in document if isinstance(document, list) else ():
            if isinstance(operation, dict) and "value" in operation:
                pointer = operation.get("path")
                if isinstance(pointer, str):
                    names = [each for each in pointer_tokens(pointer) if not _is_index(each)]
                    yield from self._value(operation, names, node)

    def _value(self, operation: JsonValue, names: list[str], node: Node) -> Iterator[Place]:
        if not names:
            yield from self.merge_patch(node, operation["value"])
            return
        for name in names[:-1]:
            node = self._links.inner(node, name)
        yield from self._links.find_in(operation, "value", names[-1], node)

    def merge_patch(self, node: Node, document: JsonValue) -> Iterator[Place]:
        for name in document if isinstance(document, dict) else ():
            yield from self._links.find_in(document, name, name, node)

    def fhirpath_patch(self, _node: Node, document: JsonValue) -> Iterator[Place]:
        if not isinstance(document, dict):
            return
        yield from self._links.find(document, None)
        parameters = document.get("parameter")
        for parameter in parameters if isinstance(parameters, list) else ():
            parts = parameter.get("part") if isinstance(parameter, dict) else None
            if isinstance(parts, list):
                yield from self._reference_text([each for each in parts if isinstance(each, dict)])

    def _reference_text(self, parts: list[JsonValue]) -> Iterator[Place]:
        """Find the text that an operation puts into `reference` itself."""
        named = {str(part.get("name")): part for part in parts}
        path = named.get("path", {}).get("valueString")
        added = named.get("name", {}).get("valueString")
        value = named.get("value", {})
        if "valueString" in value and (added or str(path).rpartition(".")[2]) == "reference":
            reference = self._definitions.node("Reference")
            yield from self._links.find_in(value, "valueString", "reference", reference)

    def xml_patch(self, node: Node, document: tuple[Directive, ...]) -> Iterator[Place]:
        for directive in document:
            yield from self._directive(node, directive)

    def _directive(self, node: Node, directive: Directive) -> Iterator[Place]:
        tests = [step.test for step in directive.selector.steps[1:]]
        names = [(isinstance(test, NameTest) and test.name) or "" for test in tests]
        for name in names[:-1]:
            node = self._inner(node, name)
        last = names[-1] if names else ""
        made = directive.made or directive.selector
        if made.attribute is not None:
            content = directive.content.children
            if len(content) == 1 and isinstance(content[0], str):
                yield from self._attribute(content, 0, made.attribute, (node, last))
            return
        if directive.kind == "add" and directive.position not in ("before", "after") and names:
            node = self._inner(node, last)
        for child in directive.content.elements:
            yield from self._element(child, node)

    def _element(self, element: XmlElement, node: Node) -> Iterator[Place]:
        for name in element.attributes:
            yield from self._attribute(element.attributes, name, name, (node, element.name))
        inner = self._inner(node, element.name)
        for child in element.elements:
            yield from self._element(child, inner)

    def _attribute(
        self, holder: JsonValue, key: JsonValue, name: str, element: tuple[Node, str]
    ) -> Iterator[Place]:
        """Find the place of an attribute: a value is its element's, others are elements."""
        node, element_name = element
        if name in _REFERENCES:
            yield from self._links.find_link(holder, key)
        elif name == "value":
            yield from self._links.find_in(holder, key, element_name, node)
        else:
            yield from self._links.find_in(holder, key, name, self._inner(node, element_name))

    def _inner(self, node: Node, name: str) -> Node:
        return self._links.inner(node, name, name)


def _is_index(token: str) -> bool:
    return token == "-" or token.isdigit()  # noqa: S105 - a token of a pointer


_FINDERS: Mapping[str, Callable[[_Finder, Node, JsonValue], Iterator[Place]]] = {
    JSON_PATCH: _Finder.json_patch,
    MERGE_PATCH: _Finder.merge_patch,
    XML_PATCH: _Finder.xml_patch,
    FHIRPATH_PATCH: _Finder.fhirpath_patch,
    FHIRPATH_PATCH_XML: _Finder.fhirpath_patch,
}
