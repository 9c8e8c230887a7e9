"""Resources inside others: what is contained, and the first entry of a document or message.

Spec: https://hl7.org/fhir/R4/references.html#contained and https://hl7.org/fhir/R4/bundle.html

Each has index rows of its own. References among them and from the resource around them ("#id", "#")
are told by place. References of an entry mean what its Bundle holds, so none of them is kept.
"""

from collections.abc import Callable
from dataclasses import replace

from fhirserver.definitions import Definitions
from fhirserver.model.json import JsonObject
from fhirserver.search.extract.rows import ENTRY, WHOLE, IndexRows, Inside, Sink
from fhirserver.search.keys import EXTERNAL_OFFSET, short_key

RowsOf = Callable[[JsonObject], tuple[IndexRows, Sink]]
"""Extracts what a resource says by itself."""

_FIRST = {"document": "composition", "message": "message"}
"""By type of Bundle: the parameter that looks at its first entry."""


def add_contained(
    rows: IndexRows, sink: Sink, resource: JsonObject, types: frozenset[str], rows_of: RowsOf
) -> None:
    """Add what a resource contains; what is no storable resource has no rows.

    Args:
        rows: of the resource; contained resources and references to them are added.
        sink: of its walk.
        resource: what contains others.
        types: those that can be stored.
        rows_of: extraction of one resource.
    """
    found: list[tuple[Inside, Sink]] = []
    for place, each in enumerate(resource["contained"]):
        if each["resourceType"] in types:
            own, walked = rows_of(each)
            found.append((Inside(each["resourceType"], each.get("id", ""), place, own), walked))
    places = {inside.id: inside.place for inside, _ in reversed(found) if inside.id}
    rows.internal = _internal(sink, places)
    for inside, walked in found:
        inside.rows.internal = _internal(walked, places | {"": WHOLE})
    rows.contained = [inside for inside, _ in found]


def _internal(sink: Sink, places: dict[str, int]) -> list[tuple[int, int]]:
    return list(dict.fromkeys((sp, places[id_]) for sp, id_ in sink.internal if id_ in places))


def add_first_entry(
    rows: IndexRows, bundle: JsonObject, definitions: Definitions, rows_of: RowsOf
) -> None:
    """Add the Composition of a document, or the MessageHeader of a message."""
    code = _FIRST.get(bundle.get("type", ""))
    entries = bundle.get("entry")
    if code is None or not entries or "resource" not in entries[0]:
        return
    parameter = definitions.search_parameters("Bundle")[code]
    first = entries[0]["resource"]
    if first["resourceType"] not in parameter.targets:
        return
    own, _ = rows_of(first)
    own = replace(own, reference=[])
    rows.internal = [(parameter.rows_id, ENTRY)]
    rows.contained = [Inside(first["resourceType"], first.get("id", ""), ENTRY, own)]
    rows.present = sorted({*rows.present, parameter.rows_id})
    if "fullUrl" in entries[0]:
        key = short_key(entries[0]["fullUrl"])
        rows.token.append((parameter.rows_id + EXTERNAL_OFFSET, 0, key))
