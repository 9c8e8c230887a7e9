"""Bundles: a resource stands once.

Spec: https://hl7.org/fhir/R4/bundle.html#invs

    bdl-7   fullUrl, together with the version of its resource, is unique, except in a history
"""

from fhirserver.model.json import JsonObject
from fhirserver.validation.findings import Findings, Place, quoted


def check_full_urls(bundle: JsonObject, place: Place, findings: Findings) -> None:
    """Check rule bdl-7; the place is that of the second entry."""
    entries = bundle.get("entry")
    if bundle.get("type") == "history" or not isinstance(entries, list):
        return
    seen: set[tuple[str, str]] = set()
    for position, entry in enumerate(entries):
        full_url = entry.get("fullUrl") if isinstance(entry, dict) else None
        if not isinstance(full_url, str):
            continue
        key = (full_url, _version(entry))
        if key in seen:
            findings.add(
                "invariant",
                ((place, "entry"), position),
                f"bdl-7: The fullUrl {quoted(full_url)} stands at an earlier entry too; keep one.",
            )
        seen.add(key)


def _version(entry: JsonObject) -> str:
    resource = entry.get("resource")
    meta = resource.get("meta") if isinstance(resource, dict) else None
    version = meta.get("versionId") if isinstance(meta, dict) else None
    return version if isinstance(version, str) else ""
