"""A row of the audit trail as an AuditEvent, by IHE's Basic Audit Log Patterns. Pure.

Spec: https://hl7.org/fhir/R4/auditevent.html, https://profiles.ihe.net/ITI/BALP/

    read, vread, history-*   Read, PatientRead         search-*    Query, PatientQuery
    create                   Create, PatientCreate     delete      Delete, PatientDelete
    update, patch            Update, PatientUpdate     the rest    no profile

The forms with "Patient" are for what concerns a patient; each patient is an entity of its own.
Whoever came with an access token has its number in `agent.policy`.
"""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from fhirserver.definitions import Definitions
from fhirserver.model.instant import format_instant
from fhirserver.model.json import JsonObject

_HL7 = "http://terminology.hl7.org/CodeSystem/"
_DCM = "http://dicom.nema.org/resources/ontology/DCM"
_REST = "http://hl7.org/fhir/restful-interaction"
_OWN_EVENTS = "urn:fhirserver:audit-event"
_PROFILES = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
_ACTIONS = {
    "read": ("R", "Read"),
    "vread": ("R", "Read"),
    "history-instance": ("R", "Read"),
    "history-type": ("R", "Read"),
    "history-system": ("R", "Read"),
    "search-type": ("E", "Query"),
    "search-system": ("E", "Query"),
    "search-compartment": ("E", "Query"),
    "create": ("C", "Create"),
    "update": ("U", "Update"),
    "patch": ("U", "Update"),
    "delete": ("D", "Delete"),
}
_OF_ACCOUNTS = {
    "login": ("110114", "110122"),
    "login-code": ("110114", "110122"),
    "login-again": ("110114", "110122"),
    "logout": ("110114", "110123"),
}
"""Codes of DICOM for what identity tells: User Authentication, and Login or Logout."""
_REFUSED = (401, 403)
_SERVERS_FAULT = 500
_CLIENTS_FAULT = 400


def audit_event(
    said: Mapping[str, Any], patients: Sequence[str], definitions: Definitions, base_url: str
) -> JsonObject:
    """Render one row.

    Args:
        said: `store.audit_trail.TRAIL_COLUMNS` by name.
        patients: logical ids of the patients that it concerns.
        definitions: name the resource types.
        base_url: FHIR base of this server, which is the observer.
    """
    interaction = said["interaction"]
    action, profile = _ACTIONS.get(interaction, ("E", ""))
    event: JsonObject = {
        "resourceType": "AuditEvent",
        "id": f"trail-{said['entry']}",
        "type": _type(interaction),
        "subtype": _subtypes(interaction, _REST if profile else _OWN_EVENTS),
        "action": action,
        "recorded": format_instant(round(said["at"].timestamp() * 1_000_000)),
        "outcome": _outcome(said["outcome"]),
        "agent": list(_agents(said, base_url)),
        "source": {
            "observer": {"display": base_url},
            "type": [_coding(_HL7 + "security-source-type", "4")],
        },
        "entity": list(_entities(said, patients, definitions)),
    }
    if said["purpose"]:
        purpose = _coding(_HL7 + "v3-ActReason", said["purpose"])
        event["purposeOfEvent"] = [{"coding": [purpose]}]
    if said["reason"]:
        event["outcomeDesc"] = said["reason"]
    if profile and said["outcome"] < _CLIENTS_FAULT:
        event["meta"] = {"profile": [f"{_PROFILES}{'Patient' if patients else ''}{profile}"]}
    return {name: value for name, value in event.items() if value != []}


def _type(interaction: str) -> JsonObject:
    if interaction in _OF_ACCOUNTS:
        return _coding(_DCM, _OF_ACCOUNTS[interaction][0])
    return _coding(_HL7 + "audit-event-type", "rest")


def _subtypes(interaction: str, system: str) -> list[JsonObject]:
    own = _coding(system, interaction)
    if interaction in _OF_ACCOUNTS:
        return [_coding(_DCM, _OF_ACCOUNTS[interaction][1]), own]
    return [own]


def _outcome(status: int) -> str:
    """Grade an HTTP status as AuditEvent does: 0 success, 4 minor, 8 serious, 12 major failure."""
    if status in _REFUSED:
        return "8"
    if status >= _SERVERS_FAULT:
        return "12"
    return "4" if status >= _CLIENTS_FAULT else "0"


def _agents(said: Mapping[str, Any], base_url: str) -> list[JsonObject]:
    client: JsonObject = {
        "type": {"coding": [_coding(_DCM, "110153")]},
        "who": {"identifier": {"value": said["client"] or "none"}},
        "requestor": False,
    }
    if said["address"]:
        client["network"] = {"address": said["address"], "type": "2"}
    server: JsonObject = {
        "type": {"coding": [_coding(_DCM, "110152")]},
        "who": {"display": base_url},
        "requestor": False,
        "network": {"address": base_url, "type": "5"},
    }
    user: JsonObject = {
        "type": {"coding": [_coding(_HL7 + "v3-ParticipationType", "IRCP")]},
        "who": _who(said["actor"]),
        "requestor": True,
    }
    if said["token"]:
        user["policy"] = [f"urn:fhirserver:access-token:{said['token']}"]
    return [client, server, user]


def _who(actor: str) -> JsonObject:
    if "/" in actor:
        return {"reference": actor}
    return {"identifier": {"value": actor or "unknown"}}


def _entities(
    said: Mapping[str, Any], patients: Sequence[str], definitions: Definitions
) -> list[JsonObject]:
    entities = [
        _entity("1", "1", {"what": {"reference": f"Patient/{patient}"}}) for patient in patients
    ]
    if said["tid"] is not None and said["id"]:
        reference = f"{definitions.type_name(said['tid'])}/{said['id']}"
        if said["version"]:
            reference += f"/_history/{said['version']}"
        entities.append(_entity("2", "4", {"what": {"reference": reference}}))
    if said["query"] is not None:
        path = "" if said["tid"] is None else definitions.type_name(said["tid"])
        query = base64.b64encode(f"{path}?{said['query']}".encode()).decode()
        entities.append(_entity("2", "24", {"query": query}))
    if said["request_id"]:
        entities.append(
            {
                "what": {"identifier": {"value": said["request_id"]}},
                "type": _coding(
                    "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType",
                    "XrequestId",
                ),
            }
        )
    return entities


def _entity(type_: str, role: str, more: JsonObject) -> JsonObject:
    return more | {
        "type": _coding(_HL7 + "audit-entity-type", type_),
        "role": _coding(_HL7 + "object-role", role),
    }


def _coding(system: str, code: str) -> JsonObject:
    return {"system": system, "code": code}
