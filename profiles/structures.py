"""StructureDefinitions as element tables.

Spec: https://hl7.org/fhir/R4/structuredefinition.html and https://hl7.org/fhir/R4/elementdefinition.html

A type is compiled to nodes: one for itself and one for every element that has its own children.

    {"kind": "resource", "base": "DomainResource", "url": ..., "abstract": true or absent,
     "nodes": {"Patient": {"invariants": [key...], "elements": {base name: element}}}}

An element keeps only what differs from the default:

    types     [[code, target type...], ...]; absent where `content` is given
    content   path of the node that describes its children (a contentReference)
    choice    true where the name stands for name[x]
    min, max  0 and 1 unless given; max null means many
    binding   [strength, value set without version]
    summary, modifier, attribute (an XML attribute)   true or absent
    invariants   of the element itself and of its profile (SimpleQuantity), not of its type
    maxLength, regex
"""

from collections.abc import Iterable, Iterator
from typing import Any

from fhirserver_profiles.errata import INVARIANT_EXPRESSIONS, RESOURCE_ID_TYPE

JsonObject = dict[str, Any]
Rule = tuple[str, str, str, str]
"""Key, severity, human text, expression."""

FHIR_TYPE_EXTENSION = "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type"
REGEX_EXTENSION = "http://hl7.org/fhir/StructureDefinition/regex"
EVERYWHERE = "ele-1"
"""The invariant that every element carries; it is kept on type Element alone."""


class Invariants:
    """Every invariant of the specification under a unique key.

    R4 gives the key `inv-1` to three different rules; such keys get the type as a suffix.

    Args:
        structures: the base types, and the data type profiles that their elements name.
    """

    def __init__(self, structures: Iterable[JsonObject]) -> None:
        rules: dict[str, dict[Rule, str]] = {}
        self.by_key: dict[str, JsonObject] = {}
        self._by_rule: dict[Rule, str] = {}
        self._of_type: dict[str, list[str]] = {}
        roots = []
        for structure in structures:
            roots.append((structure["id"], structure["snapshot"]["element"][0]))
            for element in structure["snapshot"]["element"]:
                for constraint in element.get("constraint", ()):
                    rule = _rule(constraint)
                    rules.setdefault(rule[0], {}).setdefault(rule, structure["type"])
        for key in sorted(rules):
            for rule, type_name in rules[key].items():
                unique = key if len(rules[key]) == 1 else f"{key}@{type_name}"
                self._by_rule[rule] = unique
                self.by_key[unique] = _invariant(rule)
        for name, root in roots:
            self._of_type[name] = self.keys(root)

    def keys(self, element: JsonObject, *, without: Iterable[str] = ()) -> list[str]:
        """Give the unique keys of an element's constraints, in their order."""
        found = (self._by_rule[_rule(rule)] for rule in element.get("constraint", ()))
        return [key for key in found if key not in without]

    def of_type(self, name: str) -> list[str]:
        """Give the keys that every value of a type, or of a profile on one, carries."""
        return self._of_type.get(name, [])


def _rule(constraint: JsonObject) -> Rule:
    return (
        constraint["key"],
        constraint["severity"],
        constraint["human"],
        constraint["expression"],
    )


def _invariant(rule: Rule) -> JsonObject:
    key, severity, human, expression = rule
    return {
        "key": key,
        "severity": severity,
        "human": human,
        "expression": INVARIANT_EXPRESSIONS.get(key, expression),
    }


def is_base_type(structure: JsonObject) -> bool:
    """Tell the 209 types of R4 from profiles, extensions and logical models."""
    return structure["kind"] != "logical" and structure.get("derivation") != "constraint"


def data_type_profiles(structures: Iterable[JsonObject]) -> set[str]:
    """Give the ids of the profiles that base types name, e.g. SimpleQuantity in Range.low."""
    return {
        _last(profile)
        for structure in structures
        for element in structure["snapshot"]["element"]
        for item in element.get("type", ())
        for profile in item.get("profile", ())
    }


