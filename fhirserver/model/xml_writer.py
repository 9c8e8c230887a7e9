"""JSON to XML; see `fhirserver.model.xml` for the mapping.

The document is written as text: no tree is built. What XML 1.0 cannot hold (most control
characters) becomes U+FFFD.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from fhirserver.errors import UnprocessableError
from fhirserver.model.element_table import Element, ElementTable, Node
from fhirserver.model.json import JsonObject, JsonValue
from fhirserver.model.xml_source import XHTML, is_narrative, without_named_entities

_ESCAPED = re.compile('[&<>"\n\r\t\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]')
_REPLACEMENTS = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "\n": "&#10;",
    "\r": "&#13;",
    "\t": "&#9;",
}
_NAMESPACE = ' xmlns="http://hl7.org/fhir"'


def write_xml(resource: JsonObject, table: ElementTable, *, pretty: bool = False) -> bytes:
    """Write a resource as an XML document in UTF-8.

    Args:
        resource: valid against the element table.
        table: the definitions.
        pretty: one element a line, indented by two blanks; narrative stays as it is.

    Raises:
        UnprocessableError: an element that the table does not know.
    """
    writer = _Writer(table, pretty=pretty)
    writer.resource(resource, _NAMESPACE)
    return "".join(writer.parts).encode()


class _Entry(NamedTuple):
    """A JSON name to be written: its value, the object beside it, its element."""

    order: int
    name: str
    element: Element
    value: JsonValue
    beside: JsonValue


class _Writer:
    def __init__(self, table: ElementTable, *, pretty: bool) -> None:
        self.parts = ['<?xml version="1.0" encoding="UTF-8"?>']
        self._table = table
        self._step = "  " if pretty else ""
        self._margin = "\n" if pretty else ""
        self._empty = False  # whether the element opened last holds nothing so far

    def resource(self, resource: JsonObject, namespace: str = "") -> None:
        name = resource.get("resourceType")
        if not isinstance(name, str) or not self._table.is_resource_type(name):
            raise UnprocessableError(f"{name!r} is no resource type and has no XML form.")
        self._open(name, namespace)
        self._children(resource, self._table.node(name))
        self._close(name)

    def _children(self, parent: JsonObject, node: Node) -> None:
        for entry in sorted(_entries(parent, node)):
            if not entry.element.is_xml_attribute:
                self._element(entry)

    def _element(self, entry: _Entry) -> None:
        values, besides = entry.value, entry.beside
        if not entry.element.is_list:
            values, besides = [values], [besides]
        values, besides = values or [], besides or []
        for index in range(max(len(values), len(besides))):
            value = values[index] if index < len(values) else None
            beside = besides[index] if index < len(besides) else None
            self._item(entry, value, beside)

    def _item(self, entry: _Entry, value: JsonValue, beside: JsonValue) -> None:
        name, element = entry.name, entry.element
        if element.type == "xhtml":
            self._add(narrative_xml(value))
        elif element.is_primitive:
            self._primitive(name, value, beside)
        elif element.is_resource:
            self._open(name, "")
            self.resource(value)
            self._close(name)
        else:
            assert element.node_path is not None
            self._complex(name, value, self._table.node(element.node_path))

    def _primitive(self, name: str, value: JsonValue, beside: JsonObject | None) -> None:
        attributes = "" if value is None else f" value={_quoted(_text(value))}"
        extensions = []
        if beside is not None:
            extensions = beside.get("extension", [])
            if "id" in beside:
                attributes = f" id={_quoted(beside['id'])}{attributes}"
        if not extensions:
            self._add(f"<{name}{attributes}/>")
            return
        self._open(name, attributes)
        node = self._table.node("Extension")
        for extension in extensions:
            self._complex("extension", extension, node)
        self._close(name)

    def _complex(self, name: str, value: JsonObject, node: Node) -> None:
        attributes = "".join(
            f" {key}={_quoted(value[key])}"
            for key in ("id", "url")
            if key in value and node.elements[key].is_xml_attribute
        )
        self._open(name, attributes)
        self._children(value, node)
        self._close(name)

    def _add(self, text: str) -> None:
        self.parts.append(self._margin + text)
        self._empty = False

    def _open(self, name: str, attributes: str) -> None:
        self.parts.append(f"{self._margin}<{name}{attributes}>")
        self._margin += self._step
        self._empty = True

    def _close(self, name: str) -> None:
        if self._step:
            self._margin = self._margin[:-2]
        if self._empty:
            self.parts[-1] = f"{self.parts[-1][:-1]}/>"
        else:
            self.parts.append(f"{self._margin}</{name}>")
        self._empty = False


def _entries(parent: JsonObject, node: Node) -> Iterator[_Entry]:
    for name, value in parent.items():
        element = node.elements.get(name)
        if element is not None:
            yield _Entry(element.order, name, element, value, parent.get(f"_{name}"))
        elif name[0] == "_" and name[1:] in node.elements:
            if name[1:] not in parent:
                bare = name[1:]
                yield _Entry(node.elements[bare].order, bare, node.elements[bare], None, value)
        elif name not in ("resourceType", "fhir_comments"):
            raise UnprocessableError(
                f"{name!r} is no element of {node.path} and has no XML form.",
                expression=(node.path,),
            )


def _text(value: JsonValue) -> str:
    if value is True:
        return "true"
    if value is False:
        return "false"
    return str(value)


def _quoted(text: str) -> str:
    return f'"{_ESCAPED.sub(_replacement, text)}"'


def _replacement(match: re.Match[str]) -> str:
    return _REPLACEMENTS.get(match[0], "\ufffd")


def narrative_xml(div: str) -> str:
    """Give a narrative as it is; one that would break the document, as escaped text."""
    known = without_named_entities(div) if "&" in div else div
    if known.startswith(("<div>", "<div/>")):
        known = f'<div xmlns="{XHTML}"{known[4:]}'
    if is_narrative(known):
        return known
    return f'<div xmlns="{XHTML}">{_ESCAPED.sub(_replacement, div)}</div>'
