"""One connection of a personal health device (IEEE 11073-20601).

What is to be done stands in `protocols.x20601.session`; here are the socket, the clock and the
journal. Nothing is confirmed before the disk holds it; else the connection is cut, and the agent
sends again. So it is after what starts no APDU: the stream cannot be followed any more.
"""

import asyncio
from datetime import UTC, datetime

from fhirserver_device_bridge.config.settings import Listener
from fhirserver_device_bridge.metrics import Metrics
from fhirserver_device_bridge.protocols.x20601.apdu import HEADER_SIZE, size_of
from fhirserver_device_bridge.protocols.x20601.clocks import offset_of
from fhirserver_device_bridge.protocols.x20601.mder import MderError
from fhirserver_device_bridge.protocols.x20601.nomenclature import eui64
from fhirserver_device_bridge.protocols.x20601.session import Effect, Keep, Session
from fhirserver_device_bridge.running.capacity import Capacity
from fhirserver_device_bridge.running.commits import Commits
from fhirserver_device_bridge.running.keeping import Keeper


class AgentConnection:
    """Serves one connection.

    Args:
        peer: address of the agent.
    """

    def __init__(
        self, listener: Listener, commits: Commits, capacity: Capacity, metrics: Metrics, peer: str
    ) -> None:
        self._listener = listener
        self._name = listener.source.name
        self._capacity = capacity
        self._metrics = metrics
        self._keeper = Keeper(self._name, peer, commits, capacity, metrics)
        self._session = Session()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take APDUs until the agent closes, is silent for too long, or cannot be followed."""
        try:
            while await self._step(reader, writer):
                pass
        finally:
            await self._perform(self._session.lose(), None)

    async def _step(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        await self._capacity.until_it_may_be_read()
        waiting = self._session.timeout_s
        try:
            async with asyncio.timeout(self._listener.idle_s if waiting is None else waiting):
                raw = await _next_apdu(reader)
        except TimeoutError:
            await self._perform(self._session.time_out(), writer)
            return False
        except asyncio.IncompleteReadError:
            return False
        except MderError:
            self._metrics.count("frames", self._name, outcome="refused")
            return False
        known = self._session.agent
        effects = self._session.receive(raw, datetime.now(UTC))
        if self._session.agent is not known:
            self._note_device()
        return await self._perform(effects, writer)

    def _note_device(self) -> None:
        agent, name = self._session.agent, "device_clock_offset_seconds"
        offset = offset_of(agent.clocks, self._listener.source.zone)
        if offset is not None:
            device = eui64(agent.system_id)
            self._metrics.note(name, self._name, device, offset.total_seconds())

    async def _perform(self, effects: list[Effect], writer: asyncio.StreamWriter | None) -> bool:
        """Carry out effects in their order; False where one failed and the rest must not follow."""
        for effect in effects:
            if isinstance(effect, Keep):
                if not await self._keeper.keeps(effect.raw, effect.refused):
                    return False
            elif writer is not None:
                writer.write(effect.raw)
                await writer.drain()
        return True


async def _next_apdu(reader: asyncio.StreamReader) -> bytes:
    header = await reader.readexactly(HEADER_SIZE)
    size = size_of(header)
    return header + await reader.readexactly(size - HEADER_SIZE)