def compile_structure(structure: JsonObject, invariants: Invariants) -> JsonObject:
    """Compile one StructureDefinition that has a snapshot."""
    elements = structure["snapshot"]["element"]
    parents = {element["path"].rpartition(".")[0] for element in elements}
    nodes: dict[str, JsonObject] = {}
    for element in elements:
        path: str = element["path"]
        parent, _, name = path.rpartition(".")
        if path in parents or not parent:
            nodes[path] = {"invariants": _node_invariants(element, invariants), "elements": {}}
        if parent:
            nodes[parent]["elements"][name.removesuffix("[x]")] = _compile_element(
                element,
                invariants,
                has_node=path in parents,
                is_resource_id=structure["kind"] == "resource" and path.count(".") == 1,
            )
    compiled = {
        "kind": structure["kind"].removesuffix("-type"),
        "base": _last(structure.get("baseDefinition", "")),
        "url": structure["url"],
        "nodes": nodes,
    }
    if structure["abstract"]:
        compiled["abstract"] = True
    return compiled


def _node_invariants(element: JsonObject, invariants: Invariants) -> list[str]:
    return invariants.keys(element, without=() if element["path"] == "Element" else (EVERYWHERE,))


def _compile_element(
    element: JsonObject, invariants: Invariants, *, has_node: bool, is_resource_id: bool
) -> JsonObject:
    path: str = element["path"]
    entry: JsonObject = {}
    types = [_compile_type(item) for item in element.get("type", ())]
    if "contentReference" in element:
        entry["content"] = element["contentReference"].rpartition("#")[2]
    elif is_resource_id and path.endswith(".id"):
        entry["types"] = [[RESOURCE_ID_TYPE]]
    else:
        entry["types"] = types
    entry |= {
        "choice": path.endswith("[x]"),
        "summary": element.get("isSummary", False),
        "modifier": element.get("isModifier", False),
        "attribute": "xmlAttr" in element.get("representation", ()),
        "invariants": [] if has_node else _own_invariants(element, types, invariants),
    }
    entry |= _compile_limits(element)
    return {key: value for key, value in entry.items() if value is not False and value != []}


def _own_invariants(
    element: JsonObject, types: list[list[str]], invariants: Invariants
) -> list[str]:
    """Give the rules of the element itself and of the profile it names, not those of its type."""
    of_type = {EVERYWHERE}.union(*(invariants.of_type(code) for code, *_ in types))
    profiled = [
        key
        for item in element.get("type", ())
        for profile in item.get("profile", ())
        for key in invariants.of_type(_last(profile))
        if key not in of_type
    ]
    return invariants.keys(element, without=of_type) + profiled


def _compile_limits(element: JsonObject) -> JsonObject:
    limits: JsonObject = {}
    if element["min"]:
        limits["min"] = element["min"]
    if element["max"] != "1":
        limits["max"] = None if element["max"] == "*" else int(element["max"])
    binding = element.get("binding")
    if binding is not None:
        limits["binding"] = [binding["strength"], binding.get("valueSet", "").partition("|")[0]]
    if "maxLength" in element:
        limits["maxLength"] = element["maxLength"]
    for extension in _type_extensions(element, REGEX_EXTENSION):
        limits["regex"] = extension["valueString"]
    return limits


def _compile_type(item: JsonObject) -> list[str]:
    code: str = item["code"]
    for extension in _type_extensions({"type": [item]}, FHIR_TYPE_EXTENSION):
        code = extension["valueUrl"]
    if "/" in code:
        code = code.rpartition(".")[2].lower()
    return [code, *sorted({_last(target) for target in item.get("targetProfile", ())})]


def _type_extensions(element: JsonObject, url: str) -> Iterator[JsonObject]:
    for item in element.get("type", ()):
        for extension in item.get("extension", ()):
            if extension["url"] == url:
                yield extension


def _last(url: str) -> str:
    return url.rpartition("/")[2]
