"""The journal, as a connection is given it: what was heard is kept, or must not be acknowledged."""

import logging
from datetime import UTC, datetime

from fhirserver_device_bridge.journal.changes import Arrival, append
from fhirserver_device_bridge.journal.layout import JournalError
from fhirserver_device_bridge.metrics import Metrics
from fhirserver_device_bridge.running.capacity import NO_ROOM, Capacity
from fhirserver_device_bridge.running.commits import Commits

_LOG = logging.getLogger("fhir-bridge")


class Keeper:
    """Keeps what one connection of a source says.

    Args:
        name: of the source.
        peer: address of the sender, or its line.
    """

    def __init__(
        self, name: str, peer: str, commits: Commits, capacity: Capacity, metrics: Metrics
    ) -> None:
        self._name = name
        self._peer = peer
        self._commits = commits
        self._capacity = capacity
        self._metrics = metrics

    async def keeps(self, raw: bytes, refused: str | None) -> bool:
        """Journal a message and wait for the disk; False where it is not kept.

        Args:
            raw: as received.
            refused: why it can never be delivered; None if it may be.
        """
        if self._capacity.refusal is not None:
            self._metrics.count("frames", self._name, outcome="no_room")
            _LOG.warning("source %s: %s", self._name, NO_ROOM)
            return False
        arrival = Arrival(self._name, self._peer, datetime.now(UTC), "", raw, refused)
        try:
            appended = await self._commits.ask(append(arrival))
        except JournalError as error:
            _LOG.error("source %s: %s", self._name, error)
            return False
        outcome = "refused" if refused is not None else "received"
        self._metrics.count(
            "frames", self._name, outcome="duplicate" if appended.duplicate else outcome
        )
        return True
