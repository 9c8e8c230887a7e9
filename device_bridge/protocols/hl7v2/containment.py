"""OBX-4 and OBX-18: the devices that a metric belongs to.

Spec: IHE Devices Technical Framework volume 2, appendix B.8 (OBX-4) and B.10.4 (OBX-18)

    1.0.0.0   medical device system (MDS)   1.5.1.3     metric 3 of channel 1 of VMD 5 of MDS 1
    1.5.0.0   virtual device (VMD)          1.5.1.3.2   facet of that metric
    1.5.1.0   channel                       1.0.0.0.2   facet of the MDS

Shorter ids are read from the left, the last number being the metric: `1.3.7` is metric 7 of VMD 3
of MDS 1, `7` a metric of the only MDS. A metric's number may be its code. Zeros in between are
levels that
do not exist.

An MDS is the device that OBX-18 of its own row names, else OBX-18 of the first metric that has one
(some senders write it once a message), else the sending application (MSH-3).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from msgspec.structs import replace

from fhirserver_device_bridge.protocols.hl7v2.errors import MessageError
from fhirserver_device_bridge.protocols.hl7v2.message import Segment
from fhirserver_device_bridge.protocols.hl7v2.values import codings
from fhirserver_device_bridge.reading import EUI64, Identifier, Level

_NUMBERS = re.compile(r"\d{1,10}(?:\.\d{1,10}){0,5}")
_KINDS: tuple[Literal["mds", "vmd", "channel"], ...] = ("mds", "vmd", "channel")
_REMEMBERED = 10_000
_EUI64 = {"EUI-64", "EUI64"}

_ATTRIBUTES = {
    **dict.fromkeys(("531969", "MDC_ID_MODEL_NUMBER"), "model"),
    **dict.fromkeys(("531970", "MDC_ID_MODEL_MANUFACTURER"), "manufacturer"),
    **dict.fromkeys(("531972", "MDC_ID_PROD_SPEC_SERIAL"), "serial_number"),
    **dict.fromkeys(("531975", "MDC_ID_PROD_SPEC_SW"), "version"),
}
"""Attributes of a device, by code and by reference id -> field of `Level`."""


@dataclass(frozen=True, slots=True)
class Place:
    """What OBX-4 says.

    Attributes:
        devices: numbers of MDS, VMD and channel, as many as there are; a level that does not exist
            is "0".
        metric: number of the metric, None for a row of a device.
        facet: number of the facet, None for none.
    """

    devices: tuple[str, ...]
    metric: str | None = None
    facet: str | None = None


@lru_cache(_REMEMBERED)
def read_place(text: str) -> Place:
    """Read OBX-4.

    Raises:
        MessageError: it is no dotted number.
    """
    if not _NUMBERS.fullmatch(text):
        raise MessageError("OBX-4 is no containment id: numbers with dots, such as 1.5.1.3")
    numbers = text.split(".")
    if len(numbers) == 1:
        return Place(("1",), text)
    if len(numbers) < 4:
        metric = None if numbers[-1] == "0" else numbers[-1]
        return Place(_without_zeros(numbers[:-1]), metric)
    devices = _without_zeros(numbers[:3])
    metric = None if numbers[3] == "0" else numbers[3]
    return Place(devices, metric, ".".join(numbers[4:]) or None)


def _without_zeros(numbers: list[str]) -> tuple[str, ...]:
    while len(numbers) > 1 and numbers[-1] == "0":
        numbers = numbers[:-1]
    return tuple(numbers)


class Containment:
    """The devices of one order group, and who made the message.

    Args:
        rows: its OBX segments with their places, in order.
        sender: identifier of the sending application; None where MSH-3 is empty.
        systems: URIs by the names that this sender uses.
    """

    def __init__(
        self,
        rows: Iterable[tuple[Segment, Place]],
        sender: Identifier | None,
        systems: Mapping[str, str],
    ) -> None:
        self._levels: dict[tuple[str, ...], Level] = {}
        self._systems = systems
        self._named: dict[str, Identifier] = {}
        self._sender = sender
        for obx, place in rows:
            self._note(obx, place)

    def _note(self, obx: Segment, place: Place) -> None:
        equipment = read_equipment(obx, self._systems)
        if place.metric is not None:
            if equipment:
                self._named.setdefault(place.devices[0], equipment)
            return
        level = self._level(place.devices)
        attribute = _attribute(obx)
        if attribute:
            told: dict[str, Any] = {attribute: obx.component(5) or None}
            level = replace(level, **told)
        elif place.facet is None:
            code = next(iter(codings(obx.components(3), self._systems)), None)
            level = replace(level, code=code, identifiers=(equipment,) if equipment else ())
        self._levels[place.devices] = level

    def _level(self, devices: tuple[str, ...]) -> Level:
        known = self._levels.get(devices)
        return known or Level(_KINDS[len(devices) - 1], devices[-1])

    def path(self, place: Place) -> tuple[Level, ...]:
        """Give the devices of a metric, the outermost first."""
        system, *parts = (
            self._level(place.devices[:depth])
            for depth in range(1, len(place.devices) + 1)
            if place.devices[depth - 1] != "0" or depth == 1
        )
        if not system.identifiers:
            owner = self._named.get(place.devices[0]) or self._sender
            system = replace(system, identifiers=(owner,) if owner else ())
        return (system, *parts)


def is_attribute(obx: Segment) -> bool:
    """Tell whether a row of a device says something of it that `Level` holds."""
    return _attribute(obx) is not None


def _attribute(obx: Segment) -> str | None:
    return _ATTRIBUTES.get(obx.component(3)) or _ATTRIBUTES.get(obx.component(3, 2))


def read_equipment(obx: Segment, systems: Mapping[str, str]) -> Identifier | None:
    """Read OBX-18, an EI: entity, namespace, universal id and its type."""
    return entity(obx.components(18), systems)


def entity(parts: Sequence[str], systems: Mapping[str, str]) -> Identifier | None:
    """Read an EI; None where it is empty.

    `entity^^eui^EUI-64` names the entity's own EUI-64: the universal id is the same number then,
    and where the two differ the entity is a number that the device with the EUI-64 gave.
    """
    value, namespace, universal, kind = [*parts, *[""] * 4][:4]
    if kind in _EUI64 and universal and value in ("", universal):
        return Identifier(EUI64, universal)
    if kind in _EUI64 and not universal and value:
        return Identifier(EUI64, value)
    if not value:
        return None
    return Identifier(_authority(namespace, universal, kind, systems), value)


def _authority(namespace: str, universal: str, kind: str, systems: Mapping[str, str]) -> str:
    for name in (universal, namespace):
        if name in systems:
            return systems[name]
    if universal and kind == "ISO":
        return f"urn:oid:{universal}"
    if universal and kind in ("UUID", "GUID"):
        return f"urn:uuid:{universal.lower()}"
    return universal or namespace


def application(parts: Sequence[str]) -> Identifier | None:
    """Read MSH-3, an HD: namespace, universal id and its type."""
    namespace, universal, kind = [*parts, *[""] * 3][:3]
    if universal and kind in _EUI64:
        return Identifier(EUI64, universal)
    value = universal or namespace
    return Identifier("", value) if value else None


def authority(parts: Sequence[str], systems: Mapping[str, str]) -> str:
    """Read an HD that names who assigned an identifier; a name without a URI stays a name."""
    namespace, universal, kind = [*parts, *[""] * 3][:3]
    return _authority(namespace, universal, kind, systems)
