"""Devices of Modbus for tests: pymodbus answers, by TCP or over a pair of pseudo terminals."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from pymodbus import FramerType
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from fhirserver_device_bridge.simulator.cable import cable

UNIT = 17
Trace = Callable[[bool, bytes], bytes]


def device(*registers: int) -> SimDevice:
    """Make a device that has these registers, from address 0 on."""
    data = SimData(0, values=list(registers), datatype=DataType.REGISTERS)
    return SimDevice(UNIT, [data])


class TcpPlug:
    """Where a device is reached by TCP."""

    def __init__(self, _folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self.configured = f'connect: "127.0.0.1:{self._port}"'

    @asynccontextmanager
    async def plugged(self, answering: SimDevice, trace: Trace) -> AsyncIterator[None]:
        """Let a device answer."""
        address = ("127.0.0.1", self._port)
        server = ModbusTcpServer(answering, address=address, trace_packet=trace)
        await server.serve_forever(background=True)
        try:
            yield
        finally:
            await server.shutdown()


class SerialPlug:
    """Where a device is reached by a serial line: a name that leads to one of two joined ptys."""

    def __init__(self, folder: Path) -> None:
        self._name = folder / "ttyUSB0"
        self.configured = f"serial: {{port: {self._name}, baud: 115200, parity: none}}"

    @asynccontextmanager
    async def plugged(self, answering: SimDevice, trace: Trace) -> AsyncIterator[None]:
        """Let a device answer; afterwards the port is gone, as with an adapter that is pulled."""
        with cable() as (near, far):
            self._name.symlink_to(near)
            server = ModbusSerialServer(
                answering, framer=FramerType.RTU, port=far, baudrate=115200, trace_packet=trace
            )
            await server.serve_forever(background=True)
            try:
                yield
            finally:
                await server.shutdown()
                self._name.unlink()
