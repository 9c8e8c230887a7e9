"""Searches of contained resources: what confines them, and where they begin. Pure.

Spec: https://hl7.org/fhir/R4/search.html#contained

The rows of contained resources stand in tables of their own (`Space`), with the compartments of
their containers. All matches are collected and sorted: a container may hold several of them, and is
answered once.

    who may see one     who may see its container, and resources of its own type in the same
                        compartments
    patient=23          its own reference; a container of another patient's record does not count
    /Patient/23/...     the same
"""

from collections.abc import Iterable
from dataclasses import replace

from fhirserver.search.clauses import Confined
from fhirserver.search.conditions import AllOf, AnyOf, Column, Condition, Fragment, Rows
from fhirserver.search.confinement import NOTHING, Confinement, membership
from fhirserver.search.draft import Draft
from fhirserver.search.phases import Phase, from_resources, joined, key_on_types
from fhirserver.search.query import Query
from fhirserver.search.scope import Scope, held_in, of_types, of_types_fragment
from fhirserver.search.source import IndexSource, best_rows, selects_by_id


def confine_contained(query: Query, confined: Confined) -> Confinement:
    """Find out what a search with contained resources is confined to: conditions only."""
    types = tuple(name for name in query.types if confined.confine(name) != ())
    if not types:
        return NOTHING
    conditions = _visible(types, confined)
    if query.compartment is not None:
        conditions.append(membership(query.compartment, types, confined))
    return Confinement(types, conditions=tuple(conditions))


def contained_phase(query: Query, draft: Draft) -> Phase:
    """Choose where to begin: ids, the most selective criterion's rows, or the types."""
    found = [(clause, each) for clause, each in draft.found if isinstance(each, Rows)]
    rows = None if selects_by_id(draft.conditions()) else best_rows(found, None)
    if isinstance(rows, Rows):
        base = Phase(IndexSource(rows, None), draft.beside(rows), ())
    else:
        base = from_resources(draft)
    keys = [key_on_types(key, draft) for key in query.sort]
    whole = query.contained_type != "contained"
    return replace(joined(keys, base), space=query.space, whole=whole)


def _visible(types: tuple[str, ...], confined: Confined) -> list[Condition]:
    """Confine resources by their own type, and by their container's."""
    groups: dict[tuple[str, ...] | None, list[str]] = {}
    for name in confined.definitions.resource_types:
        groups.setdefault(confined.confine(name), []).append(name)
    if set(groups) == {None}:
        return []
    own = [
        _granted(of_types(names, confined.definitions), ids, confined)
        for ids, names in _among(groups, types)
    ]
    containers = [
        _granted(_contained_by(names, confined), ids, confined)
        for ids, names in _among(groups, confined.definitions.resource_types)
    ]
    return [AnyOf(tuple(own)), AnyOf(tuple(containers))]


def _among(
    groups: dict[tuple[str, ...] | None, list[str]], types: tuple[str, ...]
) -> Iterable[tuple[tuple[str, ...] | None, tuple[str, ...]]]:
    for ids, names in groups.items():
        kept = tuple(name for name in names if name in types)
        if kept and ids != ():
            yield ids, kept


def _granted(of_group: Column, ids: tuple[str, ...] | None, confined: Confined) -> Condition:
    if ids is None:
        return of_group
    scope = Scope(confined.definitions.type_id("Patient"), ids)
    return AllOf((of_group, held_in(scope, confined.definitions)))


def _contained_by(types: tuple[str, ...], confined: Confined) -> Column:
    of_group = of_types_fragment(types, confined.definitions)
    tests = of_group.text.replace("@.", "h.")
    text = f"EXISTS (SELECT FROM resource h WHERE h.rid = @.container AND {tests})"
    return Column(Fragment(text, of_group.params))
