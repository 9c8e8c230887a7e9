"""Where a search parameter's values stand: a small reading of the published expressions.

Spec: https://hl7.org/fhir/R4/searchparameter-registry.html

    Patient.name.family                         a path; a choice is every datatype it may have
    (X.value as Quantity), X.value.as(Quantity), .ofType(Quantity)
    X.telecom.where(system='phone')             the value stands beside that value
    X.subject.where(resolve() is Patient)       only references to that type
    X.item.where(hasExtension('url')).answer    the object carries that extension
    X.extension('url')                          the value of that extension
    a | b                                       all of them

Nothing of the server's own reading of expressions is used here. What has another shape is None,
and needs a line in `by_hand`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from fhirserver.definitions import SearchParameter, r4
from fhirserver.definitions.elements import Element
from fhirserver_conformance.examples.minimal import codes, required
from fhirserver_conformance.examples.values import Json

_STEP = re.compile(
    r"\.(?:where\((?P<field>\w+)='(?P<wanted>[^']+)'\)"
    r"|where\(resolve\(\) is (?P<target>\w+)\)"
    r"|where\(hasExtension\('(?P<mark>[^']+)'\)\)"
    r"|extension\('(?P<extension>[^']+)'\)"
    r"|(?:as|ofType)\((?P<type>\w+)\)"
    r"|(?P<name>\w+))"
)
_EXTENSION_TYPES = {"reference": "Reference", "string": "string", "token": "CodeableConcept"}


@dataclass(frozen=True, slots=True)
class Step:
    """One element on the way, and what must stand in the object it leads to."""

    element: Element
    beside: tuple[tuple[str, Json], ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Where values of one datatype stand.

    Attributes:
        datatype: FHIR type of the value.
        target: the only type a reference counts for; "" for any.
        extension: URL of the extension that holds the value; "" for none.
    """

    type: str
    steps: tuple[Step, ...]
    datatype: str
    target: str = ""
    extension: str = ""

    @property
    def element(self) -> Element:
        """The last element."""
        return self.steps[-1].element

    @property
    def key(self) -> str:
        """The place with its conditions, but for the target's type."""
        conditions = [step.beside for step in self.steps if step.beside]
        return f"{self.label} {self.extension} {conditions}"

    @property
    def label(self) -> str:
        """The place in words, e.g. "valueQuantity"."""
        names = [step.element.name for step in self.steps]
        return ".".join(names) if names else "extension"


def places(parameter: SearchParameter) -> list[Place] | None:
    """List the places of a parameter; None if its expression has a shape not known here."""
    found: list[Place] = []
    for alternative in parameter.expression.split(" | "):
        here = _alternative(parameter, alternative)
        if here is None:
            return None
        found += here
    return found


def _alternative(parameter: SearchParameter, text: str) -> list[Place] | None:
    # "(X.value as string)" and "(X.value as string).text" are the same as "X.value.as(string)...".
    text = re.sub(r"^\((\S+) as (\w+)\)", r"\1.as(\2)", text.strip())
    head = re.match(r"\w+", text)
    if head is None:
        return None
    position, found = head.end(), [Place(parameter.base, (), parameter.base)]
    while position < len(text):
        step = _STEP.match(text, position)
        if step is None:
            return None
        found = [after for place in found for after in _after(place, step, parameter.type)]
        position = step.end()
    return found


def _after(place: Place, step: re.Match[str], kind: str) -> Iterator[Place]:
    """Take one step from a place."""
    if step["name"]:
        yield from _below(place, step["name"])
    elif step["type"]:
        if place.datatype == step["type"]:
            yield place
    elif step["target"]:
        yield replace(place, target=step["target"])
    elif step["extension"]:
        yield replace(place, datatype=_EXTENSION_TYPES[kind], extension=step["extension"])
    else:
        marked = ("extension", [{"url": step["mark"], "valueBoolean": True}])
        beside = marked if step["mark"] else (step["field"], step["wanted"])
        last = replace(place.steps[-1], beside=(*place.steps[-1].beside, beside))
        yield replace(place, steps=(*place.steps[:-1], last))


def _below(place: Place, name: str) -> Iterator[Place]:
    path = place.element.node_path if place.steps else place.type
    elements = r4().node(path).elements if path else {}
    for element in elements.values():
        if name in (element.name, element.base_name):
            yield replace(place, steps=(*place.steps, Step(element)), datatype=element.type)


def elsewhere(place: Place) -> Place | None:
    """Give the same place with another value for its condition; None if it has none."""
    for number, step in enumerate(place.steps):
        for name, wanted in step.beside:
            if isinstance(wanted, str):
                assert step.element.node_path is not None
                known = codes(r4().node(step.element.node_path).elements[name])
                other = next(code for code in known if code != wanted)
                steps = list(place.steps)
                steps[number] = replace(step, beside=((name, other),))
                return replace(place, steps=tuple(steps))
    return None


def put(resource: Json, place: Place, value: Json) -> Json:
    """Set a value at a place, with whatever the objects on the way require; changes `resource`."""
    if place.extension:
        name = f"value{place.datatype[0].upper()}{place.datatype[1:]}"
        resource["extension"] = [{"url": place.extension, name: value}]
        return resource
    _put(resource, place.type, place.steps, value)
    return resource


def _put(parent: Json, path: str, steps: tuple[Step, ...], value: Json) -> None:
    step, below = steps[0], steps[1:]
    element = step.element
    for other in r4().node(path).elements.values():
        if other.base_name == element.base_name and other.name != element.name:
            parent.pop(other.name, None)
    if not below:
        child = value if not isinstance(value, dict) else {**value, **dict(step.beside)}
    else:
        assert element.node_path is not None
        child = _present(parent, element) or required(element.node_path)
        child.update(step.beside)
        _put(child, element.node_path, below, value)
    parent[element.name] = [child, *_others(parent, element)] if element.is_list else child


def _present(parent: Json, element: Element) -> Json:
    found = parent.get(element.name)
    return found[0] if element.is_list and found else found


def _others(parent: Json, element: Element) -> list[Json]:
    found: list[Json] = parent.get(element.name, [])[1:]
    return found


def holds(resource: Json, place: Place) -> bool:
    """Tell whether anything stands at a place."""
    if place.extension:
        return any(each["url"] == place.extension for each in resource.get("extension", ()))
    level = [resource]
    for step in place.steps:
        name = step.element.name
        found = [each[name] for each in level if isinstance(each, dict) and name in each]
        level = [item for each in found for item in (each if isinstance(each, list) else [each])]
    return bool(level)
