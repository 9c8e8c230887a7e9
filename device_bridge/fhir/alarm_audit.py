"""The AuditEvent of an acknowledgement: who took an alarm over, and of whom it was.

Spec: https://hl7.org/fhir/R4/auditevent.html

An AuditEvent has no identifier: it is found by that of its last entity, which no other event has.
"""

from fhirserver_device_bridge.alarms.alarm import Alarm
from fhirserver_device_bridge.fhir import identity
from fhirserver_device_bridge.fhir.json_text import JsonObject
from fhirserver_device_bridge.reading import Identifier

_TYPE = "http://terminology.hl7.org/CodeSystem/audit-event-type"
_ENTITY = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
_ROLE = "http://terminology.hl7.org/CodeSystem/object-role"
_EVENT = f"{identity.SYSTEM}:alarm-event"


def acknowledgement(alarm: Alarm, issue: str, subject: str | None) -> JsonObject | None:
    """Make the entry of the AuditEvent; None for an alarm that nobody has taken over.

    Args:
        alarm: the alarm.
        issue: reference to its DetectedIssue.
        subject: reference to the patient; None for an alarm about nobody.
    """
    if alarm.acknowledged is None:
        return None
    found_by = Identifier(_EVENT, identity.digest(alarm.id, "acknowledged"))
    bridge = {"identifier": {"system": f"{identity.SYSTEM}:source", "value": alarm.source}}
    patient = [{"what": {"reference": subject}, **_kind("1", "1")}] if subject else []
    event = {"identifier": {"system": found_by.system, "value": found_by.value}}
    resource = {
        "resourceType": "AuditEvent",
        "type": {"system": _TYPE, "code": "object", "display": "Object"},
        "subtype": [{"system": _EVENT, "code": "acknowledged", "display": "Alarm acknowledged"}],
        "action": "U",
        "recorded": alarm.acknowledged.isoformat(timespec="milliseconds"),
        "outcome": "0",
        "agent": [
            {"name": alarm.acknowledged_by, "requestor": True},
            {"who": bridge, "name": "Device bridge", "requestor": False},
        ],
        "source": {"observer": {**bridge, "display": "Device bridge"}},
        "entity": [
            *patient,
            {"what": {"reference": issue}, **_kind("2", "4")},
            {"what": event, **_kind("4", "4")},
        ],
    }
    condition = f"entity:{identity.condition(found_by)}"
    request = {"method": "POST", "url": "AuditEvent", "ifNoneExist": condition}
    return {"resource": resource, "request": request}


def _kind(entity: str, role: str) -> JsonObject:
    """Tell what an entity is, by the codes of DICOM that R4 takes over."""
    return {"type": {"system": _ENTITY, "code": entity}, "role": {"system": _ROLE, "code": role}}
