"""Reference search values in a hierarchy of resources.

Spec: https://hl7.org/fhir/R4/search.html#reference, modifiers `above` and `below`

    :below=Location/1   at that location, or at one that is a part of it, at any depth
    :above=Location/1   at that location, or at one that it is a part of, at any depth

A type has a hierarchy where one of its parameters `partof`, `part-of` or `parent` may point at the
type itself. Which resources stand below and above is looked up while the query is parsed, among
those that the caller may see.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from fhirserver.definitions import Definitions, SearchParameter
from fhirserver.search.conditions import Condition, Fragment, Rows
from fhirserver.search.params.reference import ReferenceValue

MODIFIERS = frozenset({"below", "above"})
CODES = ("partof", "part-of", "parent")


class Hierarchies(Protocol):
    """What a search asks of stored resources; ValueError where there are too many."""

    def below(self, type_name: str, id: str) -> frozenset[str]:
        """Give the ids of a resource and of what is a part of it, at any depth."""

    def above(self, type_name: str, id: str) -> frozenset[str]:
        """Give the ids of a resource and of what it is a part of, at any depth."""


class _Alone:
    """Hierarchies where nothing is stored."""

    def below(self, _type_name: str, id: str) -> frozenset[str]:
        return frozenset({id})

    above = below


ALONE: Hierarchies = _Alone()


@dataclass(frozen=True, slots=True)
class HierarchyValue:
    """Resources to look for.

    Attributes:
        text: what the query said.
        ids: (type, ids) pairs, sorted.
    """

    text: str
    ids: tuple[tuple[str, tuple[str, ...]], ...]

    def render(self) -> str:
        """Write it as in a URL."""
        return self.text


@lru_cache(maxsize=256)
def parent_of(type_name: str, definitions: Definitions) -> SearchParameter | None:
    """Give the parameter that makes a type's hierarchy; None if it has none."""
    known = definitions.search_parameters(type_name)
    found = (known[code] for code in CODES if code in known)
    return next((each for each in found if type_name in each.targets), None)


def parse(
    modifier: str, value: object, definitions: Definitions, hierarchies: Hierarchies
) -> HierarchyValue:
    """Look the hierarchy of one value up.

    Args:
        modifier: "below" or "above".
        value: the reference, as without a modifier.
        definitions: the R4 specification.
        hierarchies: knows what is stored.

    Raises:
        ValueError: an external reference, a type without a hierarchy, too many resources.
    """
    assert isinstance(value, ReferenceValue)
    types = [name for name in value.types if parent_of(name, definitions) is not None]
    if not value.id or not types:
        raise ValueError(
            "this modifier takes references to resources of this server that may be parts of"
            " others of their type, as locations"
        )
    reach = hierarchies.below if modifier == "below" else hierarchies.above
    ids = tuple((name, tuple(sorted(reach(name, value.id)))) for name in types)
    return HierarchyValue(value.render(), ids)


def condition(
    sps: tuple[int, ...], values: Iterable[HierarchyValue], definitions: Definitions
) -> Condition:
    """Build the condition of one criterion; its values are alternatives."""
    ids: dict[str, set[str]] = {}
    for value in values:
        for name, some in value.ids:
            ids.setdefault(name, set()).update(some)
    tests = tuple(_test(definitions.type_id(name), sorted(ids[name])) for name in sorted(ids))
    return Rows("ref", sps, tests)


def _test(tid: int, ids: list[str]) -> Fragment:
    found = "SELECT t.rid FROM resource t WHERE t.tid = %s AND t.id = ANY(%s::text[])"
    return Fragment(f"@.target = ANY(ARRAY({found}))", (tid, ids))
