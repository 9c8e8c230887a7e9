"""The `_name` member beside a primitive: its id and extensions.

Spec: https://hl7.org/fhir/R4/json.html#primitive

    "given": ["Ann", null], "_given": [null, {"extension": [...]}]

In two arrays items belong together by position: they are equally long, null stands for what is
missing, and not both are missing.
"""

from collections.abc import Callable
from typing import Protocol

from fhirserver.definitions import Element
from fhirserver.model.json import JsonObject, JsonValue
from fhirserver.validation.findings import Findings, Place

ElementCheck = Callable[[JsonValue, JsonObject, Place, Findings], None]
"""Takes the value, the object it stands in, that object's place and the findings."""


class NodeCheck(Protocol):
    """The check of a node's objects."""

    def check(self, value: JsonValue, place: Place, findings: Findings) -> None:
        """Check one value where such an object is wanted."""
        ...


def is_list_of(value: JsonValue, element: Element, place: Place, findings: Findings) -> bool:
    """Check the array of an element that repeats; False where there is nothing to go through."""
    if value.__class__ is not list:
        text = f"{element.base_name} repeats: put its values into an array."
        findings.add_fault("structure", place, text)
        return False
    if not value:
        findings.add_fault("structure", place, "An array must not be empty; leave it out.")
    return True


def sibling(element: Element, objects: NodeCheck) -> ElementCheck:
    """Give the check of `_name` beside a primitive that does not repeat.

    Args:
        element: the primitive.
        objects: the check of node Element: id and extensions.
    """

    def check(value: JsonValue, owner: JsonObject, place: Place, findings: Findings) -> None:
        here = (place, element.base_name)
        objects.check(value, here, findings)
        if element.name not in owner:
            _check_alone(value, here, findings)

    return check


def sibling_list(element: Element, objects: NodeCheck) -> ElementCheck:
    """Give the check of `_name` beside a primitive that repeats; see `sibling`."""

    def check(value: JsonValue, owner: JsonObject, place: Place, findings: Findings) -> None:
        here = (place, element.base_name)
        if not is_list_of(value, element, here, findings):
            return
        values = owner.get(element.name)
        if values.__class__ is list and len(values) != len(value):
            text = (
                f"{element.name} has {len(values)} items and _{element.name} has {len(value)};"
                " fill the shorter one with null."
            )
            findings.add_fault("structure", here, text)
        for position, item in enumerate(value):
            if item is None and values is not None:
                continue
            objects.check(item, (here, position), findings)
            if not has_item(values, position):
                _check_alone(item, (here, position), findings)

    return check


def has_item(values: JsonValue, position: int) -> bool:
    """Tell whether an array has something at a position."""
    return isinstance(values, list) and position < len(values) and values[position] is not None


def _check_alone(value: JsonValue, place: Place, findings: Findings) -> None:
    """Check ele-1 of a primitive that has no value."""
    if isinstance(value, dict) and value and "extension" not in value:
        text = "ele-1: An element needs a value or an extension; give one or leave it out."
        findings.add("invariant", place, text)
