"""Rules on conformance resources that compare every part with the whole.

Spec: https://hl7.org/fhir/R4/structuredefinition.html#invs and implementationguide.html#invs

    sdf-8   in a snapshot every other path is below the first; that the first is the type, sdf-11
            says with other words
    sdf-8a  in a differential the first path begins with the type, and every other path is below
            the type that it begins with
    ig-1    a resource's groupingId is that of a grouping
    ig-2    a resource's fhirVersion is one of the guide's

As published, each of them collects the whole again for every part.
"""

from collections.abc import Iterator

from fhirserver.model.json import JsonObject, JsonValue
from fhirserver.validation.findings import Findings, Place, quoted


def check_element_paths(structure: JsonObject, place: Place, findings: Findings) -> None:
    """Check rules sdf-8 and sdf-8a of a StructureDefinition."""
    snapshot = list(_strings(structure.get("snapshot"), "element", "path"))
    if snapshot:
        _check_below(snapshot, "sdf-8", snapshot[0][1], (place, "snapshot"), findings)
    differential = list(_strings(structure.get("differential"), "element", "path"))
    if differential:
        first = differential[0][1]
        expected = "" if structure.get("kind") == "logical" else structure.get("type")
        here = (place, "differential")
        if isinstance(expected, str) and not first.startswith(expected):
            findings.add("invariant", _element(here, 0), _path("sdf-8a", expected))
        _check_below(differential, "sdf-8a", first.partition(".")[0], here, findings)


def _check_below(
    paths: list[tuple[int, str]], key: str, root: str, place: Place, findings: Findings
) -> None:
    for position, path in paths[1:]:
        if not path.startswith(root + "."):
            findings.add("invariant", _element(place, position), _path(key, root + "."))


def _element(place: Place, position: int) -> Place:
    return (((place, "element"), position), "path")


def _path(key: str, start: str) -> str:
    return f"{key}: The path must begin with {quoted(start)}."


def check_guide(guide: JsonObject, place: Place, findings: Findings) -> None:
    """Check rules ig-1 and ig-2 of an ImplementationGuide."""
    definition = guide.get("definition")
    groupings = {text for _, text in _strings(definition, "grouping", "id")}
    resources = ((place, "definition"), "resource")
    for position, grouping in _strings(definition, "resource", "groupingId"):
        if grouping not in groupings:
            text = f"ig-1: No grouping has the id {quoted(grouping)}; add it or name another."
            findings.add("invariant", ((resources, position), "groupingId"), text)
    versions = guide.get("fhirVersion")
    for position, version in _lists(definition, "resource", "fhirVersion"):
        if not isinstance(versions, list) or version not in versions:
            text = f"ig-2: The guide does not name the version {quoted(version)}; add it there."
            findings.add("invariant", ((resources, position), "fhirVersion"), text)


def _strings(value: JsonValue, list_name: str, name: str) -> Iterator[tuple[int, str]]:
    """Texts of one name in a list's objects, with their positions."""
    items = value.get(list_name) if isinstance(value, dict) else None
    for position, item in enumerate(items if isinstance(items, list) else ()):
        text = item.get(name) if isinstance(item, dict) else None
        if isinstance(text, str):
            yield position, text


def _lists(value: JsonValue, list_name: str, name: str) -> Iterator[tuple[int, str]]:
    """Texts of lists of one name in a list's objects, with the objects' positions."""
    items = value.get(list_name) if isinstance(value, dict) else None
    for position, item in enumerate(items if isinstance(items, list) else ()):
        texts = item.get(name) if isinstance(item, dict) else None
        for text in texts if isinstance(texts, list) else ():
            if isinstance(text, str):
                yield position, text
