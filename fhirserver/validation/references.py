"""References: what they may point at.

Spec: https://hl7.org/fhir/R4/references.html

    ref-1     a reference to #id names a contained resource, or # alone the container
    targets   the type in a literal reference, in Reference.type and of a contained resource is one
              that the element allows; where both are given they agree

The type of a reference that does not show it (urn:uuid:..., a logical identifier, an address that
is not a FHIR server's) is not known here.
"""

import re
from collections.abc import Callable

from fhirserver.definitions import Definitions
from fhirserver.model.json import JsonObject
from fhirserver.validation.findings import Findings, Place, quoted

ReferenceRule = Callable[[JsonObject, Place, Findings], None]

_TYPE = re.compile(
    r"(?:https?://.*/)?([A-Z][A-Za-z]+)"
    r"(?:/[A-Za-z0-9\-.]{1,64}(?:/_history/[A-Za-z0-9\-.]{1,64})?|\?.*)",
    re.ASCII | re.DOTALL,
)


def check_contained_target(reference: JsonObject, place: Place, findings: Findings) -> None:
    """Check rule ref-1."""
    text = reference.get("reference")
    if not isinstance(text, str) or len(text) < 2 or text[0] != "#":
        return
    if findings.contained(text[1:]) is None:
        findings.add(
            "invariant",
            (place, "reference"),
            f"ref-1: No contained resource has the id {quoted(text[1:])}; add it, or refer to"
            " a resource outside.",
        )


def allowed_targets(targets: tuple[str, ...], definitions: Definitions) -> ReferenceRule:
    """Give the rule for an element whose references may point at these types only."""
    allowed = frozenset(targets)
    listed = ", ".join(targets)

    def check(reference: JsonObject, place: Place, findings: Findings) -> None:
        stated = reference.get("type")
        text = reference.get("reference")
        found = _literal_type(text, findings) if isinstance(text, str) else None
        if found is not None and found not in allowed and definitions.is_resource_type(found):
            findings.add(
                "structure",
                (place, "reference"),
                f"A reference to {found} is not allowed here; allowed are {listed}.",
            )
        if not isinstance(stated, str) or not definitions.is_resource_type(stated):
            return
        if stated not in allowed:
            findings.add(
                "structure",
                (place, "type"),
                f"A reference to {stated} is not allowed here; allowed are {listed}.",
            )
        elif found is not None and found != stated and definitions.is_resource_type(found):
            findings.add(
                "structure",
                (place, "type"),
                f"The type {stated} is not that of the reference, {found}; let them agree.",
            )

    return check


def _literal_type(text: str, findings: Findings) -> str | None:
    """The resource type that a literal reference shows."""
    if text[:1] == "#":
        target = findings.contained(text[1:]) if len(text) > 1 else findings.root
        name = None if target is None else target.get("resourceType")
        return name if isinstance(name, str) else None
    match = _TYPE.fullmatch(text)
    return match[1] if match else None
