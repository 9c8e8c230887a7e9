"""One JSON name of a node: does its value have the element's shape, and are its items right?

Spec: https://hl7.org/fhir/R4/json.html

    list        an array, not empty; R4 limits the length of none
    primitive   a value; see `siblings` for the id and extensions beside it
    complex     an object checked by its node, then by the binding and targets of this element
    resource    an object with a resourceType

`compile_elements` gives the checks of a node by JSON name, `_name` included.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from fhirserver.definitions import Definitions, Element, Node
from fhirserver.model.json import JsonObject, JsonValue
from fhirserver.validation.bindings import bound_code, bound_concept
from fhirserver.validation.findings import Findings, Place, Problem
from fhirserver.validation.invariants import Rule, invariant_rules
from fhirserver.validation.narrative import check_narrative
from fhirserver.validation.primitives import CHECKERS, Checker, check_element_id
from fhirserver.validation.references import allowed_targets
from fhirserver.validation.siblings import (
    ElementCheck,
    NodeCheck,
    has_item,
    is_list_of,
    sibling,
    sibling_list,
)

_FAULTS = frozenset({"structure", "value", "too-long"})


class Checks(Protocol):
    """The checks of whole objects, which elements refer to by path."""

    @property
    def definitions(self) -> Definitions:
        """Element tables, value sets and invariants."""
        ...

    @property
    def resources(self) -> NodeCheck:
        """The check of a resource inside another."""
        ...

    def of_node(self, path: str) -> NodeCheck:
        """Give the check of a node's objects."""
        ...


class ElementChecks(NamedTuple):
    """What is asked of the value under one JSON name.

    Attributes:
        name: published name, the step in places.
        quick: the whole check of a primitive that does not repeat and has no rules besides.
        full: the check of everything else; None where `quick` is all.
    """

    name: str
    quick: Checker
    full: ElementCheck | None


def compile_elements(node: Node, checks: Checks) -> dict[str, ElementChecks]:
    """Compile the checks of a node's elements.

    Returns:
        By JSON name; for primitives that can have extensions `_name` too.
    """
    compiled: dict[str, ElementChecks] = {}
    for element in node.elements.values():
        name = element.base_name
        if element.is_primitive:
            compiled[element.name] = _primitive(element, checks.definitions)
            if not element.is_xml_attribute:
                beside = sibling_list if element.is_list else sibling
                full = beside(element, checks.of_node("Element"))
                compiled["_" + element.name] = ElementChecks(name, accept, full)
        else:
            compiled[element.name] = ElementChecks(name, accept, _structured(element, checks))
    return compiled


def accept(_: JsonValue) -> None:
    """Check nothing."""


def report(problem: Problem, place: Place, findings: Findings) -> None:
    """Note what a checker found wrong with a value."""
    code, text = problem
    if code in _FAULTS:
        findings.add_fault(code, place, text)
    else:
        findings.add(code, place, text)


def _primitive(element: Element, definitions: Definitions) -> ElementChecks:
    checker = _checker(element, definitions)
    if element.is_list:
        return ElementChecks(element.base_name, accept, _primitive_list(element, checker))
    rules = invariant_rules(element.invariants, element.type, definitions, node=None)
    if rules:
        return ElementChecks(element.base_name, accept, _ruled_primitive(element, checker, rules))
    return ElementChecks(element.base_name, checker, None)


def _checker(element: Element, definitions: Definitions) -> Checker:
    if element.type == "xhtml":
        return check_narrative
    if element.is_xml_attribute and element.name == "id":
        return check_element_id
    checker = CHECKERS[element.type]
    value_set = _required_value_set(element, definitions)
    if value_set is not None:
        return bound_code(checker, value_set, str(element.binding_url))
    return checker


def _required_value_set(
    element: Element, definitions: Definitions
) -> Mapping[str, frozenset[str]] | None:
    if element.binding_strength != "required" or element.binding_url is None:
        return None
    return definitions.value_set(element.binding_url)


def _ruled_primitive(element: Element, checker: Checker, rules: tuple[Rule, ...]) -> ElementCheck:
    sibling_name = "_" + element.name

    def check(value: JsonValue, owner: JsonObject, place: Place, findings: Findings) -> None:
        here = (place, element.base_name)
        problem = checker(value)
        if problem is not None:
            report(problem, here, findings)
            return
        for rule in rules:
            rule(value, owner.get(sibling_name), here, findings)

    return check


def _primitive_list(element: Element, checker: Checker) -> ElementCheck:
    sibling_name = "_" + element.name

    def check(value: JsonValue, owner: JsonObject, place: Place, findings: Findings) -> None:
        here = (place, element.base_name)
        if not is_list_of(value, element, here, findings):
            return
        for position, item in enumerate(value):
            if item is None and has_item(owner.get(sibling_name), position):
                continue
            problem = checker(item)
            if problem is not None:
                report(problem, (here, position), findings)

    return check


def _structured(element: Element, checks: Checks) -> ElementCheck:
    """Give the check of objects: resources, complex types and backbone elements."""
    items = _items(element, checks)
    name = element.base_name

    def check_one(value: JsonValue, _owner: JsonObject, place: Place, findings: Findings) -> None:
        items.check(value, (place, name), findings)

    def check_list(value: JsonValue, _owner: JsonObject, place: Place, findings: Findings) -> None:
        here = (place, name)
        if is_list_of(value, element, here, findings):
            for position, item in enumerate(value):
                items.check(item, (here, position), findings)

    return check_list if element.is_list else check_one


def _items(element: Element, checks: Checks) -> NodeCheck:
    if element.is_resource:
        return checks.resources
    assert element.node_path is not None
    objects = checks.of_node(element.node_path)
    rules = _element_rules(element, checks.definitions)
    return _Ruled(objects, rules) if rules else objects


class _Ruled:
    """The check of a node's objects and the rules of one element besides."""

    __slots__ = ("_objects", "_rules")

    def __init__(self, objects: NodeCheck, rules: tuple[Rule, ...]) -> None:
        self._objects = objects
        self._rules = rules

    def check(self, value: JsonValue, place: Place, findings: Findings) -> None:
        faults = findings.faults
        self._objects.check(value, place, findings)
        if findings.faults == faults:
            for rule in self._rules:
                rule(value, None, place, findings)


def _element_rules(element: Element, definitions: Definitions) -> tuple[Rule, ...]:
    """Rules of the element itself, besides those of its type."""
    assert element.node_path is not None
    node = definitions.node(element.node_path)
    rules = list(invariant_rules(element.invariants, node.path, definitions, node=node))
    value_set = _required_value_set(element, definitions)
    if value_set is not None and element.type == "CodeableConcept":
        rules.append(_plain(bound_concept(value_set, str(element.binding_url))))
    targets = element.target_types
    if element.type == "Reference" and targets and "Resource" not in targets:
        rules.append(_plain(allowed_targets(targets, definitions)))
    return tuple(rules)


def _plain(rule: Callable[[JsonObject, Place, Findings], None]) -> Rule:
    def check(value: JsonValue, _sibling: JsonValue, place: Place, findings: Findings) -> None:
        rule(value, place, findings)

    return check
