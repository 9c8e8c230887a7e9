"""Coincident time stamps: what a device's clock showed when another clock was read.

Spec: https://hl7.org/fhir/uv/phd, PhdCoincidentTimeStampObservation

    code                what clock it is
    subject             the device whose clock it is
    device              who read it: the bridge, or the gateway that sent the message
    effectiveDateTime   the reader's time; absent where the device's clock is the better one
    value[x]            the device's time, or its counter in microseconds; dataAbsentReason for none
    component           how the device's clock is set

Observations refer to it by `REFERENCE`. It is made once, as devices are: it says what was read at
one moment, and nothing corrects that.
"""

from decimal import Decimal

from fhirserver_device_bridge.fhir import identity
from fhirserver_device_bridge.fhir.json_text import JsonObject
from fhirserver_device_bridge.fhir.terms import ABSENT, concept
from fhirserver_device_bridge.reading import MDC, UCUM, ClockReading, Coding, Moment, Reading

REFERENCE = "http://hl7.org/fhir/uv/phd/StructureDefinition/CoincidentTimeStampReference"
_SYNCHRONISED_BY = Coding(MDC, "68220", "MDC_TIME_SYNC_PROTOCOL")
_GATEWAY = Coding(MDC, "531981", "MDC_MOC_VMS_MDS_AHD")
_TIME_FAULT = {
    "coding": [{"system": ABSENT, "code": "unknown"}],
    "text": "Time fault of the device",
}


def reference(reading: Reading) -> list[JsonObject]:
    """Give the extension that leads to the clock of a reading; empty where it has none."""
    if reading.clock is None:
        return []
    found_by = identity.clock_reading(reading.clock, reading.path, reading.source)
    return [{"url": REFERENCE, "valueReference": {"reference": identity.full_url(found_by)}}]


def coincident_timestamp(reading: Reading, clock: ClockReading) -> JsonObject:
    """Make the Observation of a clock.

    Args:
        reading: one that was timed by it; its path is not empty.
        clock: of the reading.
    """
    source = reading.source
    found_by = identity.clock_reading(clock, reading.path, source)
    device = identity.device(reading.path[:1], source)
    written: JsonObject = {
        "resourceType": "Observation",
        "identifier": [{"system": found_by.system, "value": found_by.value}],
        "status": "final",
        "code": concept([clock.kind], source),
        "subject": {"reference": identity.full_url(device)},
        **({"effectiveDateTime": clock.at.text} if clock.at else {}),
        **_shown(clock.shown),
        "device": {"reference": identity.full_url(identity.gateway(clock, source))},
    }
    if clock.method:
        method = {"valueCodeableConcept": concept([clock.method], source)}
        written["component"] = [{"code": concept([_SYNCHRONISED_BY], source), **method}]
    return written


def _shown(shown: Moment | Decimal | None) -> JsonObject:
    if isinstance(shown, Moment):
        return {"valueDateTime": shown.text}
    if shown is None:
        return {"dataAbsentReason": _TIME_FAULT}
    return {"valueQuantity": {"value": shown, "unit": "us", "system": UCUM, "code": "us"}}


def gateway(clock: ClockReading, source: str) -> JsonObject:
    """Make the Device that read a clock."""
    found_by = identity.gateway(clock, source)
    return {
        "resourceType": "Device",
        "identifier": [{"system": found_by.system, "value": found_by.value}],
        "status": "active",
        "type": concept([_GATEWAY], source),
    }
