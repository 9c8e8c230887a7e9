"""SearchParameters per resource type, with numbers, aliases and what their elements tell.

Spec: https://hl7.org/fhir/R4/searchparameter.html and https://hl7.org/fhir/R4/search.html

    {"Observation": {"patient": {"id": 1234, "type": "reference", "expression": ..., "url": ...,
        "aliasOf": "subject", "aliasTarget": "Patient", "single": true, "system": ...}}}

Every concrete resource type lists its own parameters and those of DomainResource and Resource, so
a number names one parameter on one type. Numbers go up from 1 in the order of type and code.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fhirserver_profiles.errata import EXAMPLE_SEARCH_PARAMETERS
from fhirserver_profiles.search_paths import Path, parse_path, prune, split_alternatives

JsonObject = dict[str, Any]

_SINGLE_ROW_TYPES = frozenset(
    {"boolean", "canonical", "code", "Coding", "date", "dateTime", "decimal", "id", "Identifier",
     "instant", "integer", "Money", "Period", "positiveInt", "Quantity", "Age", "Duration",
     "Reference", "string", "unsignedInt", "uri", "url", "markdown"}
)  # fmt: skip
"""Types whose value gives one index row."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One element that a path can end at."""

    type: str
    many: bool
    binding: tuple[str, ...]


class Structures:
    """Walks paths over compiled types."""

    def __init__(self, types: Mapping[str, JsonObject]) -> None:
        self._types = types

    def lineage(self, type_name: str) -> Iterator[str]:
        """Give a type and what it specialises, itself first."""
        while type_name:
            yield type_name
            type_name = self._types[type_name]["base"]

    def leaves(self, path: Path) -> list[Leaf]:
        """Give the elements a path ends at, one for each type of a choice."""
        places = [(path.root, Leaf(path.root, many=False, binding=()))]
        for kind, text in path.steps:
            if kind == "child":
                places = [
                    found for node, leaf in places for found in self._children(node, text, leaf)
                ]
            elif kind == "type":
                places = [place for place in places if place[1].type == text]
            elif kind == "extension":
                places = [("Extension", Leaf("Extension", many=True, binding=()))]
            elif kind == "index":
                places = [
                    (node, Leaf(leaf.type, many=False, binding=leaf.binding))
                    for node, leaf in places
                ]
        return [leaf for _, leaf in places]

    def _children(self, node: str, name: str, parent: Leaf) -> Iterator[tuple[str, Leaf]]:
        elements = self._node(node)["elements"]
        if name not in elements:
            return
        element = elements[name]
        many = parent.many or element.get("max", 1) != 1
        binding = tuple(element.get("binding", ()))
        if "content" in element:
            yield element["content"], Leaf("BackboneElement", many, binding)
        for code, *_ in element.get("types", ()):
            own = f"{node}.{name}"
            has_node = own in self._types[own.partition(".")[0]]["nodes"]
            yield (own if has_node else code), Leaf(code, many, binding)

    def _node(self, path: str) -> JsonObject:
        node: JsonObject = self._types[path.partition(".")[0]]["nodes"][path]
        return node


def compile_search_parameters(
    published: Iterable[JsonObject],
    types: Mapping[str, JsonObject],
    value_sets: Mapping[str, Mapping[str, list[str]] | None],
) -> dict[str, dict[str, JsonObject]]:
    """Compile every parameter for every concrete resource type that it can be used on."""
    structures = Structures(types)
    by_base: dict[str, dict[str, JsonObject]] = {}
    for parameter in published:
        if parameter["url"] not in EXAMPLE_SEARCH_PARAMETERS:
            for base in parameter.get("base", ()):
                by_base.setdefault(base, {})[parameter["code"]] = parameter
    compiled: dict[str, dict[str, JsonObject]] = {}
    number = 0
    for type_name in storable_types(types):
        lineage = list(structures.lineage(type_name))
        sources: dict[str, JsonObject] = {}
        for base in reversed(lineage):
            sources |= by_base.get(base, {})
        numbered: dict[str, JsonObject] = {}
        for code in sorted(sources):
            number += 1
            numbered[code] = {"id": number} | _compile(sources[code], type_name, set(lineage))
        paths = {code: _paths(entry["expression"]) for code, entry in numbered.items()}
        compiled[type_name] = {
            code: entry
            | _aliases(code, numbered, paths)
            | element_facts(entry["expression"], structures, value_sets)
            for code, entry in numbered.items()
        }
    return compiled


def storable_types(types: Mapping[str, JsonObject]) -> list[str]:
    """Give the concrete resource types that can be stored: all but Parameters."""
    return sorted(
        name
        for name, compiled in types.items()
        if compiled["kind"] == "resource" and "abstract" not in compiled and name != "Parameters"
    )


def _compile(parameter: JsonObject, type_name: str, roots: set[str]) -> JsonObject:
    entry: JsonObject = {
        "type": parameter["type"],
        "url": parameter["url"],
        "expression": prune(parameter.get("expression", ""), type_name, roots),
    }
    for key in ("target", "modifier", "comparator", "xpathUsage", "multipleOr", "multipleAnd"):
        if key in parameter:
            entry[key] = parameter[key]
    if "component" in parameter:
        entry["component"] = [
            [component["definition"], component["expression"]]
            for component in parameter["component"]
        ]
    return entry


def _paths(expression: str) -> list[Path] | None:
    paths = []
    for alternative in split_alternatives(expression):
        path = parse_path(alternative)
        if path is None:
            return None
        paths.append(path)
    return paths or None


def _aliases(
    code: str, entries: Mapping[str, JsonObject], paths: Mapping[str, list[Path] | None]
) -> JsonObject:
    """Find the parameter whose rows serve this one: same elements, at most a target type less."""
    mine = paths[code]
    kind = entries[code]["type"]
    if mine is None or kind in ("composite", "special"):
        return {}
    targets = {path.target for path in mine}
    elements = {path.without_target() for path in mine}
    if len(targets) != 1:
        return {}
    target = targets.pop()
    for other in sorted(entries):
        if target is None and other >= code:
            return {}
        theirs = paths[other]
        if (
            theirs is not None
            and other != code
            and entries[other]["type"] == kind
            and set(theirs) == elements
        ):
            return {"aliasOf": other} | ({"aliasTarget": target} if target else {})
    return {}


def element_facts(
    expression: str,
    structures: Structures,
    value_sets: Mapping[str, Mapping[str, Collection[str]] | None],
) -> JsonObject:
    """Tell what the elements of a pruned expression say of their values.

    Returns:
        `single` where a resource has one value at most; `system`, the implicit one of a `code`.
    """
    paths = _paths(expression)
    if paths is None:
        return {}
    facts: JsonObject = {}
    leaves = [leaf for path in paths for leaf in structures.leaves(path)]
    if len(paths) == 1 and all(not leaf.many and leaf.type in _SINGLE_ROW_TYPES for leaf in leaves):
        facts["single"] = bool(leaves)
    systems = {_implicit_system(leaf, value_sets) for leaf in leaves}
    if len(systems) == 1 and (system := systems.pop()) is not None:
        facts["system"] = system
    return {key: value for key, value in facts.items() if value}


def _implicit_system(
    leaf: Leaf, value_sets: Mapping[str, Mapping[str, Collection[str]] | None]
) -> str | None:
    if leaf.type != "code" or leaf.binding[:1] != ("required",):
        return None
    systems = value_sets.get(leaf.binding[1])
    return next(iter(systems)) if systems is not None and len(systems) == 1 else None
