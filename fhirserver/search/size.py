"""How many tests a search comes to, over all its parameters. Pure.

PostgreSQL plans each test, and does not look at the clock meanwhile: a thousand values in each of
fifty parameters would take it seconds beyond a search's time. A test is one value of a parameter, a
word of a text search, or up to fifty codes or ids that a value stands for; behind a chain that may
lead to several types it counts once for each.
"""

from collections.abc import Iterable

from fhirserver.search.params.coded import CodesValue
from fhirserver.search.params.hierarchy import HierarchyValue
from fhirserver.search.params.text import TextValue
from fhirserver.search.query import (
    Chain,
    Clause,
    Criterion,
    Either,
    Every,
    Filter,
    Has,
    Listed,
    Without,
)

MEMBERS_OF_A_TEST = 50


def tests_of(clause: Clause) -> int:
    """Count the tests that a clause comes to."""
    match clause:
        case Criterion():
            return sum(_tests(value) for value in clause.values)
        case Chain():
            return _sum(inner for _, inner in clause.targets)
        case Has() | Without():
            return tests_of(clause.clause)
        case Every() | Either() | Filter():
            return _sum(clause.clauses)
        case Listed():
            entries = [each.entry for each in clause.members if each.entry is not None]
            return _sum([each.lists for each in clause.members]) + _sum(entries)


def _sum(clauses: Iterable[Clause]) -> int:
    return sum(map(tests_of, clauses))


def _tests(value: object) -> int:
    match value:
        case TextValue():
            return len(value.test.params)
        case CodesValue():
            return 1 + sum(len(codes) for _, codes in value.codes) // MEMBERS_OF_A_TEST
        case HierarchyValue():
            return 1 + sum(len(ids) for _, ids in value.ids) // MEMBERS_OF_A_TEST
        case _:
            return 1
