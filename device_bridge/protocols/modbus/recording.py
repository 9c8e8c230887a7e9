"""One poll, as the journal keeps it: what was read, when, and what the device refused.

    "modbus" 0x00 0x01, then JSON:
    {"at": "2026-05-04T10:00:00.000Z", "stale": false,
     "blocks": [{"table": "holding", "address": 0, "values": [421]},
                {"table": "input", "address": 8, "exception": 2}]}

Registers stand as they were read: what they mean is told by the layout when they are charted.
"""

from datetime import datetime

import msgspec

from fhirserver_device_bridge.protocols.modbus.errors import ModbusError
from fhirserver_device_bridge.protocols.modbus.frames import Table

MAGIC = b"modbus\x00\x01"


class Polled(msgspec.Struct, frozen=True, omit_defaults=True):
    """One block with its answer: values, or the code of an exception."""

    table: Table
    address: int
    values: tuple[int, ...] = ()
    exception: int = 0


class Recording(msgspec.Struct, frozen=True):
    """One poll.

    Attributes:
        at: when it began, aware.
        stale: the device has stopped to measure.
    """

    at: datetime
    blocks: tuple[Polled, ...]
    stale: bool = False


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Recording)


def write(recording: Recording) -> bytes:
    """Write a recording."""
    return MAGIC + _ENCODER.encode(recording)


def read(raw: bytes) -> Recording:
    """Read a recording.

    Raises:
        ModbusError: it is none.
    """
    try:
        recording = _DECODER.decode(raw[len(MAGIC) :])
    except msgspec.DecodeError:
        raise ModbusError("no recording of a poll") from None
    if recording.at.tzinfo is None:
        raise ModbusError("a poll without the offset of its time")
    return recording
