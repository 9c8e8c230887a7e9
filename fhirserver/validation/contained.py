"""Contained resources.

Spec: https://hl7.org/fhir/R4/references.html#contained and domainresource.html#invs

    dom-2   a contained resource contains no other
    dom-3   it is referred to from elsewhere in the resource, or refers to its container
    dom-4   it has no meta.versionId or meta.lastUpdated
    dom-5   it has no security label
    and it has an id that no other contained resource of the resource has

The published expression of dom-3 walks the whole resource once per contained resource; here one
walk collects every `#id` that stands in a reference, canonical, uri or url.
"""

from fhirserver.model.json import JsonObject, JsonValue
from fhirserver.validation.findings import Findings, Place, quoted

_META_RULES = (
    ("versionId", "dom-4: A contained resource has no version of its own; remove it."),
    ("lastUpdated", "dom-4: A contained resource has no lastUpdated of its own; remove it."),
    ("security", "dom-5: A contained resource has no security labels; label its container."),
)


def check_contained(resource: JsonObject, place: Place, findings: Findings) -> None:
    """Check the rules on the contained resources of a resource that has some."""
    contained = resource["contained"]
    if not isinstance(contained, list):
        return
    targets, referrers = _references(resource)
    ids: set[str] = set()
    for position, item in enumerate(contained):
        if not isinstance(item, dict):
            continue
        here = ((place, "contained"), position)
        _check_one(item, here, findings)
        id = item.get("id")
        if not isinstance(id, str):
            findings.add("required", (here, "id"), "dom-3: A contained resource needs an id.")
            continue
        if id in ids:
            text = f"The id {quoted(id)} stands at an earlier contained resource too; change one."
            findings.add("duplicate", (here, "id"), text)
        ids.add(id)
        if id not in targets and position not in referrers:
            findings.add(
                "invariant",
                here,
                f"dom-3: The contained resource {quoted(id)} is not referred to from the resource;"
                " refer to it or remove it.",
            )


def _check_one(item: JsonObject, place: Place, findings: Findings) -> None:
    if "contained" in item:
        text = "dom-2: A contained resource contains no other; move it up to the container."
        findings.add("invariant", (place, "contained"), text)
    meta = item.get("meta")
    if isinstance(meta, dict):
        for name, text in _META_RULES:
            if name in meta:
                findings.add("invariant", ((place, "meta"), name), text)


def _references(resource: JsonObject) -> tuple[set[str], set[int]]:
    """Collect ids that the resource refers to, and positions of those that refer to it."""
    targets: set[str] = set()
    referrers: set[int] = set()
    for name, value in resource.items():
        if name != "contained":
            targets |= _fragments(value)
    for position, item in enumerate(resource["contained"]):
        fragments = _fragments(item)
        if "" in fragments:
            referrers.add(position)
        targets |= fragments
    return targets, referrers


def _fragments(value: JsonValue) -> set[str]:
    found: set[str] = set()
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            if item[:1] == "#":
                found.add(item[1:])
        elif isinstance(item, dict):
            pending.extend(item.values())
        elif isinstance(item, list):
            pending.extend(item)
    return found
