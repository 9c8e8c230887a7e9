"""Clauses of a query -> conditions. Pure.

A chain becomes rows of its reference whose target is in the answer to the inner clause; `_has`
becomes a row id among the targets of the referring rows. The inner answers are confined like
searches of their own, so that a chain tells nothing about resources that the caller may not see.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from fhirserver.definitions import FULL_TEXT, Definitions, SearchParameter
from fhirserver.search.condition_sql import Row, all_of, of_parameters, on, row_test, select, test
from fhirserver.search.conditions import (
    ALWAYS,
    BY_TARGET,
    NEVER,
    AllOf,
    AnyOf,
    Column,
    Condition,
    Fragment,
    Key,
    Not,
    Owners,
    Rows,
    Space,
    Table,
    any_condition,
    either,
)
from fhirserver.search.criteria import COLUMNS
from fhirserver.search.owners import owner_ids
from fhirserver.search.params import (
    coded,
    composite,
    date,
    hierarchy,
    number,
    quantity,
    reference,
    special,
    string,
    text,
    token,
    uri,
)
from fhirserver.search.params.coded import CodesValue
from fhirserver.search.params.composite import CompositeValue
from fhirserver.search.params.date import Comparison, DateValue
from fhirserver.search.params.hierarchy import HierarchyValue
from fhirserver.search.params.number import NumberValue
from fhirserver.search.params.quantity import QuantityValue
from fhirserver.search.params.reference import ReferenceValue
from fhirserver.search.params.special import NearValue
from fhirserver.search.params.string import StringValue
from fhirserver.search.params.text import TextValue
from fhirserver.search.params.token import OfTypeValue, TokenValue
from fhirserver.search.params.uri import UriValue
from fhirserver.search.query import (
    Chain,
    Clause,
    Criterion,
    Either,
    Every,
    Filter,
    Has,
    Listed,
    ListMember,
    MissingValue,
    Without,
)
from fhirserver.search.scope import (
    Scope,
    held_in,
    home_or,
    in_compartments,
    member_parameters,
    of_types_fragment,
)

Confine = Callable[[str], tuple[str, ...] | None]
"""Type -> logical ids of the patients that a search of it is confined to; None for no limits."""


@dataclass(frozen=True, slots=True)
class Confined:
    """The specification, and what the caller may see of each type."""

    definitions: Definitions
    confine: Confine

    def scope(self, type_name: str) -> Scope | None:
        """Give the patients that a type is confined to."""
        ids = self.confine(type_name)
        return None if ids is None else Scope(self.definitions.type_id("Patient"), ids)


def condition_of(clause: Clause, confined: Confined) -> Condition:
    """Build the condition of one clause."""
    match clause:
        case Criterion():
            return _criterion(clause, confined.definitions)
        case Chain():
            return _chain(clause, confined)
        case Has():
            return _has(clause, confined)
        case Every() | Filter():
            return AllOf(tuple(condition_of(each, confined) for each in clause.clauses))
        case Either():
            return _either([condition_of(each, confined) for each in clause.clauses])
        case Without():
            return Not(condition_of(clause.clause, confined))
        case Listed():
            return any_condition(_entry(member, confined) for member in clause.members)


def _chain(chain: Chain, confined: Confined) -> Rows:
    answers = [answer_to(name, inner, confined, "both_") for name, inner in chain.targets]
    single = all(each.is_single for each in chain.parameters)
    rows = Rows("ref", chain.sps, (), BY_TARGET if single else (), single=single)
    return leading_to(rows, answers)


def leading_to(rows: Rows, answers: Sequence[Fragment]) -> Rows:
    """Let rows of a reference lead into one of several answers."""
    # One list of targets: of several joined by OR, PostgreSQL would test every reference there is.
    answer = Fragment(
        " UNION ALL ".join([each.text for each in answers]),
        tuple(param for each in answers for param in each.params),
    )
    listed = Fragment(f"@.target = ANY(ARRAY({answer.text}))", answer.params)
    return replace(rows, alternatives=(in_answer("@.target", answer),), listed=(listed,))


def _entry(member: ListMember, confined: Confined) -> Condition:
    """Test that a resource is an entry of Lists that the caller may see."""
    item = confined.definitions.search_parameters("List")["item"].rows_id
    lists = in_answer("f.rid", answer_to("List", member.lists, confined, ""))
    # The number stands in the text: a partial index is for these rows alone.
    where = all_of([Fragment(f"f.sp = {item} AND f.home"), lists])
    found = Key(in_answer("@.rid", select("f.target", "ref f", where)))
    if member.entry is None:
        return found
    return AllOf((found, condition_of(member.entry, confined)))


def _either(conditions: Sequence[Condition]) -> Condition:
    """Join by OR; rows of the same parameters become alternatives of one look-up."""
    rows = [each for each in conditions if isinstance(each, Rows)]
    if (
        len(rows) < len(conditions)
        or len({(each.table, each.sps, each.order) for each in rows}) > 1
    ):
        return AnyOf(tuple(conditions))
    # Parameters may be lists, which nothing hashes: of whole value sets, for instance.
    distinct = {
        (alternative.text, repr(alternative.params)): alternative
        for each in rows
        for alternative in each.alternatives
    }
    return replace(rows[0], alternatives=tuple(distinct.values()), listed=())


def in_answer(column: str, answer: Fragment) -> Fragment:
    """Test that a column is in an answer."""
    return Fragment(f"{column} IN ({answer.text})", answer.params)


def answer_to(type_name: str, clause: Clause, confined: Confined, space: Space) -> Fragment:
    """Select the row ids of a type's resources that fulfil a clause."""
    scope = confined.scope(type_name)
    condition = condition_of(clause, confined)
    if isinstance(condition, Rows):
        # All copies of a reference lead to the same, and its index does not tell which is home.
        copies = ALWAYS if scope is None and condition.table == "ref" else home_or(scope)
        found = on(all_of([row_test(condition), copies]), "x")
        return select("x.rid", f"{space}{condition.table} x", found)
    row = Row("r", space=space)
    tests = [
        on(of_types_fragment((type_name,), confined.definitions), "r"),
        Fragment("r.state = 1"),
        test(condition, row),
    ]
    if scope is not None:
        members = in_compartments(scope, (type_name,), confined.definitions)
        if space:
            members = AnyOf((members, held_in(scope, confined.definitions)))
        tests.append(test(members, row))
    return select("r.rid", f"{space}resource r", all_of(tests))


