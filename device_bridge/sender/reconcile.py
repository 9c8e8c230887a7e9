"""What is left of a transaction once it is known what the server has; pure.

Spec: https://hl7.org/fhir/R4/http.html#transaction

    entry                        the server has       becomes
    PUT Type?condition           nothing              stays, to create only (ifNoneMatch)
                                 an older one         is a PUT on its id, with ifMatch
                                 the same or newer    leaves the Bundle
    POST with ifNoneExist        one                  leaves the Bundle
    POST of a Provenance                              tells of what is written, or leaves
    reference Patient?condition  one                  names it
                                 none, several        the whole message is held

So a replay of what is there already writes nothing at all. What several bridges write at the same
time is decided by the server: a precondition fails (412), and the message is looked at anew.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fhirserver_device_bridge.fhir.identity import SYSTEM
from fhirserver_device_bridge.fhir.precedence import amended, present, supersedes
from fhirserver_device_bridge.sender.lookup import Resource, Stored

Bundle = dict[str, Any]
Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Held:
    """The message waits.

    Attributes:
        reason: without values of the patient.
    """

    reason: str


UNKNOWN = Held("patient unknown: the server has none with this identifier, or of this specimen")
AMBIGUOUS = Held("patient ambiguous: the server has several with this identifier or specimen")


@dataclass(frozen=True, slots=True)
class Draft:
    """The transaction of one message, and what has to be asked before it is sent.

    Attributes:
        bundle: stays as it is.
        patients, devices, updated: conditions that find its patients, its devices, and what it
            updates.
    """

    bundle: Bundle
    patients: frozenset[str]
    devices: frozenset[str]
    updated: frozenset[str]


def draft(bundle: Bundle) -> Draft:
    """Collect the conditions of a Bundle's entries and references."""
    updated = updated_by(bundle)
    of_entries = {condition for entry in bundle["entry"] if (condition := _condition(entry))}
    others = {reference for reference in _references(bundle) if "?" in reference} - updated
    patients = {each for each in others if _is_of_patient(each)}
    return Draft(
        bundle,
        patients=frozenset(patients),
        devices=frozenset((others | of_entries) - patients - updated),
        updated=updated,
    )


def updated_by(bundle: Bundle) -> frozenset[str]:
    """Collect the conditions under which a Bundle updates."""
    requests = (entry["request"] for entry in bundle["entry"])
    return frozenset(request["url"] for request in requests if request["method"] == "PUT")


def created_by(bundle: Bundle) -> frozenset[str]:
    """Collect the conditions under which a Bundle creates what is not there."""
    entries = (entry for entry in bundle["entry"] if "ifNoneExist" in entry["request"])
    return frozenset(condition for entry in entries if (condition := _condition(entry)))


def _is_of_patient(condition: str) -> bool:
    return condition.startswith("Patient?")


def held(wanted: Draft, patients: Stored) -> Held | None:
    """Tell why a message has to wait for its patients; None where each is one on the server."""
    for condition in wanted.patients:
        found = patients.get(condition)
        if found is not None and len(found) != 1:
            return AMBIGUOUS if found else UNKNOWN
    return None


def reconcile(wanted: Draft, stored: Stored, *, by_id: bool = False) -> Bundle | None:
    """Take from a transaction what need not or must not be written.

    Args:
        wanted: stays as it is.
        stored: of its conditions, those that were asked; one patient for each of a patient.
        by_id: what is new is written under an id of its own, made of its identifier: a server
            that takes ids of clients need not search for it then.

    Returns:
        What is to be sent; None where nothing is left.
    """
    entries = wanted.bundle["entry"]
    links = {
        entry["fullUrl"]: _local(matches[0])
        for entry in entries
        if "fullUrl" in entry and len(matches := _matches(entry, stored)) == 1
    }
    links |= {each: _local(stored[each][0]) for each in wanted.patients if each in stored}
    kept = (_kept(entry, stored, links) for entry in entries)
    left = [_addressed(entry) if by_id else entry for entry in kept if entry is not None]
    written = {links.get(url, url) for url in (entry.get("fullUrl") for entry in left)}
    left = [entry for entry in left if _tells_of(entry, written)]
    return {**wanted.bundle, "entry": left} if left else None


def _addressed(entry: Entry) -> Entry:
    """Give what is to be created by a PUT its own id: the value of its identifier.

    An identifier that others gave is no id: somebody else's may be the same.
    """
    request, resource = entry["request"], entry["resource"]
    if request.get("ifNoneMatch") is None or not _is_own(resource["identifier"][0]["system"]):
        return entry
    own = resource["identifier"][0]["value"]
    url = f"{resource['resourceType']}/{own}"
    return {**entry, "resource": {**resource, "id": own}, "request": {**request, "url": url}}


def _is_own(system: str) -> bool:
    """Tell whether the bridge made an identifier, not one of its sources."""
    return system.startswith(f"{SYSTEM}:") and not system.startswith(f"{SYSTEM}:source")


def _kept(entry: Entry, stored: Stored, links: Mapping[str, str]) -> Entry | None:
    """Give an entry as it is to be sent, with its precondition; None where it is not."""
    matches, request = _matches(entry, stored), entry["request"]
    if request["method"] == "POST" and len(matches) == 1:
        return None
    resource = _linked(entry["resource"], links)
    if request["method"] == "PUT" and not matches:
        request = {**request, "ifNoneMatch": "*"}
    elif len(matches) == 1:
        stored_as = matches[0]
        resource = amended(resource, stored_as)
        if not supersedes(resource, stored_as):
            return None
        resource = {**resource, "id": stored_as["id"]}
        version = f'W/"{stored_as["meta"]["versionId"]}"'
        request = {**request, "url": _local(stored_as), "ifMatch": version}
    return {**entry, "resource": present(resource), "request": request}


def _tells_of(entry: Entry, written: set[str | None]) -> bool:
    """Confine a Provenance to what is written; tell whether the entry has anything to say."""
    resource = entry["resource"]
    if resource["resourceType"] != "Provenance":
        return True
    resource["target"] = [each for each in resource["target"] if each["reference"] in written]
    return bool(resource["target"])


def _matches(entry: Entry, stored: Stored) -> tuple[Resource, ...]:
    return stored.get(_condition(entry) or "", ())


def _condition(entry: Entry) -> str | None:
    request = entry["request"]
    if request["method"] == "PUT" and "?" in request["url"]:
        return str(request["url"])
    if request["method"] == "POST" and "ifNoneExist" in request:
        return f"{request['url']}?{request['ifNoneExist']}"
    return None


def _local(resource: Resource) -> str:
    return f"{resource['resourceType']}/{resource['id']}"


def _linked(value: Any, links: Mapping[str, str]) -> Any:
    """Copy a value, with its references led to where they belong."""
    if isinstance(value, dict):
        return {
            name: links.get(each, each)
            if name == "reference" and isinstance(each, str)
            else _linked(each, links)
            for name, each in value.items()
        }
    if isinstance(value, list):
        return [_linked(each, links) for each in value]
    return value


def _references(value: Any) -> Iterator[str]:
    """Find every reference, depth first."""
    if isinstance(value, dict):
        for name, each in value.items():
            if name == "reference" and isinstance(each, str):
                yield each
            else:
                yield from _references(each)
    elif isinstance(value, list):
        for each in value:
            yield from _references(each)
