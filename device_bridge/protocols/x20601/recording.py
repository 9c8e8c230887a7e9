"""What the journal holds of an agent: a data APDU with the APDUs that it takes to understand it.

A report says "object 2: 0x0078": only with the agent's configuration it is a pulse rate. So what is
journaled stands for itself: association request, configuration, attributes of the device, then the
report, each with the manager's time.

    "x20601" 0x00 0x01, then for each APDU: INT-U64 microseconds since 1970, the APDU
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from fhirserver_device_bridge.protocols.x20601.apdu import HEADER_SIZE, size_of
from fhirserver_device_bridge.protocols.x20601.mder import Cursor, MderError, integer

MAGIC = b"x20601\x00\x01"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST_US = 253_402_300_799_000_000
_INSTANT = integer(8)


@dataclass(frozen=True, slots=True)
class Received:
    """An APDU as it came, and when (aware)."""

    at: datetime
    raw: bytes


def write(parts: Iterable[Received]) -> bytes:
    """Write a recording; the report is the last part. Pure."""
    return MAGIC + b"".join(
        _INSTANT.write((part.at - _EPOCH) // timedelta(microseconds=1)) + part.raw for part in parts
    )


def read(raw: bytes) -> list[Received]:
    """Read a recording. Pure.

    Raises:
        MderError: no recording, or cut; or it holds no APDU.
    """
    cursor = Cursor(raw)
    if cursor.left < len(MAGIC) or cursor.take(len(MAGIC)) != MAGIC:
        raise MderError(0, "no recording of APDUs")
    parts: list[Received] = []
    while cursor.left or not parts:
        instant = _INSTANT.read(cursor)
        if instant > _LATEST_US:
            raise MderError(cursor.at, "a time after the year 9999")
        size = size_of(raw[cursor.at : cursor.at + HEADER_SIZE])
        parts.append(Received(_EPOCH + timedelta(microseconds=instant), cursor.take(size)))
    return parts
