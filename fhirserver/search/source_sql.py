"""Sources -> FROM and WHERE. Pure.

Rows of a source have an alias, "r" for rows of `resource` and "d" for all others, and the columns
`pat` and `rid`, on which the conditions are tested.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from fhirserver.search.condition_sql import Row, all_of, of_parameters, on, row_test, select, test
from fhirserver.search.conditions import ALWAYS, NEVER, Fragment, Rows
from fhirserver.search.order import order_by
from fhirserver.search.owners import owner_rows
from fhirserver.search.phases import Phase
from fhirserver.search.reach import date_ranges
from fhirserver.search.source import (
    CompartmentSource,
    IndexSource,
    OwnerSource,
    ResourceSource,
    Source,
)

BRANCHES_MAX = 16
"""More branches than this cost more planning than sorting."""


class From(NamedTuple):
    """FROM and WHERE of a source with its conditions; parameters of FROM come first.

    Attributes:
        table: the rows.
        where: which of them.
        each: a query of patients `g` (pat); the rows are read for each of them by itself.
    """

    table: Fragment
    where: Fragment
    each: Fragment | None = None


def row_of(phase: Phase) -> Row:
    """Say how the source's row is called and what it carries."""
    source = phase.source
    scope = None if isinstance(source, OwnerSource) else source.scope
    copies = None if scope is None or scope.answer is not None else scope.listed()
    if isinstance(source, ResourceSource):
        return Row("r", space=phase.space, copies=copies)
    date = None
    if isinstance(source, IndexSource):
        date = "d.dt" if source.rows.table == "token" else None
        date = "d.lo" if source.rows.main_date else date
    return Row("d", date, phase.streamed, phase.space, copies)


def rows_of(phase: Phase) -> From:
    """Write the rows of a phase's source that fulfil its conditions."""
    source = phase.source
    tests = [test(condition, row_of(phase)) for condition in phase.conditions]
    match source:
        case ResourceSource():
            live = [Fragment("r.state = 1")]
            if len(source.tids) == 1:
                live.append(Fragment("r.tid = %s", source.tids))
            elif source.tids:
                live.append(Fragment("r.tid = ANY(%s::smallint[])", (list(source.tids),)))
            return From(Fragment(f"{phase.space}resource r"), all_of([*live, *tests]))
        case CompartmentSource():
            return From(_members(source), all_of(tests))
        case OwnerSource():
            return From(_union(owner_rows(source.owners)), all_of(tests))
        case IndexSource():
            branches = _branches(source) or [NEVER]
            if len(branches) == 1:
                where = on(branches[0], "d")
                table = Fragment(f"{phase.space}{source.rows.table} d")
                return From(table, all_of([where, *tests]))
            columns = _COLUMNS[source.rows.table]
            of_rows = f"{phase.space}{source.rows.table} x"
            found = [select(columns, of_rows, on(branch, "x")) for branch in branches]
            return From(_union(found), all_of(tests))


def sorted_rows(phase: Phase, *, backward: bool) -> From | None:
    """Sort the rows in the compartments of an answer before any condition is tested on them.

    So no more are tested than a page needs. None for other sources, which an index gives in order.
    """
    source = phase.source
    if not isinstance(source, IndexSource) or source.scope is None or source.scope.answer is None:
        return None
    rows = rows_of(replace(phase, conditions=()))
    columns = _COLUMNS[source.rows.table].replace("x.", "d.")
    order = order_by(phase.keys, backward=backward).replace("@.", "d.")
    found = select(columns, rows.table.text, rows.where)
    # OFFSET keeps the conditions out.
    table = f"({found.text} ORDER BY {order} OFFSET 0) d"
    return From(Fragment(table, rows.table.params + found.params), ALWAYS)


def repeats(source: Source) -> bool:
    """Whether a resource may appear in a source more than once, in neighbouring rows."""
    if isinstance(source, ResourceSource):
        return False
    if isinstance(source, (CompartmentSource, OwnerSource)):
        return True
    several = len(source.rows.alternatives) > 1 or source.rows.repeats or bool(source.rows.listed)
    return several or (source.scope is not None and len(source.scope.ids) != 1)


def _streams(source: IndexSource) -> list[From]:
    """Separate the rows into branches that come in order, and one of what is beyond the copies.

    In the compartments of several patients no index has an order for all of them.
    """
    rows, scope = source.rows, source.scope
    assert scope is not None
    table = Fragment(f"{rows.table} d")
    direct, overflow = scope.branches()
    patients = None
    if len(scope.ids) != 1:
        patients, direct = scope.each(), Fragment("@.pat = g.pat")
    found = [all_of([of_parameters(rows.sps), each, direct]) for each in rows.alternatives]
    return [
        *(From(table, on(each, "d"), patients) for each in found),
        From(table, on(all_of([row_test(rows), overflow]), "d")),
    ]


