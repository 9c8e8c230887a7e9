"""What is left of a transaction once it is known what the server has; pure.

Spec: https://hl7.org/fhir/R4/http.html#transaction

    entry                                 the server has      becomes
    PUT Type?condition                    nothing             stays
                                          the same            leaves the Bundle
                                          a newer one         leaves the Bundle
                                          an older one        stays, with ifMatch
    POST with ifNoneExist                 one                 leaves the Bundle
    POST of a Provenance                                      tells of what is written; leaves with it
    reference Patient?condition           one                 names it
                                          none, several       the whole message is held

So a replay of what is there already writes nothing at all. What several bridges write at the same time
is decided by the server: ifMatch fails (412), and the message is looked at anew.
"""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from fhirserver_device_bridge.sender.lookup import Resource, Stored

Bundle = dict[str, Any]
Supersedes = Callable[[Resource, Resource], bool]
"""Whether the first resource may take the place of the second, which is stored."""

_ENCODER = msgspec.json.Encoder(order="sorted", decimal_format="number")


@dataclass(frozen=True, slots=True)
class Held:
    """The message waits.

    Attributes:
        reason: without values of the patient.
    """

    reason: str


def conditions(bundle: Bundle) -> set[str]:
    """Collect the conditions of a Bundle's entries and references."""
    found = {reference for _, reference in _references(bundle) if "?" in reference}
    for entry in bundle["entry"]:
        condition = _condition(entry)
        if condition is not None:
            found.add(condition)
    return found


def reconcile(bundle: Bundle, stored: Stored, supersedes: Supersedes) -> Bundle | Held | None:
    """Take from a transaction what need not or must not be written.

    Args:
        bundle: stays as it is.
        stored: of its `conditions`.
        supersedes: tells older from newer.

    Returns:
        What is to be sent; None where nothing is left; `Held` where a patient is not known.
    """
    left = copy.deepcopy(bundle)
    links = {
        entry["fullUrl"]: _local(matches[0])
        for entry in left["entry"]
        if "fullUrl" in entry and len(matches := _matches(entry, stored)) == 1
    }
    for holder, reference in list(_references(left)):
        if reference.startswith("Patient?") and reference in stored:
            if len(stored[reference]) != 1:
                return Held("patient unknown" if not stored[reference] else "patient ambiguous")
            holder["reference"] = _local(stored[reference][0])
        else:
            holder["reference"] = links.get(reference, reference)
    left["entry"] = [each for each in left["entry"] if _stays(each, stored, supersedes)]
    written = {_target(each, links) for each in left["entry"]}
    left["entry"] = [each for each in left["entry"] if _tells_of(each, written)]
    return left if left["entry"] else None


def _stays(entry: dict[str, Any], stored: Stored, supersedes: Supersedes) -> bool:
    matches = _matches(entry, stored)
    if len(matches) != 1:
        return True
    (found,) = matches
    if entry["request"]["method"] == "POST":
        return False
    if _content(entry["resource"]) == _content(found) or not supersedes(entry["resource"], found):
        return False
    entry["request"]["ifMatch"] = f'W/"{found["meta"]["versionId"]}"'
    return True


def _tells_of(entry: dict[str, Any], written: set[str]) -> bool:
    """Confine a Provenance to what is written; tell whether the entry has anything to say."""
    resource = entry.get("resource", {})
    if resource.get("resourceType") != "Provenance":
        return True
    resource["target"] = [each for each in resource["target"] if each.get("reference") in written]
    return bool(resource["target"])


def _target(entry: dict[str, Any], links: dict[str, str]) -> str:
    full_url = entry.get("fullUrl", "")
    return links.get(full_url, full_url)


def _matches(entry: dict[str, Any], stored: Stored) -> tuple[Resource, ...]:
    condition = _condition(entry)
    return stored.get(condition, ()) if condition is not None else ()


def _condition(entry: dict[str, Any]) -> str | None:
    request = entry["request"]
    if request["method"] == "PUT" and "?" in request["url"]:
        return str(request["url"])
    if request["method"] == "POST" and "ifNoneExist" in request:
        return f"{request['url']}?{request['ifNoneExist']}"
    return None


def _content(resource: Resource) -> bytes:
    """Give what a client says of a resource, without what the server adds; 2.0 is not 2."""
    meta = {
        name: value
        for name, value in resource.get("meta", {}).items()
        if name not in ("versionId", "lastUpdated")
    }
    rest = {name: value for name, value in resource.items() if name not in ("id", "meta")}
    return _ENCODER.encode({**rest, "meta": meta})


def _local(resource: Resource) -> str:
    return f"{resource['resourceType']}/{resource['id']}"


def _references(value: Any) -> Iterator[tuple[dict[str, Any], str]]:
    """Find every Reference with a reference, depth first."""
    if isinstance(value, dict):
        reference = value.get("reference")
        if isinstance(reference, str):
            yield value, reference
        for each in value.values():
            yield from _references(each)
    elif isinstance(value, list):
        for each in value:
            yield from _references(each)
