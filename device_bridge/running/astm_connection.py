"""One line of an analyzer (ASTM E1381), by TCP or by a serial port.

What is to be answered stands in `framing.astm`; here are the line, the clock and the journal.
Nothing is acknowledged before the disk holds it. Where that fails the sender hears nothing more:
it gives up after a while, and sends the whole message again.
"""

import asyncio

from fhirserver_device_bridge.config.settings import LineListener, Listener
from fhirserver_device_bridge.framing.astm import RECEIVER_TIMEOUT_S, AstmReceiver, Keep
from fhirserver_device_bridge.metrics import Metrics
from fhirserver_device_bridge.running.capacity import Capacity
from fhirserver_device_bridge.running.commits import Commits
from fhirserver_device_bridge.running.keeping import Keeper
from fhirserver_device_bridge.running.line import Line, TcpLink


class AstmConnection:
    """Serves one line until it ends.

    Args:
        peer: address of the sender, or its line.
    """

    def __init__(
        self,
        listener: Listener | LineListener,
        commits: Commits,
        capacity: Capacity,
        metrics: Metrics,
        peer: str,
    ) -> None:
        self._name = listener.source.name
        self._idle_s = listener.idle_s
        self._capacity = capacity
        self._metrics = metrics
        self._keeper = Keeper(self._name, peer, commits, capacity, metrics)
        self._receiver = AstmReceiver(listener.size_limit_bytes)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Follow a TCP connection until its sender closes it, or is silent for too long."""
        await self.follow(TcpLink(reader, writer))

    async def follow(self, line: Line) -> None:
        """Follow a line until it ends, or what it said cannot be kept.

        Raises:
            OSError: the line failed.
        """
        try:
            while await self._step(line):
                pass
        finally:
            for kept in self._receiver.end():
                await self._keeper.keeps(kept.raw, kept.refused)

    async def _step(self, line: Line) -> bool:
        await self._capacity.until_it_may_be_read()
        waiting = RECEIVER_TIMEOUT_S if self._receiver.in_session else self._idle_s
        try:
            async with asyncio.timeout(waiting):
                received = await line.receive()
        except TimeoutError:
            return False
        return bool(received) and await self._answered(line, received)

    async def _answered(self, line: Line, received: bytes) -> bool:
        """Do what has to be done in its order; False where something cannot be kept."""
        noise, refused = self._receiver.noise_bytes, self._receiver.refused_frames
        for effect in self._receiver.feed(received, busy=self._capacity.refusal is not None):
            if not isinstance(effect, Keep):
                line.send(effect.raw)
            elif not await self._keeper.keeps(effect.raw, effect.refused):
                return False
        self._count("noise_bytes", self._receiver.noise_bytes - noise)
        self._count("refused_frames", self._receiver.refused_frames - refused)
        return True

    def _count(self, name: str, added: int) -> None:
        if added:
            self._metrics.count(name, self._name, added)
