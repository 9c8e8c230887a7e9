"""What is newer replaces what is older, and never the other way round.

Newer is what has the later (time of the message, rank of an Observation's status, number in the
journal). A resource without `SEQUENCE` was not written by a bridge, and is left alone.

What is told of people and their stays is told in part (`AMENDED`): what a message leaves out stays
as it was, and what it says is none (None) goes, as HL7 v2.6 chapter 2, section 2.6 has it.
"""

from datetime import datetime
from typing import Any, NamedTuple

from fhirserver_device_bridge.fhir.clock import REFERENCE
from fhirserver_device_bridge.fhir.json_text import JsonObject
from fhirserver_device_bridge.fhir.observation import RANK, SEQUENCE
from fhirserver_device_bridge.moments import first_instant

AMENDED = frozenset({"Patient", "Encounter", "RelatedPerson", "Coverage"})
"""Types whose elements stay where a newer message has none of them."""

_RANKED = frozenset({"Observation", "DetectedIssue"})
_ASIDE = (SEQUENCE, REFERENCE)
"""Extensions that tell of the telling: a clock read anew, to the same effect, is no news."""
_CHOICES = ("deceased", "multipleBirth")
_SAYS_NOTHING = {"status": "unknown"}


class Order(NamedTuple):
    """What decides between two messages, in this order."""

    sent: datetime
    rank: int
    journal: int


def supersedes(resource: JsonObject, stored: JsonObject) -> bool:
    """Tell whether a resource may take the place of the stored one.

    A message that repeats what is stored supersedes nothing, however new it is.
    """
    before, now = order(stored), order(resource)
    if before is None or now is None or now <= before:
        return False
    return bool(_content(resource) != _content(stored))


def amended(resource: JsonObject, stored: JsonObject) -> JsonObject:
    """Give a resource with what only the stored one says, if it is of a type that is `AMENDED`.

    Elements that are None are not written, nor are they kept.
    """
    if resource["resourceType"] not in AMENDED:
        return resource
    said = {
        name: value
        for name, value in resource.items()
        if value is None or _SAYS_NOTHING.get(name) != value
    }
    kinds = {_kind(name) for name in said}
    kept = {
        name: value
        for name, value in stored.items()
        if name not in ("text", "meta") and (name in said or _kind(name) not in kinds)
    }
    return present(_merged(kept, said))


def present(resource: JsonObject) -> JsonObject:
    """Give a resource without the elements that are to be taken away."""
    return {name: value for name, value in resource.items() if value is not None}


def _kind(name: str) -> str:
    """Give the element that a name is one form of: a choice has one type, `_x` belongs to `x`."""
    plain = name.removeprefix("_")
    return next((each for each in _CHOICES if plain.startswith(each)), plain)


def _merged(stored: Any, said: Any) -> Any:
    """Lay what is said over what is stored: objects part by part, extensions by their url."""
    if not isinstance(stored, dict) or not isinstance(said, dict):
        return said
    written = {**stored, **{name: _merged(stored.get(name), part) for name, part in said.items()}}
    if "extension" in stored and "extension" in said:
        urls = {each["url"] for each in said["extension"]}
        others = [each for each in stored["extension"] if each["url"] not in urls]
        written["extension"] = [*others, *said["extension"]]
    return written


def order(resource: JsonObject) -> Order | None:
    """Give a resource's place among others of its identity; None if no bridge wrote it."""
    extensions = resource.get("extension", ())
    parts = next((each["extension"] for each in extensions if each["url"] == SEQUENCE), None)
    if parts is None:
        return None
    told = {part["url"]: part for part in parts}
    sent = first_instant(told["sent"]["valueDateTime"])
    rank = RANK[resource["status"]] if resource["resourceType"] in _RANKED else 0
    return Order(sent, rank, int(told["journal"]["valueDecimal"]))


def _content(resource: JsonObject) -> Any:
    """Give what a reader sees, numbers as texts, so that 2.0 is not 2."""
    hidden = ("id", "meta", "text")
    seen = {name: value for name, value in resource.items() if name not in hidden}
    seen["extension"] = [each for each in seen.get("extension", ()) if each["url"] not in _ASIDE]
    return _texts({**seen, "security": resource.get("meta", {}).get("security", [])})


def _texts(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _texts(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_texts(part) for part in value]
    return str(value)
