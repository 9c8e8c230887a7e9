"""A type's search parameters as one tree of places, walked once per resource.

Spec: https://hl7.org/fhir/R4/searchparameter.html#expression

A place stands for an element that at least one parameter passes. Its children stand under JSON
names, so a choice is decided by the name alone; conditions and indexes are places of their own:

    Patient ── telecom ── [system = 'phone'] ── value of `phone`
            └─ name ───── value of `name`; ── family ── value of `family`
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fhirserver.fhirpath.syntax import Expr
from fhirserver.model.json import JsonObject
from fhirserver.search.extract.rows import Emit, Sink, Target

Test = Callable[[JsonObject], bool]


@dataclass(slots=True)
class Place:
    """One element on the way of parameters.

    Attributes:
        emit: what to write for its value.
        present: parameters that have a value when there is one here.
        children: by JSON name.
        tests: places of the same element that count only where a condition holds.
        at: places of single items of a list.
    """

    emit: list[tuple[Emit, Target]] = field(default_factory=list)
    present: list[int] = field(default_factory=list)
    children: dict[str, "Place"] = field(default_factory=dict)
    tests: dict[Expr, tuple[Test, "Place"]] = field(default_factory=dict)
    at: dict[int, "Place"] = field(default_factory=dict)


def walk(place: Place, value: Any, sink: Sink) -> None:
    """Write the rows of a value and of everything below it."""
    if place.present:
        sink.present += place.present
        for emit, target in place.emit:
            emit(value, sink, target)
    for test, inner in place.tests.values():
        if test(value):
            walk(inner, value, sink)
    children = place.children
    if children:
        for name, item in value.items():
            child = children.get(name)
            if child is None:
                continue
            if item.__class__ is list:
                _walk_list(child, item, sink)
            else:
                walk(child, item, sink)


def _walk_list(place: Place, items: list[Any], sink: Sink) -> None:
    for each in items:
        if each is not None:
            walk(place, each, sink)
    for index, inner in place.at.items():
        if index < len(items) and items[index] is not None:
            walk(inner, items[index], sink)
