"""The transaction of one message.

Spec: https://hl7.org/fhir/R4/http.html#transaction

    Device, DeviceMetric   POST with ifNoneExist   made once; a later message takes nothing back
    Observation            PUT on its identifier   a correction finds what it corrects
    Provenance             POST                    of what the transaction writes

What the server has already, and whether it is older, `sender` asks before it sends: conditional
updates carry If-Match then (`precedence` decides).
"""

from collections.abc import Iterable, Mapping

from fhirserver_device_bridge.fhir import identity
from fhirserver_device_bridge.fhir.devices import Resources, device_metric, devices
from fhirserver_device_bridge.fhir.json_text import JsonObject
from fhirserver_device_bridge.fhir.observation import Circumstances, observation
from fhirserver_device_bridge.fhir.provenance import provenance
from fhirserver_device_bridge.mapping.grouping import Measurement
from fhirserver_device_bridge.mapping.table import Table
from fhirserver_device_bridge.reading import Identifier


def transaction(
    measurements: Mapping[Identifier, Measurement], around: Circumstances, message_sha256: str
) -> JsonObject:
    """Make the Bundle of a message.

    Args:
        measurements: at least one, by `identity.observation`.
        around: mapping, patient, time of receipt.
        message_sha256: hexadecimal.
    """
    observations = {
        found_by: observation(found_by, measurement, around)
        for found_by, measurement in measurements.items()
    }
    told = provenance(
        [identity.full_url(found_by) for found_by in observations],
        next(iter(measurements.values())).parts[0].source,
        message_sha256,
        around.received,
        around.table,
    )
    equipment = _equipment(measurements.values(), around.table).items()
    entries = [
        *(_created(found_by, resource) for found_by, resource in equipment),
        *(_updated(found_by, resource) for found_by, resource in observations.items()),
        {"resource": told, "request": {"method": "POST", "url": "Provenance"}},
    ]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def _equipment(measurements: Iterable[Measurement], table: Table) -> Resources:
    """Make the devices of all measurements, then the metrics, each once."""
    placed = [measurement for measurement in measurements if measurement.parts[0].path]
    made: Resources = {}
    for path, source in dict.fromkeys(
        (each.parts[0].path, each.parts[0].source) for each in placed
    ):
        made.update(devices(path, source))
    singles = (each.parts[0] for each in placed if each.panel is None)
    made.update((identity.metric(reading), device_metric(reading, table)) for reading in singles)
    return made


def _created(found_by: Identifier, resource: JsonObject) -> JsonObject:
    kind, condition = resource["resourceType"], identity.condition(found_by)
    request = {"method": "POST", "url": kind, "ifNoneExist": condition}
    return {"fullUrl": identity.full_url(found_by), "resource": resource, "request": request}


def _updated(found_by: Identifier, resource: JsonObject) -> JsonObject:
    address = f"{resource['resourceType']}?{identity.condition(found_by)}"
    request = {"method": "PUT", "url": address}
    return {"fullUrl": identity.full_url(found_by), "resource": resource, "request": request}
