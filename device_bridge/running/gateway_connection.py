"""One connection of a gateway that tells values of devices, line by line.

    what comes                     journal       answer, one line of JSON for each line
    a line that is understood      waits         {"kept": true}
    the same line again            nothing new   {"kept": true}
    any other line                 dead letter   {"kept": true, "fault": "…"}
    anything while there is no     nothing       {"kept": false, "fault": "…"}; to be sent again
    room

Answers leave in the order of the lines, each after the disk holds its own; a line without its end
is no line.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from fhirserver_device_bridge.config.settings import Listener, Protocol
from fhirserver_device_bridge.framing.piece import Piece
from fhirserver_device_bridge.framing.text_line import TextLineDeframer
from fhirserver_device_bridge.metrics import Metrics
from fhirserver_device_bridge.protocols.bluetooth import measurements as bluetooth
from fhirserver_device_bridge.protocols.bluetooth import notification
from fhirserver_device_bridge.protocols.bluetooth.errors import BluetoothError
from fhirserver_device_bridge.protocols.sdc import measurements as sdc
from fhirserver_device_bridge.protocols.sdc import update
from fhirserver_device_bridge.protocols.sdc.errors import SdcError
from fhirserver_device_bridge.reading import Reading, Rejected
from fhirserver_device_bridge.running.capacity import Capacity
from fhirserver_device_bridge.running.commits import Commits
from fhirserver_device_bridge.running.keeping import Keeper
from fhirserver_device_bridge.source import Source

_READ_BYTES = 64 * 1024
_NOT_KEPT = "there is no room for it in the journal: send it again later"


@dataclass(frozen=True, slots=True)
class _Form:
    """What lines of a protocol are.

    Attributes:
        magic: before them in the journal.
        read: reads an entry of the journal.
        error: that it raises for what cannot be read.
    """

    magic: bytes
    read: Callable[[bytes, Source, int], list[Reading | Rejected]]
    error: type[Exception]


_FORMS: dict[Protocol, _Form] = {
    "bluetooth": _Form(notification.MAGIC, bluetooth.measurements, BluetoothError),
    "sdc": _Form(update.MAGIC, sdc.measurements, SdcError),
}


class GatewayConnection:
    """Serves one connection.

    Args:
        peer: address of the gateway.
    """

    def __init__(
        self, listener: Listener, commits: Commits, capacity: Capacity, metrics: Metrics, peer: str
    ) -> None:
        self._listener = listener
        self._form = _FORMS[listener.protocol]
        self._capacity = capacity
        self._keeper = Keeper(listener.source.name, peer, commits, capacity, metrics)
        limit_bytes = listener.size_limit_bytes
        self._lines = TextLineDeframer(limit_bytes, longest_bytes=limit_bytes)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take lines until the gateway closes, or is silent for too long."""
        while received := await self._read(reader):
            lines = self._lines.feed(received)
            writer.write(b"".join(await asyncio.gather(*map(self._answered, lines))))
            await writer.drain()

    async def _read(self, reader: asyncio.StreamReader) -> bytes:
        await self._capacity.until_it_may_be_read()
        try:
            async with asyncio.timeout(self._listener.idle_s):
                return await reader.read(_READ_BYTES)
        except TimeoutError:
            return b""

    async def _answered(self, line: Piece) -> bytes:
        """Journal a line, and give what is to be sent back."""
        raw = self._form.magic + line.raw
        fault = line.refused or self._fault(raw)
        if not await self._keeper.keeps(raw, fault):
            return _told({"kept": False, "fault": _NOT_KEPT})
        return _told({"kept": True} if fault is None else {"kept": True, "fault": fault})

    def _fault(self, raw: bytes) -> str | None:
        """Tell why a line can never be charted."""
        try:
            self._form.read(raw, self._listener.source, 0)
        except self._form.error as error:
            return str(error)
        return None


def _told(answer: dict[str, bool | str]) -> bytes:
    return msgspec.json.encode(answer) + b"\n"
