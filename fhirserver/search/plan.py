"""Query -> Plan: which rows to begin with, what to test on them, in which order. Pure.

A plan begins with a source, rows that stand for resources, and tests the other conditions on
them. The most selective criterion is the source; PostgreSQL may still turn the tests round.

    order asked for                     source, and how the order comes about
    none                                the best criterion's rows; its index's own order
    the main date                       a token criterion's rows, which carry the date (`dt`)
    a date with one row at most         that parameter's rows
    _id or _lastUpdated                 `resource`
    anything else                       the best criterion's rows, keys joined and sorted

Without an order asked for, a token's rows come latest first by main date, other rows by row id,
and a scan of a type by id: always the same, so that pages join. A date sorts by its earliest
lower bound, every other parameter by its least value ascending and its greatest descending.

Missing values come last: as a second phase of the plan where the first reads rows that only
exist for a value. Criteria on a patient confine the rows to its compartment, in which every index
begins (`fhirserver.search.confinement`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from fhirserver.definitions import MAIN_DATE, Definitions
from fhirserver.model.instant import MIN_US
from fhirserver.search.clauses import Confine, Confined, condition_of, present
from fhirserver.search.conditions import (
    ALWAYS,
    Column,
    Condition,
    Fragment,
    Key,
    Not,
    Rows,
    both,
)
from fhirserver.search.confinement import Confinement, confine_query, on_types, says_no_more
from fhirserver.search.context import SearchContext
from fhirserver.search.order import OrderKey, Position
from fhirserver.search.query import Clause, Criterion, Query, SortKey
from fhirserver.search.scope import in_compartments, member_parameters
from fhirserver.search.single import one_row
from fhirserver.search.source import (
    CompartmentSource,
    IndexSource,
    ResourceSource,
    Source,
    best_rows,
    best_tokens,
    selects_by_id,
)

Count = Literal["none", "estimate", "accurate", "bounded"]

MERGED_MAX = 16
"""Combinations of alternatives up to which two date criteria become one test of a row."""

_RID = OrderKey("@.rid")


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of the answer.

    Attributes:
        source: rows to begin with.
        conditions: what else must hold.
        keys: order; the last one, or two, tell any two resources apart.
        joined: keys of `_sort` that are joined to the source's rows; empty if `keys` are columns
            of the source.
    """

    source: Source
    conditions: tuple[Condition, ...]
    keys: tuple[OrderKey, ...]
    joined: tuple[SortKey, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """How a search is run.

    Attributes:
        query: what was asked.
        confined: what the caller may see, also of included types.
        phases: parts of the answer, one after the other; none if nothing can match.
        counted: source and conditions that all parts share.
        limit: matches of a page; 0 if only the total is wanted.
        count: how the total is found.
        position: where the page begins; None for the first.
        include_limit: included resources of a page at most.
        as_of_us: passed on to later pages, where the order is by `_lastUpdated`.
    """

    query: Query
    confined: Confined
    phases: tuple[Phase, ...]
    counted: Phase | None
    limit: int
    count: Count
    position: Position | None = None
    include_limit: int = 1000
    as_of_us: int | None = None


def make_plan(
    query: Query, context: SearchContext, confine: Confine, position: Position | None = None
) -> Plan:
    """Plan a search.

    Args:
        query: what is asked.
        context: what surrounds it.
        confine: for a type the patients that the caller is confined to, None for no limits, ()
            where it may see nothing.
        position: where the page begins, from its link; None for the first page.
    """
    confined = Confined(context.definitions, confine)
    limit = context.page_size if query.count is None else query.count
    if query.summary == "count":
        limit = 0
    plan = Plan(
        query, confined, (), None, limit, _count(query, limit), position, context.include_limit
    )
    confinement = confine_query(query, confined)
    if not confinement.types:
        return plan
    found = _conditions(query, confinement, confined)
    base = _base(found, confinement, confined)
    phases = _phases(query, found, confinement, confined, base)
    if query.sort and query.sort[0].parameter.code == "_lastUpdated":
        plan = replace(plan, as_of_us=context.now_us)
        if position is not None and position.as_of_us is not None:
            plan = replace(plan, as_of_us=position.as_of_us)
            bound = Column(Fragment("@.updated <= %s", (position.as_of_us,)))
            phases = [replace(each, conditions=(*each.conditions, bound)) for each in phases]
    return replace(plan, phases=tuple(phases), counted=base)


Found = list[tuple[Clause | None, Condition]]


def _count(query: Query, limit: int) -> Count:
    if query.summary == "count" or limit == 0:
        return "accurate"
    return "bounded" if query.total is None else query.total


def _conditions(query: Query, confinement: Confinement, confined: Confined) -> Found:
    """Build the conditions, each with the clause it comes from."""
    clauses = [on_types(clause, confinement.types) for clause in query.criteria]
    found: Found = [(clause, condition_of(clause, confined)) for clause in clauses]
    found += [(None, condition) for condition in confinement.conditions]
    return _merged(found, confined.definitions)


def _merged(found: Found, definitions: Definitions) -> Found:
    """Join criteria on a date that has one row at most: both then hold on the same row."""
    kept: Found = []
    for clause, condition in found:
        for number, (earlier, known) in enumerate(kept):
            if (
                isinstance(clause, Criterion)
                and isinstance(earlier, Criterion)
                and clause.parameters == earlier.parameters
                and one_row(clause.parameters, definitions)
                and isinstance(condition, Rows)
                and isinstance(known, Rows)
                and len(condition.alternatives) * len(known.alternatives) <= MERGED_MAX
            ):
                alternatives = tuple(
                    both(first, second)
                    for first in known.alternatives
                    for second in condition.alternatives
                )
                kept[number] = (earlier, replace(known, alternatives=alternatives))
                break
        else:
            kept.append((clause, condition))
    return kept


def _base(found: Found, confinement: Confinement, confined: Confined) -> Phase:
    """Choose source and natural order."""
    scope = confinement.scope
    rows = best_rows(found, scope)
    if selects_by_id([condition for _, condition in found]) or (rows is None and scope is None):
        return _from_resources(found, confinement, confined)
    if rows is None:
        assert scope is not None
        sps = member_parameters("Patient", confinement.types, confined.definitions)
        source = CompartmentSource(sps, scope, "Patient" in confinement.types)
        return Phase(source, tuple(condition for _, condition in found), (_RID,))
    in_order = rows.table == "token" and rows.exact_code
    keys = (OrderKey("@.dt", descending=True), _RID) if in_order else (_RID,)
    return _from_rows(rows, found, confinement, confined, keys)


def _from_rows(
    rows: Rows,
    found: Found,
    confinement: Confinement,
    confined: Confined,
    keys: tuple[OrderKey, ...],
) -> Phase:
    conditions = [
        condition
        for clause, condition in found
        if condition is not rows
        and not (isinstance(clause, Criterion) and says_no_more(clause, confinement, confined))
    ]
    return Phase(IndexSource(rows, confinement.scope), tuple(conditions), keys)


def _from_resources(
    found: Found,
    confinement: Confinement,
    confined: Confined,
    keys: tuple[OrderKey, ...] = (),
) -> Phase:
    definitions = confined.definitions
    types = confinement.types
    tids = tuple(definitions.type_id(name) for name in types)
    if len(tids) == len(definitions.resource_types):
        tids = ()
    conditions = [condition for _, condition in found]
    if confinement.scope is not None and confinement.pin is None:
        conditions.append(in_compartments(confinement.scope, types, definitions))
    if not keys:
        keys = (OrderKey("@.tid"), OrderKey("@.id")) if len(tids) > 1 else (OrderKey("@.id"),)
        keys = keys if tids else (_RID,)
    return Phase(ResourceSource(tids), tuple(conditions), keys)


def _phases(
    query: Query, found: Found, confinement: Confinement, confined: Confined, base: Phase
) -> list[Phase]:
    """Choose how the order comes about."""
    if not query.sort:
        return [base]
    first = SortKey(
        tuple(each for each in query.sort[0].parameters if each.base in confinement.types),
        query.sort[0].descending,
    )
    code = first.parameter.code
    if code in ("_id", "_lastUpdated"):
        column = "@.id" if code == "_id" else "@.updated"
        keys = (OrderKey(column, first.descending), OrderKey("@.rid", first.descending))
        if code == "_id" or len(query.sort) == 1:
            return [_from_resources(found, confinement, confined, keys)]
    if len(query.sort) == 1 and all(MAIN_DATE.get(name) == code for name in confinement.types):
        tokens = best_tokens(found)
        if tokens is not None:
            return _by_main_date(tokens, first, found, confinement, confined)
    by_id = selects_by_id([condition for _, condition in found])
    if len(query.sort) == 1 and not by_id and one_row(first.parameters, confined.definitions):
        return _by_date(first, found, confinement, confined, base)
    return [_joined(query.sort, base, confinement)]


def _by_main_date(
    tokens: Rows, key: SortKey, found: Found, confinement: Confinement, confined: Confined
) -> list[Phase]:
    """Read token rows in the order of their index; rows without a date carry the least one."""
    keys = (OrderKey("@.dt", key.descending), OrderKey("@.rid", not key.descending))
    phase = _from_rows(tokens, found, confinement, confined, keys)
    if key.descending:
        return [phase]
    dated = Key(Fragment("@.dt > %s", (MIN_US,)))
    undated = Key(Fragment("@.dt = %s", (MIN_US,)))
    return [
        replace(phase, conditions=(*phase.conditions, dated)),
        replace(phase, conditions=(*phase.conditions, undated)),
    ]


def _by_date(
    key: SortKey, found: Found, confinement: Confinement, confined: Confined, base: Phase
) -> list[Phase]:
    """Read the rows of the date in the order of their index, then what has no date."""
    own = next(
        (
            condition
            for clause, condition in found
            if isinstance(clause, Criterion)
            and clause.sps == key.sps
            and isinstance(condition, Rows)
        ),
        None,
    )
    rows = own or Rows("date", key.sps, (ALWAYS,))
    keys = tuple(OrderKey(column, key.descending) for column in ("@.lo", "@.hi", "@.rid"))
    dated = _from_rows(rows, found, confinement, confined, keys)
    if own is not None:
        return [dated]
    undated = Not(present(key.parameters))
    return [dated, replace(base, conditions=(*base.conditions, undated))]


def _joined(sort: Sequence[SortKey], base: Phase, confinement: Confinement) -> Phase:
    """Join every key to the base's rows, and sort."""
    kept = tuple(
        SortKey(
            tuple(each for each in key.parameters if each.base in confinement.types),
            key.descending,
        )
        for key in sort
    )
    keys = [
        OrderKey(f"@.k{number}", key.descending, nullable=True) for number, key in enumerate(kept)
    ]
    return Phase(base.source, base.conditions, (*keys, _RID), kept)