def _has(has: Has, confined: Confined) -> Key:
    condition = condition_of(has.clause, confined)
    if isinstance(condition, Rows) and _in_own_compartment(has, confined):
        owners = Owners(condition, has.parameter.rows_id)
        found = owner_ids(owners)
        return Key(in_answer("@.rid", found), owners)
    where = all_of(
        [
            on(of_parameters((has.parameter.rows_id,)), "f"),
            on(home_or(confined.scope(has.type)), "f"),
            test(condition, Row("f")),
        ]
    )
    return Key(in_answer("@.rid", select("f.target", "ref f", where)))


def _in_own_compartment(has: Has, confined: Confined) -> bool:
    """Whether the reference puts the referring resource into its target's compartment."""
    linking = member_parameters("Patient", (has.type,), confined.definitions)
    return (
        has.targets == ("Patient",)
        and has.parameter.rows_id in linking
        and confined.scope(has.type) is None
    )


def _criterion(criterion: Criterion, definitions: Definitions) -> Condition:
    if criterion.modifier == "missing":
        return _missing(criterion)
    if criterion.parameter.code in COLUMNS:
        return _id(criterion) if criterion.parameter.code == "_id" else _last_updated(criterion)
    if criterion.parameter.code in FULL_TEXT:
        table: Table = "narrative" if criterion.parameter.code == "_text" else "content"
        return text.condition(table, criterion.sps, _only(TextValue, criterion.values))
    return _by_rows(criterion, definitions)


def _by_rows(criterion: Criterion, definitions: Definitions) -> Condition:
    """Let the parameter's type build the condition."""
    sps, modifier, values = criterion.sps, criterion.modifier, criterion.values
    match criterion.parameter.type:
        case "date":
            return date.condition(sps, _only(DateValue, values))
        case "number":
            return number.condition(sps, _only(NumberValue, values))
        case "quantity":
            return quantity.condition(sps, _only(QuantityValue, values))
        case "reference":
            return _reference(criterion, definitions)
        case "string":
            return string.condition(sps, modifier, _only(StringValue, values))
        case "token":
            return _token(criterion)
        case "uri":
            return uri.condition(sps, modifier, _only(UriValue, values))
        case "composite":
            return composite.condition(criterion.parameters, _only(CompositeValue, values))
        case "special":
            return special.condition(sps, _only(NearValue, values))


def _token(criterion: Criterion) -> Condition:
    sps, modifier = criterion.sps, criterion.modifier
    if modifier in coded.MODIFIERS:
        return coded.condition(sps, modifier, _only(CodesValue, criterion.values))
    tokens = [each for each in criterion.values if isinstance(each, TokenValue | OfTypeValue)]
    return token.condition(sps, modifier, tokens)


