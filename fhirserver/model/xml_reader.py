"""XML to JSON; see `fhirserver.model.xml` for the mapping."""

import re
from collections.abc import Callable
from decimal import Decimal

from fhirserver.errors import TooLargeError
from fhirserver.model.element_table import Element, ElementTable, Node
from fhirserver.model.json import MAX_DEPTH, JsonObject, JsonValue, parse_decimal
from fhirserver.model.xml_source import FHIR, XHTML, Source, parse_source

_XSI = "http://www.w3.org/2001/XMLSchema-instance "
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}", re.ASCII)
_DECIMAL = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,9})?", re.ASCII)
_WHOLE_LENGTH_MAX = 1000
"""Python makes no integer of thousands of digits, and no FHIR decimal is so large."""


def parse_xml(raw: bytes, table: ElementTable) -> JsonObject:
    """Parse a resource.

    Args:
        raw: an XML document in UTF-8, with or without a byte order mark.
        table: the definitions.

    Returns:
        The resource as `parse_json` would give it: Decimal for decimals, list for what may repeat.

    Raises:
        MalformedBodyError: not well-formed (line and column); a document type; an element,
            attribute or value that the table does not know or that stands out of order (line,
            column and FHIRPath).
        TooLargeError: nested deeper than JSON may be.
    """
    return _Reader(table).resource(parse_source(raw), 1)


def read_source(source: Source, table: ElementTable) -> JsonObject:
    """Read a resource out of a tree, whose elements may stand in any order.

    Raises:
        FhirError: as `parse_xml`, but for the order.
    """
    return _Reader(table, is_ordered=False).resource(source, 1)


class _Reader:
    def __init__(self, table: ElementTable, *, is_ordered: bool = True) -> None:
        self._table = table
        self._is_ordered = is_ordered

    def resource(self, source: Source, depth: int) -> JsonObject:
        name = source.name
        _expect_namespace(source, FHIR)
        if not self._table.is_resource_type(name):
            raise source.fault(f"{name!r} is no resource type of FHIR R4")
        resource: JsonObject = {"resourceType": name}
        node = self._table.node(name)
        for key in source.attributes:
            if not key.startswith(_XSI):
                raise source.fault(f"a resource has no attribute {key!r}; its id is an element")
        self._children(source, node, resource, depth)
        return resource

    def _object(self, source: Source, node: Node, depth: int) -> JsonObject:
        found: JsonObject = {}
        for key, value in source.attributes.items():
            element = node.elements.get(key)
            if element is None or not element.is_xml_attribute:
                raise source.fault(f"{node.path} has no attribute {key!r}")
            found[key] = value
        self._children(source, node, found, depth)
        return found

    def _children(self, source: Source, node: Node, found: JsonObject, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise TooLargeError(f"The body nests deeper than {MAX_DEPTH} levels; flatten it.")
        _refuse_text(source)
        last = -1
        for child in source.children:
            name, element = _known(child, node)
            if element.order < last and self._is_ordered:
                raise child.fault(f"{name!r} stands too late; the order of {node.path} is fixed")
            last = element.order
            self._element(child, name, element, found, depth)

    def _element(
        self, child: Source, name: str, element: Element, found: JsonObject, depth: int
    ) -> None:
        if element.is_primitive:
            self._primitive(child, name, element, found, depth)
            return
        if element.is_resource:
            value = self._held_resource(child, depth)
        else:
            assert element.node_path is not None
            value = self._object(child, self._table.node(element.node_path), depth + 1)
        if element.is_list:
            found.setdefault(name, []).append(value)
            return
        if name in found:
            raise child.fault(f"{name!r} may not repeat")
        found[name] = value

    def _held_resource(self, child: Source, depth: int) -> JsonObject:
        _refuse_text(child)
        if len(child.children) != 1 or child.attributes:
            raise child.fault("exactly one resource must stand here, without attributes around")
        return self.resource(child.children[0], depth + 1)

    def _primitive(
        self, child: Source, name: str, element: Element, found: JsonObject, depth: int
    ) -> None:
        if element.type == "xhtml":
            value, beside = child.narrative, None
        else:
            value, beside = self._value(child, element), self._beside(child, depth)
        if not element.is_list:
            if name in found or f"_{name}" in found:
                raise child.fault(f"{name!r} may not repeat")
            if value is not None:
                found[name] = value
            if beside is not None:
                found[f"_{name}"] = beside
            return
        count = len(found.get(name) or found.get(f"_{name}") or ())
        for key, item in ((name, value), (f"_{name}", beside)):
            if key in found:
                found[key].append(item)
            elif item is not None:
                found[key] = [*[None] * count, item]

    def _value(self, child: Source, element: Element) -> JsonValue:
        for key in child.attributes:
            if key not in ("value", "id"):
                raise child.fault(f"a primitive has no attribute {key!r}")
        text = child.attributes.get("value")
        if text is None:
            return None
        convert = _CONVERSIONS.get(element.type)
        if convert is None:
            return text
        value = convert(text)
        if value is None:
            raise child.fault(f"{text[:50]!r} is no {element.type}")
        return value

    def _beside(self, child: Source, depth: int) -> JsonObject | None:
        beside: JsonObject = {}
        if "id" in child.attributes:
            beside["id"] = child.attributes["id"]
        _refuse_text(child)
        for item in child.children:
            if item.name != "extension" or item.namespace != FHIR:
                raise item.fault("a primitive holds nothing but extensions")
            extension = self._object(item, self._table.node("Extension"), depth + 2)
            beside.setdefault("extension", []).append(extension)
        return beside or None


def _known(child: Source, node: Node) -> tuple[str, Element]:
    """Give the name and element of a child; narrative alone is in the XHTML namespace."""
    element = node.elements.get(child.name)
    if element is None or element.is_xml_attribute:
        raise child.fault(f"{child.name!r} is no element of {node.path}")
    _expect_namespace(child, XHTML if element.type == "xhtml" else FHIR)
    return child.name, element


def _expect_namespace(source: Source, namespace: str) -> None:
    if source.namespace != namespace:
        raise source.fault(f"{source.name!r} is not in the namespace {namespace}")


def _boolean(text: str) -> bool | None:
    return {"true": True, "false": False}.get(text)


def _integer(text: str) -> int | None:
    return int(text) if _INTEGER.fullmatch(text) else None


def _decimal(text: str) -> int | Decimal | None:
    if not _DECIMAL.fullmatch(text):
        return None
    # JSON reads a number without fraction and exponent as an integer.
    is_whole = len(text) <= _WHOLE_LENGTH_MAX and text.lstrip("-").isdigit()
    return int(text) if is_whole else parse_decimal(text)


_CONVERSIONS: dict[str, Callable[[str], JsonValue]] = {
    "boolean": _boolean,
    "integer": _integer,
    "positiveInt": _integer,
    "unsignedInt": _integer,
    "decimal": _decimal,
}


def _refuse_text(source: Source) -> None:
    if source.text:
        raise source.fault("text stands between elements; values are attributes in FHIR XML")
