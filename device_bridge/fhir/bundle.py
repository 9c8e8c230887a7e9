"""The transaction of one message.

Spec: https://hl7.org/fhir/R4/http.html#transaction

    Device, DeviceMetric   POST with ifNoneExist   made once; a later message takes nothing back
    Observation            PUT on its identifier   a correction finds what it corrects
    Provenance             POST                    of what the transaction writes

What the server has already, and whether it is older, `sender` asks before it sends: conditional
updates carry If-Match then (`precedence` decides).
"""

from collections.abc import Iterable

from fhirserver_device_bridge.fhir import identity
from fhirserver_device_bridge.fhir.devices import Resources, device_metric, devices
from fhirserver_device_bridge.fhir.json_text import JsonObject
from fhirserver_device_bridge.fhir.observation import Circumstances, observation
from fhirserver_device_bridge.fhir.provenance import provenance
from fhirserver_device_bridge.mapping.grouping import Measurement
from fhirserver_device_bridge.reading import Identifier


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
    observations = {
        identity.observation(found): observation(found, around) for found in measurements
    }
    told = provenance(
        [identity.full_url(found_by) for found_by in observations],
        measurements[0].parts[0].source,
        message_sha256,
        around.received,
        around.table,
    )
    entries = [
        *(_created(found_by, resource) for found_by, resource in resources.items()),
        *(_updated(found_by, resource) for found_by, resource in observations.items()),
        {"resource": told, "request": {"method": "POST", "url": "Provenance"}},
    ]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def _equipment(measurement: Measurement, around: Circumstances) -> Resources:
    first = measurement.parts[0]
    if not first.path:
        return {}
    made = devices(first.path, first.source)
    if measurement.panel is None:
        made[identity.metric(first)] = device_metric(first, around.table)
    return made


def _created(found_by: Identifier, resource: JsonObject) -> JsonObject:
    kind, condition = resource["resourceType"], identity.condition(found_by)
    request = {"method": "POST", "url": kind, "ifNoneExist": condition}
    return {"fullUrl": identity.full_url(found_by), "resource": resource, "request": request}


def _updated(found_by: Identifier, resource: JsonObject) -> JsonObject:
    address = f"{resource['resourceType']}?{identity.condition(found_by)}"
    request = {"method": "PUT", "url": address}
    return {"fullUrl": identity.full_url(found_by), "resource": resource, "request": request}
