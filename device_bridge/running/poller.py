"""One device that is asked, poll by poll (Modbus); what is to be asked stands in its layout.

Whatever goes wrong on the line, it is opened anew after a pause: an answer that comes too late then
meets no other request. What a device refuses to tell (exception codes) is part of a poll. A poll is
kept before the next one begins; while there is no room on the disk, or the backlog is at its limit,
nothing is asked.
"""

import asyncio
import itertools
import logging
from datetime import UTC, datetime

from fhirserver_device_bridge.config.settings import Poll, SerialLine
from fhirserver_device_bridge.journal.changes import Arrival, append
from fhirserver_device_bridge.journal.layout import JournalError
from fhirserver_device_bridge.metrics import Metrics
from fhirserver_device_bridge.protocols.modbus.errors import ModbusError
from fhirserver_device_bridge.protocols.modbus.frames import (
    Answer,
    Block,
    Exchange,
    RtuExchange,
    TcpExchange,
)
from fhirserver_device_bridge.protocols.modbus.layouts import layout_of
from fhirserver_device_bridge.protocols.modbus.plan import blocks
from fhirserver_device_bridge.protocols.modbus.recording import Polled, Recording, write
from fhirserver_device_bridge.protocols.modbus.staleness import Staleness
from fhirserver_device_bridge.running.capacity import Capacity
from fhirserver_device_bridge.running.commits import Commits
from fhirserver_device_bridge.running.line import Line, open_line

_LOG = logging.getLogger("fhir-bridge")
_FIRST_PAUSE_S = 0.25
_LONGEST_PAUSE_S = 5.0


class Poller:
    """Asks one device until it is cancelled."""

    def __init__(self, poll: Poll, commits: Commits, capacity: Capacity, metrics: Metrics) -> None:
        self._poll = poll
        self._name = poll.source.name
        self._commits = commits
        self._capacity = capacity
        self._metrics = metrics
        layout = layout_of(poll.source.registers or "")
        self._blocks = blocks(layout)
        self._staleness = Staleness(layout.heartbeat)
        self._transactions = itertools.count(1)
        self._pause_s = _FIRST_PAUSE_S

    async def run(self) -> None:
        """Ask, and open the line anew whenever it fails."""
        while True:
            try:
                await self._ask_for_ever()
            except (OSError, TimeoutError, EOFError, ModbusError) as error:
                self._metrics.count("polls", self._name, outcome="failed")
                if self._pause_s == _FIRST_PAUSE_S:
                    _LOG.warning("source %s: no answer (%s)", self._name, type(error).__name__)
            await asyncio.sleep(self._pause_s)
            self._pause_s = min(_LONGEST_PAUSE_S, self._pause_s * 2)

    async def _ask_for_ever(self) -> None:
        async with asyncio.timeout(self._poll.timeout_s):
            line = await open_line(self._poll.line)
        loop = asyncio.get_running_loop()
        try:
            while True:
                began_s = loop.time()
                await self._capacity.until_it_may_be_read()
                await self._once(line)
                self._pause_s = _FIRST_PAUSE_S
                await asyncio.sleep(max(0.0, began_s + self._poll.poll_s - loop.time()))
        finally:
            line.close()

    async def _once(self, line: Line) -> None:
        at = datetime.now(UTC)
        answered = [(block, await self._answer(line, block)) for block in self._blocks]
        polled = tuple(
            Polled(block.table, block.address, answer.values, answer.exception)
            for block, answer in answered
        )
        stale = self._staleness.is_stale(polled, asyncio.get_running_loop().time())
        refused = stale or any(each.exception for each in polled)
        self._metrics.count("polls", self._name, outcome="incomplete" if refused else "whole")
        await self._keep(write(Recording(at, polled, stale)), at)

    async def _answer(self, line: Line, block: Block) -> Answer:
        exchange = self._exchange(block)
        line.send(exchange.request)
        async with asyncio.timeout(self._poll.timeout_s):
            while received := await line.receive():
                answer = exchange.feed(received)
                if answer is not None:
                    return answer
        raise EOFError

    def _exchange(self, block: Block) -> Exchange:
        if isinstance(self._poll.line, SerialLine):
            return RtuExchange(block, self._poll.unit)
        return TcpExchange(block, self._poll.unit, next(self._transactions) % 65536)

    async def _keep(self, raw: bytes, at: datetime) -> None:
        if self._capacity.refusal is not None:
            self._metrics.count("frames", self._name, outcome="no_room")
            return
        try:
            await self._commits.ask(append(Arrival(self._name, str(self._poll.line), at, "", raw)))
        except JournalError as error:
            _LOG.error("source %s: %s", self._name, error)
            return
        self._metrics.count("frames", self._name, outcome="received")
