"""Who says in FHIR whose devices and beds are: DeviceUseStatement and Encounter. Pure.

Spec: https://hl7.org/fhir/R4/deviceusestatement.html, https://hl7.org/fhir/R4/encounter.html

    DeviceUseStatement   a device (device, by its identifiers that have a system) is used by a
                         patient (subject) for a time (timingPeriod, or from timingDateTime on)
    Encounter            a patient (subject) is in a bed (location.location) for a time
                         (location.period, else the Encounter's own)

A bed is a Location with an identifier whose value is what PV1-3 would say, such as ICU^2^B1. Times
need a time of day: what began "on the 4th" is not guessed at. What cannot be used says nothing.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from fhirserver_device_bridge.assignments import Assignment
from fhirserver_device_bridge.reading import Identifier, Location, is_uri, record_number

Resource = Mapping[str, Any]
Included = Mapping[str, Resource]
"""Resources by "Type/id"."""

INCLUDES = {
    "DeviceUseStatement": ("DeviceUseStatement:device", "DeviceUseStatement:subject"),
    "Encounter": ("Encounter:subject", "Encounter:location"),
}
"""What is needed beside the resources of a type."""

_USED = frozenset({"active", "completed", "stopped", "on-hold"})
_OVER = frozenset({"completed", "stopped"})
_THERE = frozenset({"arrived", "triaged", "in-progress", "onleave", "finished"})
_LEFT = frozenset({"planned", "reserved"})


def said_by(bundle: Resource, type_: str) -> dict[str, tuple[Assignment, ...]]:
    """Read a page of a search.

    Args:
        bundle: with what `INCLUDES` names.
        type_: of its matches.

    Returns:
        What each match says, by "Type/id"; () for one that says nothing, or nothing any more.
    """
    resources = [entry["resource"] for entry in bundle.get("entry", ()) if "resource" in entry]
    included = {f"{each['resourceType']}/{each['id']}": each for each in resources}
    read = _READERS[type_]
    return {
        key: tuple(read(each, included))
        for key, each in included.items()
        if each["resourceType"] == type_
    }


def last_updated(bundle: Resource, type_: str) -> datetime | None:
    """Tell when the newest resource of a type was updated; None where there is none."""
    resources = (entry.get("resource", {}) for entry in bundle.get("entry", ()))
    found = [
        at
        for each in resources
        if each.get("resourceType") == type_
        if (at := _instant(each.get("meta", {}).get("lastUpdated"))) is not None
    ]
    return max(found, default=None)


def _of_statement(statement: Resource, included: Included) -> Iterator[Assignment]:
    period = statement.get("timingPeriod", {"start": statement.get("timingDateTime")})
    patient = _patient(statement.get("subject", {}), included)
    devices = tuple(
        Identifier(each["system"], each["value"])
        for each in _identifiers(statement.get("device", {}), included)
        if each.get("system")
    )
    start, end = _instant(period.get("start")), _instant(period.get("end"))
    status = statement.get("status")
    if not (patient and devices and start) or status not in _USED:
        return
    if end is None and ("end" in period or status in _OVER):
        return  # It is over, and nothing tells since when.
    yield Assignment(
        patient, start, end, devices=devices, by=f"DeviceUseStatement/{statement['id']}"
    )


def _of_encounter(encounter: Resource, included: Included) -> Iterator[Assignment]:
    patient = _patient(encounter.get("subject", {}), included)
    if patient is None or encounter.get("status") not in _THERE:
        return
    stay = encounter.get("period", {})
    for each in encounter.get("location", ()):
        period = {**stay, **each.get("period", {})}
        start, end = _instant(period.get("start")), _instant(period.get("end"))
        if start is None or each.get("status") in _LEFT:
            continue
        is_over = encounter["status"] == "finished" or each.get("status") == "completed"
        if end is None and ("end" in period or is_over):
            continue
        for place in _beds(each.get("location", {}), included):
            yield Assignment(patient, start, end, place=place, by=f"Encounter/{encounter['id']}")


_READERS = {"DeviceUseStatement": _of_statement, "Encounter": _of_encounter}


def _patient(reference: Resource, included: Included) -> Identifier | None:
    if not str(reference.get("reference", reference.get("type", ""))).count("Patient"):
        return None
    found = [
        Identifier(each["system"], each["value"], _kind(each))
        for each in _identifiers(reference, included)
        if is_uri(each.get("system", ""))
    ]
    return record_number(found)


def _kind(identifier: Resource) -> str | None:
    codings = identifier.get("type", {}).get("coding", ())
    return next((str(each["code"]) for each in codings if "code" in each), None)


def _beds(reference: Resource, included: Included) -> Iterator[Location]:
    for each in _identifiers(reference, included):
        parts = [part or None for part in [*str(each["value"]).split("^"), *[""] * 4][:4]]
        if parts[2]:
            yield Location(*parts)


def _identifiers(reference: Resource, included: Included) -> Iterator[Resource]:
    """Give the identifiers of what is referred to: of the resource, else of the reference."""
    key = "/".join(str(reference.get("reference", "")).split("/_history/")[0].split("/")[-2:])
    resource = included.get(key, {})
    told = (*resource.get("identifier", ()), reference.get("identifier", {}))
    return (each for each in told if each.get("value") and each.get("use") != "old")


def _instant(text: str | None) -> datetime | None:
    """Read an instant, or a dateTime with a time of day."""
    try:
        at = datetime.fromisoformat(text) if text and "T" in text else None
    except ValueError:
        return None
    return at.astimezone(UTC) if at is not None and at.tzinfo is not None else None
