"""What a search reads that index rows of before may lack. Pure.

A search of it is refused until every resource has rows of an extractor that made it; in part it
would find a part. Chains into contained resources are not among them: they find resources by
themselves all the time, and would have to fail for everybody after an upgrade. Where a filter
denies a chain it is refused: it would find what it must not.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import assert_never

from fhirserver.definitions import FULL_TEXT, SearchParameter
from fhirserver.errors import UnavailableError
from fhirserver.search.query import (
    Chain,
    Clause,
    Criterion,
    Either,
    Every,
    Filter,
    Has,
    Listed,
    Query,
    Without,
)


@dataclass(frozen=True, slots=True)
class Since:
    """Which extractors make the rows that a parameter reads.

    Attributes:
        base: type that the parameter is defined on.
        version: EXTRACTOR_VERSION that made them first as they are now.
        words: bit of `extractor_of` that must be set; 0 where none needs to be.
        before: numbers of earlier extractors that made them, too.
    """

    base: str
    version: int
    words: int = 0
    before: frozenset[int] = frozenset()

    def made_by(self, extractor: int) -> bool:
        """Tell it of a number that `extractor_of` gave."""
        if extractor in self.before:
            return True
        return extractor >= 4 * self.version and extractor & self.words == self.words


SINCE: Mapping[str, Since] = {
    "_text": Since("DomainResource", 5, 1, frozenset({4})),
    "_content": Since("Resource", 5, 2),
    "_contained": Since("Resource", 5),
    "composition": Since("Bundle", 5),
    "message": Since("Bundle", 5),
}
"""By the parameter that reads them."""


def lacked(code: str, made: Collection[int]) -> bool:
    """Tell whether some resources have no rows yet for a parameter of SINCE.

    Args:
        code: of the parameter.
        made: numbers of the extractors (`extractor_of`) that made the rows of all resources.
    """
    return not all(map(SINCE[code].made_by, made))


def reads(query: Query) -> frozenset[str]:
    """Name the parameters of SINCE that a query reads the rows of."""
    codes = {code for clause in query.criteria for code in _codes(clause)}
    return frozenset(codes | ({"_contained"} if query.space else set()))


def _codes(clause: Clause) -> Iterator[str]:
    match clause:
        case Criterion():
            yield from _code(clause.parameter)
        case Chain():
            yield from _code(clause.parameter)
            for _, inner in clause.targets:
                yield from _codes(inner)
        case Has():
            yield from _code(clause.parameter)
            yield from _codes(clause.clause)
        case Every() | Either() | Filter():
            for inner in clause.clauses:
                yield from _codes(inner)
        case Without():
            yield from _codes(clause.clause)
            if _chains(clause.clause):
                yield "_contained"
        case Listed():  # Lists are selected by id, code and subject, and have entries
            return
        case _:
            assert_never(clause)


def _chains(clause: Clause) -> bool:
    """Tell whether a clause may look into contained resources."""
    match clause:
        case Chain():
            return True
        case Every() | Either() | Filter():
            return any(map(_chains, clause.clauses))
        case Has() | Without():
            return _chains(clause.clause)
        case _:
            return False


def _code(parameter: SearchParameter) -> Iterator[str]:
    if parameter.code in FULL_TEXT or parameter.enters_entry:
        yield parameter.code


def refuse(codes: Collection[str]) -> UnavailableError:
    """Make the error of a search that would find only what was reindexed already."""
    return UnavailableError(
        f"Search parameter {' and '.join(sorted(codes))}: resources of before are still being "
        "indexed for it, and a search would not find all. SearchParameter/$status tells how far.",
        retry_after_s=10,
    )
