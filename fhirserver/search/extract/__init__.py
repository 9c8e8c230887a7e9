"""Index extraction: from a resource to the rows by which it is found.

Spec: https://hl7.org/fhir/R4/searchparameter.html and https://hl7.org/fhir/R4/search.html

    rows.py, keys (outside)   what a row is
    token.py, string.py ...   rows by datatype, one module per type of parameter
    composite.py              values of one element that are searched together
    build.py                  expressions to a tree of places
    places.py                 one walk over a resource along that tree
    full_text.py              words of the narrative, and of all there is
    inside.py                 contained resources, and the first entry of a Bundle
    local_references.py       literal references, for integrity
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter

from fhirserver.definitions import MAIN_DATE, Definitions, SearchParameter
from fhirserver.model.instant import MIN_US
from fhirserver.model.json import JsonObject
from fhirserver.search.extract.build import TreeBuilder
from fhirserver.search.extract.computed import Computed, compile_computed, emit_computed
from fhirserver.search.extract.full_text import content_rows, narrative_rows
from fhirserver.search.extract.inside import add_contained, add_first_entry
from fhirserver.search.extract.local_references import local_references
from fhirserver.search.extract.places import Walk, compile_place
from fhirserver.search.extract.rows import IndexRows, Inside, LocalReference, QuantityRow, Sink

__all__ = ["EXTRACTOR_VERSION", "IndexRows", "Inside", "LocalReference", "extract", "extractor_of"]

EXTRACTOR_VERSION = 6
"""Goes up whenever the same resource would get other rows; older resources are reindexed.

It stands in the database four times as large, see `extractor_of`.
"""

COLUMNS = frozenset({"_id", "_lastUpdated"})
"""Parameters that are columns of the resource, not rows."""


@dataclass(frozen=True, slots=True)
class TypePlan:
    """What extraction knows about a resource type.

    Attributes:
        walk: writes the rows of a resource, but for computed parameters.
        computed: parameters that are more than paths.
        main_date: number of its main date's rows; None if it has none.
        patient_sps: parameters that put it into a patient's compartment.
        types: types that a local reference can point at.
        text: number of `_text`; None if the type has no narrative, or it is not searched.
        content: number of `_content`; None if it is not searched.
        ordered: numbers of the parameters that an order reads from the tables token, string, date.
    """

    walk: Walk
    computed: tuple[Computed, ...]
    main_date: int | None
    patient_sps: frozenset[int]
    types: frozenset[str]
    text: int | None
    content: int | None
    ordered: tuple[frozenset[int], ...]


def extract(resource: JsonObject, *, definitions: Definitions, base_url: str | None) -> IndexRows:
    """Find the index rows of a valid resource. Pure.

    Args:
        resource: a storable resource as parsed JSON.
        definitions: its search parameters and compartments.
        base_url: the server's FHIR base without a trailing slash; absolute URLs below it are
            local references.
    """
    plan = type_plan(definitions, resource["resourceType"])
    rows, sink = _own_rows(resource, definitions, base_url)
    rows.patients = _patients(resource, plan, sink)
    rows.references, rows.stray = local_references(resource, definitions, base_url, plan.types)

    def rows_of(inside: JsonObject) -> tuple[IndexRows, Sink]:
        return _own_rows(inside, definitions, base_url)

    if "contained" in resource:
        add_contained(rows, sink, resource, plan.types, rows_of)
    elif resource["resourceType"] == "Bundle":
        add_first_entry(rows, resource, definitions, rows_of)
    return rows


def _own_rows(
    resource: JsonObject, definitions: Definitions, base_url: str | None
) -> tuple[IndexRows, Sink]:
    """Find the rows of a resource by itself: nothing of compartments and of what it contains."""
    plan = type_plan(definitions, resource["resourceType"])
    sink = Sink(base_url, plan.types, resource)
    plan.walk(resource, sink)
    for each in plan.computed:
        emit_computed(each, resource, sink)
    narrative = narrative_rows(resource, plan.text)
    content = content_rows(resource, plan.content)
    present = {*sink.present, *[sp for sp, _ in narrative], *[sp for sp, _ in content]}
    rows = IndexRows(
        token=list(dict.fromkeys(sink.token)),
        string=list(dict.fromkeys(sink.string)),
        date=list(dict.fromkeys(sink.date)),
        reference=list(dict.fromkeys(sink.reference)),
        quantity=_distinct_quantities(sink.quantity),
        composite=list(dict.fromkeys(sink.composite)),
        narrative=narrative,
        content=content,
        present=sorted(present.union(_without_place(plan, present, sink))),
        main_date=min([low for sp, low, _ in sink.date if sp == plan.main_date], default=None),
        registry=definitions.registry,
        base_url=base_url,
    )
    return rows, sink


def extractor_of(definitions: Definitions) -> int:
    """Number what makes the index rows: the version, and which words are indexed.

    Returns:
        Four times EXTRACTOR_VERSION, and 1 for `_text`, 2 for `_content`; up to version 4 the
        version alone.
    """
    searched = definitions.full_text
    return 4 * EXTRACTOR_VERSION + ("_text" in searched) + 2 * ("_content" in searched)


@lru_cache(maxsize=512)
def type_plan(definitions: Definitions, type_name: str) -> TypePlan:
    """Build a type's plan, once; KeyError if the type cannot be stored."""
    parameters = definitions.search_parameters(type_name)
    builder = TreeBuilder(definitions, type_name)
    for parameter in parameters.values():
        if is_indexed(parameter):
            builder.add(parameter)
    main_date = MAIN_DATE.get(type_name)
    linking = definitions.compartment("Patient").get(type_name, ())
    return TypePlan(
        walk=compile_place(builder.finish()),
        computed=tuple(map(compile_computed, builder.computed)),
        main_date=None if main_date is None else parameters[main_date].rows_id,
        patient_sps=frozenset(parameters[code].rows_id for code in linking if code in parameters),
        types=frozenset(definitions.resource_types),
        text=_if_searched(parameters, "_text"),
        content=_if_searched(parameters, "_content"),
        ordered=tuple(
            frozenset(each.id for each in parameters.values() if each.type in kinds)
            for kinds in _ORDERED
        ),
    )


