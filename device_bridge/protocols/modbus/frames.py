"""Requests and answers of Modbus, for reading; pure.

Standards: Modbus Application Protocol V1.1b3, sections 6.1 to 6.4 and 7; Modbus Messaging on TCP/IP
V1.0b, section 3.1.3; Modbus over Serial Line V1.02, section 2.5.1

    TCP       transaction (2), protocol 0 (2), length of what follows (2), unit (1), then as below
    RTU       unit (1), as below, CRC-16 with its low byte first (2)

    request   function, first address (2), how many (2)
    answer    function, number of bytes (1), bytes
    refusal   function + 0x80, exception code (1)

An answer belongs to its request: by TCP the transaction says so, and answers of others are passed
over; by RTU unit, function and length must be those expected, and what is none is noise that is
passed over, byte by byte. After a time-out the line is opened anew, so that a late answer meets no
other request.
"""

import struct
from dataclasses import dataclass, field
from typing import Literal, Protocol

from fhirserver_device_bridge.protocols.modbus.errors import ModbusError

Table = Literal["coil", "discrete", "holding", "input"]
FUNCTIONS: dict[Table, int] = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}
MOST: dict[Table, int] = {"coil": 2000, "discrete": 2000, "holding": 125, "input": 125}
"""Of one request."""

_REFUSED = 0x80
_HEADER = struct.Struct(">HHHB")
_LONGEST = 254
"""Bytes that the length of a TCP frame may count."""
_NOISE_LIMIT = 4096


@dataclass(frozen=True, slots=True)
class Block:
    """Registers or bits that are read at once.

    Attributes:
        address: of the first, from 0.
        count: 1 to `MOST`.
    """

    table: Table
    address: int
    count: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What a device answered: values, or why it does not give them.

    Attributes:
        values: registers 0 to 65535, or bits 0 and 1; as many as were asked for.
        exception: code of section 7; 0 for none.
    """

    values: tuple[int, ...] = ()
    exception: int = 0


class Exchange(Protocol):
    """One request, and its answer as it arrives."""

    @property
    def request(self) -> bytes:
        """What is sent."""

    def feed(self, received: bytes) -> Answer | None:
        """Take some bytes, and give the answer when it is whole.

        Raises:
            ModbusError: what comes can no longer become an answer; the line is to be opened anew.
        """


@dataclass
class TcpExchange:
    """A request by TCP.

    Args:
        unit: 0 to 255.
        transaction: 0 to 65535; another one each time.
    """

    block: Block
    unit: int
    transaction: int
    _held: bytearray = field(default_factory=bytearray)

    @property
    def request(self) -> bytes:
        """What is sent."""
        asked = _asked(self.block)
        return _HEADER.pack(self.transaction, 0, len(asked) + 1, self.unit) + asked

    def feed(self, received: bytes) -> Answer | None:
        """Take some bytes; as `Exchange`."""
        self._held += received
        while len(self._held) >= _HEADER.size:
            transaction, protocol, length, unit = _HEADER.unpack_from(self._held)
            if protocol != 0 or not 2 <= length <= _LONGEST:
                raise ModbusError("no frame of Modbus TCP: its header is wrong")
            end = _HEADER.size - 1 + length
            if len(self._held) < end:
                return None
            told = bytes(self._held[_HEADER.size : end])
            del self._held[:end]
            if transaction == self.transaction:
                return self._answer(told, unit)
        return None

    def _answer(self, told: bytes, unit: int) -> Answer:
        answer = _read(told, self.block) if unit == self.unit else None
        if answer is None:
            raise ModbusError("the answer is not of what was asked")
        return answer


@dataclass
class RtuExchange:
    """A request by RTU; its frames have no beginning, so the answer is looked for."""

    block: Block
    unit: int
    _held: bytearray = field(default_factory=bytearray)

    @property
    def request(self) -> bytes:
        """What is sent."""
        told = bytes((self.unit,)) + _asked(self.block)
        return told + crc(told)

    def feed(self, received: bytes) -> Answer | None:
        """Take some bytes; as `Exchange`."""
        self._held += received
        start = self._held.find(self.unit)
        while 0 <= start < len(self._held) - 1:
            answer = self._at(start)
            if answer is not None:
                return answer
            start = self._held.find(self.unit, start + 1)
        if len(self._held) > _NOISE_LIMIT:
            raise ModbusError("nothing but noise on the line")
        return None

    def _at(self, start: int) -> Answer | None:
        """Read what stands at a place, if a whole answer does."""
        size = 5 if self._held[start + 1] & _REFUSED else _size(self.block) + 3
        frame = bytes(self._held[start : start + size])
        if len(frame) < size or crc(frame[:-2]) != frame[-2:]:
            return None
        return _read(frame[1:-2], self.block)


def _asked(block: Block) -> bytes:
    return struct.pack(">BHH", FUNCTIONS[block.table], block.address, block.count)


def _size(block: Block) -> int:
    """Give the length of an answer, from its function to its last value."""
    is_bits = block.table in ("coil", "discrete")
    return 2 + (-(-block.count // 8) if is_bits else 2 * block.count)


def _read(told: bytes, block: Block) -> Answer | None:
    """Read what follows the unit; None where it is no answer to this request."""
    function = FUNCTIONS[block.table]
    if len(told) == 2 and told[0] == function | _REFUSED:
        return Answer(exception=told[1])
    size = _size(block)
    if len(told) != size or told[0] != function or told[1] != size - 2:
        return None
    if block.table in ("coil", "discrete"):
        bits = int.from_bytes(told[2:], "little")
        return Answer(tuple(bits >> number & 1 for number in range(block.count)))
    return Answer(struct.unpack(f">{block.count}H", told[2:]))


def crc(told: bytes) -> bytes:
    """Give the CRC-16 of RTU, low byte first."""
    value = 0xFFFF
    for each in told:
        value = value >> 8 ^ _CRC[(value ^ each) & 0xFF]
    return value.to_bytes(2, "little")


def _crc_of(value: int) -> int:
    for _ in range(8):
        value = value >> 1 ^ (0xA001 if value & 1 else 0)
    return value


_CRC = tuple(map(_crc_of, range(256)))
