"""References: what they may point at.

Spec: https://hl7.org/fhir/R4/references.html

    form      [type]/[id], [type]/[id]/_history/[version], an absolute URI or #[id]; a search,
              [type]?[parameters], in a transaction only
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
    r"(?:/[A-Za-z0-9\-.]{1,64}(?:/_history/[A-Za-z0-9\-.]{1,64})?|\?.+)",
    re.ASCII | re.DOTALL,
)
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:", re.ASCII)
_FILES_ALLOWED = frozenset({"TestScript", "TestReport"})
"""Types whose references may lead to files beside them; R4's own examples do."""


def reference_form(definitions: Definitions) -> ReferenceRule:
    """Give the rule for the form of literal references, and rule ref-1."""

    def check(reference: JsonObject, place: Place, findings: Findings) -> None:
        text = reference.get("reference")
        if not isinstance(text, str) or not text or _ABSOLUTE.match(text):
            return
        if text[0] == "#":
            _check_contained_target(text, place, findings)
        elif findings.root.get("resourceType") not in _FILES_ALLOWED:
            problem = _relative_problem(text, definitions, findings)
            if problem is not None:
                findings.add("value", (place, "reference"), f"{quoted(text)} {problem}")

    return check


def _relative_problem(text: str, definitions: Definitions, findings: Findings) -> str | None:
    found = _TYPE.fullmatch(text)
    if found is None:
        return "is no reference; write [type]/[id] such as Patient/1, an absolute URL, or #[id]."
    if not definitions.is_resource_type(found[1]):
        return f"is no reference, as {found[1]} is no type of resource."
    if "?" in text and not findings.in_transaction:
        return "is no reference but a search, which works in a transaction only; use [type]/[id]."
    return None


def _check_contained_target(text: str, place: Place, findings: Findings) -> None:
    if len(text) > 1 and findings.contained(text[1:]) is None:
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
    # What an entry holds counts, whatever type its fullUrl may show.
    entry = findings.entry_types.get(text.partition("/_history/")[0])
    if entry is not None:
        return entry
    match = _TYPE.fullmatch(text)
    return match[1] if match else None
