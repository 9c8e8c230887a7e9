"""Devices with registers that answer by Modbus, TCP or RTU, with the faults that lines have.

pymodbus answers, so that the devices share nothing with the side that asks them. Its servers are
told here of faults that they do not know: answers in pieces, none at all, and lines that end.
"""

import asyncio
import logging
import termios
from collections.abc import Callable
from dataclasses import dataclass

from pymodbus import FramerType
from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.server.base import ModbusBaseServer
from pymodbus.server.requesthandler import ServerRequestHandler
from pymodbus.simulator import DataType, SimData, SimDevice

from fhirserver_device_bridge.protocols.modbus.frames import Table
from fhirserver_device_bridge.simulator.faults import Chances, Transmission
from fhirserver_device_bridge.simulator.registers import PlayedDevice

_TABLES: tuple[Table, ...] = ("coil", "discrete", "holding", "input")
"""By function, from 1."""
_WORD = 16
_DEAD_S = 1.0
"""How long a serial line is dead that was unplugged."""


@dataclass(frozen=True, slots=True)
class SerialEnd:
    """A serial port with 8 bits a character.

    Attributes:
        port: at which it answers.
        parity: N, E or O.
        far: name of the other end of a cable, where it is known.
    """

    port: str
    baud: int = 19200
    parity: str = "E"
    stop_bits: int = 1
    far: str | None = None


@dataclass(frozen=True, slots=True)
class Played:
    """What is played.

    Attributes:
        devices: by unit; others are not on the line.
        rate: steps a second; 0 for none.
    """

    devices: dict[int, PlayedDevice]
    chances: Chances
    rate: float = 1.0

    def step(self) -> None:
        """Let each device measure anew, but for those that are frozen."""
        for device in self.devices.values():
            if not self.chances.drawn("frozen"):
                device.step()


async def play(
    played: Played, where: tuple[str, int] | SerialEnd, announce: Callable[[str], None]
) -> None:
    """Answer until cancelled.

    Args:
        played: devices and faults.
        where: host and port, of which 0 chooses a free one; or a serial port.
        announce: gets a line with where it answers.

    Raises:
        OSError: the address or the port cannot be used.
    """
    # It tells of each fault that is played, and of each line that ends.
    logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)
    server = _server(played, where)
    try:
        await server.serve_forever(background=True)
    except (RuntimeError, termios.error) as error:
        raise OSError(*error.args) from None
    try:
        announce(_shown(server, where))
        while True:
            await asyncio.sleep(1 / played.rate if played.rate else 3600.0)
            if played.rate:
                played.step()
    finally:
        await server.shutdown()


def _shown(server: ModbusBaseServer, where: tuple[str, int] | SerialEnd) -> str:
    if isinstance(where, SerialEnd):
        return f"serial {where.far or where.port}"
    listening = server.transport
    assert isinstance(listening, asyncio.Server)
    host, port, *_ = listening.sockets[0].getsockname()
    return f"listening {host}:{port}"


def _server(played: Played, where: tuple[str, int] | SerialEnd) -> ModbusBaseServer:
    devices = [_sim_device(unit, each, played.chances) for unit, each in played.devices.items()]
    server: _Tcp | _Serial
    if isinstance(where, SerialEnd):
        server = _Serial(
            devices,
            framer=FramerType.RTU,
            port=where.port,
            baudrate=where.baud,
            parity=where.parity,
            stopbits=where.stop_bits,
        )
    else:
        server = _Tcp(devices, address=where)
    server.played = played
    return server


class _Playing(ModbusBaseServer):
    """A server whose connections meet faults."""

    played: Played

    def callback_new_connection(self) -> "_Connection":
        return _Connection(self, self.played)


class _Tcp(_Playing, ModbusTcpServer):
    pass


class _Serial(_Playing, ModbusSerialServer):
    pass


class _Connection(ServerRequestHandler):
    """One connection, or one serial line."""

    def __init__(self, server: _Playing, played: Played) -> None:
        super().__init__(server, None, None, None)
        self._played = played
        self._is_serial = isinstance(server, _Serial)
        self._dead_until_s = 0.0
        self._sending: set[asyncio.Task[None]] = set()

    async def handle_request(self) -> None:
        """Answer a request; nobody answers for units that are not on the line."""
        if self.last_pdu and self.last_pdu.dev_id in self._played.devices:
            await super().handle_request()

    def send(self, data: bytes, addr: tuple[str, int] | None = None) -> None:
        """Send an answer, as the chances of this line will have it."""
        chances = self._played.chances
        if self.loop.time() < self._dead_until_s or chances.drawn("silent"):
            return
        if chances.drawn("unplug"):
            self._unplug()
            return
        task = self.loop.create_task(self._transmit(chances.answer(data), addr))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    def _unplug(self) -> None:
        if self._is_serial:
            self._dead_until_s = self.loop.time() + _DEAD_S
        else:
            self.close()

    async def _transmit(self, way: Transmission, addr: tuple[str, int] | None) -> None:
        for piece in way.pieces:
            super().send(piece, addr)
            await asyncio.sleep(way.pause_s)


def _sim_device(unit: int, device: PlayedDevice, chances: Chances) -> SimDevice:
    async def asked(
        function: int,
        start: int,
        _address: int,
        _count: int,
        registers: list[int],
        written: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        if written or function > len(_TABLES):
            return ExcCodes.ILLEGAL_FUNCTION
        if chances.drawn("refuse"):
            return ExcCodes.DEVICE_BUSY
        table = _TABLES[function - 1]
        _fill(registers, start, device.registers.get(table, {}), is_bits=function <= 2)
        return None

    coils, discrete, holding, inputs = (
        _data(device.registers.get(table, {}), is_bits=table in ("coil", "discrete"))
        for table in _TABLES
    )
    return SimDevice(unit, (coils, discrete, holding, inputs), action=asked)


def _data(held: dict[int, int], *, is_bits: bool) -> list[SimData]:
    """Reserve what lies between the first and the last that is held; a table needs something."""
    first, end = min(held, default=0), max(held, default=0) + 1
    if is_bits:
        return [SimData(first, values=[False] * (end - first), datatype=DataType.BITS)]
    if not held:
        return [SimData(0, datatype=DataType.INVALID)]
    return [SimData(first, values=[0] * (end - first), datatype=DataType.REGISTERS)]


def _fill(registers: list[int], start: int, held: dict[int, int], *, is_bits: bool) -> None:
    """Write what is held into pymodbus's own registers; bits are sixteen to one."""
    if not is_bits:
        for address, value in held.items():
            registers[address - start] = value
        return
    for address, bit in held.items():
        at, place = address // _WORD - start, address % _WORD
        registers[at] = registers[at] & ~(1 << place) | bit << place
