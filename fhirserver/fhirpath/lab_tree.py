"""Syntax trees as the FHIRPath Lab draws them.

Spec: the server API that the FHIRPath Lab documents, "AST definition"

    ExpressionType  Name                   Arguments
    Constant        the literal, or type
    Child           element                what it is taken from
    FunctionCall    function               what it is called on, then its own
    Indexer         []                     collection, index
    Binary, Unary   operator               operands
    VariableRef     name without %
    Axis            builtin.this, …; builtin.that is what an expression starts from

Each type ends in "Expression". Position and Length are of the word itself, from 0.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from fhirserver.fhirpath.syntax import (
    Binary,
    Empty,
    Expr,
    Function,
    Index,
    Literal,
    Member,
    Parsed,
    Sign,
    SortKey,
    Span,
    Special,
    TypeName,
    TypeOperation,
    Variable,
)
from fhirserver.fhirpath.temporal import Temporal
from fhirserver.model.json import JsonObject

_Parts = tuple[str, str, tuple[Expr | None, ...]]
_START: JsonObject = {"ExpressionType": "AxisExpression", "Name": "builtin.that"}


def lab_tree(parsed: Parsed) -> JsonObject:
    """Give the tree as JSON. Pure; as deep as the expression is nested."""
    return _node(parsed.tree, parsed.spans)


def _node(expression: Expr, spans: Mapping[int, Span]) -> JsonObject:
    kind, name, arguments = _leaf(expression) or _compound(expression)
    found: JsonObject = {"ExpressionType": f"{kind}Expression", "Name": name}
    if arguments:
        found["Arguments"] = [_START if each is None else _node(each, spans) for each in arguments]
    span = spans.get(id(expression))
    if span is not None:
        found |= {"Position": span.position, "Length": span.length}
    return found


def _leaf(expression: Expr) -> _Parts | None:
    match expression:
        case Literal(value):
            return "Constant", _shown(value), ()
        case Empty():
            return "Constant", "{}", ()
        case TypeName(name):
            return "Constant", name, ()
        case Variable(name):
            return "VariableRef", name, ()
        case Special(name):
            return "Axis", f"builtin.{name.removeprefix('$')}", ()
        case _:
            return None


def _compound(expression: Expr) -> _Parts:
    match expression:
        case Member(source, name):
            return "Child", name, (source,)
        case Function(source, name, arguments):
            return "FunctionCall", name, (source, *arguments)
        case Index(source, at):
            return "Indexer", "[]", (source, at)
        case Sign(operator, operand):
            return "Unary", operator, (operand,)
        case Binary(operator, left, right) | TypeOperation(operator, left, right):
            return "Binary", operator, (left, right)
        case SortKey(key, descending):
            return "Unary", "desc" if descending else "asc", (key,)
        case _:
            raise AssertionError(expression)


def _shown(value: Any) -> str:
    if value.__class__ is bool:
        return "true" if value else "false"
    if isinstance(value, Temporal):
        return f"@{'T' if value.kind == 'time' else ''}{value}"
    return format(value, "f") if isinstance(value, Decimal) else str(value)
