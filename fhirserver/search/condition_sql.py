"""Conditions -> SQL text. Pure.

A condition is tested on a row that stands for a resource and has columns `pat` and `rid`: a row of
`resource` or of an index table. Index rows of a resource are written once per compartment patient,
so the test looks at those of the same copy: `pat` and `rid` are equal.
"""

from collections.abc import Sequence
from typing import NamedTuple

from fhirserver.search.conditions import (
    NEVER,
    AllOf,
    AnyOf,
    Column,
    Condition,
    Fragment,
    Key,
    Not,
    Rows,
    Space,
    either,
)


def select(columns: str, table: str, where: Fragment) -> Fragment:
    """Write a query over one table."""
    words = ["SELECT", columns, "FROM", table, "WHERE", where.text]
    return Fragment(" ".join(words), where.params)


def on(fragment: Fragment, alias: str) -> Fragment:
    """Say which row `@` is."""
    return Fragment(fragment.text.replace("@.", f"{alias}."), fragment.params)


def of_parameters(sps: Sequence[int]) -> Fragment:
    """Test that an index row belongs to one of the parameters."""
    if len(sps) == 1:
        return Fragment("@.sp = %s", (sps[0],))
    return Fragment("@.sp = ANY(%s::smallint[])", (sorted(set(sps)),))


def all_of(fragments: Sequence[Fragment]) -> Fragment:
    """Join fragments by AND; TRUE when there are none."""
    if not fragments:
        return Fragment("TRUE")
    params: tuple[object, ...] = ()
    for fragment in fragments:
        params += fragment.params
    return Fragment(" AND ".join([fragment.text for fragment in fragments]), params)


def row_test(rows: Rows) -> Fragment:
    """Test one index row: its parameter, and one of the alternatives."""
    return all_of([of_parameters(rows.sps), either(rows.alternatives)])


class Row(NamedTuple):
    """A row that stands for a resource.

    Attributes:
        alias: "r" for a row of `resource`, any other for an index row.
        date: SQL expression of the main date's `dt`; None where the row does not carry it.
        probed: tests look at the row one by one, instead of leaving it to the planner to turn
            them into joins; so rows that come in order are read no further than the page.
        space: which resources it is one of.
        copies: test of an index row that is in the compartment where all rows of the source are;
            None where they are in any.
    """

    alias: str
    date: str | None = None
    probed: bool = False
    space: Space = ""
    copies: Fragment | None = None


def test(condition: Condition, row: Row) -> Fragment:
    """Test a condition on a row."""
    match condition:
        case Rows() if condition.listed and row.copies is not None:
            return _among(condition, row.copies, row.alias)
        case Rows():
            return _exists(condition.table, _copy(condition, row), row)
        case Key():
            return on(condition.fragment, row.alias)
        case Column():
            return _column(condition, row)
        case AnyOf():
            return either(test(each, row) for each in condition.conditions)
        case AllOf():
            return all_of([test(each, row) for each in condition.conditions])
        case Not():
            inner = test(condition.condition, row)
            text = f"({inner.text}) IS NOT TRUE" if row.probed else f"NOT ({inner.text})"
            return Fragment(text, inner.params)


def _column(column: Column, row: Row) -> Fragment:
    if column.of_version and row.space:
        version = select("", "resource h", all_of([_OF_CONTAINER, on(column.fragment, "h")]))
        column = Column(Fragment(f"EXISTS ({version.text})", version.params))
    if row.alias == "r":
        return on(column.fragment, row.alias)
    same = Fragment(f"@.rid = {row.alias}.rid")
    return _exists("resource", all_of([same, column.fragment]), row)


_OF_CONTAINER = Fragment("h.rid = @.container")


def _copy(rows: Rows, row: Row) -> Fragment:
    """Test an index row: of the same copy of the same resource, and fulfilling the condition."""
    if not rows.alternatives or rows.alternatives == (NEVER,):
        return NEVER
    same = f"@.pat = {row.alias}.pat AND @.rid = {row.alias}.rid"
    # All index rows of a resource carry the same date; naming it makes the look-up exact.
    if row.date is not None and rows.table == "token":
        same += f" AND @.dt = {row.date}"
    if row.date is not None and rows.main_date:
        same += f" AND @.lo = {row.date}"
    return all_of([Fragment(same), row_test(rows)])


def _among(rows: Rows, copies: Fragment, alias: str) -> Fragment:
    """Test a row's resource against a list of those that fulfil a condition in the compartment.

    PostgreSQL makes the list once, and a hash of it. `IS TRUE` keeps it from a join, whose order
    would hang on its guess of how many rows the patient has: of ten thousand it guesses fifty.
    """
    tests = [of_parameters(rows.sps), either(rows.listed), copies]
    found = select("x.rid", f"{rows.table} x", on(all_of(tests), "x"))
    return Fragment(f"({alias}.rid IN ({found.text})) IS TRUE", found.params)


def _exists(table: str, where: Fragment, row: Row) -> Fragment:
    if where == NEVER:
        return NEVER
    alias = "r" if table == "resource" else "x"
    found = on(where, alias)
    if row.probed:
        inner = select("TRUE", f"{row.space}{table} {alias}", found)
        return Fragment(f"({inner.text} LIMIT 1)", inner.params)
    inner = select("", f"{row.space}{table} {alias}", found)
    return Fragment(f"EXISTS ({inner.text})", inner.params)
