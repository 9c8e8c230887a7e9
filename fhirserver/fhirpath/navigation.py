"""Steps from elements to their children, by the element tables.

Spec: https://hl7.org/fhir/R4/fhirpath.html#polymorphism and http://hl7.org/fhirpath/N1/#path-selection

`value` reaches valueQuantity and every other form of the choice. A primitive is one item even if
its value and its extensions stand apart in JSON (`birthDate` and `_birthDate`).
"""

from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import zip_longest
from typing import Any, NamedTuple

from fhirserver.definitions import Element, r4
from fhirserver.fhirpath.context import FREE_ITEMS, Context
from fhirserver.fhirpath.cost import piecewise
from fhirserver.fhirpath.values import Collection, ElementNode


class Child(NamedTuple):
    """One JSON name that a FHIRPath name can mean."""

    name: str
    sibling: str | None
    path: str
    is_list: bool
    is_resource: bool


@lru_cache(maxsize=16_384)
def children_named(path: str, name: str) -> tuple[Child, ...]:
    """Give the JSON names below a path that a FHIRPath name means; none if there is no such."""
    try:
        elements = r4().node(path).elements
    except KeyError:
        return ()
    return tuple(_child(item) for item in elements.values() if item.base_name == name)


@cache
def _all_children(path: str) -> tuple[Child, ...]:
    try:
        elements = r4().node(path).elements
    except KeyError:
        return ()
    return tuple(_child(item) for item in elements.values())


def _child(element: Element) -> Child:
    return Child(
        element.name,
        f"_{element.name}" if element.is_primitive else None,
        element.node_path or element.type,
        element.is_list,
        element.is_resource,
    )


def append_child(found: Collection, value: dict[str, Any], child: Child) -> None:
    """Append the elements that stand under one JSON name of an object."""
    name, sibling, path, is_list, is_resource = child
    content = value.get(name)
    if sibling is not None:
        extras = value.get(sibling)
        if extras is not None:
            found.extend(_with_siblings(content, extras, path, is_list))
            return
    if content is None:
        return
    if not is_list or content.__class__ is not list:
        found.append(ElementNode(content, _resource_type(content) if is_resource else path))
    elif is_resource:
        found.extend([ElementNode(item, _resource_type(item)) for item in content])
    else:
        found.extend([ElementNode(item, path) for item in content])


def append_primitive_child(found: Collection, node: ElementNode, name: str) -> None:
    """Append the id or extensions of a primitive."""
    extras = node.sibling
    if extras.__class__ is dict and name in extras:
        if name == "id":
            found.append(ElementNode(extras["id"], "string"))
        elif name == "extension":
            found.extend([ElementNode(item, "Extension") for item in extras["extension"]])


def children(items: Collection, context: Context) -> Collection:
    """Give the direct children of all items, in the order of their definitions."""
    if len(items) > FREE_ITEMS:
        return piecewise(children, items, context)
    found: Collection = []
    for item in items:
        if item.__class__ is not ElementNode:
            continue
        if item.value.__class__ is dict:
            for child in _all_children(item.path):
                append_child(found, item.value, child)
        else:
            append_primitive_child(found, item, "id")
            append_primitive_child(found, item, "extension")
    context.spend(len(found))
    return found


def descendants(items: Collection, context: Context) -> Collection:
    """Give everything below the items, level by level."""
    found: Collection = []
    level = children(items, context)
    while level:
        found.extend(level)
        level = children(level, context)
    return found


def has_child(value: Any, child: Child) -> bool:
    """Tell whether an object has content under a JSON name."""
    content = value.get(child.name)
    if content is None and child.sibling is not None:
        content = value.get(child.sibling)
    return content is not None and content != []


def _with_siblings(content: Any, extras: Any, path: str, is_list: bool) -> Iterator[ElementNode]:
    if not is_list:
        yield ElementNode(content, path, extras)
        return
    for item, extra in zip_longest(content or (), extras):
        if item is not None or extra is not None:
            yield ElementNode(item, path, extra)


def _resource_type(content: Any) -> str:
    found = content.get("resourceType") if content.__class__ is dict else None
    return found if found.__class__ is str else "Resource"
