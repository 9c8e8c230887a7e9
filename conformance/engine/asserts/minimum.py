"""`minimumId`: the body contains at least what a fixture contains.

Spec: https://hl7.org/fhir/R4/testscript-definitions.html#TestScript.setup.action.assert.minimumId

    object     every member of the fixture's is there, and contains at least what it does
    array      every item of the fixture's has an item of its own that contains it, in any order
    value      is the same; numbers by what they are worth

A Bundle contains what a resource in it contains. The fixture's own id, version, time and narrative
are not asked for: a server may set each of them.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from fhirserver_conformance.engine.state import State
from fhirserver_conformance.paths.values import shown, text_of
from fhirserver_conformance.script.model import Assert

_SHOWN = 5
_OF_SERVER = {"id", "text"}
_META_OF_SERVER = {"versionId", "lastUpdated", "source"}


def judge_minimum(assertion: Assert, state: State) -> str:
    """Judge a body by a fixture that it must contain."""
    fixture = state.message(assertion.minimum_id)
    message = state.message(assertion.source_id, assertion.direction)
    asked = _asked_for(fixture.document.resource)
    missing = _fewest_missing(asked, message.document.resource)
    if not missing:
        return ""
    rest = len(missing) - _SHOWN
    more = f" and {rest} more" if rest > 0 else ""
    found = "; ".join(missing[:_SHOWN])
    return f"{message.label} must contain {fixture.label}; it lacks {found}{more}"


def _fewest_missing(asked: dict[str, Any], body: dict[str, Any]) -> list[str]:
    """Give what is missing of the body, or of the entry of a Bundle that comes nearest."""
    bodies: list[tuple[str, Any]] = [(_name(body), body)]
    if body.get("resourceType") == "Bundle" != asked.get("resourceType"):
        entries = [entry for entry in body.get("entry", []) if isinstance(entry, dict)]
        bodies += [
            (f"Bundle.entry[{at}].resource", entry.get("resource"))
            for at, entry in enumerate(entries)
        ]
    found = [list(_missing(asked, each, place)) for place, each in bodies]
    return min(reversed(found), key=len)


def _name(body: dict[str, Any]) -> str:
    return str(body.get("resourceType", "the body"))


def _asked_for(fixture: dict[str, Any]) -> dict[str, Any]:
    asked = {name: value for name, value in fixture.items() if name not in _OF_SERVER}
    meta = asked.get("meta")
    if isinstance(meta, dict):
        kept = {key: value for key, value in meta.items() if key not in _META_OF_SERVER}
        asked["meta"] = kept
    return {name: value for name, value in asked.items() if value != {}}


def _missing(asked: Any, found: Any, place: str) -> Iterator[str]:
    """Give what is missing, each with its place and value."""
    if isinstance(asked, dict):
        if not isinstance(found, dict):
            yield f"{place}: {shown(text_of(asked))}"
            return
        for name, value in asked.items():
            yield from _missing(value, found.get(name), f"{place}.{name}")
    elif isinstance(asked, list):
        yield from _missing_items(asked, found if isinstance(found, list) else [], place)
    elif not _same(asked, found):
        beside = "" if found is None else f" (it has {shown(text_of(found))})"
        yield f"{place}: {shown(text_of(asked))}{beside}"


def _missing_items(asked: list[Any], found: list[Any], place: str) -> Iterator[str]:
    """Give what is missing of an array; each found item stands for one asked item."""
    fitting = [
        [at for at, other in enumerate(found) if not any(_missing(item, other, place))]
        for item in asked
    ]
    taken: dict[int, int] = {}
    for index, item in enumerate(asked):
        if not _take(index, fitting, taken, set()):
            yield f"{place}[{index}]: {shown(text_of(item))}"


def _take(index: int, fitting: list[list[int]], taken: dict[int, int], tried: set[int]) -> bool:
    """Give an asked item a found one; who holds that one may have to take another.

    Args:
        index: of the asked item.
        fitting: positions of found items by asked item.
        taken: asked item by position of the found one; is changed.
        tried: positions that were asked for already.
    """
    for position in fitting[index]:
        if position in tried:
            continue
        tried.add(position)
        if position not in taken or _take(taken[position], fitting, taken, tried):
            taken[position] = index
            return True
    return False


def _same(asked: Any, found: Any) -> bool:
    if isinstance(asked, int | Decimal) and not isinstance(asked, bool):
        return not isinstance(found, bool) and bool(asked == found)
    return type(asked) is type(found) and bool(asked == found)
