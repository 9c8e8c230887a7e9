"""FHIRPath Patch: operations on elements that FHIRPath names. Pure.

Spec: https://hl7.org/fhir/R4/fhirpatch.html

    add      below the one element at path; at the end of a list; a single element must be absent
    insert   into the list at path; index = length appends
    delete   the one element at path; nothing there is no error
    replace  the one element at path
    move     within the list at path

A patch that is none is a 400; one that does not fit the resource is a 422. Operations apply in
order, on a copy: all or none. What a delete leaves empty goes with it.
"""

import re
from typing import NamedTuple

from fhirserver.definitions import Definitions
from fhirserver.definitions.elements import Element, Node
from fhirserver.errors import InvalidRequestError, UnprocessableError
from fhirserver.fhirpath import Context, ElementNode, FhirPathError, compile_expression, root_node
from fhirserver.interactions.fhirpath_patch_parameters import (
    PatchOperation,
    PatchValue,
    parse_operations,
)
from fhirserver.interactions.json_patch import refuse_growth
from fhirserver.model.json import JsonObject, JsonValue, copy_json

_LAST_STEP = re.compile(r"(.+)\.([A-Za-z][A-Za-z0-9]*)(?:\[([0-9]{1,9})\])?", re.ASCII | re.DOTALL)


class Slot(NamedTuple):
    """Where an element stands.

    Attributes:
        holder: the object around it.
        key: its JSON name.
        position: its place in a list; None where it is no list.
    """

    holder: JsonObject
    key: str
    position: int | None


def apply_fhirpath_patch(
    definitions: Definitions, resource: JsonObject, document: JsonValue
) -> JsonObject:
    """Apply a patch to a copy of a resource.

    Raises:
        InvalidRequestError: not a FHIRPath Patch, a path that is no FHIRPath, or paths that take
            more steps together than an evaluation may.
        UnprocessableError: a path that names nothing or too much, or an index out of range.
        TooLargeError: too many operations, or a result that nests beyond measure.
    """
    operations = parse_operations(document)
    root: JsonObject = copy_json(resource)
    context = Context()
    for operation in operations:
        _Patcher(definitions, root, operation, context).run()
        refuse_growth(root, operation.place)
    return root


