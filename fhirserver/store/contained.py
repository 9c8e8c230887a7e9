"""Contained resources as matches of a search: taken out of the row of what contains them."""

from __future__ import annotations

from dataclasses import replace

from fhirserver.model.json import parse_json, write_json
from fhirserver.store.include import Found
from fhirserver.store.packed_keys import pack, unpack


def cut_out(found: Found, container: str, place: int | None) -> Found:
    """Take a contained resource out of its container. Pure.

    Args:
        found: the match, with the container's body and packed keys.
        container: type and id of the container.
        place: number among what it contains; None where the match is no contained resource.
    """
    if place is None:
        return found
    stored = found.stored
    assert stored.body is not None
    inside = parse_json(stored.body)["contained"][place]
    (keys,) = (each.keys for each in unpack(found.keys).contained if each.place == place)
    return Found(replace(stored, body=write_json(inside), container=container), pack(keys))
