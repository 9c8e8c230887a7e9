"""What is newer replaces what is older, and never the other way round.

Newer is what has the later (time of the message, rank of its status, number in the journal). An
Observation without `SEQUENCE` was not written by a bridge, and is left alone.
"""

from datetime import datetime
from typing import Any, NamedTuple

from fhirserver_device_bridge.fhir.json_text import JsonObject
from fhirserver_device_bridge.fhir.observation import RANK, SEQUENCE
from fhirserver_device_bridge.moments import first_instant


class Order(NamedTuple):
    """What decides between two messages, in this order."""

    sent: datetime
    rank: int
    journal: int


def supersedes(resource: JsonObject, stored: JsonObject) -> bool:
    """Tell whether an Observation may take the place of the stored one.

    A message that repeats what is stored supersedes nothing, however new it is.
    """
    before, now = order(stored), order(resource)
    if before is None or now is None or now <= before:
        return False
    return bool(_content(resource) != _content(stored))


def order(resource: JsonObject) -> Order | None:
    """Give an Observation's place among others of its identity; None if no bridge wrote it."""
    extensions = resource.get("extension", ())
    parts = next((each["extension"] for each in extensions if each["url"] == SEQUENCE), None)
    if parts is None:
        return None
    told = {part["url"]: part for part in parts}
    sent = first_instant(told["sent"]["valueDateTime"])
    return Order(sent, RANK[resource["status"]], int(told["journal"]["valueDecimal"]))


def _content(resource: JsonObject) -> Any:
    """Give what a reader sees, numbers as texts, so that 2.0 is not 2."""
    hidden = ("id", "meta", "extension")
    seen = {name: value for name, value in resource.items() if name not in hidden}
    return _texts({**seen, "security": resource.get("meta", {}).get("security", [])})


def _texts(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _texts(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_texts(part) for part in value]
    return str(value)
