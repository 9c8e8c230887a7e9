"""The device: who it is, and what its clock showed.

Spec: Bluetooth SIG, Device Information Service 1.1; Current Time Service 1.1; GATT Specification
Supplement; https://hl7.org/fhir/uv/phd (identifiers of a device)

    2A23 System ID          u40 of the maker, u24 of its organisation: an EUI-64
    2A24 2A25 2A26 2A28     model, serial number, firmware, software
    2A29                    manufacturer
    2A08 Date Time          7 octets; 2A2B Current Time begins with them
"""

from fhirserver_device_bridge.protocols.bluetooth.fields import read_time
from fhirserver_device_bridge.protocols.bluetooth.notification import (
    Notification,
    characteristic,
    newest,
    octets,
)
from fhirserver_device_bridge.protocols.x20601.attributes import ABSOLUTE_STAMP
from fhirserver_device_bridge.protocols.x20601.clocks import Coincidence
from fhirserver_device_bridge.protocols.x20601.nomenclature import eui64
from fhirserver_device_bridge.protocols.x20601.values import text
from fhirserver_device_bridge.reading import EUI64, Identifier, Level

ADDRESS = "http://hl7.org/fhir/sid/eui-48/bluetooth"
"""The system of Bluetooth addresses in FHIR."""

_SYSTEM_ID = 0x2A23
_MODEL, _SERIAL, _FIRMWARE, _SOFTWARE, _MANUFACTURER = 0x2A24, 0x2A25, 0x2A26, 0x2A28, 0x2A29
_CLOCKS = (0x2A2B, 0x2A08)
_TIME_SIZE = 7
_EUI64_SIZE = 8


def address(notification: Notification) -> str:
    """Give the device's address as FHIR writes it, e.g. "00-1C-05-FF-E8-74"."""
    return notification.device.replace(":", "-").upper()


def level(notification: Notification) -> Level:
    """Give the device as readings show it. Pure.

    The address comes first: it is always there, so that the device is found again by it.
    """
    identifiers = [Identifier(ADDRESS, address(notification))]
    system_id = _octets(notification, _SYSTEM_ID)
    if len(system_id) == _EUI64_SIZE:
        identifiers.append(Identifier(EUI64, eui64(system_id[::-1])))
    return Level(
        kind="mds",
        code=characteristic(notification).device,
        identifiers=tuple(identifiers),
        model=_text(notification, _MODEL),
        manufacturer=_text(notification, _MANUFACTURER),
        serial_number=_text(notification, _SERIAL),
        version=_text(notification, _FIRMWARE) or _text(notification, _SOFTWARE),
    )


def clocks(notification: Notification) -> dict[int, Coincidence]:
    """Give what the device's clock showed when the gateway read it; empty where it did not."""
    for number in _CLOCKS:
        known = newest(notification, number)
        if known is not None and len(octets(known)) >= _TIME_SIZE:
            showed = read_time(octets(known)[:_TIME_SIZE])
            return {ABSOLUTE_STAMP: Coincidence(showed, known.received)}
    return {}


def _octets(notification: Notification, number: int) -> bytes:
    known = newest(notification, number)
    return octets(known) if known is not None else b""


def _text(notification: Notification, number: int) -> str | None:
    return text(_octets(notification, number)) or None
