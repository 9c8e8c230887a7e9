"""Query -> Plan: which rows to begin with, what to test on them, in which order. Pure.

A plan begins with a source, rows that stand for resources, and tests the other conditions on
them. The most selective criterion is the source; PostgreSQL may still turn the tests round.

    order asked for                     source, and how the order comes about
    none                                the best criterion's rows; its index's own order
    the main date                       a token criterion's rows, which carry the date (`dt`)
    one date, string, token, number     that parameter's rows
    _id or _lastUpdated                 `resource`
    anything else                       the best criterion's rows, keys joined and sorted

Without an order asked for, a token's rows come latest first by main date, a string's by the text,
a date's and number's by their value, those of a chain through a single reference by its target,
others by row id, and a scan of a type by id: always the same, so that pages join. A date sorts by
its earliest lower bound, every other parameter by its least value ascending and its greatest
descending.

Across patients a date is read as ranges of an index (`fhirserver.search.reach`), and one beside a
token as ranges of the token's rows. Where the rows of an order are the source, and few rows fulfil
another condition, PostgreSQL begins with those (`Phase.few`).

Missing values come last: as a second phase of the plan where the first reads rows that only
exist for a value. Criteria on a patient confine the rows to its compartment, in which every index
begins (`fhirserver.search.confinement`); a chain to patients confines what stands beside it to
theirs (`fhirserver.search.reached`). `fhirserver.search.phases` chooses, and for contained
resources `fhirserver.search.contained`.
"""

from dataclasses import dataclass, replace
from typing import Literal

from fhirserver.search.conditions import Column, Fragment
from fhirserver.search.confinement import confine_query
from fhirserver.search.contained import confine_contained, contained_phase
from fhirserver.search.context import SearchContext
from fhirserver.search.draft import Draft, draft_of
from fhirserver.search.granted import NO_LIMITS, Confine, Confined
from fhirserver.search.order import Position
from fhirserver.search.paths import refuse_paths
from fhirserver.search.phases import Phase, base_phase, phases_of
from fhirserver.search.query import Query

Count = Literal["none", "estimate", "accurate", "bounded"]


@dataclass(frozen=True, slots=True)
class Plan:
    """How a search is run.

    Attributes:
        query: what was asked.
        confined: what the caller may see, also of included types.
        phases: parts of the answer, one after the other; none if nothing can match.
        draft: what must hold in every part; None if nothing can match.
        limit: matches of a page; 0 if only the total is wanted.
        count: how the total is found.
        position: where the page begins; None for the first.
        include_limit: included resources of a page at most.
        as_of_us: passed on to later pages, where the order is by `_lastUpdated`.
    """

    query: Query
    confined: Confined
    phases: tuple[Phase, ...]
    draft: Draft | None
    limit: int
    count: Count
    position: Position | None = None
    include_limit: int = 1000
    as_of_us: int | None = None

    @property
    def counted(self) -> Phase | None:
        """Source and conditions that all parts share; few searches need them."""
        if self.query.space:
            return next(iter(self.phases), None)
        return None if self.draft is None else base_phase(self.draft)

    @property
    def is_confined(self) -> bool:
        """Whether the caller may not see all of the types searched."""
        return self.confined.limits(self.query.types) != NO_LIMITS


def make_plan(
    query: Query, context: SearchContext, confine: Confine, position: Position | None = None
) -> Plan:
    """Plan a search.

    Args:
        query: what is asked.
        context: what surrounds it.
        confine: what of a type the caller may see.
        position: where the page begins, from its link; None for the first page.

    Raises:
        ForbiddenError: it looks into what the caller may not search.
    """
    confined = Confined(context.definitions, confine)
    refuse_paths(query.criteria, confine)
    limit = context.page_size if query.count is None else query.count
    if query.summary == "count":
        limit = 0
    count = _count(query, limit)
    if count == "estimate" and confined.limits(query.types) != NO_LIMITS:
        count = "accurate"  # the planner's statistics know what the caller may not
    confinement = (confine_contained if query.space else confine_query)(query, confined)
    if not confinement.types:
        return Plan(query, confined, (), None, limit, count, position, context.include_limit)
    draft = draft_of(query, confinement, confined)
    phases = (contained_phase(query, draft),) if query.space else phases_of(query.sort, draft)
    found = tuple(phases)
    plan = Plan(query, confined, found, draft, limit, count, position, context.include_limit)
    if query.sort and query.sort[0].parameter.code == "_lastUpdated":
        return _as_of(plan, context.now_us)
    return plan


def _count(query: Query, limit: int) -> Count:
    if query.summary == "count" or limit == 0:
        return "accurate"
    return "bounded" if query.total is None else query.total


def _as_of(plan: Plan, now_us: int) -> Plan:
    """Bound pages in the order of `_lastUpdated` by the first one's instant."""
    if plan.position is None or plan.position.as_of_us is None:
        return replace(plan, as_of_us=now_us)
    bound = Column(Fragment("@.updated <= %s", (plan.position.as_of_us,)), of_version=True)
    phases = tuple(replace(each, conditions=(*each.conditions, bound)) for each in plan.phases)
    return replace(plan, as_of_us=plan.position.as_of_us, phases=phases)
