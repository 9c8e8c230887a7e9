"""Lines of a gateway for tests, and how tables write what becomes of them."""

from __future__ import annotations

import json

from fhirserver_device_bridge.protocols.bluetooth.characteristics import CHARACTERISTICS
from fhirserver_device_bridge.protocols.bluetooth.notification import MAGIC
from fhirserver_device_bridge.reading import Coded, Quantity, Reading, Rejected
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


def shown(found: Reading | Rejected) -> str:
    """Write a reading as tables have it."""
    reading = found.reading if isinstance(found, Rejected) else found
    name = (reading.codes[0].display or "").removeprefix("MDC_")
    match reading.value:
        case Quantity() as value:
            unit = value.unit.code if value.unit else ""
            text = f"{value.text} {unit}"
        case Coded() as coded:
            first = coded.codings[0]
            text = (first.display or first.code).removeprefix("MDC_")
        case _:
            text = reading.absent or "nothing"
    kinds = "".join(
        f" {(each.display or '').removeprefix('MDC_')}" for each in reading.supplemental
    )
    rejected = " rejected" if isinstance(found, Rejected) else ""
    return f"{name}{kinds} {text}{rejected}"
