"""Examples of composite parameters: values that must stand together in one element.

Spec: https://hl7.org/fhir/R4/search.html#composite

For every choice of datatypes an element holds the values of all parts; others hold one that is not
asked for, and where the element repeats, one resource has the values asked for in two of them.
"""

import itertools
from dataclasses import dataclass, replace

from fhirserver.definitions import Component, SearchParameter, r4
from fhirserver_conformance.examples.by_hand import ALONG, along
from fhirserver_conformance.examples.minimal import BARE, FIRST, SECOND, minimal, own_id
from fhirserver_conformance.examples.of_values import Ask, Example, example
from fhirserver_conformance.examples.places import Place, places, put
from fhirserver_conformance.examples.values import Json

_RESOURCE = "%resource."
"""What a part's path begins with that leads from the resource, not from the element."""


@dataclass(frozen=True, slots=True)
class _Part:
    """One part in one datatype: where it stands, what is stored there and what is asked for."""

    code: str
    place: Place
    hit: Json
    miss: Json
    wanted: str
    inside: bool


def composite_examples(parameter: SearchParameter) -> list[Example]:
    """Make the examples of a composite, of whole resources, one per element and datatypes."""
    return [
        _example(parameter, element, parts)
        for element in parameter.expression.split(" | ")
        for parts in itertools.product(
            *(_choices(parameter.base, element, each) for each in parameter.components)
        )
    ]


def _choices(base: str, element: str, component: Component) -> list[_Part]:
    """List what a part can be; datatypes without values of its kind are left out."""
    inside = not component.expression.startswith(_RESOURCE)
    start = element if inside else base
    known = r4().search_parameters(base)[component.code]
    paths = component.expression.removeprefix(_RESOURCE).split(" | ")
    found = places(replace(known, expression=" | ".join(f"{start}.{path}" for path in paths)))
    return [
        _Part(component.code, place, *values, inside)
        for place in found or ()
        if (values := _values(known, place)) is not None
    ]


def _values(parameter: SearchParameter, place: Place) -> tuple[Json, Json, str] | None:
    """Give the value to find, another one, and how the first is asked for."""
    if parameter.type == "reference":
        name = parameter.targets[0]
        hit, miss = (f"{name}/{own_id(name, which)}" for which in (FIRST, SECOND))
        return {"reference": hit}, {"reference": miss}, hit
    made = example(parameter.type, place)
    if made is None:
        return None
    return made.values["hit"], made.values["miss"], made.asks[0].value


def _example(parameter: SearchParameter, element: str, parts: tuple[_Part, ...]) -> Example:
    base = parameter.base
    values = {"hit": _resource(base, [(part, part.hit) for part in parts])}
    for number in range(len(parts)):
        values[f"miss-{number}"] = _resource(
            base, [(each, each.miss if n == number else each.hit) for n, each in enumerate(parts)]
        )
    if _repeats(element):
        values["split"] = _split(base, element, parts)
    for resource in values.values():
        along(resource, ALONG.get((base, parameter.code), {}))
    absent = tuple(label for label in values if label != "hit")
    return Example(
        values,
        (
            Ask("", "$".join(part.wanted for part in parts), ("hit",), (*absent, BARE)),
            Ask("missing", "true", (BARE,), tuple(values)),
            Ask("missing", "false", tuple(values), (BARE,)),
        ),
    )


def _resource(base: str, values: list[tuple[_Part, Json]]) -> Json:
    resource = minimal(base)
    for part, value in values:
        put(resource, part.place, value)
    return resource


def _repeats(element: str) -> bool:
    """Tell whether an element, of the resource itself, is a list."""
    base, _, name = element.partition(".")
    return bool(name) and r4().node(base).elements[name].is_list


def _split(base: str, element: str, parts: tuple[_Part, ...]) -> Json:
    """Put the values asked for into two elements, each of which lacks one of them."""
    first, second, *_ = (part for part in parts if part.inside)
    one, other = (
        _resource(base, [(part, part.miss if part is lacking else part.hit) for part in parts])
        for lacking in (first, second)
    )
    name = element.partition(".")[2]
    return one | {name: [*one[name], *other[name]]}
