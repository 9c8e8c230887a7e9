"""One device that is asked, poll by poll (Modbus); what is to be asked stands in its layout.

It has the line for itself while it is asked, and shares it with others between its polls. After a
poll that failed it rests, longer each time; on a line with others so long that all that are silent
take less than a quarter of it. What a device refuses to tell (exception codes) is part of a poll,
but for what a gateway says of a device that is silent. A poll is kept before the next one begins;
while there is no room on the disk, or the backlog is at its limit, nothing is asked.
"""

import asyncio
import logging
from datetime import UTC, datetime

from fhirserver_device_bridge.config.settings import Poll, SerialLine
from fhirserver_device_bridge.journal.changes import Arrival, append
from fhirserver_device_bridge.journal.layout import JournalError
from fhirserver_device_bridge.metrics import Metrics
from fhirserver_device_bridge.protocols.modbus.errors import ModbusError, SilentError
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
from fhirserver_device_bridge.running.line import Line
from fhirserver_device_bridge.running.shared_line import ClosedError, SharedLine

_LOG = logging.getLogger("fhir-bridge")
_FIRST_PAUSE_S = 0.25
_LONGEST_PAUSE_S = 5.0
_REST = 4
"""Time-outs that a silent device leaves to each of the others on its line."""
_GATEWAY = frozenset({10, 11})
"""Exception codes of section 7 by which a gateway says that nobody answers."""


def longest_pause_s(others: int, timeout_s: float) -> float:
    """Tell how long a silent device rests at most, for the sake of the others on its line."""
    return _LONGEST_PAUSE_S + _REST * timeout_s * others


class Poller:
    """Asks one device until it is cancelled."""

    def __init__(
        self, poll: Poll, line: SharedLine, commits: Commits, capacity: Capacity, metrics: Metrics
    ) -> None:
        self._poll = poll
        self._name = poll.source.name
        self._line = line
        self._commits = commits
        self._capacity = capacity
        self._metrics = metrics
        layout = layout_of(poll.source.registers or "")
        self._blocks = blocks(layout)
        self._staleness = Staleness(layout.heartbeat)
        self._pause_s = _FIRST_PAUSE_S

    async def run(self) -> None:
        """Ask, and rest after each failure."""
        loop = asyncio.get_running_loop()
        while True:
            await self._capacity.until_it_may_be_read()
            began_s = loop.time()
            try:
                recording = await self._ask()
            except (OSError, TimeoutError, EOFError, ModbusError) as error:
                await self._rest(error)
                continue
            self._pause_s = _FIRST_PAUSE_S
            await self._keep(write(recording), recording.at)
            await asyncio.sleep(max(0.0, began_s + self._poll.poll_s - loop.time()))

    async def _rest(self, error: Exception) -> None:
        self._metrics.count("polls", self._name, outcome="failed")
        is_closed = isinstance(error, ClosedError)
        if self._pause_s == _FIRST_PAUSE_S:
            reason = str(error) if is_closed else type(error).__name__
            _LOG.warning("source %s: no answer (%s)", self._name, reason)
        await asyncio.sleep(self._pause_s)
        others = 0 if is_closed else self._line.devices - 1
        longest_s = longest_pause_s(others, self._poll.timeout_s)
        self._pause_s = min(longest_s, self._pause_s * 2)

    async def _ask(self) -> Recording:
        """Ask for everything in one turn, so that what is read is of one time."""
        async with self._line.turn(self._poll.timeout_s) as line:
            at = datetime.now(UTC)
            answered = [(block, await self._answer(line, block)) for block in self._blocks]
        polled = tuple(
            Polled(block.table, block.address, answer.values, answer.exception)
            for block, answer in answered
        )
        stale = self._staleness.is_stale(polled, asyncio.get_running_loop().time())
        refused = stale or any(each.exception for each in polled)
        self._metrics.count("polls", self._name, outcome="incomplete" if refused else "whole")
        return Recording(at, polled, stale)

    async def _answer(self, line: Line, block: Block) -> Answer:
        exchange = self._exchange(block)
        await line.settle()
        line.send(exchange.request)
        async with asyncio.timeout(self._poll.timeout_s):
            while received := await line.receive():
                answer = exchange.feed(received)
                if answer is not None and answer.exception in _GATEWAY:
                    raise SilentError(f"exception code {answer.exception} of a gateway")
                if answer is not None:
                    return answer
        raise EOFError

    def _exchange(self, block: Block) -> Exchange:
        if isinstance(self._poll.line, SerialLine):
            return RtuExchange(block, self._poll.unit)
        return TcpExchange(block, self._poll.unit, next(self._line.transactions))

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
