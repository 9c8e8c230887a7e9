"""A type's search parameters as one tree of places, walked once per resource.

Spec: https://hl7.org/fhir/R4/searchparameter.html#expression

A place stands for an element that at least one parameter passes. Its children stand under JSON
names, so a choice is decided by the name alone; conditions are places of their own:

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
Walk = Callable[[Any, Sink], None]
"""Writes the rows of a value and of everything below it."""


@dataclass(slots=True)
class Place:
    """One element on the way of parameters.

    Attributes:
        emit: what to write for its value.
        present: parameters that have a value when there is one here.
        children: by JSON name.
        together: writes the rows of what stands together in it.
        tests: places of the same element that count only where a condition holds.
    """

    emit: list[tuple[Emit, Target]] = field(default_factory=list)
    present: list[int] = field(default_factory=list)
    children: dict[str, "Place"] = field(default_factory=dict)
    together: Walk | None = None
    tests: dict[Expr, tuple[Test, "Place"]] = field(default_factory=dict)


def compile_place(place: Place) -> Walk:
    """Turn a place and all below it into a function that writes the rows of a value."""
    present = tuple(place.present)
    emits = tuple(place.emit)
    tests = _compile_tests(place)
    children = {name: _compile_item(child) for name, child in place.children.items()}
    if not tests and not children:
        return _leaf(present, emits)

    def inner_place(value: Any, sink: Sink) -> None:
        if present:
            sink.present += present
            for emit, target in emits:
                emit(value, sink, target)
        for test, inside in tests:
            if test(value):
                inside(value, sink)
        if children:
            for name, item in value.items():
                below = children.get(name)
                if below is not None:
                    below(item, sink)

    return inner_place


def _compile_tests(place: Place) -> tuple[tuple[Test, Walk], ...]:
    tests = tuple((test, compile_place(inner)) for test, inner in place.tests.values())
    return tests if place.together is None else (*tests, (_always, place.together))


def _always(_value: JsonObject) -> bool:
    return True


def _leaf(present: tuple[int, ...], emits: tuple[tuple[Emit, Target], ...]) -> Walk:
    if len(emits) == 1:
        emit, target = emits[0]

        def one(value: Any, sink: Sink) -> None:
            sink.present += present
            emit(value, sink, target)

        return one

    def several(value: Any, sink: Sink) -> None:
        sink.present += present
        for emit, target in emits:
            emit(value, sink, target)

    return several


def _compile_item(place: Place) -> Walk:
    """Make the function for what stands under a JSON name: a value or a list of values."""
    inside = compile_place(place)

    def value_or_list(item: Any, sink: Sink) -> None:
        if item.__class__ is not list:
            inside(item, sink)
            return
        for each in item:
            if each is not None:
                inside(each, sink)

    return value_or_list
