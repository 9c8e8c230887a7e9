"""Types on the paths of a query: what a chain, `_has` or `_list` looks into. Pure.

A path through resources that the caller may not search is refused, never followed in silence: the
answer would tell of them. Where a chain may lead to several types, those that are refused are left
out, as long as others remain.
"""

from collections.abc import Iterable, Iterator

from fhirserver.errors import ForbiddenError
from fhirserver.search.granted import Confine
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


def refuse_paths(clauses: Iterable[Clause], confine: Confine) -> None:
    """Refuse a query that looks into types of which nothing is in reach.

    Raises:
        ForbiddenError: names the types.
    """
    for clause in clauses:
        for types in _paths(clause, confine):
            if not any(map(confine, types)):
                raise ForbiddenError(
                    f"The search looks into {' or '.join(types)}, which the caller may not search: "
                    "leave that parameter out, or get the right to search it.",
                    expression=("http.query",),
                )


def _paths(clause: Clause, confine: Confine) -> Iterator[tuple[str, ...]]:
    """List the types that each step of a clause may look into."""
    match clause:
        case Criterion():
            return
        case Chain():
            yield tuple(name for name, _ in clause.targets)
            for name, inner in clause.targets:
                if confine(name):
                    yield from _paths(inner, confine)
        case Has():
            yield (clause.type,)
            yield from _paths(clause.clause, confine)
        case Every() | Either() | Filter():
            for each in clause.clauses:
                yield from _paths(each, confine)
        case Without():
            yield from _paths(clause.clause, confine)
        case Listed():
            yield ("List",)
