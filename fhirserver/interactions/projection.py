"""Parts of resources: `_summary` and `_elements`.

Spec: https://hl7.org/fhir/R4/search.html#summary and #elements

    true      elements marked as summary, at every depth, and what is mandatory beside them
    text      text, id, meta and the mandatory elements of the top level
    data      everything but text
    elements  the top-level elements named, id, meta and the mandatory ones

What would change the meaning of the rest (`implicitRules`, `modifierExtension`) always stays. A
part says that it is one: `meta.tag` carries SUBSETTED, so that nobody stores it as the whole.
"""

from collections.abc import Callable, Collection
from typing import Literal

from fhirserver.definitions import Definitions
from fhirserver.definitions.elements import Element, Node
from fhirserver.model.json import JsonObject, JsonValue

Summary = Literal["true", "text", "data"]

SUBSETTED: JsonObject = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "code": "SUBSETTED",
}
_ALWAYS = frozenset(("resourceType", "id", "meta", "implicitRules", "modifierExtension"))


def summarise(resource: JsonObject, mode: Summary, table: Definitions) -> JsonObject:
    """Give the part of a resource that a `_summary` asks for. Pure: the resource stays.

    Args:
        resource: whole and valid.
        mode: see the module.
        table: the definitions.

    Returns:
        A new resource that shares what it keeps, tagged as SUBSETTED.
    """
    node = table.node(resource["resourceType"])
    match mode:
        case "true":
            part = _marked(resource, node, table)
        case "text":
            part = _top_level(resource, node, lambda name, _element: name == "text")
        case "data":
            part = {key: value for key, value in resource.items() if key != "text"}
    return tagged(part)


def select_elements(resource: JsonObject, names: Collection[str], table: Definitions) -> JsonObject:
    """Give the part of a resource that an `_elements` asks for. Pure: the resource stays.

    Args:
        resource: whole and valid.
        names: of top-level elements, e.g. {"name", "value", "Patient.gender"}; those that the type
            does not have are passed over.
        table: the definitions.

    Returns:
        A new resource that shares what it keeps, tagged as SUBSETTED.
    """
    prefix = f"{resource['resourceType']}."
    wanted = {name.removeprefix(prefix) for name in names}
    node = table.node(resource["resourceType"])
    return tagged(
        _top_level(
            resource,
            node,
            lambda name, element: name in wanted or element.base_name in wanted,
        )
    )


def _top_level(
    resource: JsonObject, node: Node, keep: Callable[[str, Element], bool]
) -> JsonObject:
    part: JsonObject = {}
    for key, value in resource.items():
        name = key.removeprefix("_")
        element = node.elements.get(name)
        if name in _ALWAYS or (element is not None and (element.min > 0 or keep(name, element))):
            part[key] = value
    return part


def _marked(parent: JsonObject, node: Node, table: Definitions) -> JsonObject:
    part: JsonObject = {}
    for key, value in parent.items():
        element = node.elements.get(key.removeprefix("_"))
        if element is None:
            if key == "resourceType":
                part[key] = value
        elif element.is_summary or element.min > 0 or element.is_modifier or key in _ALWAYS:
            part[key] = _marked_value(value, element, table)
    return part


def _marked_value(value: JsonValue, element: Element, table: Definitions) -> JsonValue:
    if element.node_path is None:
        return value
    node = table.node(element.node_path)
    if isinstance(value, list):
        return [_marked(item, node, table) for item in value]
    return _marked(value, node, table)


def tagged(part: JsonObject) -> JsonObject:
    """Say of a part, which is changed, that it is one."""
    meta = part.get("meta", {})
    tags = meta.get("tag", [])
    if SUBSETTED not in tags:
        part["meta"] = {**meta, "tag": [*tags, SUBSETTED]}
    return part
