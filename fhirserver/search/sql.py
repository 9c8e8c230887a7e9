"""Plan -> SQL. Pure.

    page_query    the keys and row ids of one page of one phase
    page_sql      ... and the resources themselves, and the audit row

Row ids come first, resources are joined at the end by primary key. Values stand only in
parameters, so searches of one shape share one text, which the connection has prepared.

An index gives its rows in order only where all columns before the order's are fixed. So each
alternative of the source, each way into a patient's compartment, and each patient of several is a
branch that reads a page in its own order; the pages are merged.
"""

from collections.abc import Sequence

from fhirserver.search.condition_sql import all_of, on, row_test, select, test
from fhirserver.search.conditions import ALWAYS, Fragment, OrderKey, Rows
from fhirserver.search.order import KeyValue, Position, after, order_by
from fhirserver.search.owners import owners_among
from fhirserver.search.phases import Phase
from fhirserver.search.sort_sql import key_columns, key_joins
from fhirserver.search.source import IndexSource, OwnerSource, Source
from fhirserver.search.source_sql import (
    From,
    copies_of,
    every_copy_of,
    parts_of,
    repeats,
    row_of,
    rows_of,
    sorted_rows,
)

FEW_MAX = 500
"""Looking so many rows up one by one costs a few milliseconds."""


def page_query(phase: Phase, position: Position | None, limit: int) -> Fragment:
    """Select one page of a phase: columns k0, k1 ... and rid.

    Args:
        phase: of the plan.
        position: where the page begins; without values at the phase's start, or its end when
            going backward.
        limit: rows at most.
    """
    backward = position is not None and position.backward
    values = position.values if position is not None else ()
    if phase.joined or phase.space:
        return _joined_page(phase, values, limit, backward=backward)
    if phase.few is not None:
        return _few_or_many(phase, phase.few, (values, limit, backward))
    parts = parts_of(phase)
    sorted_first = sorted_rows(phase, backward=backward)
    if sorted_first is not None:
        parts = [sorted_first]
    row = row_of(phase)
    window = values, limit, backward
    tests = [test(each, row) for each in phase.conditions]
    if not parts:
        (page,) = _ordered(phase, [rows_of(phase)], window)
        return page
    pages = _ordered(phase, parts, window, tests)
    return pages[0] if len(pages) == 1 else _merged(phase, pages, window)


Window = tuple[Sequence[KeyValue], int, bool]
"""The keys after which a page begins, rows at most, and whether it is read backward."""


def _ordered(
    phase: Phase, parts: Sequence[From], window: Window, tests: Sequence[Fragment] = ()
) -> list[Fragment]:
    """Order the rows of each part by the keys of a phase, and take those in the window."""
    values, limit, backward = window
    alias = row_of(phase).alias
    keys = [_renamed(key, key.column.replace("@", alias)) for key in phase.keys]
    tests = [*tests, *_first_of_several(phase)]
    if values:
        tests.append(after(keys, values, backward=backward))
    columns = ", ".join([f"{key.column} AS k{number}" for number, key in enumerate(keys)])
    distinct = "DISTINCT " if repeats(phase.source) else ""
    wanted = f"{distinct}{columns}, {alias}.rid AS rid"
    order = order_by(keys, backward=backward)
    pages = []
    for table, where, each in parts:
        found = select(wanted, table.text, all_of([where, *tests]))
        text = f"{found.text} ORDER BY {order} LIMIT %s"
        page = Fragment(text, (*table.params, *found.params, limit))
        pages.append(page if each is None else _of_each(each, page))
    return pages


def _of_each(patients: Fragment, page: Fragment) -> Fragment:
    """Read a page for each of the patients `g`."""
    beside = f"({patients.text}) g CROSS JOIN LATERAL ({page.text}) p"
    return select("p.*", beside, Fragment("TRUE", patients.params + page.params))


def _renamed(key: OrderKey, column: str) -> OrderKey:
    return OrderKey(column, key.descending, key.nullable)


def _few_or_many(phase: Phase, few: Rows, window: Window) -> Fragment:
    """Begin with the rows of a condition if these are few, else with the source's in their order.

    PostgreSQL would have to guess which is less; a look at the first rows of the condition tells.
    One of the two parts is not run at all.
    """
    row = row_of(phase)._replace(probed=True)
    number = "(SELECT count(*) FROM few)"
    tests = [(each, test(each, row)) for each in phase.conditions]
    many = [
        From(part.table, all_of([Fragment(f"{number} > {FEW_MAX}"), part.where]))
        for part in parts_of(phase)
    ]
    others = [text for each, text in tests if each is not few]
    pages = _ordered(phase, many, window, [text for _, text in tests])
    pages += _ordered(phase, _from_few(phase.source, f"{number} <= {FEW_MAX}"), window, others)
    found = every_copy_of(few) if isinstance(phase.source, OwnerSource) else copies_of(few)
    merged = _merged(phase, pages, window)
    return Fragment(
        f"WITH few AS MATERIALIZED ({found.text} LIMIT {FEW_MAX + 1}) {merged.text}",
        found.params + merged.params,
    )


def _from_few(source: Source, if_few: str) -> list[From]:
    """Begin with the rows `few` (pat, rid)."""
    if isinstance(source, OwnerSource):
        tables = [
            Fragment(f"({each.text}) d", each.params) for each in owners_among(source.owners, "few")
        ]
        return [From(each, Fragment(if_few)) for each in tables]
    assert isinstance(source, IndexSource)
    same = all_of([Fragment("@.pat = f.pat AND @.rid = f.rid"), row_test(source.rows)])
    own = select("x.*", f"{source.rows.table} x", on(same, "x"))
    distinct = select("DISTINCT f.pat, f.rid", "few f", Fragment(if_few))
    # OFFSET keeps it a look-up of each: joins with all rows of the order may look cheaper.
    table = f"({distinct.text}) f CROSS JOIN LATERAL ({own.text} OFFSET 0) d"
    return [From(Fragment(table, own.params), ALWAYS)]