class _Patcher:
    """One operation on one resource, which it changes."""

    def __init__(
        self,
        definitions: Definitions,
        root: JsonObject,
        operation: PatchOperation,
        context: Context,
    ) -> None:
        self._definitions = definitions
        self._root = root
        self._operation = operation
        self._context = context

    def run(self) -> None:
        match self._operation.kind:
            case "add":
                self._add()
            case "insert":
                self._insert()
            case "delete":
                self._delete()
            case "replace":
                self._replace()
            case "move":
                self._move()

    def _add(self) -> None:
        operation = self._operation
        parent = self._only(operation.path)
        holder = parent.value
        node = self._definitions.node(parent.path)
        element = self._element(node, operation.name, operation.value.suffix)
        content = self._content(element, operation.value)
        if element.is_list:
            end = max(len(holder.get(key, ())) for key in (element.name, f"_{element.name}"))
            _insert(holder, element.name, end, content, operation.value.sibling)
            return
        variants = [each.name for each in node.elements.values() if _same(each, element)]
        if any(name in holder or f"_{name}" in holder for name in variants):
            raise self._unfit(f"{operation.name} is there already; use replace")
        _put(Slot(holder, element.name, None), content, operation.value.sibling)

    def _insert(self) -> None:
        operation = self._operation
        holder, element = self._list(operation.path)
        items = holder.get(element.name, [])
        if operation.index > len(items):
            raise self._unfit(f"index {operation.index} is beyond the end of {len(items)} items")
        content = self._content(element, operation.value)
        _insert(holder, element.name, operation.index, content, operation.value.sibling)

    def _delete(self) -> None:
        found = self._evaluate(self._operation.path)
        if not found:
            return
        slot = self._slot(found, self._operation.path)
        if slot.position is None:
            slot.holder.pop(slot.key, None)
            slot.holder.pop(f"_{slot.key}", None)
        else:
            for key in (slot.key, f"_{slot.key}"):
                items = slot.holder.get(key)
                if items is not None and slot.position < len(items):
                    del items[slot.position]
        _prune(self._root)

    def _replace(self) -> None:
        value = self._operation.value
        found = self._evaluate(self._operation.path)
        slot = self._slot(found, self._operation.path)
        content = value.content
        if value.parts:
            assert isinstance(found[0], ElementNode)
            content = self._object(self._definitions.node(found[0].path), value)
        key = slot.key
        if slot.position is None and value.suffix is not None:
            key = _renamed(key, found[0], value.suffix)
        if key != slot.key:
            slot.holder.pop(slot.key, None)
            slot.holder.pop(f"_{slot.key}", None)
        _put(Slot(slot.holder, key, slot.position), content, value.sibling)

    def _move(self) -> None:
        operation = self._operation
        holder, element = self._list(operation.path)
        length = len(holder.get(element.name, []))
        if operation.source >= length or operation.destination >= length:
            raise self._unfit(f"the list has {length} items")
        for key in (element.name, f"_{element.name}"):
            if key in holder:
                items = holder[key]
                items.extend([None] * (length - len(items)))
                items.insert(operation.destination, items.pop(operation.source))

    def _evaluate(self, path: str) -> list[object]:
        try:
            self._context.variables = {}
            return compile_expression(path).evaluate(root_node(self._root), self._context)
        except FhirPathError as error:
            raise InvalidRequestError(
                f"Operation {self._operation.place}: path {path[:200]!r}: {error}."
            ) from None

    def _only(self, path: str) -> ElementNode:
        """Require that a path names one element, and give what holds its children.

        Those of a primitive, its id and extensions, stand beside its value.
        """
        found = self._evaluate(path)
        if len(found) == 1 and isinstance(found[0], ElementNode):
            node = found[0]
            if node.value.__class__ is dict:
                return node
            return ElementNode(_beside(self._slot(found, path)), node.path)
        raise self._unfit(f"{path[:200]!r} names {len(found)} elements and must name one")

    def _slot(self, found: list[object], path: str) -> Slot:
        """Find where the one element stands that a path names."""
        if len(found) != 1:
            raise self._unfit(f"{path[:200]!r} names {len(found)} elements and must name one")
        node = found[0]
        if isinstance(node, ElementNode) and node.value.__class__ is dict:
            if node.value is self._root:
                raise self._unfit("the resource as a whole stays")
            return _slot_of(self._root, node.value)
        last = _LAST_STEP.fullmatch(path)
        if last is None:
            raise self._unfit(f"{path[:200]!r} must end in a name, or in a name and an index")
        parent = self._only(last[1])
        key = _present_key(self._definitions.node(parent.path), last[2], parent.value)
        is_list = isinstance(parent.value.get(key, parent.value.get(f"_{key}")), list)
        return Slot(parent.value, key, int(last[3] or 0) if is_list else None)

    def _list(self, path: str) -> tuple[JsonObject, Element]:
        """Find the list that a path names: the object around it, and what it consists of."""
        last = _LAST_STEP.fullmatch(path)
        if last is None or last[3] is not None:
            raise self._unfit(f"{path[:200]!r} must end in the name of a list")
        parent = self._only(last[1])
        element = self._element(self._definitions.node(parent.path), last[2], None)
        if not element.is_list:
            raise self._unfit(f"{last[2]} is no list")
        return parent.value, element

    def _element(self, node: Node, name: str, suffix: str | None) -> Element:
        """Find an element by its name; a choice by its type as well."""
        element = node.elements.get(name)
        if element is None and suffix is not None:
            element = node.elements.get(f"{name}{suffix}")
        if element is None:
            raise self._unfit(f"{node.path} has no element {name[:100]!r} of that type")
        return element

    def _content(self, element: Element, value: PatchValue) -> JsonValue:
        if not value.parts:
            return value.content
        if element.node_path is None:
            raise self._unfit(f"{element.name} has no parts")
        return self._object(self._definitions.node(element.node_path), value)

    def _object(self, node: Node, value: PatchValue) -> JsonObject:
        """Build an element that has no type name of its own from its parts."""
        made: JsonObject = {}
        for name, part in value.parts:
            element = self._element(node, name, part.suffix)
            content = self._content(element, part)
            if element.is_list:
                end = len(made.get(element.name, ()))
                _insert(made, element.name, end, content, part.sibling)
            else:
                _put(Slot(made, element.name, None), content, part.sibling)
        return made

    def _unfit(self, reason: str) -> UnprocessableError:
        operation = self._operation
        return UnprocessableError(
            f"FHIRPath Patch operation {operation.place} ({operation.kind}) does not fit: {reason}."
        )


