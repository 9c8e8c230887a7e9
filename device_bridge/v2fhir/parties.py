"""People, organizations and places that a field names: references to resources made once.

Spec: HL7 v2.6 chapter 2A, XCN, CNN, XON, PL; the datatype maps of
https://build.fhir.org/ig/HL7/v2-to-fhir

Each is found by its number: one that the sender's authority gave, or of the source. Without a
number nothing is made, and the reference is its name alone. What is there already is left as it
is.
"""

from fhirserver_device_bridge.fhir import identity
from fhirserver_device_bridge.fhir.bundle import created
from fhirserver_device_bridge.fhir.json_text import JsonObject
from fhirserver_device_bridge.reading import Identifier
from fhirserver_device_bridge.v2fhir.datatypes import (
    Around,
    assigned,
    identifier,
)
from fhirserver_device_bridge.v2fhir.demographics import human_name
from fhirserver_device_bridge.v2fhir.pieces import Piece

_PLACE = f"{identity.SYSTEM}:place"


def practitioner(piece: Piece, around: Around) -> JsonObject | None:
    """Read an XCN or CNN as a reference to a Practitioner."""
    name = human_name(piece, 2, around, 10)
    if name is not None and set(name) <= {"use", "period"}:
        name = None
    number = piece.part(1)
    shown = _shown(name) or number
    if not number or not shown:
        return {"display": shown} if shown else None
    found_by = assigned(number, piece.within(9), around, piece.part(13))
    made: JsonObject = {"resourceType": "Practitioner", "identifier": [identifier(found_by)]}
    if name:
        made["name"] = [name]
    return _referred(found_by, made, shown, around)


def organization(piece: Piece, around: Around) -> JsonObject | None:
    """Read an XON, or a CWE of a manufacturer, as a reference to an Organization."""
    name = piece.part(1)
    number, assigner = piece.part(10) or piece.part(3), piece.within(6)
    if not number or not name:
        shown = name or number
        return {"display": shown} if shown else None
    return _organization(assigned(number, assigner, around, piece.part(7)), name, around)


def coded_organization(piece: Piece, around: Around) -> JsonObject | None:
    """Read a CWE, code, name and system, as a reference to an Organization."""
    code, name, system = [*piece.parts(), *[""] * 3][:3]
    shown = name or code
    if not code or not system:
        return {"display": shown} if shown else None
    uri = around.systems.get(system) or identity.uri(system, around.source.name)
    return _organization(Identifier(uri, code), shown, around)


def place(piece: Piece, around: Around) -> JsonObject | None:
    """Read a PL as a reference to a Location: one for each bed, room or ward that is named."""
    inner = [piece.within(number) for number in (1, 2, 3, 4, 7, 8)]
    point, room, bed, facility, building, floor = [each.part(1) if each else "" for each in inner]
    shown = ", ".join(each for each in (point, room, bed, facility, building, floor) if each)
    if not shown:
        return {"display": " ".join(each for each in piece.parts() if each)}
    told = identity.digest(around.source.name, point, room, bed, facility, building, floor)
    found_by = Identifier(_PLACE, told)
    made = {
        "resourceType": "Location",
        "identifier": [identifier(found_by)],
        "name": shown,
        "mode": "instance",
    }
    return _referred(found_by, made, shown, around)


def _organization(found_by: Identifier, name: str, around: Around) -> JsonObject:
    made = {
        "resourceType": "Organization",
        "identifier": [identifier(found_by)],
        "name": name,
    }
    return _referred(found_by, made, name, around)


def _referred(found_by: Identifier, made: JsonObject, shown: str, around: Around) -> JsonObject:
    url = identity.full_url(found_by, made["resourceType"])
    around.parties.setdefault(url, {**created(found_by, made), "fullUrl": url})
    return {"reference": url, "display": shown}


def _shown(name: JsonObject | None) -> str:
    if name is None:
        return ""
    parts = [*name.get("prefix", ()), *name.get("given", ()), name.get("family", "")]
    return " ".join(each for each in parts if each)