def _if_searched(parameters: Mapping[str, SearchParameter], code: str) -> int | None:
    parameter = parameters.get(code)
    return parameter.rows_id if parameter is not None and parameter.supported else None


_ORDERED = (("token", "uri"), ("string",), ("date",))
"""Types of the parameters whose rows in the tables token, string and date give an order."""


def _without_place(plan: TypePlan, present: set[int], sink: Sink) -> list[int]:
    """Mark what is present and has no place in an order, by the parameter's number, negative.

    Such are a concept that is text alone, a name without parts, a date whose beginning is open.
    """
    tokens, strings, dates = plan.ordered
    found = (present & tokens).difference(map(_number, sink.token))
    found |= (present & strings).difference(map(_number, sink.string))
    found |= (present & dates).difference(map(_number, sink.date))
    found.update([row[0] for row in sink.date if row[1] == MIN_US])
    return [-sp for sp in found] if found else []


_number = itemgetter(0)
"""The parameter's number, first in every row."""


def is_indexed(parameter: SearchParameter) -> bool:
    """Whether a parameter leaves anything behind: an alias only where it narrows the target."""
    if not parameter.expression or not parameter.supported:
        return False
    if parameter.code in COLUMNS or parameter.united or parameter.enters_entry:
        return False
    return parameter.alias_of is None or parameter.alias_target is not None


def _distinct_quantities(rows: list[QuantityRow]) -> list[QuantityRow]:
    """Drop rows that stand twice; hashing Decimals would take longer than everything else."""
    if len(rows) < 2:
        return rows
    return list({(row[:4], str(row[4]), str(row[5])): row for row in rows}.values())


def _patients(resource: JsonObject, plan: TypePlan, sink: Sink) -> list[tuple[str, str]]:
    patients = [
        (kind, identity)
        for sp, kind, identity in sink.reference
        if kind == "Patient" and sp in plan.patient_sps
    ]
    if resource["resourceType"] == "Patient" and "id" in resource:
        patients.insert(0, ("Patient", resource["id"]))
    return list(dict.fromkeys(patients))
