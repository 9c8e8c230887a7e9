"""What is left of a transaction once it is known what the server has; pure.

Spec: https://hl7.org/fhir/R4/http.html#transaction

    entry                        the server has       becomes
    PUT Type?condition           nothing              stays, to create only
                                 an older one         stays, with ifMatch
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

from fhirserver_device_bridge.fhir.precedence import supersedes
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


UNKNOWN = Held("patient unknown: the server has none with this identifier")
AMBIGUOUS = Held("patient ambiguous: the server has several with this identifier")


def conditions(bundle: Bundle) -> set[str]:
    """Collect the conditions of a Bundle's entries and references."""
    found = {reference for reference in _references(bundle) if "?" in reference}
    of_entries = (_condition(entry) for entry in bundle["entry"])
    return found | {condition for condition in of_entries if condition is not None}


def is_of_patient(condition: str) -> bool:
    """Tell whether a condition looks for a patient."""
    return condition.startswith("Patient?")


def held(patients: Stored) -> Held | None:
    """Tell why a message has to wait for its patients; None where each is one on the server."""
    for found in patients.values():
        if len(found) != 1:
            return AMBIGUOUS if found else UNKNOWN
    return None


def reconcile(bundle: Bundle, stored: Stored) -> Bundle | None:
    """Take from a transaction what need not or must not be written.

    Args:
        bundle: stays as it is.
        stored: of its `conditions`; one patient for each of a patient.

    Returns:
        What is to be sent; None where nothing is left.
    """
    links = {
        entry["fullUrl"]: _local(matches[0])
        for entry in bundle["entry"]
        if "fullUrl" in entry and len(matches := _matches(entry, stored)) == 1
    }
    links |= {each: _local(found[0]) for each, found in stored.items() if is_of_patient(each)}
    left = [kept for entry in bundle["entry"] if (kept := _kept(entry, stored, links)) is not None]
    written = {links.get(url, url) for url in (entry.get("fullUrl") for entry in left)}
    left = [entry for entry in left if _tells_of(entry, written)]
    return {**bundle, "entry": left} if left else None


def _kept(entry: Entry, stored: Stored, links: Mapping[str, str]) -> Entry | None:
    """Give an entry as it is to be sent, with its precondition; None where it is not."""
    matches, request = _matches(entry, stored), entry["request"]
    if request["method"] == "POST" and len(matches) == 1:
        return None
    resource = _linked(entry["resource"], links)
    if request["method"] == "PUT" and not matches:
        request = {**request, "ifNoneMatch": "*"}
    elif len(matches) == 1:
        if not supersedes(resource, matches[0]):
            return None
        request = {**request, "ifMatch": f'W/"{matches[0]["meta"]["versionId"]}"'}
    return {**entry, "resource": resource, "request": request}


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
