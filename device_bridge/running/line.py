"""A line to a device that is asked: TCP, or a serial port.

A serial port is set with termios (Linux, macOS): raw, 8 bits, no flow control.
"""

import asyncio
import os
import termios
import tty
from typing import Protocol

from fhirserver_device_bridge.config.settings import SerialLine, TcpLine

_READ_BYTES = 4096
_SILENCE_BITS, _SHORTEST_SILENCE_S = 3.5 * 11, 0.00175
"""Modbus over Serial Line V1.02, section 2.5.1.1: three and a half characters, or this."""
_PARITY = {"none": 0, "even": termios.PARENB, "odd": termios.PARENB | termios.PARODD}


class Line(Protocol):
    """An open line."""

    async def settle(self) -> None:
        """Wait until another request may begin; what came unasked is dropped. Raises OSError."""

    def send(self, told: bytes) -> None:
        """Send some bytes. Raises OSError."""

    async def receive(self) -> bytes:
        """Wait for some bytes; none at the end. Raises OSError."""

    def close(self) -> None:
        """Close it."""


async def open_line(settings: TcpLine | SerialLine) -> Line:
    """Open a line. Raises OSError."""
    if isinstance(settings, SerialLine):
        return _Serial(settings)
    reader, writer = await asyncio.open_connection(settings.host, settings.port)
    return TcpLink(reader, writer)


class TcpLink:
    """A TCP connection as a line."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def settle(self) -> None:
        """Wait for nothing: frames are told apart by their transactions."""

    def send(self, told: bytes) -> None:
        """Send some bytes."""
        self._writer.write(told)

    async def receive(self) -> bytes:
        """Wait for some bytes."""
        return await self._reader.read(_READ_BYTES)

    def close(self) -> None:
        """Close it."""
        self._writer.close()


class _Serial:
    def __init__(self, settings: SerialLine) -> None:
        self._port = os.open(settings.port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        self._silence_s = max(_SHORTEST_SILENCE_S, _SILENCE_BITS / settings.baud)
        try:
            _set(self._port, settings)
        except BaseException:
            os.close(self._port)
            raise

    async def settle(self) -> None:
        """Wait as long as tells frames apart, then drop what came: it is nobody's answer."""
        await asyncio.sleep(self._silence_s)
        try:
            termios.tcflush(self._port, termios.TCIFLUSH)
        except termios.error as error:
            raise OSError(*error.args) from None

    def send(self, told: bytes) -> None:
        """Send some bytes; a request fits into the port's buffer."""
        os.write(self._port, told)

    async def receive(self) -> bytes:
        """Wait for some bytes."""
        loop = asyncio.get_running_loop()
        readable = asyncio.Event()
        loop.add_reader(self._port, readable.set)
        try:
            await readable.wait()
        finally:
            loop.remove_reader(self._port)
        return os.read(self._port, _READ_BYTES)

    def close(self) -> None:
        """Close it."""
        os.close(self._port)


def _set(port: int, settings: SerialLine) -> None:
    try:
        tty.setraw(port)
        modes = termios.tcgetattr(port)
        two_stops = termios.CSTOPB if settings.stop_bits == 2 else 0
        cleared = termios.CSIZE | termios.CSTOPB | termios.PARENB | termios.PARODD
        modes[2] = modes[2] & ~cleared | termios.CS8 | termios.CREAD | termios.CLOCAL
        modes[2] |= _PARITY[settings.parity] | two_stops
        modes[4] = modes[5] = getattr(termios, f"B{settings.baud}")
        termios.tcsetattr(port, termios.TCSANOW, modes)
        termios.tcflush(port, termios.TCIOFLUSH)
    except termios.error as error:
        raise OSError(*error.args) from None
