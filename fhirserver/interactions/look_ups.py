"""What a query's meaning depends on besides its words: stored terminology and hierarchies.

Spec: https://hl7.org/fhir/R4/search.html#token and #reference

A stored ValueSet or CodeSystem counts before one of R4's of the same URL. All is looked up as the
caller would find it: what it may not see is as unknown as what is not there.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

from fhirserver_terminology.code_system import CodeSystem, TerminologyError
from psycopg import Connection

from fhirserver.definitions.terminology import R4Content
from fhirserver.model.json import JsonObject, parse_json
from fhirserver.model.reference import parse_reference
from fhirserver.search.context import SearchContext
from fhirserver.search.escape import escape
from fhirserver.search.extract import extract
from fhirserver.search.granted import Confine
from fhirserver.search.params.hierarchy import parent_of
from fhirserver.search.parse import parse
from fhirserver.search.plan import make_plan
from fhirserver.store.look_up import look_up

HIERARCHY_MAX = 10_000
"""Resources of one hierarchy that a search takes."""

_AT_ONCE = 500

Pair = tuple[str, str]


class Finder(NamedTuple):
    """Finds stored resources for a caller.

    Attributes:
        context: surroundings of a search.
        confine: what the caller may see.
        lend: lends a connection.
    """

    context: SearchContext
    confine: Confine
    lend: Callable[[], AbstractContextManager[Connection[Any]]]

    def find(self, type_name: str, pairs: list[Pair], most: int) -> list[tuple[str, bytes]]:
        """Find ids and JSON of what matches, up to a number."""
        query = parse(pairs, (type_name,), self.context)
        plan = make_plan(query, self.context, self.confine)
        with self.lend() as connection:
            return look_up(connection, plan, most)


class StoredContent:
    """Value sets and code systems that are stored, and R4's.

    Args:
        finder: finds the stored ones.
    """

    def __init__(self, finder: Finder) -> None:
        self._finder = finder
        self._r4 = R4Content()
        self._systems: dict[str, CodeSystem] = {}

    def value_set(self, reference: str) -> Mapping[str, Any]:
        """Give a ValueSet by canonical or literal reference; TerminologyError if there is none."""
        local = parse_reference(reference, self._finder.context.base_url)
        if local is None:
            return self._stored("ValueSet", reference) or self._r4.value_set(reference)
        found: list[tuple[str, bytes]] = []
        if local.type == "ValueSet" and local.version is None:
            found = self._finder.find("ValueSet", [("_id", local.id)], 1)
        if not found:
            raise TerminologyError(
                f"no value set {reference!r} is here that may be read; write ValueSet/id, or a"
                " canonical"
            )
        resource: JsonObject = parse_json(found[0][1])
        return resource

    def code_system(self, canonical: str) -> CodeSystem:
        """Give a code system by canonical; TerminologyError if there is none."""
        found = self._systems.get(canonical)
        if found is None:
            stored = self._stored("CodeSystem", canonical)
            found = CodeSystem(stored) if stored else self._r4.code_system(canonical)
            self._systems[canonical] = found
        return found

    def _stored(self, type_name: str, canonical: str) -> JsonObject | None:
        url, _, version = canonical.partition("|")
        if not url or url != url.strip():
            raise TerminologyError("a URL without blanks around it is needed")
        pairs = [("url", escape(url))]
        if version:
            pairs.append(("version", escape(version)))
        found = self._finder.find(type_name, pairs, 2)
        if len(found) > 1:
            raise TerminologyError(
                f"several {type_name} resources have the URL {canonical!r}; name one by |version,"
                " or literally"
            )
        return parse_json(found[0][1]) if found else None


class StoredHierarchies:
    """Which stored resources are parts of which; loops do no harm.

    Args:
        finder: finds them.
    """

    def __init__(self, finder: Finder) -> None:
        self._finder = finder

    def below(self, type_name: str, id: str) -> frozenset[str]:
        """Give the ids of a resource and its parts; ValueError where there are too many."""

        def parts(ids: Iterable[str]) -> set[str]:
            wanted = ",".join(f"{type_name}/{each}" for each in ids)
            found = self._finder.find(type_name, [(self._code(type_name), wanted)], _MOST)
            return {part for part, _ in found}

        return _reach(id, parts)

    def above(self, type_name: str, id: str) -> frozenset[str]:
        """Give the ids of a resource and what it is a part of; raises as `below`."""

        def wholes(ids: Iterable[str]) -> set[str]:
            found = self._finder.find(type_name, [("_id", ",".join(ids))], _MOST)
            return {whole for _, body in found for whole in self._wholes(parse_json(body))}

        return _reach(id, wholes)

    def _code(self, type_name: str) -> str:
        parent = parent_of(type_name, self._finder.context.definitions)
        assert parent is not None
        return parent.code

    def _wholes(self, resource: JsonObject) -> set[str]:
        context = self._finder.context
        rows = extract(resource, definitions=context.definitions, base_url=context.base_url)
        parent = parent_of(resource["resourceType"], context.definitions)
        assert parent is not None
        return {
            id
            for sp, kind, id in rows.reference
            if sp == parent.rows_id and kind == resource["resourceType"]
        }


_MOST = HIERARCHY_MAX + 1


def _reach(id: str, step: Callable[[Iterable[str]], set[str]]) -> frozenset[str]:
    """Go from a resource to those next to it, and on."""
    found, new = {id}, {id}
    while new:
        ids = sorted(new)
        starts = range(0, len(ids), _AT_ONCE)
        new = {each for start in starts for each in step(ids[start : start + _AT_ONCE])} - found
        found |= new
        if len(found) > HIERARCHY_MAX:
            raise ValueError(f"its hierarchy has more than {HIERARCHY_MAX} resources; begin deeper")
    return frozenset(found)
