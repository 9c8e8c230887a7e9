"""Configurations: which objects an agent has and how its fixed-format reports are laid out.

Spec: IEEE 11073-20601, "Configuring procedure"; the standard ones in 11073-104xx, clause 6

An agent either names a standard configuration (0x0001 to 0x3FFF, `standard_configurations.json`) or
sends its own (0x4000 to 0x7FFF) in an event report MDC_NOTI_CONFIG, which the manager accepts or
refuses.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from fhirserver_device_bridge.protocols.x20601 import attributes
from fhirserver_device_bridge.protocols.x20601.apdu import ATTRIBUTES, Attribute
from fhirserver_device_bridge.protocols.x20601.attributes import MapEntry, Structure, Type, Values
from fhirserver_device_bridge.protocols.x20601.mder import U16, record, sequence_of

NOTI_CONFIG = 3356
ACCEPTED, UNSUPPORTED, STANDARD_UNKNOWN = 0, 1, 2
FIRST_EXTENDED, LAST_EXTENDED = 0x4000, 0x7FFF


@dataclass(frozen=True, slots=True)
class ConfigObject:
    """One object as the agent announces it."""

    class_id: int
    handle: int
    attributes: tuple[Attribute, ...]


@dataclass(frozen=True, slots=True)
class ConfigReport:
    """The event information of MDC_NOTI_CONFIG."""

    config_id: int
    objects: tuple[ConfigObject, ...]


@dataclass(frozen=True, slots=True)
class ConfigReply:
    """What the manager answers; `result` one of the constants above."""

    config_id: int
    result: int


REPORT = record(
    ConfigReport,
    config_id=U16,
    objects=sequence_of(record(ConfigObject, class_id=U16, handle=U16, attributes=ATTRIBUTES)),
)
REPLY = record(ConfigReply, config_id=U16, result=U16)


@dataclass(frozen=True, slots=True)
class DeviceObject:
    """An object of an agent with its attributes understood (`attributes.Values`)."""

    class_id: int
    values: Mapping[int, Any]


Objects = dict[int, DeviceObject]
"""The objects of a configuration by their handle."""


def objects_of(report: ConfigReport) -> Objects:
    """Understand an agent's own configuration. Pure.

    Raises:
        MderError: an attribute is not of its type.
    """
    return {
        item.handle: DeviceObject(item.class_id, attributes.decode(item.attributes))
        for item in report.objects
    }


def standard(config_id: int) -> Objects | None:
    """The objects of a standard configuration; None where it is not known."""
    return _standards().get(config_id)


@cache
def _standards() -> dict[int, Objects]:
    table = files(__package__).joinpath("standard_configurations.json").read_bytes()
    return {
        int(config["id"], 16): {row["handle"]: _object(row) for row in config["objects"]}
        for config in json.loads(table)["configurations"]
    }


def _object(row: Mapping[str, Any]) -> DeviceObject:
    values: Values = {
        attributes.TYPE: Type(*row["type"]),
        attributes.SPECIFICATION: int(row["specification"], 16),
        attributes.UNIT: row["unit"],
        attributes.VALUE_MAP: tuple(MapEntry(*entry) for entry in row["values"]),
    }
    if "metrics" in row:
        values[attributes.METRIC_IDS] = tuple(row["metrics"])
        values[attributes.STRUCTURE] = Structure(*row["structure"])
    return DeviceObject(attributes.CLASS_NUMERIC, values)
