"""Bundles: what stands in an entry depends on the Bundle's type.

Spec: https://hl7.org/fhir/R4/bundle.html#invs

    bdl-3   request stands in every entry of a batch, transaction or history, and in no other
    bdl-4   response stands in every entry of their responses and of a history, and in no other
    bdl-7   fullUrl, with the version of its resource, stands once, except in a history
    bdl-8   fullUrl names no version

One walk; as published, the first two cost more than the resources in a large transaction.
"""

from fhirserver.model.json import JsonObject, JsonValue
from fhirserver.validation.findings import Findings, Place, quoted

_WITH_REQUEST = frozenset({"batch", "transaction", "history"})
_WITH_RESPONSE = frozenset({"batch-response", "transaction-response", "history"})


def check_bundle(bundle: JsonObject, place: Place, findings: Findings) -> None:
    """Check the rules that are asked of every entry."""
    entries = bundle.get("entry")
    kind = bundle.get("type")
    if not isinstance(entries, list) or not isinstance(kind, str):
        return
    seen: set[tuple[str, str]] | None = None if kind == "history" else set()
    for position, entry in enumerate(entries):
        if not isinstance(entry, dict):
            continue
        here = ((place, "entry"), position)
        if ("request" in entry) != (kind in _WITH_REQUEST):
            findings.add("invariant", (here, "request"), _presence("bdl-3", "request", kind, entry))
        if ("response" in entry) != (kind in _WITH_RESPONSE):
            text = _presence("bdl-4", "response", kind, entry)
            findings.add("invariant", (here, "response"), text)
        if "fullUrl" in entry:
            _check_full_url(entry, seen, here, findings)


def _presence(key: str, name: str, kind: str, entry: JsonObject) -> str:
    if name in entry:
        return f"{key}: An entry of a {quoted(kind)} Bundle has no {name}; remove it."
    return f"{key}: An entry of a {quoted(kind)} Bundle needs a {name}; add it."


def _check_full_url(
    entry: JsonObject, seen: set[tuple[str, str]] | None, place: Place, findings: Findings
) -> None:
    full_url = entry["fullUrl"]
    if not isinstance(full_url, str):
        return
    if "/_history/" in full_url:
        text = "bdl-8: A fullUrl names no version; put that into meta.versionId."
        findings.add("invariant", (place, "fullUrl"), text)
    if seen is None:
        return
    key = (full_url, _version(entry.get("resource")))
    if key in seen:
        text = f"bdl-7: The fullUrl {quoted(full_url)} stands at an earlier entry too; keep one."
        findings.add("invariant", (place, "fullUrl"), text)
    seen.add(key)


def _version(resource: JsonValue) -> str:
    meta = resource.get("meta") if isinstance(resource, dict) else None
    version = meta.get("versionId") if isinstance(meta, dict) else None
    return version if isinstance(version, str) else ""
