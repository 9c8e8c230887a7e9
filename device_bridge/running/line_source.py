"""A source that speaks over a line which the bridge opens, and opens anew whenever it fails.

A serial line has no end: silence ends a session, and never the port.
"""

import asyncio
import logging

from fhirserver_device_bridge.config.settings import LineListener
from fhirserver_device_bridge.metrics import Metrics
from fhirserver_device_bridge.running.astm_connection import AstmConnection
from fhirserver_device_bridge.running.capacity import Capacity
from fhirserver_device_bridge.running.commits import Commits
from fhirserver_device_bridge.running.line import open_line
from fhirserver_device_bridge.running.spoken_connection import SpokenConnection

_LOG = logging.getLogger("fhir-bridge")
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 10.0


class LineSource:
    """Hears one source on one line."""

    def __init__(
        self, listener: LineListener, commits: Commits, capacity: Capacity, metrics: Metrics
    ) -> None:
        self._listener = listener
        self._commits = commits
        self._capacity = capacity
        self._metrics = metrics
        self._pause_s = _FIRST_PAUSE_S

    async def run(self) -> None:
        """Hear until cancelled."""
        while True:
            try:
                await self._heard()
            except OSError as error:
                name, line = self._listener.source.name, self._listener.line
                _LOG.warning("source %s: %s: %s", name, line, error.strerror)
            await asyncio.sleep(self._pause_s)
            self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)

    async def _heard(self) -> None:
        line = await open_line(self._listener.line)
        self._pause_s = _FIRST_PAUSE_S
        try:
            self._metrics.count("connections", self._listener.source.name)
            connection = AstmConnection if self._listener.protocol == "astm" else SpokenConnection
            await connection(
                self._listener,
                self._commits,
                self._capacity,
                self._metrics,
                str(self._listener.line),
            ).follow(line)
        finally:
            line.close()
