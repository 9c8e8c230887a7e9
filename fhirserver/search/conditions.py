"""Conditions on resources: what a query becomes before it becomes SQL. Pure data.

    Rows    a resource has a row in an index table; alternatives are conjunctions on one row
    Key     a condition on the row id, e.g. membership in another query's answer
    Column  a condition on columns of `resource`
    AnyOf, AllOf, Not

A fragment is SQL text that speaks of its row as `@` (`@.code = %s`), with its parameters in order.
Values stand only in parameters, so that queries of one shape share one text.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

Table = Literal["token", "string", "date", "ref", "quantity"]


class Fragment(NamedTuple):
    """SQL text about the row `@`, and the parameters of its `%s` in order."""

    text: str
    params: tuple[object, ...] = ()


@dataclass(frozen=True, slots=True)
class Rows:
    """The resource has a row of one of the parameters that fulfils one of the alternatives.

    Attributes:
        table: the index table.
        sps: numbers of the parameters, one per type searched.
        alternatives: at least one must hold on the row; none at all holds never.
        exact_code: every alternative fixes the column `code`, so that a token index gives the
            rows in the order of the main date.
    """

    table: Table
    sps: tuple[int, ...]
    alternatives: tuple[Fragment, ...]
    exact_code: bool = False


@dataclass(frozen=True, slots=True)
class Key:
    """A condition on `@.rid` of whatever row stands for the resource."""

    fragment: Fragment


@dataclass(frozen=True, slots=True)
class Column:
    """A condition on columns of the resource's row in `resource`.

    Attributes:
        fragment: the condition.
        unique: it selects few resources by their id.
    """

    fragment: Fragment
    unique: bool = False


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One of the conditions holds."""

    conditions: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class AllOf:
    """All conditions hold."""

    conditions: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The condition does not hold, maybe because there is no value at all."""

    condition: "Condition"


Condition = Rows | Key | Column | AnyOf | AllOf | Not

NEVER = Fragment("FALSE")
ALWAYS = Fragment("TRUE")


def both(first: Fragment, second: Fragment) -> Fragment:
    """Join two fragments by AND."""
    return Fragment(f"{first.text} AND {second.text}", first.params + second.params)


def either(fragments: Iterable[Fragment]) -> Fragment:
    """Join fragments by OR; FALSE when there are none."""
    found = tuple(fragments)
    if len(found) == 1:
        return found[0]
    if not found:
        return NEVER
    text = " OR ".join(f"({fragment.text})" for fragment in found)
    return Fragment(f"({text})", tuple(p for fragment in found for p in fragment.params))


def any_condition(conditions: Iterable[Condition]) -> Condition:
    """Join conditions by OR; a single one stands for itself."""
    found = tuple(conditions)
    return found[0] if len(found) == 1 else AnyOf(found)