def _merged(phase: Phase, pages: Sequence[Fragment], window: Window) -> Fragment:
    """Merge pages of several parts, each of which was read in the order of its index.

    Each part stops after a page, however many rows it has and whatever the planner thinks of
    their number.
    """
    _, limit, backward = window
    keys = [_renamed(key, f"d.k{number}") for number, key in enumerate(phase.keys)]
    columns = ", ".join([key.column for key in keys])
    union = " UNION ALL ".join([f"({page.text})" for page in pages])
    distinct = "DISTINCT " if repeats(phase.source) else ""
    merged = select(f"{distinct}{columns}, d.rid", f"({union}) d", ALWAYS)
    params = [param for page in pages for param in page.params]
    return Fragment(
        f"{merged.text} ORDER BY {order_by(keys, backward=backward)} LIMIT %s", (*params, limit)
    )


def page_sql(page: Fragment, phase: Phase, *, backward: bool, audit: Fragment | None) -> Fragment:
    """Add the resources, and the audit row where there is one to write.

    Args:
        page: of `page_query`.
        phase: the same.
        backward: whether the page is read backwards.
        audit: an INSERT that may count the rows of `page`.

    Returns:
        SQL whose rows hold rid, tid, id, version, updated, method, body, keys, k0, k1 ...; where
        contained resources are answered by themselves, then their container's tid, id and their
        place in it, and version, updated, method, body and keys are the container's.
    """
    keys = [_renamed(key, f"page.k{number}") for number, key in enumerate(phase.keys)]
    columns = ", ".join([key.column for key in keys])
    written = "" if audit is None else f", audited AS ({audit.text})"
    own, more, table = "r", "", "page JOIN resource r ON r.rid = page.rid"
    if phase.space and not phase.whole:
        own, more = "c", ", r.tid, r.id, c.place"
        table = (
            f"page JOIN {phase.space}resource c ON c.rid = page.rid"
            " JOIN resource r ON r.rid = c.container"
        )
    found = select(
        f"{own}.rid, {own}.tid, {own}.id, r.version, r.updated, r.method, r.body, r.keys, {columns}"
        f"{more}",
        table,
        Fragment("r.state = 1"),
    )
    return Fragment(
        f"WITH page AS MATERIALIZED ({page.text}){written} {found.text}"
        f" ORDER BY {order_by(keys, backward=backward)}",
        page.params + (audit.params if audit is not None else ()),
    )


def _first_of_several(phase: Phase) -> list[Fragment]:
    """Keep the row of each resource that decides its place, where an order depends on the row.

    Rows that are equal in the order's columns stay; they are neighbours, and DISTINCT joins them.
    """
    columns = [key.column for key in phase.keys if key.column not in _SAME_FOR_ALL_ROWS]
    if not columns or not isinstance(phase.source, IndexSource):
        return []
    rows = phase.source.rows
    if rows.even or not rows.repeats:
        return []
    sign = ">" if phase.keys[0].descending and rows.table != "date" else "<"
    earlier = ", ".join(column.replace("@", "x") for column in columns)
    own = ", ".join(column.replace("@", "d") for column in columns)
    same = Fragment(f"x.pat = d.pat AND x.rid = d.rid AND ({earlier}) {sign} ({own})")
    found = select("TRUE", f"{rows.table} x", all_of([same, on(row_test(rows), "x")]))
    # Not EXISTS, which the planner would turn into a join with all rows that fulfil the test.
    return [Fragment(f"({found.text} LIMIT 1) IS NULL", found.params)]


_SAME_FOR_ALL_ROWS = {"@.dt", "@.pat", "@.rid"}


def _joined_page(
    phase: Phase, values: Sequence[KeyValue], limit: int, *, backward: bool
) -> Fragment:
    """Join the keys to the source's rows and sort; one row per resource."""
    matches, answer = matches_of(phase)
    joins = key_joins(phase.joined, phase.space)
    keys = tuple(
        OrderKey(key.column.replace("@", "p"), key.descending, key.nullable) for key in phase.keys
    )
    where = after(keys, values, backward=backward) if values else ALWAYS
    columns = [f"p.k{number}" for number in range(len(phase.joined))]
    keyed = select(
        ", ".join([f"{answer} AS rid", *key_columns(phase.joined)]),
        f"{matches.text} {joins.text}",
        ALWAYS,
    )
    page = select(
        ", ".join([*columns, f"p.rid AS k{len(columns)}", "p.rid AS rid"]),
        f"({keyed.text} GROUP BY {answer}) p",
        where,
    )
    return Fragment(
        f"{page.text} ORDER BY {order_by(keys, backward=backward)} LIMIT %s",
        (*matches.params, *joins.params, *where.params, limit),
    )


def matches_of(phase: Phase) -> tuple[Fragment, str]:
    """List all matches as rows `c` (pat, rid), and name the column of what answers for each.

    In spaces with contained resources `o` is the match's row, and what stands in a Bundle's entry
    is none.
    """
    alias = row_of(phase).alias
    rows = rows_of(phase)
    found = select(f"DISTINCT {alias}.pat, {alias}.rid", rows.table.text, rows.where)
    params = rows.table.params + found.params
    if not phase.space:
        return Fragment(f"({found.text}) c", params), "c.rid"
    resource = f"{phase.space}resource o ON o.rid = c.rid AND NOT o.entry"
    matches = Fragment(f"({found.text}) c JOIN {resource}", params)
    return matches, "o.container" if phase.whole else "o.rid"