def _reference(criterion: Criterion, definitions: Definitions) -> Condition:
    """Build the condition of a reference; an alias takes external ones only of its type."""
    if criterion.modifier == "text":
        texts = _only(StringValue, criterion.values)
        return string.condition(tuple(_marks(criterion.parameters)), None, texts)
    if criterion.parameter.enters_entry:
        entries = _only(ReferenceValue, criterion.values)
        return reference.entry_condition(criterion.sps, entries, definitions)
    if criterion.modifier in hierarchy.MODIFIERS:
        reached = _only(HierarchyValue, criterion.values)
        return hierarchy.condition(criterion.sps, reached, definitions)
    values = [value for value in criterion.values if isinstance(value, ReferenceValue | TokenValue)]
    external = [value for value in values if isinstance(value, ReferenceValue) and value.url]
    if criterion.parameter.alias_target is None or not external:
        return reference.condition(criterion.sps, criterion.modifier, values, definitions)
    # The mark of presence was set by the type that the reference names; its URL need not tell it.
    found = reference.condition(criterion.sps, None, external, definitions)
    conditions: list[Condition] = [AllOf((found, present(criterion.parameters)))]
    local = [value for value in values if value not in external]
    if local:
        conditions.append(reference.condition(criterion.sps, None, local, definitions))
    return any_condition(conditions)


Kind = TypeVar("Kind")


def _only(kind: type[Kind], values: Iterable[object]) -> list[Kind]:
    return [value for value in values if isinstance(value, kind)]


def _missing(criterion: Criterion) -> Condition:
    missing = criterion.values[0] == MissingValue(True)
    if criterion.parameter.code in COLUMNS:
        return Column(NEVER if missing else ALWAYS)
    found = present(criterion.parameters)
    return Not(found) if missing else found


def present(parameters: Sequence[SearchParameter]) -> Condition:
    """Build the condition that a resource has a value of one of the parameters."""
    return Column(Fragment("@.present && %s::smallint[]", (_marks(parameters),)))


def without_place(parameters: Sequence[SearchParameter]) -> Condition:
    """Build the condition that a resource has no row that an order by the parameters could read."""
    marks = _marks(parameters)
    absent = [-mark for mark in marks]
    text = "(NOT (@.present && %s::smallint[]) OR @.present && %s::smallint[])"
    return Column(Fragment(text, (marks, absent)))


def _marks(parameters: Sequence[SearchParameter]) -> list[int]:
    """List the numbers of what parameters look at; an alias for one target type has its own."""
    return [
        mark for each in parameters for mark in ((each.id,) if each.alias_target else each.row_ids)
    ]


def _id(criterion: Criterion) -> Condition:
    ids = [value.code for value in _only(TokenValue, criterion.values) if not value.system]
    if criterion.modifier == "not":
        return Column(Fragment("@.id <> ALL(%s::text[])", (ids,)))
    if len(ids) == 1:
        return Column(Fragment("@.id = %s", (ids[0],)), unique=True)
    return Column(Fragment("@.id = ANY(%s::text[])", (ids,)), unique=True)


def _last_updated(criterion: Criterion) -> Condition:
    updated = either(_updated(value) for value in _only(DateValue, criterion.values))
    return Column(updated, of_version=True)


def _updated(value: DateValue) -> Fragment:
    """Compare `updated`, one microsecond wide.

    Rows become visible in the order of commits, not of `updated`: whoever asks for what is newer
    sees nothing of transactions that started after one that is still open, and so misses nothing.
    """
    text, ends, bounded = _UPDATED[value.prefix or "eq"]
    params = tuple(value.lo if end == "l" else value.hi for end in ends)
    if bounded:
        text += " AND @.xact < pg_snapshot_xmin(pg_current_snapshot())"
    return Fragment(text, params)


# SQL, which end of the query's interval each parameter is, and whether it looks for the newest.
_UPDATED: dict[Comparison, tuple[str, str, bool]] = {
    "eq": ("@.updated >= %s AND @.updated < %s", "lh", False),
    "ne": ("(@.updated < %s OR @.updated >= %s)", "lh", False),
    "gt": ("@.updated >= %s", "h", True),
    "ge": ("@.updated >= %s", "l", True),
    "sa": ("@.updated >= %s", "h", True),
    "lt": ("@.updated < %s", "l", False),
    "le": ("@.updated < %s", "h", False),
    "eb": ("@.updated < %s", "l", False),
    "ap": ("@.updated >= %s AND @.updated < %s", "lh", False),
    "po": ("@.updated >= %s AND @.updated < %s", "lh", False),
    "co": ("@.updated <= %s AND @.updated + 1 >= %s", "lh", False),
}
