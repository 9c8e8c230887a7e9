"""A filter's expression as data. Pure.

Spec: https://hl7.org/fhir/R4/search_filter.html

    Comparison  path, operator, value: `subject.name co "pet"`
    Junction    parts joined by one of `and`, `or`
    Negation    `not (...)`

`and` and `or` bind alike, from left to right: `a or b and c` is `(a or b) and c`, so its tree is a
junction of a junction.
"""

import json
import re
from dataclasses import dataclass, field
from typing import Literal, get_args

Operator = Literal[
    "eq", "ne", "co", "sw", "ew", "gt", "lt", "ge", "le", "ap", "sa", "eb", "pr", "po",
    "ss", "sb", "in", "ni", "re",
]  # fmt: skip
OPERATORS: tuple[Operator, ...] = get_args(Operator)
Joint = Literal["and", "or"]

_TOKEN = re.compile(r'[^\s\])"][^\s\])]*')


@dataclass(frozen=True, slots=True)
class Step:
    """One name of a path.

    Attributes:
        code: a search parameter.
        qualifier: the type that it points at, `subject:Patient`; None where none is named.
        filter: what the resource it points at must fulfil, `subject[...]`.
    """

    code: str
    qualifier: str | None = None
    filter: "Expression | None" = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """A test of the values of a path.

    Attributes:
        path: references, and the parameter whose values are tested; at least one.
        operator: how.
        value: with what, without quotation marks.
        position: of the path in the text, from 1; for messages only.
    """

    path: tuple[Step, ...]
    operator: Operator
    value: str
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Junction:
    """Two expressions or more, joined by the same word."""

    joint: Joint
    parts: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Negation:
    """What does not hold."""

    expression: "Expression"


Expression = Comparison | Junction | Negation


def render(expression: Expression) -> str:
    """Write an expression; reading it again gives the same."""
    match expression:
        case Comparison():
            path = ".".join(map(_step, expression.path))
            return f"{path} {expression.operator} {_value(expression.value)}"
        case Junction():
            return f" {expression.joint} ".join(map(_part, expression.parts))
        case Negation():
            return f"not ({render(expression.expression)})"


def _part(expression: Expression) -> str:
    text = render(expression)
    return f"({text})" if isinstance(expression, Junction) else text


def _step(step: Step) -> str:
    qualifier = "" if step.qualifier is None else f":{step.qualifier}"
    inner = "" if step.filter is None else f"[{render(step.filter)}]"
    return f"{step.code}{qualifier}{inner}"


def _value(value: str) -> str:
    return value if _TOKEN.fullmatch(value) else json.dumps(value, ensure_ascii=False)
