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

from fhirserver.model.instant import MAX_US, MIN_US

Table = Literal["token", "string", "date", "ref", "quantity", "composite", "narrative", "content"]
Space = Literal["", "contained_", "both_"]
"""Which resources are looked at: ordinary ones, contained ones or both; what their tables' names
begin with. In the latter two a row of `resource` has the columns of `both_resource`."""


class Fragment(NamedTuple):
    """SQL text about the row `@`, and the parameters of its `%s` in order."""

    text: str
    params: tuple[object, ...] = ()


class OrderKey(NamedTuple):
    """One key of an order.

    Attributes:
        column: SQL expression; `@` is the row.
        descending: largest first.
        nullable: resources without a value exist.
    """

    column: str
    descending: bool = False
    nullable: bool = False


BY_MAIN_DATE = (OrderKey("@.dt", descending=True),)
BY_CODE = (OrderKey("@.code"), OrderKey("@.dt", descending=True))
BY_TEXT = (OrderKey("left(@.norm, 200)"),)
BY_DATE = (OrderKey("@.lo"), OrderKey("@.hi"))
BY_VALUE = (OrderKey("@.low"),)
BY_CANONICAL_VALUE = (OrderKey("@.c_low"),)
BY_TARGET = (OrderKey("@.target"),)
BY_PATIENT = (OrderKey("@.pat"),)
"""Orders of index rows, before the row id, in which an index gives them."""


WIDE_US = 86_400_000_000
"""An interval wider than a day is found by the index `date_wide`, which names the same number."""


class Reach(NamedTuple):
    """Lower bounds of the intervals that may fulfil a test of dates, epoch microseconds.

    `fhirserver.search.reach` makes ranges of it.

    Attributes:
        low, high: of an interval of a day at most, high excluded; `high` is that of wider ones too.
        wide_low: least one of a wider interval.
        sure_low, sure_high: every interval that begins between them fulfils the test; none if
            they are equal.
    """

    low: int = MIN_US
    high: int = MAX_US
    wide_low: int = MIN_US
    sure_low: int = MAX_US
    sure_high: int = MAX_US

    def and_also(self, other: "Reach") -> "Reach":
        """Give the reach of both tests together."""
        return Reach(
            max(self.low, other.low),
            min(self.high, other.high),
            max(self.wide_low, other.wide_low),
            max(self.sure_low, other.sure_low),
            min(self.sure_high, other.sure_high),
        )


@dataclass(frozen=True, slots=True)
class Rows:
    """The resource has a row of one of the parameters that fulfils one of the alternatives.

    Attributes:
        table: the index table.
        sps: numbers of the parameters, one per type searched.
        alternatives: at least one must hold on the row; none at all holds never.
        order: in which an index gives the rows of each alternative; empty if in none.
        unique: two rows of a resource never fulfil the same alternative.
        single: a resource has one row of the parameters at most.
        even: all rows of a resource are equal in the columns of the order.
        main_date: the rows are those of the main date, so their `lo` is a token row's `dt`.
        reaches: of the alternatives, where they are tests of dates.
        listed: the alternatives of a chain for reading all rows that fulfil one: what they lead to
            is an array, so an index gives the rows in the order of targets. Empty where an
            alternative is no list of other resources.
    """

    table: Table
    sps: tuple[int, ...]
    alternatives: tuple[Fragment, ...]
    order: tuple[OrderKey, ...] = ()
    unique: bool = False
    single: bool = False
    even: bool = False
    main_date: bool = False
    reaches: tuple[Reach, ...] = ()
    listed: tuple[Fragment, ...] = ()

    @property
    def repeats(self) -> bool:
        """Whether a resource may appear in the rows more than once."""
        return not (self.single or (self.unique and len(self.alternatives) == 1))


@dataclass(frozen=True, slots=True)
class Owners:
    """The patients in whose compartments there are certain rows, and to whom these refer.

    Attributes:
        rows: which.
        sp: number of the reference parameter.
    """

    rows: Rows
    sp: int


@dataclass(frozen=True, slots=True)
class Key:
    """A condition on `@.rid` of whatever row stands for the resource.

    Attributes:
        fragment: the condition.
        owners: the same as rows to begin with; None where there are none.
        is_probe: to test one row is one exact look-up: of an index, or of a list that is made once
            for all rows.
    """

    fragment: Fragment
    owners: Owners | None = None
    is_probe: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """A condition on columns of the resource's row in `resource`.

    Attributes:
        fragment: the condition.
        unique: it selects few resources by their id.
        of_version: it speaks of `updated` and `xact`; a contained resource has its container's.
    """

    fragment: Fragment
    unique: bool = False
    of_version: bool = False


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


def negated(fragment: Fragment) -> Fragment:
    """Say the opposite of a fragment, of the same row."""
    return Fragment(f"NOT ({fragment.text})", fragment.params)


def any_condition(conditions: Iterable[Condition]) -> Condition:
    """Join conditions by OR; a single one stands for itself."""
    found = tuple(conditions)
    return found[0] if len(found) == 1 else AnyOf(found)
