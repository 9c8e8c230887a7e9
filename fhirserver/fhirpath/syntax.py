"""The syntax tree of FHIRPath.

Spec: http://hl7.org/fhirpath/N1/grammar.html

`source` is the expression left of a dot, None where the name applies to `$this`:
`Patient.name.where(use = 'usual')` is

    Function(Member(Member(None, "Patient"), "name"), "where", (Binary("=", ...),))
"""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Literal(NamedTuple):
    """A value; bool, int, Decimal, str, Temporal or Quantity."""

    value: Any


class Empty(NamedTuple):
    """`{}`."""


class Member(NamedTuple):
    """`source.name`; a leading type name such as `Patient` is a member too."""

    source: "Expr | None"
    name: str


class Function(NamedTuple):
    """`source.name(arguments)`; a type argument of is, as and ofType is a TypeName."""

    source: "Expr | None"
    name: str
    arguments: "tuple[Expr, ...]"


class TypeName(NamedTuple):
    """A type specifier, e.g. "Patient", "FHIR.boolean", "System.Boolean"."""

    name: str


class Index(NamedTuple):
    """`source[at]`."""

    source: "Expr"
    at: "Expr"


class Variable(NamedTuple):
    """`%name`."""

    name: str


class Special(NamedTuple):
    """`$this`, `$index` or `$total`."""

    name: str


class Sign(NamedTuple):
    """`+operand` or `-operand`."""

    operator: str
    operand: "Expr"


class Binary(NamedTuple):
    """`left operator right`."""

    operator: str
    left: "Expr"
    right: "Expr"


class TypeOperation(NamedTuple):
    """`operand is type` or `operand as type`."""

    operator: str
    operand: "Expr"
    type: TypeName


class SortKey(NamedTuple):
    """`expression [asc|desc]`, an argument of sort()."""

    expression: "Expr"
    descending: bool


Expr = (
    Literal | Empty | Member | Function | TypeName | Index | Variable | Special | Sign | Binary
    | TypeOperation | SortKey
)  # fmt: skip


class Span(NamedTuple):
    """Where the word of a node stands in the source: an operator, a name, a literal."""

    position: int
    length: int


class Parsed(NamedTuple):
    """A tree and the places of its nodes.

    Trees compare by what they say, so places stand beside them.

    Attributes:
        spans: by the `id()` of a node of this very tree.
    """

    tree: Expr
    spans: Mapping[int, Span]
