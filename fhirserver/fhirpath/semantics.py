"""Faults that can be seen without an input; a strict evaluation raises for them.

Spec: http://hl7.org/fhirpath/N1/index.html#type-safety-and-strict-evaluation
"""

from fhirserver.fhirpath.navigation import children_named
from fhirserver.fhirpath.syntax import Expr, Function, Index, Member, TypeName, TypeOperation
from fhirserver.fhirpath.type_system import parse_type

_ORDERED = frozenset({"first", "last", "tail", "skip", "take"})
_UNORDERED = frozenset({"children", "descendants"})


def semantic_fault(expression: Expr) -> str | None:
    """Say what is wrong with the outermost step of an expression; None if nothing is."""
    match expression:
        case Member(TypeOperation("as", _, TypeName(type_name)), name):
            return _unknown_element(type_name, name)
        case Member(Function(_, "as" | "ofType", (TypeName(type_name),)), name):
            return _unknown_element(type_name, name)
        case Function(Function(_, inner), outer) if inner in _UNORDERED and outer in _ORDERED:
            return f"{outer}() needs an order, which {inner}() does not have"
        case Index(Function(_, inner)) if inner in _UNORDERED:
            return f"an index needs an order, which {inner}() does not have"
        case _:
            return None


def _unknown_element(type_name: str, name: str) -> str | None:
    wanted = parse_type(type_name)
    if wanted.namespace == "System" or children_named(wanted.name, name):
        return None
    return f"{wanted.name} has no element {name}"
