"""One alarm becomes a DetectedIssue, and a Communication for each channel that took its news.

Once somebody has acknowledged it, there is an AuditEvent, too (`alarm_audit`).

Spec: https://hl7.org/fhir/R4/detectedissue.html, https://hl7.org/fhir/R4/communication.html

    DetectedIssue.status       preliminary while the alarm is open, final once it has ended
                 .code         what is wrong: MDC of the device, LL or HH of a critical value
                 .severity     of its priority
                 .identified   from its start to its end
                 .author       the device
                 .evidence     what was measured, with the Observation's identifier; the states that
                               the device gives; the critical limit, and where that comes from
                 .mitigation   who acknowledged it, and when

A later entry of the same alarm updates it, an earlier one does not: `precedence` tells by
`observation.SEQUENCE`, as for Observations.
"""

from fhirserver_device_bridge.alarms.alarm import Alarm, Priority, Told
from fhirserver_device_bridge.fhir import identity
from fhirserver_device_bridge.fhir.alarm_audit import acknowledgement
from fhirserver_device_bridge.fhir.bundle import created, equipment_of, updated
from fhirserver_device_bridge.fhir.json_text import JsonObject
from fhirserver_device_bridge.fhir.observation import sequence
from fhirserver_device_bridge.fhir.terms import concept
from fhirserver_device_bridge.reading import Coding, Identifier

_SEVERITY: dict[Priority, str] = {"high": "high", "medium": "moderate", "low": "low"}
_OWN = f"{identity.SYSTEM}:alarm"
_KINDS = {
    "device": "Alarm of a device",
    "silence": "A device is silent",
    "critical": "Critical value",
}


def alarm_transaction(alarm: Alarm, subject: str | None, number: int) -> JsonObject:
    """Make the Bundle of an alarm.

    Args:
        alarm: as it was when the entry was made.
        subject: reference to the patient; None for an alarm about nobody.
        number: of the entry in the journal.
    """
    found_by = Identifier(_OWN, alarm.id)
    entries = [
        *equipment_of(alarm.condition.path, alarm.source),
        updated(found_by, _issue(alarm, found_by, subject, number)),
        *(_communication(alarm, told, found_by, subject) for told in alarm.told),
    ]
    taken_over = acknowledgement(alarm, identity.full_url(found_by), subject)
    entries += [taken_over] if taken_over else []
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def _issue(alarm: Alarm, found_by: Identifier, subject: str | None, number: int) -> JsonObject:
    condition = alarm.condition
    written: JsonObject = {
        "resourceType": "DetectedIssue",
        "extension": [sequence(alarm.changed.isoformat(timespec="milliseconds"), number)],
        "identifier": [{"system": found_by.system, "value": found_by.value}],
        "status": "preliminary" if alarm.is_open else "final",
        "code": _code(alarm),
        "severity": _SEVERITY.get(condition.priority) if condition.priority else None,
        "patient": {"reference": subject} if subject else None,
        "identifiedPeriod": _period(alarm),
        "author": _device(alarm),
        "evidence": _evidence(alarm),
        "detail": condition.text,
        "mitigation": _mitigation(alarm),
    }
    return {name: value for name, value in written.items() if value}


def _code(alarm: Alarm) -> JsonObject:
    """Write what is wrong; the kind of the alarm is told in any case."""
    kind = Coding(f"{_OWN}-kind", alarm.kind, _KINDS[alarm.kind])
    return concept([*alarm.condition.codes, kind], alarm.source, alarm.condition.text or None)


def _period(alarm: Alarm) -> JsonObject:
    ends = (("start", alarm.started), ("end", alarm.ended))
    return {name: text for name, text in ends if text is not None}


def _device(alarm: Alarm) -> JsonObject | None:
    path = alarm.condition.path
    if not path:
        return None
    return {"reference": identity.full_url(identity.device(path, alarm.source))}


def _evidence(alarm: Alarm) -> list[JsonObject]:
    condition, evidence = alarm.condition, alarm.condition.evidence
    states = [text for text in (condition.state, *condition.inactivation) if text]
    written: list[JsonObject] = [{"code": [{"text": text}]} for text in states]
    if condition.limit:
        written.append({"code": [{"text": f"limit {condition.limit}: {condition.reference}"}]})
    if evidence is not None:
        shown = f"{evidence.text} ({evidence.range})" if evidence.range else evidence.text
        measured: JsonObject = {"code": [concept(evidence.codes, alarm.source, shown)]}
        if evidence.observation is not None:
            # By its identifier: the alarm is told, whatever becomes of the Observation.
            found_by = {
                "system": evidence.observation.system,
                "value": evidence.observation.value,
            }
            measured["detail"] = [{"type": "Observation", "identifier": found_by}]
        written.append(measured)
    return written


def _mitigation(alarm: Alarm) -> list[JsonObject]:
    if alarm.acknowledged is None:
        return []
    return [
        {
            "action": {"text": "acknowledged"},
            "date": alarm.acknowledged.isoformat(timespec="milliseconds"),
            "author": {"display": alarm.acknowledged_by},
        }
    ]


def _communication(alarm: Alarm, told: Told, about: Identifier, subject: str | None) -> JsonObject:
    """Make the entry of a Communication: the news of an alarm, to one channel."""
    found_by = Identifier(
        f"{identity.SYSTEM}:notification", identity.digest(alarm.id, told.channel)
    )
    resource: JsonObject = {
        "resourceType": "Communication",
        "identifier": [{"system": found_by.system, "value": found_by.value}],
        "status": "completed",
        "category": [{"coding": [{"system": _CATEGORY, "code": "alert"}]}],
        "about": [{"reference": identity.full_url(about)}],
        "sent": told.at.isoformat(timespec="milliseconds"),
        "recipient": [{"display": told.channel}],
    }
    if subject:
        resource["subject"] = {"reference": subject}
    return created(found_by, resource)


_CATEGORY = "http://terminology.hl7.org/CodeSystem/communication-category"
