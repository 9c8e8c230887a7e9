"""Invariants: the rules that the specification states in FHIRPath.

Spec: https://hl7.org/fhir/R4/conformance-rules.html#constraints

A rule is broken when its expression is not true; `{}` (nothing can be told) breaks it too, as in
the reference implementation, but for those listed in `_SATISFIED_BY_NOTHING`.

Rules that are asked of every element, or whose published form can be made to take as long as the
sender likes, are code instead: see `nodes` (ele-1, ext-1), `references`, `contained`, `bundles`,
`observations`, `conformance` and `narrative`. `dom-6` (a resource should have narrative) is advice
about every resource without a text and is not given.
"""

from collections.abc import Callable, Iterable, Mapping

from fhirserver.definitions import Definitions, Node
from fhirserver.fhirpath import (
    Context,
    ElementNode,
    FhirPathError,
    compile_expression,
    root_node,
)
from fhirserver.model.json import JsonObject, JsonValue
from fhirserver.validation.findings import Findings, Place
from fhirserver.validation.guards import always, guard_of

Rule = Callable[[JsonValue, JsonValue, Place, Findings], None]
"""Takes a value, its `_name` sibling (None but for primitives), its place and the findings."""

IN_CODE = frozenset(
    {"ele-1", "ext-1", "ref-1", "dom-2", "dom-3", "dom-4", "dom-5", "dom-6", "bdl-3", "bdl-4",
     "bdl-7", "bdl-8", "ig-1", "ig-2", "obs-7", "sdf-8", "sdf-8a", "txt-1", "txt-2"}
)  # fmt: skip
"""Keys of the rules that are not evaluated as FHIRPath."""

_SATISFIED_BY_NOTHING = frozenset(
    {
        "ras-2",  # a prediction without probability
        # Comparisons that partial dates or different units leave open: 2010-05 with 2010-05-03.
        "inv-1@Task", "mdd-1", "per-1", "rng-2",
    }
)  # fmt: skip


_STEPS = 20_000_000
"""What a rule may cost: the expressions are known, and resources may be long."""


def _is_in_order(period: JsonObject) -> bool:
    """Tell that a Period starts before it ends, where comparing the texts shows it."""
    start, end = period.get("start"), period.get("end")
    if start is None or end is None:
        return "_start" not in period and "_end" not in period
    if len(start) != len(end) or start > end:
        return False
    return len(start) <= 10 or start[-1] == end[-1] == "Z" or start[-6:] == end[-6:]


_LEXICAL = {"per-1": _is_in_order}
"""Guards by key for rules that most resources have to be asked."""


def invariant_rules(
    keys: Iterable[str], path: str, definitions: Definitions, *, node: Node | None
) -> tuple[Rule, ...]:
    """Compile the rules of an element or node that FHIRPath decides.

    Args:
        keys: as the element tables list them.
        path: type or node of the focus, e.g. "Patient.contact", "string".
        definitions: where the rules are found.
        node: the focus's element table; None for a primitive.

    Returns:
        The rules in the order of their keys; those that cannot be broken are left out.
    """
    names = {} if node is None else _names(node)
    rules = (_rule(key, path, definitions, names) for key in keys if key not in IN_CODE)
    return tuple(rule for rule in rules if rule is not None)


def _names(node: Node) -> Mapping[str, frozenset[str]]:
    """JSON names by published name."""
    names: dict[str, frozenset[str]] = {}
    for element in node.elements.values():
        group = names.get(element.base_name, frozenset())
        names[element.base_name] = group | {element.name, "_" + element.name}
    return names


def _rule(
    key: str, path: str, definitions: Definitions, names: Mapping[str, frozenset[str]]
) -> Rule | None:
    invariant = definitions.invariant(key)
    expression = compile_expression(invariant.expression, lenient=True)
    guard = _LEXICAL.get(key) or guard_of(expression.parsed.tree, names)
    if guard is always:
        return None
    default = key in _SATISFIED_BY_NOTHING or key.endswith("-0")

    def check(value: JsonValue, sibling: JsonValue, place: Place, findings: Findings) -> None:
        if guard is not None and guard(value):
            return
        context = Context(root_node(findings.resource), root_node(findings.root))
        context.allow(_STEPS)
        try:
            result = expression.test(ElementNode(value, path, sibling), context)
        except FhirPathError as error:
            text = f"{invariant.key}: The rule could not be evaluated: {error}."
            findings.add("processing", place, text, "warning")
            return
        if not (default if result is None else result):
            findings.add(
                "invariant", place, f"{invariant.key}: {invariant.human}", invariant.severity
            )

    return check
