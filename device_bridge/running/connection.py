"""One connection of a sender: nothing is acknowledged before the disk holds it.

Frames that arrive together are journaled together and acknowledged in their order; the next bytes
are read only then, so that a sender is never further ahead than one buffer and one message.
"""

import asyncio
import itertools
import logging
import secrets
from datetime import UTC, datetime

from fhirserver_device_bridge.config.settings import Listener
from fhirserver_device_bridge.framing.mllp import Frame, MllpDeframer, block
from fhirserver_device_bridge.journal.changes import Appended, append
from fhirserver_device_bridge.journal.layout import JournalError
from fhirserver_device_bridge.metrics import Metrics
from fhirserver_device_bridge.running.capacity import NO_ROOM, Capacity
from fhirserver_device_bridge.running.commits import Commits
from fhirserver_device_bridge.running.intake import Seen, answers, arrival, look_at

_LOG = logging.getLogger("fhir-bridge")
_READ_BYTES = 64 * 1024
_START = secrets.token_hex(4)
_numbers = itertools.count(1)
"""Control ids of acknowledgements: of this process, and of each."""


class MllpConnection:
    """Serves one connection.

    Args:
        peer: address of the sender.
    """

    def __init__(
        self, listener: Listener, commits: Commits, capacity: Capacity, metrics: Metrics, peer: str
    ) -> None:
        self._listener = listener
        self._source = listener.source
        self._commits = commits
        self._capacity = capacity
        self._metrics = metrics
        self._peer = peer
        self._deframer = MllpDeframer(listener.size_limit_bytes)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take frames until the sender closes, or is silent for too long."""
        while received := await self._read(reader):
            noise = self._deframer.noise_bytes
            frames = self._deframer.feed(received)
            if self._deframer.noise_bytes > noise:
                added = self._deframer.noise_bytes - noise
                self._metrics.count("noise_bytes", self._source.name, added)
            if frames:
                writer.write(await self._taken(frames))
                await writer.drain()

    async def _read(self, reader: asyncio.StreamReader) -> bytes:
        await self._capacity.until_it_may_be_read()
        try:
            async with asyncio.timeout(self._listener.idle_s):
                return await reader.read(_READ_BYTES)
        except TimeoutError:
            return b""

    async def _taken(self, frames: list[Frame]) -> bytes:
        """Journal frames, and give what is to be sent back."""
        at = datetime.now(UTC)
        seen = [look_at(frame, self._source) for frame in frames]
        refusal = self._capacity.refusal
        kept = [
            None if refusal is not None else self._ask(frame, each, at)
            for frame, each in zip(frames, seen, strict=True)
        ]
        return b"".join(
            [
                answer
                for each, appended in zip(seen, kept, strict=True)
                for answer in self._answers(each, await self._outcome(appended))
            ]
        )

    def _ask(self, frame: Frame, seen: Seen, at: datetime) -> asyncio.Future[Appended]:
        return self._commits.ask(append(arrival(frame, seen, self._source, self._peer, at)))

    async def _outcome(self, appended: asyncio.Future[Appended] | None) -> Appended | None:
        if appended is None:
            return None
        try:
            return await appended
        except JournalError as error:
            _LOG.error("source %s: %s", self._source.name, error)
            return None

    def _answers(self, seen: Seen, appended: Appended | None) -> list[bytes]:
        self._metrics.count("frames", self._source.name, outcome=_counted_as(seen, appended))
        messages = answers(
            seen,
            self._source,
            no_room=NO_ROOM if appended is None else None,
            at=datetime.now(UTC),
            control_id=f"{_START}-{next(_numbers)}",
        )
        return [block(message) for message in messages]


def _counted_as(seen: Seen, appended: Appended | None) -> str:
    if appended is None:
        return "no_room"
    if appended.duplicate:
        return "duplicate"
    return "received" if seen.refused is None else "refused"
