"""Clauses of a query -> conditions. Pure.

A chain becomes rows of its reference whose target is in the answer to the inner clause; `_has`
becomes a row id among the targets of the referring rows. The inner answers are confined like
searches of their own, so that a chain tells nothing about resources that the caller may not see.
"""

from collections.abc import Sequence
from dataclasses import replace

from fhirserver.search.condition_sql import Row, all_of, of_parameters, on, row_test, select, test
from fhirserver.search.conditions import (
    ALWAYS,
    BY_TARGET,
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
    any_condition,
    both,
)
from fhirserver.search.criterion import criterion_condition
from fhirserver.search.granted import Confined
from fhirserver.search.owners import owner_ids
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
    Without,
)
from fhirserver.search.scope import home_or, member_parameters, of_types_fragment

_CONTAINED = Column(Fragment("@.container <> @.rid"))
"""A chain reaches a contained resource from its container only, and who sees that sees both."""


def condition_of(clause: Clause, confined: Confined) -> Condition:
    """Build the condition of one clause."""
    match clause:
        case Criterion():
            return criterion_condition(clause, confined.definitions)
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
    """Select the row ids of a type's resources that fulfil a clause and are in reach."""
    limits = confined.limits((type_name,))
    condition = condition_of(clause, confined)
    if isinstance(condition, Rows) and not limits.is_whole:
        scope = None if limits.patients is None else confined.scope(limits.patients)
        # All copies of a reference lead to the same, and its index does not tell which is home.
        copies = ALWAYS if scope is None and condition.table == "ref" else home_or(scope)
        found = [on(all_of([row_test(condition), copies]), "x")]
        if limits.rest is not None:
            found.append(test(limits.rest, Row("x", space=space)))
        return select("x.rid", f"{space}{condition.table} x", all_of(found))
    row = Row("r", space=space)
    tests = [
        on(of_types_fragment((type_name,), confined.definitions), "r"),
        Fragment("r.state = 1"),
        test(condition, row),
    ]
    reach = confined.in_reach((type_name,))
    if reach is not None:
        tests.append(test(AnyOf((reach, _CONTAINED)) if space else reach, row))
    return select("r.rid", f"{space}resource r", all_of(tests))


def _has(has: Has, confined: Confined) -> Key:
    condition = condition_of(has.clause, confined)
    limits = confined.limits((has.type,))
    if (
        isinstance(condition, Rows)
        and limits.patients is None
        and not limits.is_whole
        and _in_own_compartment(has, confined)
    ):
        owners = Owners(_narrowed(condition, limits.rest), has.parameter.rows_id)
        found = owner_ids(owners)
        return Key(in_answer("@.rid", found), owners)
    tests = [
        on(of_parameters((has.parameter.rows_id,)), "f"),
        Fragment("f.home"),
        test(condition, Row("f")),
    ]
    reach = confined.in_reach((has.type,))
    if reach is not None:
        tests.append(test(reach, Row("f")))
    return Key(in_answer("@.rid", select("f.target", "ref f", all_of(tests))))


def _narrowed(rows: Rows, rest: Condition | None) -> Rows:
    """Let rows also fulfil what confines them, where something does."""
    if not isinstance(rest, Key):
        return rows
    found = tuple(both(each, rest.fragment) for each in rows.alternatives)
    return replace(rows, alternatives=found, listed=())


def _in_own_compartment(has: Has, confined: Confined) -> bool:
    """Whether the reference puts the referring resource into its target's compartment."""
    linking = member_parameters("Patient", (has.type,), confined.definitions)
    return has.targets == ("Patient",) and has.parameter.rows_id in linking
