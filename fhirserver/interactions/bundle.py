"""Bundles, put together from bytes: stored resources go in as they are.

Spec: https://hl7.org/fhir/R4/bundle.html
"""

from collections.abc import Iterable

from fhirserver.model.json import JsonObject, write_json

Link = tuple[str, str]
"""(relation, url)"""


def bundle_json(
    type_: str,
    entries: Iterable[bytes],
    *,
    links: Iterable[Link] = (),
    total: int | None = None,
) -> bytes:
    """Write a Bundle.

    Args:
        type_: code of Bundle.type, e.g. "searchset".
        entries: each one JSON object, in their order.
        links: in their order.
        total: matches of all pages; None where unknown.
    """
    head: JsonObject = {"resourceType": "Bundle", "type": type_}
    if total is not None:
        head["total"] = total
    linked = [{"relation": relation, "url": url} for relation, url in links]
    if linked:
        head["link"] = linked
    body = b",".join(entries)
    if not body:
        return write_json(head)
    return write_json(head)[:-1] + b',"entry":[' + body + b"]}"


def entry_json(resource: bytes | None, full_url: str | None, rest: JsonObject) -> bytes:
    """Write an entry.

    Args:
        resource: compact JSON; None where the entry has none.
        full_url: absolute identity of the resource.
        rest: search, request and response; at least one of them.
    """
    place = b"{" if full_url is None else b'{"fullUrl":' + write_json(full_url) + b","
    content = b"" if resource is None else b'"resource":' + resource + b","
    return place + content + write_json(rest)[1:]
