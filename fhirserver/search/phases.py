"""Where a search begins, and how its order comes about. Pure.

The table in `fhirserver.search.plan` says what is chosen when.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from fhirserver.definitions import MAIN_DATE, Definitions
from fhirserver.model.instant import MIN_US
from fhirserver.search.conditions import (
    ALWAYS,
    BY_CODE,
    BY_DATE,
    BY_MAIN_DATE,
    BY_PATIENT,
    BY_TARGET,
    BY_TEXT,
    BY_VALUE,
    Column,
    Condition,
    Fragment,
    Key,
    Not,
    OrderKey,
    Owners,
    Rows,
    Space,
    Table,
)
from fhirserver.search.criterion import without_place
from fhirserver.search.draft import Draft
from fhirserver.search.query import Chain, Clause, Criterion, SortKey
from fhirserver.search.reach import date_ranges, token_ranges
from fhirserver.search.reached import reached
from fhirserver.search.scope import Scope, in_compartments, member_parameters
from fhirserver.search.single import one_row
from fhirserver.search.source import (
    CompartmentSource,
    IndexSource,
    OwnerSource,
    ResourceSource,
    Source,
    best_rows,
    best_tokens,
    is_found_by_value,
    selects_by_id,
)

STREAMED_MAX = 8
"""Up to so many alternatives are read each in the order of the index."""

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
        streamed: an index gives the source's rows of each patient in this order, and the other
            conditions are exact look-ups, so nothing beyond a page of each needs to be read. Some
            composites' rows are sorted; they are those of one patient and code.
        space: which resources the source's rows are of; beside ordinary ones all matches are
            collected, and their keys joined.
        whole: a contained resource is answered by what contains it.
        few: one of the conditions, or the rows of an owner source; where few rows fulfil it, they
            are read instead of the source's.
    """

    source: Source
    conditions: tuple[Condition, ...]
    keys: tuple[OrderKey, ...]
    joined: tuple[SortKey, ...] = ()
    streamed: bool = False
    space: Space = ""
    whole: bool = False
    few: Rows | None = None


def base_phase(draft: Draft) -> Phase:
    """Choose source and natural order."""
    scope = draft.confinement.scope
    rows = best_rows(draft.found, scope)
    if selects_by_id(draft.conditions()):
        return from_resources(draft)
    if scope is None and isinstance(rows, Rows) and rows.main_date:
        rows = _tokens_between(rows, draft) or rows
    if isinstance(rows, Owners):
        conditions = tuple(
            each
            for each in draft.conditions()
            if not (isinstance(each, Key) and each.owners is rows)
        )
        streamed = all(map(is_probe, conditions))
        # These have an index in the order of patients, which needs no list.
        ordered = rows.rows.order in (BY_MAIN_DATE, BY_PATIENT)
        listed = streamed and is_found_by_value(rows.rows) and not ordered
        few = rows.rows if listed else None
        return Phase(OwnerSource(rows), conditions, (_RID,), streamed=streamed, few=few)
    if rows is not None:
        within = scope is not None and rows.order in (BY_PATIENT, BY_TARGET)
        keys = () if within else rows.order
        return _from_rows(rows, draft, (*keys, _RID))
    if scope is None:
        return from_resources(draft)
    types = draft.confinement.types
    sps = member_parameters("Patient", types, draft.confined.definitions)
    source = CompartmentSource(sps, scope, "Patient" in types)
    return Phase(source, draft.conditions(), (_RID,))


def _tokens_between(dates: Rows, draft: Draft) -> Rows | None:
    """Choose tokens instead of dates, where ranges of the tokens' rows hold just what both find."""
    tokens = best_tokens(draft.found)
    if tokens is None or len(dates.sps) > 1 or token_ranges(tokens, dates) is None:
        return None
    return tokens