def _same(left: Element, right: Element) -> bool:
    return left.base_name == right.base_name


def _present_key(node: Node, name: str, holder: JsonObject) -> str:
    """Give the JSON name under which an element stands, which for a choice names its type."""
    for element in node.elements.values():
        if element.base_name == name and (element.name in holder or f"_{element.name}" in holder):
            return element.name
    return name


def _renamed(key: str, node: object, suffix: str) -> str:
    """Give the JSON name of a choice whose type changes, e.g. valueString, valueCode."""
    if not isinstance(node, ElementNode):
        return key
    old = node.path[0].upper() + node.path[1:]
    return key.removesuffix(old) + suffix if key.endswith(old) and key != old else key


def _beside(slot: Slot) -> JsonObject:
    """Give the object of a primitive's id and extensions; where there is none, one is made."""
    key = f"_{slot.key}"
    if slot.position is None:
        found: JsonObject = slot.holder.setdefault(key, {})
        return found
    items = slot.holder.setdefault(key, [])
    length = max(slot.position + 1, len(slot.holder.get(slot.key, ())))
    items.extend([None] * (length - len(items)))
    items[slot.position] = items[slot.position] or {}
    made: JsonObject = items[slot.position]
    return made


def _put(slot: Slot, content: JsonValue, sibling: JsonValue) -> None:
    """Set an element's value and its id and extensions; None leaves out what it stands for."""
    for key, value in ((slot.key, content), (f"_{slot.key}", sibling)):
        if slot.position is not None:
            items = slot.holder.get(key, [])
            if value is not None or slot.position < len(items):
                items.extend([None] * (slot.position + 1 - len(items)))
                items[slot.position] = value
                slot.holder[key] = items
        elif value is None:
            slot.holder.pop(key, None)
        else:
            slot.holder[key] = value


def _insert(
    holder: JsonObject, key: str, index: int, content: JsonValue, sibling: JsonValue
) -> None:
    """Insert into a list, and into the list of ids and extensions beside it where there is one."""
    items = holder.setdefault(key, [])
    beside = holder.get(f"_{key}")
    if beside is not None or sibling is not None:
        beside = beside or []
        beside.extend([None] * (max(index, len(items)) - len(beside)))
        items.extend([None] * (len(beside) - len(items)))
        beside.insert(index, sibling)
        holder[f"_{key}"] = beside
    items.insert(index, content)


def _slot_of(root: JsonObject, wanted: JsonObject) -> Slot:
    """Find an object inside another by identity."""
    stack = [root]
    while stack:
        holder = stack.pop()
        for key, value in holder.items():
            items = value if value.__class__ is list else [value]
            for index, item in enumerate(items):
                if item is wanted:
                    return Slot(holder, key, index if items is value else None)
                if item.__class__ is dict:
                    stack.append(item)
    raise AssertionError("evaluation gave an object that is not in the resource")


def _prune(value: JsonValue) -> JsonValue:
    """Take out objects and lists that are empty, and lists of nothing but nulls."""
    if value.__class__ is dict:
        for key in list(value):
            if _is_empty(_prune(value[key])):
                del value[key]
    elif value.__class__ is list:
        value[:] = [item for item in value if item is None or not _is_empty(_prune(item))]
    return value


def _is_empty(value: JsonValue) -> bool:
    if value.__class__ is list:
        return all(item is None for item in value)
    return value.__class__ is dict and not value
