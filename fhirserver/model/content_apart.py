"""A Binary whose content is kept apart: what stands in `data` instead.

Spec: https://hl7.org/fhir/R4/binary.html and https://hl7.org/fhir/R4/json.html#primitive

    "_data": {"extension": [{"url": "urn:fhirserver:content-apart", "extension": [
        {"url": "size", "valueUnsignedInt": 5000000},
        {"url": "sha256", "valueString": "9f86d0…"}]}]}

The store writes it, and a reader of the Binary gets the content in its place. In a Bundle it stays:
the resource is a part there, and nobody may store it as the whole.
"""

import base64
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from fhirserver.model.json import JsonObject, JsonValue

EXTENSION_URL = "urn:fhirserver:content-apart"
PLACE_OF_CONTENT = "Q29udGVudA=="
"""Stands in `data` of a resource that is written around its content."""
_MARK = EXTENSION_URL.encode()


class ContentApart(NamedTuple):
    """What is known of the content.

    Attributes:
        size_bytes: of the content itself, not of its base64.
        sha256: its digest in hexadecimal digits.
    """

    size_bytes: int
    sha256: str


def without_content(resource: JsonObject, apart: ContentApart) -> JsonObject:
    """Copy a Binary with the note in place of `data`."""
    note = {
        "url": EXTENSION_URL,
        "extension": [
            {"url": "size", "valueUnsignedInt": apart.size_bytes},
            {"url": "sha256", "valueString": apart.sha256},
        ],
    }
    return {**resource, "_data": {"extension": [note]}}


def with_place(resource: JsonObject) -> JsonObject:
    """Copy a Binary with `PLACE_OF_CONTENT` in place of the note."""
    return {
        "data" if name == "_data" else name: PLACE_OF_CONTENT if name == "_data" else value
        for name, value in resource.items()
    }


def may_be_apart(body: bytes) -> bool:
    """Whether a stored body is worth parsing for the note."""
    return _MARK in body


def content_apart(resource: JsonObject) -> ContentApart | None:
    """Read the note of a Binary; None where there is none."""
    if resource.get("resourceType") != "Binary":
        return None
    data = resource.get("_data")
    extensions = data.get("extension") if isinstance(data, dict) else None
    for each in extensions if isinstance(extensions, list) else ():
        if isinstance(each, dict) and each.get("url") == EXTENSION_URL:
            return _read(each.get("extension"))
    return None


def base64_parts(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Write content as base64, whatever its parts are."""
    rest = b""
    for part in parts:
        whole = rest + part
        cut = len(whole) - len(whole) % 3
        rest = whole[cut:]
        if cut:
            yield base64.b64encode(whole[:cut])
    if rest:
        yield base64.b64encode(rest)


def base64_length(size_bytes: int) -> int:
    """Give the length of content as base64."""
    return (size_bytes + 2) // 3 * 4


def _read(found: JsonValue) -> ContentApart:
    values = {
        each["url"]: each.get("valueUnsignedInt", each.get("valueString"))
        for each in (found if isinstance(found, list) else ())
        if isinstance(each, dict) and "url" in each
    }
    return ContentApart(int(values.get("size") or 0), str(values.get("sha256") or ""))
