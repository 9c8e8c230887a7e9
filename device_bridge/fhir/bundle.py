"""The transaction of one message.

Spec: https://hl7.org/fhir/R4/http.html#transaction

    Device, DeviceMetric, Observation   POST with ifNoneExist: made once, whoever sends them how often
    Provenance                          PUT under an id that follows from the message

An Observation that is there already is not changed by this; whether it must be, `precedence` tells from
the answer.
"""

from collections.abc import Iterable

from fhirserver_device_bridge.fhir import identity
from fhirserver_device_bridge.fhir.devices import Resources, device_metric, devices
from fhirserver_device_bridge.fhir.json_text import JsonObject
from fhirserver_device_bridge.fhir.observation import Circumstances, observation
from fhirserver_device_bridge.fhir.provenance import provenance
from fhirserver_device_bridge.mapping.grouping import Measurement


def transaction(
    measurements: Iterable[Measurement], around: Circumstances, message_sha256: str
) -> JsonObject:
    """Make the Bundle of a message.

    Args:
        measurements: at least one, each with another identity.
        around: mapping, patient, time of receipt.
        message_sha256: hexadecimal.
    """
    measurements = list(measurements)
    resources: Resources = {}
    for measurement in measurements:
        resources.update(_equipment(measurement, around))
    observations = {identity.observation(found): observation(found, around) for found in measurements}
    told = provenance(
        [identity.full_url(found_by) for found_by in observations],
        measurements[0].parts[0].source,
        message_sha256,
        around.received,
        around.table,
    )
    entries = [_created(found_by, resource) for found_by, resource in {**resources, **observations}.items()]
    return {"resourceType": "Bundle", "type": "transaction", "entry": [*entries, _put(told)]}


def _equipment(measurement: Measurement, around: Circumstances) -> Resources:
    first = measurement.parts[0]
    if not first.path:
        return {}
    made = devices(first.path, first.source)
    if measurement.panel is None:
        made[identity.metric(first)] = device_metric(first, around.table)
    return made


def _created(found_by: identity.Identifier, resource: JsonObject) -> JsonObject:
    return {
        "fullUrl": identity.full_url(found_by),
        "resource": resource,
        "request": {
            "method": "POST",
            "url": resource["resourceType"],
            "ifNoneExist": identity.condition(found_by),
        },
    }


def _put(resource: JsonObject) -> JsonObject:
    address = f"{resource['resourceType']}/{resource['id']}"
    return {"resource": resource, "request": {"method": "PUT", "url": address}}
