"""Objects: one check per node of the element tables, compiled when first met.

Spec: https://hl7.org/fhir/R4/json.html and https://hl7.org/fhir/R4/element.html

A check walks the members of an object once and then asks the rules on the whole:

    unknown members, empty objects, required elements, one form of each choice,
    ele-1   an element has more than an id      ext-1   an extension has extensions or a value
    and the node's invariants, unless its content has faults that they would trip over
"""

from collections.abc import Callable

from fhirserver.definitions import Choice, Definitions, Node
from fhirserver.model.json import JsonObject, JsonValue
from fhirserver.validation.bundles import check_bundle
from fhirserver.validation.conformance import check_element_paths, check_guide
from fhirserver.validation.contained import check_contained
from fhirserver.validation.elements import (
    ElementChecks,
    accept,
    compile_elements,
    report,
)
from fhirserver.validation.findings import Findings, Place, nearest, quoted, wrong_kind
from fhirserver.validation.invariants import Rule, invariant_rules
from fhirserver.validation.observations import check_component_codes
from fhirserver.validation.references import reference_form

ItemCheck = Callable[[JsonValue, Place, Findings], None]
ObjectRule = Callable[[JsonObject, Place, Findings], None]


class NodeChecks:
    """The checks of all nodes of a set of definitions.

    Args:
        definitions: element tables, value sets and invariants.
    """

    def __init__(self, definitions: Definitions) -> None:
        self.definitions = definitions
        self.resources = _InnerResources(self)
        self._by_path: dict[str, _Objects] = {}

    def of_node(self, path: str) -> "_Objects":
        """Give the check of a node's objects, e.g. of "Patient.contact"."""
        found = self._by_path.get(path)
        if found is None:
            found = self._by_path[path] = _Objects(path, self)
        return found

    def check_type(self, value: JsonObject, place: Place, findings: Findings) -> None:
        """Check a resource by its resourceType."""
        name = value.get("resourceType")
        if isinstance(name, str) and self.definitions.is_resource_type(name):
            self.of_node(name).check(value, place, findings)
            return
        if name is None:
            text = "resourceType is missing; say what resource this is."
        else:
            meant = nearest(str(name), self.definitions.resource_types)
            remedy = "use one of those." if meant is None else f"did you mean {meant!r}?"
            text = f"{quoted(name)} is not a resource type of FHIR R4; {remedy}"
        findings.add_fault("structure", place, text)


class _Objects:
    """The check of a node's objects, compiled when the first one comes."""

    __slots__ = ("_checks", "_path", "check")

    check: ItemCheck

    def __init__(self, path: str, checks: NodeChecks) -> None:
        self._path = path
        self._checks = checks
        self.check = self._check_first

    def _check_first(self, value: JsonValue, place: Place, findings: Findings) -> None:
        self.check = _compile(self._checks.definitions.node(self._path), self._checks)
        self.check(value, place, findings)


class _InnerResources:
    """The check of a resource inside another: contained, in a Bundle's entry, a parameter."""

    __slots__ = ("_checks",)

    def __init__(self, checks: NodeChecks) -> None:
        self._checks = checks

    def check(self, value: JsonValue, place: Place, findings: Findings) -> None:
        if value.__class__ is not dict:
            report(wrong_kind(value, "a resource"), place, findings)
            return
        outer = findings.resource, findings.root
        findings.resource = value
        if not _is_contained(place):
            findings.root = value
        self._checks.check_type(value, place, findings)
        findings.resource, findings.root = outer


def _is_contained(place: Place) -> bool:
    parent = place[0]
    return parent is not None and parent[1] == "contained"


def _compile(node: Node, checks: NodeChecks) -> ItemCheck:
    """Compile a node's check."""
    definitions = checks.definitions
    elements = compile_elements(node, checks)
    if definitions.is_resource_type(node.path):
        elements["resourceType"] = ElementChecks("resourceType", accept, None)
    invariants = invariant_rules(node.invariants, node.path, definitions, node=node)
    return _object_check(elements, tuple(_object_rules(node, definitions)), invariants)


