"""Element tables: what may stand in a JSON object of a type or of a backbone element.

Spec: https://hl7.org/fhir/R4/json.html and https://hl7.org/fhir/R4/elementdefinition.html

A node is named by its path: "Patient", "Patient.contact", "HumanName", "Timing.repeat". Its
elements stand under their JSON names, so a choice appears once per type (valueQuantity, ...);
`_name`, which carries a primitive's id and extensions, is not listed.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

Kind = Literal["resource", "complex", "primitive"]
RawObject = Mapping[str, Any]


class Choice(NamedTuple):
    """One published element and the JSON names it can have; one name unless it is a choice."""

    base_name: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Element:
    """One JSON name of a node.

    Attributes:
        name: JSON name, e.g. "valueQuantity".
        base_name: published name without [x], e.g. "value".
        type: FHIR type code, e.g. "Quantity"; "BackboneElement" or "Element" for nodes of the
            type's own.
        node_path: node of its children; None for primitives and for whole resources.
        max: None means many.
        order: position among the published elements of the node; XML is written in this order.
        binding_strength: "required", "extensible", "preferred", "example" or None.
        binding_url: canonical of the value set, without version.
        target_types: type names a Reference or canonical may point at; empty means any.
        invariants: keys of rules on this element, besides those of its type's node.
        is_xml_attribute: written as an attribute in XML (Element.id, Extension.url, @value).
    """

    name: str
    base_name: str
    type: str
    node_path: str | None
    is_list: bool
    min: int
    max: int | None
    is_choice: bool
    is_primitive: bool
    is_resource: bool
    order: int
    binding_strength: str | None
    binding_url: str | None
    target_types: tuple[str, ...]
    is_summary: bool
    is_modifier: bool
    invariants: tuple[str, ...]
    max_length: int | None
    regex: str | None
    is_xml_attribute: bool


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """The children of a type or of a backbone element.

    Attributes:
        elements: by JSON name, in the published order.
        required: elements with min > 0.
        choices: elements whose published name ends in [x].
        invariants: keys of the rules on the node itself, ele-1 left out.
    """

    path: str
    elements: dict[str, Element]
    required: tuple[Choice, ...]
    choices: tuple[Choice, ...]
    invariants: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TypeDef:
    """One of the 209 types.

    Attributes:
        base: name of the type it specialises; "" for Element and Resource.
        regex: of a primitive's text, or None.
    """

    name: str
    kind: Kind
    abstract: bool
    base: str
    url: str
    regex: str | None


@dataclass(frozen=True, slots=True)
class Invariant:
    """A rule of the specification, errata applied.

    Attributes:
        key: as published, e.g. "obs-6".
        severity: "error" or "warning".
    """

    key: str
    severity: Literal["error", "warning"]
    human: str
    expression: str


def build_node(path: str, raw: RawObject, kind_of: Callable[[str], Kind | None]) -> Node:
    """Build a node from its compiled form.

    Args:
        path: e.g. "Patient.contact".
        raw: the compiled type that holds the node, see `fhirserver_profiles.structures`.
        kind_of: kind of a type by its name; None where there is no such type.
    """
    compiled = raw["nodes"][path]
    elements: dict[str, Element] = {}
    required: list[Choice] = []
    choices: list[Choice] = []
    for order, (base_name, entry) in enumerate(compiled["elements"].items()):
        names = []
        for element in _elements(path, base_name, order, raw, kind_of):
            elements[element.name] = element
            names.append(element.name)
        if entry.get("min"):
            required.append(Choice(base_name, tuple(names)))
        if entry.get("choice"):
            choices.append(Choice(base_name, tuple(names)))
    return Node(path, elements, tuple(required), tuple(choices), tuple(compiled["invariants"]))


def _elements(
    path: str, base_name: str, order: int, raw: RawObject, kind_of: Callable[[str], Kind | None]
) -> Iterator[Element]:
    entry = raw["nodes"][path]["elements"][base_name]
    binding = entry.get("binding", (None, None))
    maximum = entry.get("max", 1)
    is_choice = entry.get("choice", False)
    for code, *targets in entry.get("types", (("BackboneElement",),)):
        kind = kind_of(code)
        yield Element(
            name=base_name + code[0].upper() + code[1:] if is_choice else base_name,
            base_name=base_name,
            type=code,
            node_path=_node_path(f"{path}.{base_name}", code, kind, raw, entry),
            is_list=maximum != 1,
            min=entry.get("min", 0),
            max=maximum,
            is_choice=is_choice,
            is_primitive=kind == "primitive",
            is_resource=kind == "resource",
            order=order,
            binding_strength=binding[0],
            binding_url=binding[1] or None,
            target_types=tuple(targets),
            is_summary=entry.get("summary", False),
            is_modifier=entry.get("modifier", False),
            invariants=tuple(entry.get("invariants", ())),
            max_length=entry.get("maxLength"),
            regex=entry.get("regex"),
            is_xml_attribute=entry.get("attribute", False),
        )


def _node_path(
    own: str, code: str, kind: Kind | None, raw: RawObject, entry: RawObject
) -> str | None:
    if "content" in entry:
        content: str = entry["content"]
        return content
    if own in raw["nodes"]:
        return own
    return code if kind == "complex" else None
