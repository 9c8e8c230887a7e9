"""What is newer replaces what is older, and never the other way round.

After the transaction of a message was answered (`Prefer: return=representation`), each of its Observations
is either new on the server, or was there and came back as it is stored. Of the latter those are written
again that say something else and are newer, by (time of the message, rank of the status, number in the
journal). They are written with If-Match: if anyone else writes in between the answer is 412, and both steps
are repeated.

An Observation without `SEQUENCE` was not written by a bridge, and is left alone.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from fhirserver_device_bridge.fhir.json_text import JsonObject
from fhirserver_device_bridge.fhir.observation import RANK, SEQUENCE


class Order(NamedTuple):
    """What decides between two messages, in this order."""

    sent: datetime
    rank: int
    journal: int


def overtaking(sent: JsonObject, answer: JsonObject) -> JsonObject | None:
    """Give the transaction that writes what is newer than what the server had; None if nothing is.

    Args:
        sent: the Bundle of `transaction`.
        answer: the server's, with the resources that were made or found, entries in the same order.
    """
    pairs = list(zip(sent["entry"], answer["entry"], strict=True))
    addresses = {mine["fullUrl"]: _address(its) for mine, its in pairs if "fullUrl" in mine and "resource" in its}
    entries = [entry for mine, its in pairs for entry in _overtaking(mine, its, addresses)]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries} if entries else None


def _address(answered: JsonObject) -> str:
    resource = answered["resource"]
    return f"{resource['resourceType']}/{resource['id']}"


def _overtaking(mine: JsonObject, its: JsonObject, addresses: dict[str, str]) -> Iterator[JsonObject]:
    stored = its.get("resource")
    if not stored or stored["resourceType"] != "Observation" or not its["response"]["status"].startswith("200"):
        return
    resource = _resolved(mine["resource"], addresses)
    before, now = order(stored), order(resource)
    if before is None or now is None or now <= before or _content(resource, stored) == _content(stored, stored):
        return
    yield {
        "resource": {**resource, "id": stored["id"]},
        "request": {
            "method": "PUT",
            "url": f"Observation/{stored['id']}",
            "ifMatch": f'W/"{stored["meta"]["versionId"]}"',
        },
    }


def order(resource: JsonObject) -> Order | None:
    """Give an Observation's place among others of its identity; None if no bridge wrote it."""
    parts = next((entry["extension"] for entry in resource.get("extension", ()) if entry["url"] == SEQUENCE), None)
    if parts is None:
        return None
    told = {part["url"]: part for part in parts}
    sent = _instant(told["sent"]["valueDateTime"])
    return Order(sent, RANK[resource["status"]], int(told["journal"]["valueDecimal"]))


def _instant(text: str) -> datetime:
    """Give the first instant of a dateTime at any precision."""
    padded = text if "T" in text else (text + "-01-01"[len(text) - 4 :] if len(text) < 10 else text)
    moment = datetime.fromisoformat(padded)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _resolved(value: Any, addresses: dict[str, str]) -> Any:
    """Replace references to entries by the addresses they have got."""
    if isinstance(value, dict):
        return {
            name: addresses.get(part, part) if name == "reference" else _resolved(part, addresses)
            for name, part in value.items()
        }
    if isinstance(value, list):
        return [_resolved(part, addresses) for part in value]
    return value


def _content(resource: JsonObject, stored: JsonObject) -> Any:
    """Give what a reader sees, as texts, so that 2.0 is not 2; a conditional subject counts as the stored one."""
    written = {name: value for name, value in resource.items() if name not in ("id", "meta", "extension")}
    if "?" in resource["subject"]["reference"]:
        written["subject"] = stored["subject"]
    return _texts({**written, "security": resource.get("meta", {}).get("security", [])})


def _texts(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _texts(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_texts(part) for part in value]
    return str(value)
