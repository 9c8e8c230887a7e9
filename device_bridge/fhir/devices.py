"""Devices: one Device for each level of the containment tree, one DeviceMetric for each metric.

Spec: https://hl7.org/fhir/R4/device.html, https://hl7.org/fhir/R4/devicemetric.html

They are made once, when the first message names them; what is known of them is not taken back by a
later message that says less.
"""

from typing import NamedTuple

from fhirserver_device_bridge.fhir import identity
from fhirserver_device_bridge.fhir.json_text import JsonObject
from fhirserver_device_bridge.fhir.terms import concept
from fhirserver_device_bridge.mapping.table import Table
from fhirserver_device_bridge.mapping.units import to_ucum
from fhirserver_device_bridge.reading import (
    UCUM,
    Coding,
    Identifier,
    Level,
    Quantity,
    Reading,
    Samples,
)

Resources = dict[Identifier, JsonObject]
"""Resources by the identifier under which they are found, in the order in which they are needed."""


def devices(path: tuple[Level, ...], source: str) -> Resources:
    """Make the devices of a path, the outermost first."""
    return {
        identity.device(path[:depth], source): _device(path[:depth], source)
        for depth in range(1, len(path) + 1)
    }


def _device(path: tuple[Level, ...], source: str) -> JsonObject:
    level = path[-1]
    found_by = identity.device(path, source)
    others = [identity.business(given, source) for given in level.identifiers[1:]]
    written: JsonObject = {
        "resourceType": "Device",
        "identifier": [_identifier(given) for given in (found_by, *others)],
        "status": "active",
    }
    for name, value in (
        ("manufacturer", level.manufacturer),
        ("serialNumber", level.serial_number),
    ):
        if value:
            written[name] = value
    if level.model:
        written["modelNumber"] = level.model
    if level.code:
        written["type"] = concept([level.code], source)
    if level.version:
        written["version"] = [{"value": level.version}]
    if len(path) > 1:
        written["parent"] = {"reference": identity.full_url(identity.device(path[:-1], source))}
    return written


class PlacedMetric(NamedTuple):
    """What a DeviceMetric tells of a metric; attributes as of `Reading`, `unit` of its value."""

    identifier: Identifier
    path: tuple[Level, ...]
    codes: tuple[Coding, ...]
    unit: Coding | None
    source: str


def metric_of(reading: Reading) -> PlacedMetric:
    """Take what is of the metric from a reading that has a path."""
    value = reading.value
    unit = value.unit if isinstance(value, Quantity | Samples) else None
    identifier = identity.metric(reading)
    return PlacedMetric(identifier, reading.path, reading.codes, unit, reading.source)


def device_metric(metric: PlacedMetric, table: Table) -> JsonObject:
    """Make the DeviceMetric of a metric."""
    source = metric.source
    outermost, innermost = metric.path[:1], metric.path
    written: JsonObject = {
        "resourceType": "DeviceMetric",
        "identifier": [_identifier(metric.identifier)],
        "type": concept(metric.codes, source),
    }
    if metric.unit is not None:
        written["unit"] = _unit(metric.unit, metric, table)
    return {
        **written,
        "source": {"reference": identity.full_url(identity.device(outermost, source))},
        "parent": {"reference": identity.full_url(identity.device(innermost, source))},
        "operationalStatus": "on",
        "category": "measurement",
    }


def _unit(unit: Coding, metric: PlacedMetric, table: Table) -> JsonObject:
    code = to_ucum(unit, table.metric(metric.codes), table)
    written = concept([unit], metric.source)
    if code and unit.system != UCUM:
        written["coding"].append({"system": UCUM, "code": code})
    return written


def _identifier(identifier: Identifier) -> JsonObject:
    return {"system": identifier.system, "value": identifier.value}