def phases_of(sort: Sequence[SortKey], draft: Draft) -> list[Phase]:
    """Choose how the order asked for comes about."""
    keys = [key_on_types(key, draft) for key in sort]
    if not keys:
        return [base_phase(draft)]
    first = keys[0]
    code = first.parameter.code
    if code == "_id" or (code == "_lastUpdated" and len(keys) == 1):
        column = "@.id" if code == "_id" else "@.updated"
        order = (OrderKey(column, first.descending), OrderKey("@.rid", first.descending))
        return [from_resources(draft, order)]
    if len(keys) > 1 or selects_by_id(draft.conditions()):
        return [joined(keys, base_phase(draft))]
    if all(MAIN_DATE.get(name) == code for name in draft.confinement.types):
        tokens = best_tokens(draft.found)
        if tokens is not None:
            return _by_main_date(tokens, first, draft)
    rows = _rows_of(first, draft.confined.definitions)
    if rows is None:
        return [joined(keys, base_phase(draft))]
    return _by_rows(rows, first, draft)


def key_on_types(key: SortKey, draft: Draft) -> SortKey:
    """Narrow a key of a system-wide search to the types that the caller may see."""
    types = draft.confinement.types
    if len(key.parameters) == len(types):
        return key
    return replace(key, parameters=tuple(each for each in key.parameters if each.base in types))


def _from_rows(rows: Rows, draft: Draft, keys: tuple[OrderKey, ...]) -> Phase:
    scope = draft.confinement.scope
    conditions = draft.beside(rows)
    if scope is None:
        scope, conditions = _in_reach(rows, draft, conditions)
    if scope is None:
        rows, conditions = _as_ranges(rows, conditions)
    if rows.listed:
        rows = replace(rows, alternatives=rows.listed)
    streamed = (
        scope is not None
        and scope.answer is None
        and rows.table in ("token", "date", "ref", "composite")
        and bool(rows.order)
        and not rows.listed
        and len(rows.alternatives) <= STREAMED_MAX
        and all(map(is_probe, conditions))
    )
    return Phase(IndexSource(rows, scope), conditions, keys, streamed=streamed)


def _in_reach(
    rows: Rows, draft: Draft, conditions: tuple[Condition, ...]
) -> tuple[Scope | None, tuple[Condition, ...]]:
    """Confine rows to the compartments of the patients that a chain beside them leads to."""
    if any(each is rows and _is_identifier(clause) for clause, each in draft.found):
        return None, conditions
    for clause, condition in draft.found:
        if isinstance(clause, Chain) and isinstance(condition, Rows) and condition is not rows:
            found = reached(clause, condition, draft.confined)
            if found is not None:
                others = (each for each in conditions if each is not condition)
                return found.scope, (*others, found.test)
    return None, conditions


def _is_identifier(clause: Clause | None) -> bool:
    """Whether a criterion leaves fewer rows than any list of patients is worth."""
    return isinstance(clause, Criterion) and clause.parameter.code == "identifier"


def _as_ranges(rows: Rows, conditions: tuple[Condition, ...]) -> tuple[Rows, tuple[Condition, ...]]:
    """Write dates to begin with as ranges, and those beside tokens as ranges of the tokens."""
    if rows.reaches:
        return date_ranges(rows), conditions
    if rows.order != BY_MAIN_DATE:
        return rows, conditions
    for dates in conditions:
        if isinstance(dates, Rows) and dates.main_date and len(dates.sps) == 1:
            found = token_ranges(rows, dates)
            if found is not None:
                return found, tuple(each for each in conditions if each is not dates)
    return rows, conditions


def is_probe(condition: Condition) -> bool:
    """Whether an index answers a condition on one row of a patient's compartment."""
    if isinstance(condition, Not):
        return is_probe(condition.condition)
    if isinstance(condition, Rows):
        return condition.table != "ref" or condition.order == BY_PATIENT
    return isinstance(condition, Column) or (isinstance(condition, Key) and condition.is_listed)


