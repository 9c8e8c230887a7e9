"""The syntax tree of FHIRPath.

Spec: http://hl7.org/fhirpath/N1/grammar.html

`source` is the expression left of a dot, None where the name applies to `$this`:
`Patient.name.where(use = 'usual')` is

    Function(Member(Member(None, "Patient"), "name"), "where", (Binary("=", ...),))
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Literal:
    """A value; bool, int, Decimal, str, Temporal or Quantity."""

    value: Any


@dataclass(frozen=True, slots=True)
class Empty:
    """`{}`."""


@dataclass(frozen=True, slots=True)
class Member:
    """`source.name`; a leading type name such as `Patient` is a member too."""

    source: "Expr | None"
    name: str


@dataclass(frozen=True, slots=True)
class Function:
    """`source.name(arguments)`; a type argument of is, as and ofType is a TypeName."""

    source: "Expr | None"
    name: str
    arguments: "tuple[Expr, ...]"


@dataclass(frozen=True, slots=True)
class TypeName:
    """A type specifier, e.g. "Patient", "FHIR.boolean", "System.Boolean"."""

    name: str


@dataclass(frozen=True, slots=True)
class Index:
    """`source[index]`."""

    source: "Expr"
    index: "Expr"


@dataclass(frozen=True, slots=True)
class Variable:
    """`%name`."""

    name: str


@dataclass(frozen=True, slots=True)
class Special:
    """`$this`, `$index` or `$total`."""

    name: str


@dataclass(frozen=True, slots=True)
class Sign:
    """`+operand` or `-operand`."""

    operator: str
    operand: "Expr"


@dataclass(frozen=True, slots=True)
class Binary:
    """`left operator right`."""

    operator: str
    left: "Expr"
    right: "Expr"


@dataclass(frozen=True, slots=True)
class TypeOperation:
    """`operand is type` or `operand as type`."""

    operator: str
    operand: "Expr"
    type: TypeName


@dataclass(frozen=True, slots=True)
class SortKey:
    """`expression [asc|desc]`, an argument of sort()."""

    expression: "Expr"
    descending: bool


Expr = (
    Literal | Empty | Member | Function | TypeName | Index | Variable | Special | Sign | Binary
    | TypeOperation | SortKey
)  # fmt: skip
