"""One line of a device that speaks unasked and waits for no answer (Nonin, lines of text).

Each packet or line is journaled with the time of its receipt, one after the other, so that no two
have the same. What comes while nothing can be kept is lost and counted: there is nobody to tell.
"""

import asyncio
from datetime import UTC, datetime

from fhirserver_device_bridge.config.settings import LineListener, Listener
from fhirserver_device_bridge.framing.nonin import NoninDeframer
from fhirserver_device_bridge.framing.piece import Deframer, Piece
from fhirserver_device_bridge.framing.text_line import TextLineDeframer
from fhirserver_device_bridge.metrics import Metrics
from fhirserver_device_bridge.protocols.spoken.recording import LINE, NONIN, Spoken, write
from fhirserver_device_bridge.running.capacity import Capacity
from fhirserver_device_bridge.running.commits import Commits
from fhirserver_device_bridge.running.keeping import Keeper
from fhirserver_device_bridge.running.line import Line, TcpLink


class SpokenConnection:
    """Serves one line until it ends.

    Args:
        peer: address of the device, or its line.
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
        self._every_s = listener.every_s
        self._capacity = capacity
        self._metrics = metrics
        self._keeper = Keeper(self._name, peer, commits, capacity, metrics)
        self._magic = NONIN if listener.protocol == "nonin" else LINE
        self._deframer: Deframer = (
            NoninDeframer()
            if listener.protocol == "nonin"
            else TextLineDeframer(listener.size_limit_bytes)
        )
        self._kept_s = float("-inf")

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Follow a TCP connection until its sender closes it, or is silent for too long."""
        await self.follow(TcpLink(reader, writer))

    async def follow(self, line: Line) -> None:
        """Follow a line until it ends.

        Raises:
            OSError: the line failed.
        """
        try:
            while received := await self._heard(line):
                noise = self._deframer.noise_bytes
                await self._keep(self._deframer.feed(received))
                if self._deframer.noise_bytes > noise:
                    added = self._deframer.noise_bytes - noise
                    self._metrics.count("noise_bytes", self._name, added)
        finally:
            await self._keep(self._deframer.end())

    async def _heard(self, line: Line) -> bytes:
        await self._capacity.until_it_may_be_read()
        try:
            async with asyncio.timeout(self._idle_s):
                return await line.receive()
        except TimeoutError:
            return b""

    async def _keep(self, pieces: list[Piece]) -> None:
        for piece in pieces:
            if piece.refused is None and self._is_too_soon():
                self._metrics.count("frames", self._name, outcome="left_out")
                continue
            recorded = write(self._magic, Spoken(datetime.now(UTC), piece.raw))
            await self._keeper.keeps(recorded, piece.refused)

    def _is_too_soon(self) -> bool:
        now_s = asyncio.get_running_loop().time()
        if now_s - self._kept_s < self._every_s:
            return True
        self._kept_s = now_s
        return False
