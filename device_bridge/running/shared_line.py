"""A line with the devices on it, which are asked one after the other.

Whoever waits longest is next, so a device that is silent costs the others its time-out, and no
more. A line on which something failed is closed, and opened anew by the next: an answer that comes
too late then meets no other request.
"""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Iterator

from fhirserver_device_bridge.config.settings import SerialLine, TcpLine
from fhirserver_device_bridge.protocols.modbus.errors import SilentError
from fhirserver_device_bridge.running.line import Line, open_line


class ClosedError(OSError):
    """The line cannot be opened."""


class SharedLine:
    """One line.

    Args:
        settings: how it is opened.
        devices: how many are on it.

    Attributes:
        transactions: numbers of requests, of all devices.
    """

    def __init__(self, settings: TcpLine | SerialLine, devices: int = 1) -> None:
        self.settings = settings
        self.devices = devices
        self.transactions: Iterator[int] = itertools.cycle(range(1, 65536))
        self._turn = asyncio.Lock()
        self._line: Line | None = None

    @contextlib.asynccontextmanager
    async def turn(self, timeout_s: float) -> AsyncIterator[Line]:
        """Wait for one's turn, and have the line for oneself.

        Args:
            timeout_s: for opening it.

        Raises:
            ClosedError: it cannot be opened.
        """
        async with self._turn:
            line = self._line = self._line or await self._opened(timeout_s)
            try:
                yield line
            except SilentError:
                raise
            except BaseException:
                self.close()
                raise

    def close(self) -> None:
        """Close it."""
        if self._line is not None:
            self._line.close()
        self._line = None

    async def _opened(self, timeout_s: float) -> Line:
        try:
            async with asyncio.timeout(timeout_s):
                return await open_line(self.settings)
        except OSError as error:
            raise ClosedError(f"the line cannot be opened: {type(error).__name__}") from None
