"""MDER, the medical device encoding rules, as codecs: each reads and writes one type.

Spec: IEEE 11073-20601, "Medical device encoding rules (MDER)"

    INT-U8, INT-U16, INT-U32   big-endian
    OCTET STRING, ANY          INT-U16 length, then so many octets
    SEQUENCE OF                INT-U16 count, INT-U16 length in octets, then the items
    SEQUENCE                   its fields, one after the other
    CHOICE                     INT-U16 tag, INT-U16 length in octets, then the chosen type

Both directions stand in one place, so that what was read is written back octet by octet. Lengths
are checked against what holds them: no input makes a reader go beyond its own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from fhirserver_device_bridge.protocols.x20601 import floats

T = TypeVar("T")


class MderError(ValueError):
    """Octets that the encoding rules do not allow; says where and what."""

    def __init__(self, at: int, problem: str) -> None:
        super().__init__(f"octet {at}: {problem}")
        self.at = at


class Cursor:
    """A place in octets, with an end that no reader passes."""

    __slots__ = ("at", "end", "raw")

    def __init__(self, raw: bytes, at: int = 0, end: int | None = None) -> None:
        self.raw = raw
        self.at = at
        self.end = len(raw) if end is None else end

    @property
    def left(self) -> int:
        """Octets that are still to be read."""
        return self.end - self.at

    def take(self, size: int) -> bytes:
        """Read `size` octets.

        Raises:
            MderError: there are fewer.
        """
        if size > self.left:
            raise MderError(self.at, f"{size} octets are announced and {self.left} are there")
        taken = self.raw[self.at : self.at + size]
        self.at += size
        return taken

    def within(self, size: int) -> "Cursor":
        """A cursor over the next `size` octets, which this one skips.

        Raises:
            MderError: there are fewer.
        """
        start = self.at
        self.take(size)
        return Cursor(self.raw, start, self.at)

    def finish(self) -> None:
        """Say that nothing may be left.

        Raises:
            MderError: something is.
        """
        if self.left:
            raise MderError(self.at, f"{self.left} octets more than the type has")


@dataclass(frozen=True, slots=True)
class Codec(Generic[T]):
    """One type on the wire: how it is read and how it is written."""

    read: Callable[[Cursor], T]
    write: Callable[[T], bytes]

    def decode(self, raw: bytes) -> T:
        """Read a value that takes all of `raw`.

        Raises:
            MderError: too short, too long, or not of this type.
        """
        cursor = Cursor(raw)
        value = self.read(cursor)
        cursor.finish()
        return value


def integer(size: int, *, signed: bool = False) -> Codec[int]:
    """An integer of `size` octets."""
    return Codec(
        lambda cursor: int.from_bytes(cursor.take(size), "big", signed=signed),
        lambda value: value.to_bytes(size, "big", signed=signed),
    )


U8, U16, U32 = integer(1), integer(2), integer(4)
I16 = integer(2, signed=True)


def octets(size: int) -> Codec[bytes]:
    """Octets whose number the type says."""
    return Codec(lambda cursor: cursor.take(size), bytes)


OCTETS: Codec[bytes] = Codec(
    lambda cursor: cursor.take(U16.read(cursor)), lambda value: U16.write(len(value)) + value
)
REST: Codec[bytes] = Codec(lambda cursor: cursor.take(cursor.left), bytes)
"""All that is left, for what is not understood and kept."""


def number(layout: floats.Layout) -> Codec[floats.Number]:
    """A FLOAT or an SFLOAT."""
    raw = integer((layout.exponent_bits + layout.mantissa_bits) // 8)
    return Codec(
        lambda cursor: floats.decode(raw.read(cursor), layout),
        lambda value: raw.write(floats.encode(value, layout)),
    )


FLOAT = number(floats.FLOAT)
SFLOAT = number(floats.SFLOAT)


def sequence_of(item: Codec[T]) -> Codec[tuple[T, ...]]:
    """A list with its count and its length in octets."""

    def read(cursor: Cursor) -> tuple[T, ...]:
        count = U16.read(cursor)
        inside = cursor.within(U16.read(cursor))
        items = tuple(item.read(inside) for _ in range(count))
        inside.finish()
        return items

    def write(items: tuple[T, ...]) -> bytes:
        inside = b"".join(map(item.write, items))
        return U16.write(len(items)) + U16.write(len(inside)) + inside

    return Codec(read, write)


def record(kind: Callable[..., T], /, **fields: Codec[Any]) -> Codec[T]:
    """A SEQUENCE: `kind` is called with its fields by name, in this order."""

    def read(cursor: Cursor) -> T:
        return kind(**{name: codec.read(cursor) for name, codec in fields.items()})

    def write(value: T) -> bytes:
        return b"".join(codec.write(getattr(value, name)) for name, codec in fields.items())

    return Codec(read, write)


def inside(codec: Codec[T]) -> Codec[T]:
    """A type that is wrapped in its length."""

    def read(cursor: Cursor) -> T:
        within = cursor.within(U16.read(cursor))
        value = codec.read(within)
        within.finish()
        return value

    return Codec(read, lambda value: OCTETS.write(codec.write(value)))


def choice(name: str, options: Mapping[int, tuple[type[Any], Codec[Any]]]) -> Codec[Any]:
    """A CHOICE: tags, and for each the type that stands for it and its codec."""
    tags = {kind: tag for tag, (kind, _) in options.items()}
    wrapped = {tag: inside(codec) for tag, (_, codec) in options.items()}

    def read(cursor: Cursor) -> Any:
        at, tag = cursor.at, U16.read(cursor)
        if tag not in wrapped:
            raise MderError(at, f"{name} knows no choice {tag:#06x}")
        return wrapped[tag].read(cursor)

    def write(value: Any) -> bytes:
        tag = tags[type(value)]
        return U16.write(tag) + wrapped[tag].write(value)

    return Codec(read, write)
