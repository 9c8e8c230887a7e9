"""Conditions -> SQL text. Pure.

A condition is tested on a row that stands for a resource and has columns `pat` and `rid`: a row of
`resource` or of an index table. Index rows of a resource are written once per compartment patient,
so the test looks at those of the same copy: `pat` and `rid` are equal.
"""

from collections.abc import Sequence

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
    either,
)


def select(columns: str, table: str, where: Fragment) -> Fragment:
    """Write a query over one table."""
    words = ["SELECT", columns, "FROM", table, "WHERE", where.text]
    return Fragment(" ".join(words), where.params)


def on(fragment: Fragment, alias: str) -> Fragment:
    """Say which row `@` is."""
    return Fragment(fragment.text.replace("@", alias), fragment.params)


def of_parameters(sps: Sequence[int]) -> Fragment:
    """Test that an index row belongs to one of the parameters."""
    if len(sps) == 1:
        return Fragment("@.sp = %s", (sps[0],))
    return Fragment("@.sp = ANY(%s::smallint[])", (sorted(set(sps)),))


def all_of(fragments: Sequence[Fragment]) -> Fragment:
    """Join fragments by AND; TRUE when there are none."""
    if not fragments:
        return Fragment("TRUE")
    text = " AND ".join(fragment.text for fragment in fragments)
    return Fragment(text, tuple(p for fragment in fragments for p in fragment.params))


def row_test(rows: Rows) -> Fragment:
    """Test one index row: its parameter, and one of the alternatives."""
    return all_of([of_parameters(rows.sps), either(rows.alternatives)])


def test(condition: Condition, alias: str) -> Fragment:
    """Test a condition on the row of an alias.

    Args:
        condition: what must hold.
        alias: of the row; "r" stands for a row of `resource`, every other for an index row.
    """
    match condition:
        case Rows():
            if condition.alternatives == (NEVER,) or not condition.alternatives:
                return NEVER
            found = on(row_test(condition), "x")
            copy = Fragment(f"x.pat = {alias}.pat AND x.rid = {alias}.rid")
            return _exists(f"{condition.table} x", all_of([copy, found]))
        case Key():
            return on(condition.fragment, alias)
        case Column():
            if alias == "r":
                return on(condition.fragment, alias)
            found = on(condition.fragment, "r")
            return _exists("resource r", all_of([Fragment(f"r.rid = {alias}.rid"), found]))
        case AnyOf():
            return either(test(each, alias) for each in condition.conditions)
        case AllOf():
            return all_of([test(each, alias) for each in condition.conditions])
        case Not():
            inner = test(condition.condition, alias)
            return Fragment(f"NOT ({inner.text})", inner.params)


def _exists(table: str, where: Fragment) -> Fragment:
    found = select("", table, where)
    return Fragment(f"EXISTS ({found.text})", found.params)
