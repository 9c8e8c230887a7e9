"""The transaction of one message.

Spec: https://hl7.org/fhir/R4/http.html#transaction

    Device, DeviceMetric   POST with ifNoneExist   made once; a later message takes nothing back
    Observation of a clock POST with ifNoneExist   the same
    Observation            PUT on its identifier   a correction finds what it corrects
    Provenance             POST                    of what the transaction writes

What the server has already, and whether it is older, `sender` asks before it sends: conditional
updates carry If-Match then (`precedence` decides).
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from fhirserver_device_bridge.fhir import identity
from fhirserver_device_bridge.fhir.clock import coincident_timestamp, gateway
from fhirserver_device_bridge.fhir.devices import (
    PlacedMetric,
    device_metric,
    devices,
    metric_of,
)
from fhirserver_device_bridge.fhir.json_text import JsonObject
from fhirserver_device_bridge.fhir.observation import Circumstances, observation
from fhirserver_device_bridge.fhir.provenance import provenance
from fhirserver_device_bridge.mapping.grouping import Measurement
from fhirserver_device_bridge.mapping.table import Table
from fhirserver_device_bridge.reading import ClockReading, Identifier, Level

_REMEMBERED = 10_000
"""Devices and metrics say the same of themselves in every message; nobody changes an entry."""


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
    clocks = list(_clocks(measurements.values()))
    told = provenance(
        [
            *(each["fullUrl"] for each in clocks),
            *(identity.full_url(found_by) for found_by in observations),
        ],
        next(iter(measurements.values())).parts[0].source,
        message_sha256,
        around.received,
        f"{around.table.name}|{around.table.version}",
    )
    entries = [
        *_equipment(measurements.values(), around.table),
        *clocks,
        *(updated(found_by, resource) for found_by, resource in observations.items()),
        {"resource": told, "request": {"method": "POST", "url": "Provenance"}},
    ]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def _equipment(measurements: Iterable[Measurement], table: Table) -> Iterable[JsonObject]:
    """Make the devices of all measurements, then the metrics, each once."""
    placed = [each for each in measurements if each.parts[0].path]
    paths = dict.fromkeys((each.parts[0].path, each.parts[0].source) for each in placed)
    timed = dict.fromkeys((each.parts[0].clock, each.parts[0].source) for each in placed)
    # What is said of a device as such takes the place of what is said of it as a gateway.
    made = [_of_gateway(clock, source) for clock, source in timed if clock is not None]
    made += [entry for path in paths for entry in equipment_of(*path)]
    made += [_of_metric(metric_of(each.parts[0]), table) for each in placed if each.panel is None]
    return {entry["fullUrl"]: entry for entry in made}.values()


def _clocks(measurements: Iterable[Measurement]) -> Iterable[JsonObject]:
    """Make the Observations of the clocks that readings were timed by, each once."""
    timed = (each.parts[0] for each in measurements)
    made = [
        created(
            identity.clock_reading(first.clock, first.path, first.source),
            coincident_timestamp(first, first.clock),
        )
        for first in timed
        if first.clock is not None and first.path
    ]
    return {entry["fullUrl"]: entry for entry in made}.values()


def _of_gateway(clock: ClockReading, source: str) -> JsonObject:
    return created(identity.gateway(clock, source), gateway(clock, source))


@lru_cache(_REMEMBERED)
def equipment_of(path: tuple[Level, ...], source: str) -> tuple[JsonObject, ...]:
    """Make the entries of the devices of a path, the outermost first."""
    return tuple(created(*each) for each in devices(path, source).items())


@lru_cache(_REMEMBERED)
def _of_metric(metric: PlacedMetric, table: Table) -> JsonObject:
    return created(metric.identifier, device_metric(metric, table))


def created(found_by: Identifier, resource: JsonObject) -> JsonObject:
    """Make the entry of what is made once."""
    kind, condition = resource["resourceType"], identity.condition(found_by)
    request = {"method": "POST", "url": kind, "ifNoneExist": condition}
    return {"fullUrl": identity.full_url(found_by), "resource": resource, "request": request}


def updated(found_by: Identifier, resource: JsonObject) -> JsonObject:
    """Make the entry of what a later message may update."""
    address = f"{resource['resourceType']}?{identity.condition(found_by)}"
    request = {"method": "PUT", "url": address}
    return {"fullUrl": identity.full_url(found_by), "resource": resource, "request": request}