def _object_check(
    elements: dict[str, ElementChecks], rules: tuple[ObjectRule, ...], invariants: tuple[Rule, ...]
) -> ItemCheck:
    find = elements.get

    def check(value: JsonValue, place: Place, findings: Findings) -> None:
        if value.__class__ is not dict:
            report(wrong_kind(value, "an object"), place, findings)
            return
        faults = findings.faults
        for key, item in value.items():
            found = find(key)
            if found is None:
                _report_unknown(key, place, findings, elements)
                continue
            name, quick, full = found
            if full is not None:
                full(item, value, place, findings)
            else:
                problem = quick(item)
                if problem is not None:
                    report(problem, (place, name), findings)
        for rule in rules:
            rule(value, place, findings)
        if findings.faults == faults:
            for invariant in invariants:
                invariant(value, None, place, findings)

    return check


def _report_unknown(
    key: str, place: Place, findings: Findings, elements: dict[str, ElementChecks]
) -> None:
    forms = [name for name, found in elements.items() if found.name == key and name[0] != "_"]
    meant = forms[0] if forms else nearest(key, elements)
    if meant is None:
        remedy = "remove it, or put it into an extension."
    elif forms:
        remedy = f"write it with its type, e.g. {meant!r}."
    else:
        remedy = f"did you mean {meant!r}?"
    findings.add("structure", (place, key), f"There is no element {quoted(key)} here; {remedy}")


def _object_rules(node: Node, definitions: Definitions) -> list[ObjectRule]:
    rules: list[ObjectRule] = [_check_not_empty if node.path == "Element" else _check_has_children]
    single = tuple(item.base_name for item in node.required if len(item.names) == 1)
    if single:
        rules.append(_required(single))
    required = {item.base_name for item in node.required}
    rules += [_choice(item, is_required=item.base_name in required) for item in node.choices]
    special = _SPECIAL_RULES.get(node.path)
    if special is not None:
        rules.append(special)
    if node.path == "Reference":
        rules.append(reference_form(definitions))
    if "contained" in node.elements:
        rules.append(_check_contained)
    return rules


def _check_not_empty(value: JsonObject, place: Place, findings: Findings) -> None:
    if not value:
        findings.add_fault("structure", place, "An object must not be empty; leave it out.")


def _check_has_children(value: JsonObject, place: Place, findings: Findings) -> None:
    """Check ele-1 of an element that is not a primitive."""
    if not value:
        _check_not_empty(value, place, findings)
    elif len(value) == 1 and "id" in value:
        text = "ele-1: An element needs a value or children besides its id; leave it out."
        findings.add("invariant", place, text)


def _required(names: tuple[str, ...]) -> ObjectRule:
    pairs = tuple((name, "_" + name) for name in names)

    def check(value: JsonObject, place: Place, findings: Findings) -> None:
        for name, sibling in pairs:
            if name not in value and sibling not in value:
                text = f"The required element {name} is missing; add it."
                findings.add("required", (place, name), text)

    return check


def _choice(choice: Choice, *, is_required: bool) -> ObjectRule:
    names = {json_name: name for name in choice.names for json_name in (name, "_" + name)}
    forms = frozenset(names)

    def check(value: JsonObject, place: Place, findings: Findings) -> None:
        present = forms.intersection(value)
        if len(present) > 1:
            distinct = sorted({names[name] for name in present})
            if len(distinct) > 1:
                text = f"{choice.base_name}[x] has one form; keep one of {', '.join(distinct)}."
                findings.add("structure", (place, choice.base_name), text)
        elif is_required and not present:
            text = f"The required element {choice.base_name}[x] is missing; add it."
            findings.add("required", (place, choice.base_name), text)

    return check


def _check_extension(value: JsonObject, place: Place, findings: Findings) -> None:
    """Check ext-1; every member but id, url and extension is a form of value[x]."""
    has_value = any(name.startswith(("value", "_value")) for name in value)
    if has_value == ("extension" in value):
        text = "ext-1: An extension has either extensions or a value[x], and not both."
        findings.add("invariant", place, text)


def _check_contained(value: JsonObject, place: Place, findings: Findings) -> None:
    if "contained" in value:
        check_contained(value, place, findings)


_SPECIAL_RULES: dict[str, ObjectRule] = {
    "Bundle": check_bundle,
    "Extension": _check_extension,
    "ImplementationGuide": check_guide,
    "Observation": check_component_codes,
    "StructureDefinition": check_element_paths,
}
"""Invariants in code, by node."""
