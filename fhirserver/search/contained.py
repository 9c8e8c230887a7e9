"""Searches of contained resources: what confines them, and where they begin. Pure.

Spec: https://hl7.org/fhir/R4/search.html#contained

The rows of contained resources stand in tables of their own (`Space`), with the compartments of
their containers. All matches are collected and sorted: a container may hold several of them, and is
answered once.

    who may search them  whom nothing confines: they have no compartments of their own
    patient=23           its own reference; a container of another patient's record does not count
    /Patient/23/...      the same
"""

from dataclasses import replace

from fhirserver.errors import ForbiddenError
from fhirserver.search.conditions import Rows
from fhirserver.search.confinement import Confinement, membership
from fhirserver.search.draft import Draft
from fhirserver.search.granted import EVERYTHING, Confined
from fhirserver.search.phases import Phase, from_resources, joined, key_on_types
from fhirserver.search.query import Query
from fhirserver.search.source import IndexSource, best_rows, selects_by_id


def confine_contained(query: Query, confined: Confined) -> Confinement:
    """Find out what a search with contained resources is confined to: conditions only.

    Raises:
        ForbiddenError: something confines the caller.
    """
    if any(confined.confine(name) != EVERYTHING for name in confined.definitions.resource_types):
        raise ForbiddenError(
            "_contained is for callers whom nothing confines: what is contained has no compartment "
            "of its own. Leave it out; a chain looks into what is contained, too.",
            expression=("http._contained",),
        )
    if query.compartment is None:
        return Confinement(query.types)
    members = membership(query.compartment, query.types, confined)
    return Confinement(query.types, conditions=(members,))


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
