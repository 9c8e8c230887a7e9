"""XML without namespaces, as XPath looks at it: parsed, or built from JSON.

Spec: https://hl7.org/fhir/R4/xml.html and https://hl7.org/fhir/R4/json.html

JSON of any version becomes XML by its looks alone, so that resources that are not R4, or not
valid, can be looked into: an array repeats its element, "_name" is put together with "name", and an
object with a resourceType inside of another stands in an element of that name.
"""

from typing import Any

from lxml import etree

from fhirserver_conformance.paths.values import PathError, text_of

Tree = Any
"""An lxml document."""

_IN_ATTRIBUTES = ("id", "url")


def parse_tree(raw: bytes, label: str) -> Tree:
    """Parse XML; entities are not resolved, nothing is fetched.

    Raises:
        PathError: not well-formed, or with a document type.
    """
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(raw, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise PathError(f"{label} is not XML: {error}") from None
    tree = root.getroottree()
    if tree.docinfo.doctype:
        raise PathError(f"{label} has a document type, which FHIR's XML may not have")
    for element in root.iter(etree.Element):
        element.tag = etree.QName(element).localname
    etree.cleanup_namespaces(root)
    return tree


def build_tree(resource: dict[str, Any], label: str) -> Tree:
    """Build the document of a resource in JSON.

    Raises:
        PathError: it has no type, or names and texts that XML cannot hold.
    """
    name = resource.get("resourceType")
    if not isinstance(name, str):
        raise PathError(f"{label} is no resource: it has no resourceType")
    try:
        root = etree.Element(name)
        _add_members(root, resource, of_resource=True)
    except (ValueError, RecursionError) as error:
        raise PathError(f"{label} cannot be looked at as XML: {error}") from None
    return root.getroottree()


def _add_members(parent: Any, members: dict[str, Any], *, of_resource: bool) -> None:
    for key, value in members.items():
        name = key.removeprefix("_")
        if key == "resourceType" or (key != name and name in members):
            continue
        if name in _IN_ATTRIBUTES and isinstance(value, str) and not of_resource:
            parent.set(name, value)
        if name == "div" and isinstance(value, str):
            etree.SubElement(parent, name).text = value
            continue
        _add(parent, name, *_pairs(members.get(name), members.get(f"_{name}")))


def _pairs(value: Any, beside: Any) -> tuple[list[Any], list[Any]]:
    """Give a member's values and what stands beside each, as lists of one length."""
    values = value if isinstance(value, list) else [value]
    besides = beside if isinstance(beside, list) else [beside]
    length = max(len(values), len(besides))
    return values + [None] * (length - len(values)), besides + [None] * (length - len(besides))


def _add(parent: Any, name: str, values: list[Any], besides: list[Any]) -> None:
    for value, beside in zip(values, besides, strict=True):
        element = etree.SubElement(parent, name)
        if isinstance(value, dict):
            inside = value.get("resourceType")
            if isinstance(inside, str):
                element = etree.SubElement(element, inside)
            _add_members(element, value, of_resource=isinstance(inside, str))
        elif value is not None:
            element.set("value", text_of(value))
        if isinstance(beside, dict):
            _add_members(element, beside, of_resource=False)