def _branches(source: IndexSource) -> list[Fragment]:
    rows, scope = source.rows, source.scope
    # The index of references does not tell which copy is home; copies of a chain's are one row.
    home = ALWAYS if rows.listed else Fragment("@.home")
    copies = (home,) if scope is None else scope.branches()
    if len(rows.alternatives) * len(copies) > BRANCHES_MAX:
        copy = copies[0] if scope is None else scope.rows()
        return [all_of([row_test(rows), copy])]
    return [
        all_of([of_parameters(rows.sps), *([] if alternative == ALWAYS else [alternative]), copy])
        for alternative in rows.alternatives
        for copy in copies
    ]


_COLUMNS = {
    "token": "x.pat, x.rid, x.dt, x.code",
    "date": "x.pat, x.rid, x.lo, x.hi",
    "ref": "x.pat, x.rid, x.target",
    "string": "x.pat, x.rid, x.norm",
    "quantity": "x.pat, x.rid, x.low, x.c_low",
    "narrative": "x.pat, x.rid",
    "content": "x.pat, x.rid",
    "composite": "x.pat, x.rid, x.t_code, x.q_low, x.q_c_low, x.d_lo, x.d_hi, x.s_norm",
}


def _union(found: Sequence[Fragment]) -> Fragment:
    text = " UNION ALL ".join(fragment.text for fragment in found)
    return Fragment(f"({text}) d", tuple(p for fragment in found for p in fragment.params))


def _members(source: CompartmentSource) -> Fragment:
    """List the members: each once per patient, or by its own row id beyond the copies."""
    pointing = all_of(
        [
            of_parameters(source.sps),
            source.scope.equals("@.target"),
            Fragment("(@.pat = @.target OR @.pat = @.rid)"),
        ]
    )
    found = select("x.pat, x.rid", "ref x", on(pointing, "x"))
    if not source.with_patients:
        return Fragment(f"({found.text}) d", found.params)
    own = select("p.pat, p.rid", "resource p", all_of([
        Fragment("p.state = 1"), source.scope.equals("p.rid"),
    ]))  # fmt: skip
    return Fragment(f"({found.text} UNION ALL {own.text}) d", found.params + own.params)


def copies_of(rows: Rows) -> Fragment:
    """Select `pat` and `rid` of the rows of a criterion across patients."""
    ranged = date_ranges(rows) if rows.reaches else rows
    return _listed(rows.table, _branches(IndexSource(ranged, None)))


def every_copy_of(rows: Rows) -> Fragment:
    """Select the same in all compartments, of rows that are found by value.

    But for tokens an index by value holds one copy of each row, and the others have their own.
    """
    if rows.table == "token":
        tests = [all_of([of_parameters(rows.sps), each]) for each in rows.alternatives]
        return _listed(rows.table, tests or [NEVER])
    home = copies_of(rows)
    others = _listed(rows.table, [all_of([Fragment("NOT @.home"), row_test(rows)])])
    return Fragment(f"{home.text} UNION ALL {others.text}", home.params + others.params)


def _listed(table: str, tests: Sequence[Fragment]) -> Fragment:
    found = [select("x.pat, x.rid", f"{table} x", on(each, "x")) for each in tests]
    text = " UNION ALL ".join([fragment.text for fragment in found])
    return Fragment(text, tuple(p for fragment in found for p in fragment.params))


_TESTED = {"token": "x.pat, x.rid, x.dt", "date": "x.pat, x.rid, x.lo"}
"""Columns that conditions look at; of other tables two."""


def looked_at(phase: Phase, limit: int) -> Fragment:
    """Select rows of an index source as what conditions are tested on, in the index's order.

    Args:
        phase: its source is rows of one criterion.
        limit: of them at most.
    """
    assert isinstance(phase.source, IndexSource)
    table = phase.source.rows.table
    columns = _TESTED.get(table, "x.pat, x.rid") if phase.conditions else "x.rid"
    # In the compartments of many patients no index has an order for all of them.
    keys = phase.keys if phase.source.scope is None else ()
    order = f" ORDER BY {order_by(keys, backward=False)}".replace("@.", "x.") if keys else ""
    found = [
        select(columns, f"{table} x", on(branch, "x"))
        for branch in _branches(phase.source) or [NEVER]
    ]
    text = " UNION ALL ".join([f"({each.text}{order} LIMIT %s)" for each in found])
    params = [param for each in found for param in (*each.params, limit)]
    rows = select("*", f"({text}) l", ALWAYS)
    return Fragment(f"{rows.text} LIMIT %s", (*params, limit))


def parts_of(phase: Phase) -> list[From]:
    """Separate a source into parts that each come in the phase's order; one if it is not worth it.

    The conditions are not in them.
    """
    source = phase.source
    if isinstance(source, OwnerSource):
        return [
            From(Fragment(f"({each.text}) d", each.params), ALWAYS)
            for each in owner_rows(source.owners)
        ]
    if not isinstance(source, IndexSource):
        return []
    if phase.streamed:
        return _streams(source)
    table = Fragment(f"{source.rows.table} d")
    return [From(table, on(branch, "d")) for branch in _branches(source)]
