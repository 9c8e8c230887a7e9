"""Layout of a characteristic: flags, then fields, each there always or where a flag says so.

Spec: GATT Specification Supplement, "Characteristics"; least significant octet first

    u8 u16 u24 i16   integers
    sfloat float     16 and 32 bits of IEEE 11073-20601
    time             u16 year, u8 month, day, hours, minutes, seconds: a wall clock without offset;
                     0 for a year, month or day that the device does not know

A flag that is reserved may announce fields that nobody knows: what follows cannot be told then. So
nothing is read of a value with reserved flags, too few octets or too many.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from fhirserver_device_bridge.protocols.bluetooth.errors import BluetoothError
from fhirserver_device_bridge.protocols.x20601 import floats
from fhirserver_device_bridge.protocols.x20601.floats import FLOAT, SFLOAT, Number
from fhirserver_device_bridge.protocols.x20601.times import AbsoluteTime

Kind = Literal["u8", "u16", "u24", "i16", "sfloat", "float", "time"]
Raw = int | Number | AbsoluteTime

FLAGS = "flags"
"""The name under which the flags stand among the values."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field.

    Attributes:
        flag: bit of the flags that says that it is there; 0 for always.
        absent_flag: bit that says that another stands in its place; 0 for none.
        repeats: it fills what is left, once or more often.
        must_be: the only number that is defined; None where others are.
    """

    name: str
    kind: Kind
    flag: int = 0
    absent_flag: int = 0
    repeats: bool = False
    must_be: int | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """A characteristic's octets.

    Attributes:
        fields: in their order.
        known_flags: all flags that the specification defines.
        flags_size: octets of the flags.
    """

    fields: tuple[Field, ...]
    known_flags: int
    flags_size: int = 1


@dataclass(frozen=True, slots=True)
class Values:
    """What was read: fields that are there, in their order; a field that repeats is there again."""

    read: tuple[tuple[str, Raw], ...]
    _by_name: Mapping[str, Raw] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", dict(reversed(self.read)))

    def all(self, name: str) -> tuple[Raw, ...]:
        """Give each value of a field."""
        return tuple(value for known, value in self.read if known == name)

    def integer(self, name: str) -> int | None:
        """Give an integer; None where the field is not there."""
        value = self._by_name.get(name)
        return value if isinstance(value, int) else None

    def time(self, name: str) -> AbsoluteTime | None:
        """Give a time; None where the field is not there."""
        value = self._by_name.get(name)
        return value if isinstance(value, AbsoluteTime) else None


def read_fields(raw: bytes, layout: Layout) -> Values:
    """Read a value. Pure.

    Raises:
        BluetoothError: too short, too long, or with flags that are reserved.
    """
    octets = _Octets(raw)
    flags = int.from_bytes(octets.take(layout.flags_size, FLAGS), "little")
    reserved = flags & ~layout.known_flags
    if reserved:
        raise BluetoothError(f"flags {reserved:#x} are reserved: what follows them is not known")
    read: list[tuple[str, Raw]] = [(FLAGS, flags)]
    for each in layout.fields:
        if flags & each.absent_flag or (each.flag and not flags & each.flag):
            continue
        read.append((each.name, octets.read(each)))
        while each.repeats and octets.left:
            read.append((each.name, octets.read(each)))
    if octets.left:
        raise BluetoothError(f"{octets.left} octets more than the flags announce")
    return Values(tuple(read))


class _Octets:
    """A place in octets."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._at = 0

    @property
    def left(self) -> int:
        return len(self._raw) - self._at

    def take(self, size: int, name: str) -> bytes:
        if size > self.left:
            raise BluetoothError(
                f"octet {self._at}: {name!r} has {size} octets, and {self.left} are there"
            )
        self._at += size
        return self._raw[self._at - size : self._at]

    def read(self, of: Field) -> Raw:
        size, decode = _KINDS[of.kind]
        value = decode(self.take(size, of.name))
        if of.must_be is not None and value != of.must_be:
            raise BluetoothError(f"{of.name!r} are reserved: what follows them is not known")
        return value


def read_time(octets: bytes) -> AbsoluteTime:
    """Read 7 octets of Date Time; what is no date keeps its place and is none."""
    year = int.from_bytes(octets[:2], "little")
    return AbsoluteTime(bytes(map(_bcd, (year // 100, year % 100, *octets[2:7], 0))))


def _bcd(number: int) -> int:
    """Write a number of two digits as AbsoluteTime has it; any other as what is no digit."""
    return number // 10 * 16 + number % 10 if number < 100 else 0xFF


def _integer(octets: bytes, *, signed: bool = False) -> int:
    return int.from_bytes(octets, "little", signed=signed)


def _number(octets: bytes, *, layout: floats.Layout) -> Number:
    return floats.decode(int.from_bytes(octets, "little"), layout)


_KINDS: dict[Kind, tuple[int, Callable[[bytes], Raw]]] = {
    "u8": (1, _integer),
    "u16": (2, _integer),
    "u24": (3, _integer),
    "i16": (2, partial(_integer, signed=True)),
    "sfloat": (2, partial(_number, layout=SFLOAT)),
    "float": (4, partial(_number, layout=FLOAT)),
    "time": (7, read_time),
}