def from_resources(draft: Draft, keys: tuple[OrderKey, ...] = ()) -> Phase:
    """Begin with the rows of `resource`, in the order of the keys; none are those of the index."""
    definitions = draft.confined.definitions
    types = draft.confinement.types
    tids = tuple(definitions.type_id(name) for name in types)
    if len(tids) == len(definitions.resource_types):
        tids = ()
    conditions = draft.conditions()
    scope = draft.confinement.scope
    if scope is not None and draft.confinement.pin is None:
        conditions = (*conditions, in_compartments(scope, types, definitions))
    if not keys:
        by_id = (OrderKey("@.tid"), OrderKey("@.id"))[2 - min(len(tids), 2) :]
        keys = by_id if tids else (_RID,)
    return Phase(ResourceSource(tids, scope), conditions, keys)


_SORTED: dict[str, tuple[Table, tuple[OrderKey, ...]]] = {
    "date": ("date", BY_DATE),
    "number": ("quantity", BY_VALUE),
    "string": ("string", BY_TEXT),
    "token": ("token", BY_CODE),
    "uri": ("token", BY_CODE),
}


def _rows_of(key: SortKey, definitions: Definitions) -> Rows | None:
    """Give all rows of a sort key, where an index has them in its order."""
    if key.parameter.type not in _SORTED:
        return None
    table, order = _SORTED[key.parameter.type]
    single = all(each.is_single for each in key.parameters) or one_row(key.parameters, definitions)
    return Rows(table, key.sps, (ALWAYS,), order, single=single)


def _by_main_date(tokens: Rows, key: SortKey, draft: Draft) -> list[Phase]:
    """Read token rows in the order of their index; rows without a date carry the least one."""
    keys = (OrderKey("@.dt", key.descending), OrderKey("@.rid", not key.descending))
    phase = _from_rows(tokens, draft, keys)
    if key.descending:
        return [phase]
    dated = Key(Fragment("@.dt > %s", (MIN_US,)))
    undated = Key(Fragment("@.dt = %s", (MIN_US,)))
    return [replace(phase, conditions=(*phase.conditions, each)) for each in (dated, undated)]


def _by_rows(rows: Rows, key: SortKey, draft: Draft) -> list[Phase]:
    """Read the rows of the sort key in the order of their index, then what has no place in it.

    A date whose beginning is open has none, whichever rows are read: rows that carry the main date
    cannot tell it from no date at all.
    """
    criteria = [
        condition
        for clause, condition in draft.found
        if isinstance(clause, Criterion) and isinstance(condition, Rows)
        and condition.sps == rows.sps and condition.table == rows.table
    ]  # fmt: skip
    if rows.single and criteria:
        rows = criteria[0]
    keys = tuple(
        each._replace(descending=each.descending != key.descending)
        for each in (*_SORTED[key.parameter.type][1], _RID)
    )
    valued = _from_rows(rows, draft, keys)
    if draft.confinement.scope is None:
        valued = replace(valued, few=_few(draft, valued.conditions))
    if rows.table == "date":
        begun = Key(Fragment("@.lo > %s", (MIN_US,)))
        valued = replace(valued, conditions=(*valued.conditions, begun))
    elif criteria:
        return [valued]
    base = base_phase(draft)
    last = without_place(key.parameters)
    return [valued, replace(base, conditions=(*base.conditions, last))]


def _few(draft: Draft, conditions: Sequence[Condition]) -> Rows | None:
    """Choose the condition of whose rows there may be few; all the others are looked up on each."""
    if not all(map(is_probe, conditions)):
        return None
    beside = [(clause, each) for clause, each in draft.found if any(each is c for c in conditions)]
    best = best_rows(beside, None)
    return best if isinstance(best, Rows) and best.order else None


def joined(sort: Sequence[SortKey], base: Phase) -> Phase:
    """Join every key to the base's rows, and sort."""
    keys = [
        OrderKey(f"@.k{number}", key.descending, nullable=True) for number, key in enumerate(sort)
    ]
    return Phase(base.source, base.conditions, (*keys, _RID), tuple(sort))
