"""How many tests a search comes to, over all its parameters. Pure.

PostgreSQL plans each test, and does not look at the clock meanwhile: a thousand values in each of
fifty parameters would take it seconds beyond a search's time. A test is one value of a parameter;
behind a chain that may lead to several types it counts once for each.
"""

from collections.abc import Iterable

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
    """Count a value; of a text search each word is one."""
    return len(value.test.params) if isinstance(value, TextValue) else 1
