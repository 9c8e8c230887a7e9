"""Lines of a gateway for tests."""

from __future__ import annotations

import json

from fhirserver_device_bridge.protocols.bluetooth.characteristics import CHARACTERISTICS
from fhirserver_device_bridge.protocols.bluetooth.notification import MAGIC
from fhirserver_device_bridge.source import Source

RECEIVED = "2026-05-04T10:00:00.250+00:00"
SOURCE = Source("home", systems=(("device-user", "urn:user"),))


def line(number: int, value: str, **more: object) -> bytes:
    """Write a line about a characteristic; `value` in hexadecimal digits."""
    of = CHARACTERISTICS.get(number)
    told = {
        "device": "00:1C:05:FF:E8:74",
        "service": f"{of.service if of else 0:04X}",
        "characteristic": f"{number:04X}",
        "value": value,
        "received": RECEIVED,
        **more,
    }
    return json.dumps(told).encode()


def entry(number: int, value: str, **more: object) -> bytes:
    """Write a line as the journal keeps it."""
    return MAGIC + line(number, value, **more)


def known(number: int, value: str, received: str = RECEIVED) -> dict[str, str]:
    """Write what was read of the device beside."""
    return {"characteristic": f"{number:04X}", "value": value, "received": received}


GLUCOSE = [
    known(0x2A18, "1F 0100 DC070608000000 0100 37C0 11 0000"),
    known(0x2A18, "0F 0200 DC070609000000 0200 37C0 11 0000"),
]
"""Glucose measurements with the sequence numbers 1 and 2, to which contexts belong."""
