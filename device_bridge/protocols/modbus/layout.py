"""A device's map of registers: what stands where, and how it is written.

table    coil, discrete, holding or input
type     int16 uint16 int32 uint32 int64 uint64 float32 float64, of which the words may stand
         in either order and the bytes of each word too; bool for coils and single bits
number   register * scale + offset, with the digits of scale and offset
absent   numbers that mean "no value", of the register as it is, before its sign and scale
states   numbers that mean a concept
bits     bits that each are a yes or no of their own
alarms   bits that each are an alarm: set while its condition holds
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from fhirserver_device_bridge.alarms.alarm import Priority
from fhirserver_device_bridge.protocols.modbus.frames import Table
from fhirserver_device_bridge.reading import Coding

Type = Literal[
    "bool", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64"
]
Order = Literal["big", "little"]
AlarmType = Literal["SP", "ST", "SA"]
WIDTHS: dict[Type, int] = {
    "bool": 1,
    "int16": 1,
    "uint16": 1,
    "int32": 2,
    "uint32": 2,
    "float32": 2,
    "int64": 4,
    "uint64": 4,
    "float64": 4,
}
"""Registers of each type."""


@dataclass(frozen=True, slots=True)
class AlarmBit:
    """An alarm of a device.

    Attributes:
        code: what is wrong.
        priority: None where nobody says.
        type: SP physiological, ST technical, SA advisory.
    """

    code: Coding
    priority: Priority | None = None
    type: AlarmType | None = None


@dataclass(frozen=True, slots=True)
class Measure:
    """One value of a device.

    Attributes:
        address: from 0, whatever the manual counts from.
        words: order of registers; "big" has the most significant first.
        bytes: order of bytes in a register.
        unit: of UCUM; None for a number without one.
    """

    code: Coding
    table: Table
    address: int
    type: Type = "uint16"
    words: Order = "big"
    bytes: Order = "big"
    scale: Decimal = Decimal(1)
    offset: Decimal = Decimal(0)
    unit: str | None = None
    absent: frozenset[int] = frozenset()
    states: Mapping[int, Coding] = field(default_factory=dict)
    bits: Mapping[int, Coding] = field(default_factory=dict)
    alarms: Mapping[int, AlarmBit] = field(default_factory=dict)

    @property
    def width(self) -> int:
        """How many registers or bits it takes."""
        return WIDTHS[self.type]


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A register that changes as long as the device measures.

    Attributes:
        stale_s: without a change for so long, it does not.
    """

    table: Table
    address: int
    stale_s: float


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """A map.

    Attributes:
        kind: what the device is, e.g. a ventilator.
        gap: registers that nobody wants, and that are read all the same to save a request.
    """

    name: str
    version: str
    measures: tuple[Measure, ...]
    kind: Coding | None = None
    manufacturer: str | None = None
    model: str | None = None
    gap: int = 8
    heartbeat: Heartbeat | None = None
