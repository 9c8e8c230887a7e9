"""Expansions of the value sets that R4 binds as required.

Spec: https://hl7.org/fhir/R4/valueset.html and https://hl7.org/fhir/R4/terminologies.html#required

An expansion becomes {system: [codes]}; null where it is not closed or too big to be expanded.
Abstract entries are groups and are left out.
"""

from collections.abc import Iterable, Iterator
from typing import Any

JsonObject = dict[str, Any]

OPEN_EXTENSIONS = (
    "http://hl7.org/fhir/StructureDefinition/valueset-unclosed",
    "http://hl7.org/fhir/StructureDefinition/valueset-toocostly",
)


def required_value_sets(types: Iterable[JsonObject]) -> set[str]:
    """Give the canonicals, without version, that compiled types bind as required."""
    return {
        element["binding"][1]
        for compiled in types
        for node in compiled["nodes"].values()
        for element in node["elements"].values()
        if element.get("binding", [""])[0] == "required"
    }


def compile_value_sets(
    expansions: Iterable[JsonObject], wanted: set[str]
) -> dict[str, dict[str, list[str]] | None]:
    """Compile the wanted expansions, by canonical."""
    compiled: dict[str, dict[str, list[str]] | None] = {}
    for value_set in expansions:
        if value_set["url"] in wanted:
            compiled[value_set["url"]] = _compile(value_set["expansion"])
    return dict(sorted(compiled.items()))


def _compile(expansion: JsonObject) -> dict[str, list[str]] | None:
    if any(extension["url"] in OPEN_EXTENSIONS for extension in expansion.get("extension", ())):
        return None
    codes: dict[str, set[str]] = {}
    for entry in _entries(expansion.get("contains", ())):
        codes.setdefault(entry["system"], set()).add(entry["code"])
    return {system: sorted(codes[system]) for system in sorted(codes)}


def _entries(contains: Iterable[JsonObject]) -> Iterator[JsonObject]:
    for entry in contains:
        if "code" in entry and not entry.get("abstract", False):
            yield entry
        yield from _entries(entry.get("contains", ()))
