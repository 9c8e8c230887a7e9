"""The four clocks an agent can have, as they stand on the wire.

Spec: IEEE 11073-20601, annex A.2

    AbsoluteTime          8 octets BCD: century year month day hour minute second 1/100 s; local
    BaseOffsetTime        INT-U32 s since 1900-01-01 UTC, INT-U16 1/65536 s, INT-I16 min of offset
    RelativeTime          INT-U32 in 1/8 ms; 0xFFFFFFFF: no such clock; goes round in about six days
    HighResRelativeTime   8 octets, microseconds
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

from fhirserver_device_bridge.protocols.x20601.mder import (
    I16,
    U16,
    U32,
    Codec,
    integer,
    octets,
    record,
)

NO_RELATIVE_TIME = 0xFFFFFFFF
RELATIVE_TICKS_PER_S = 8000
_BASE = datetime(1900, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class AbsoluteTime:
    """A wall clock without offset, as sent: `bcd` are its 8 octets."""

    bcd: bytes

    @property
    def local(self) -> datetime | None:
        """The wall clock's time, naive; None where the octets are no date (a clock never set)."""
        try:
            century, year, month, day, hour, minute, second, hundredths = map(_bcd, self.bcd)
            return datetime(  # noqa: DTZ001 - the agent says no offset
                century * 100 + year, month, day, hour, minute, second, hundredths * 10_000
            )
        except ValueError:
            return None

    @property
    def text(self) -> str:
        """As sent, e.g. "2010-07-21T15:35:53.00"; for identifiers."""
        pairs = [f"{octet:02X}" for octet in self.bcd]
        return f"{pairs[0]}{pairs[1]}-{pairs[2]}-{pairs[3]}T{':'.join(pairs[4:7])}.{pairs[7]}"


def _bcd(octet: int) -> int:
    tens, ones = divmod(octet, 16)
    if tens > 9 or ones > 9:
        raise ValueError("no digit")
    return tens * 10 + ones


@dataclass(frozen=True, slots=True)
class BaseOffsetTime:
    """An instant with the offset of its place."""

    seconds: int
    fraction: int
    offset_min: int

    @property
    def instant(self) -> datetime | None:
        """The instant in its offset; None for a clock never set (0) and an offset of nowhere."""
        if not self.seconds or abs(self.offset_min) > 14 * 60:
            return None
        microseconds = self.fraction * 1_000_000 // 65536
        zone = timezone(timedelta(minutes=self.offset_min))
        return (_BASE + timedelta(seconds=self.seconds, microseconds=microseconds)).astimezone(zone)

    @property
    def text(self) -> str:
        """As sent: "3488283753.32768+60"; for identifiers."""
        return f"{self.seconds}.{self.fraction}{self.offset_min:+d}"


@dataclass(frozen=True, slots=True)
class RelativeTime:
    """A counter since the agent was switched on, in `ticks_per_s`."""

    ticks: int
    ticks_per_s: int = RELATIVE_TICKS_PER_S

    @property
    def seconds(self) -> Decimal:
        """The counter in seconds."""
        return Decimal(self.ticks) / self.ticks_per_s

    @property
    def text(self) -> str:
        """As sent, in seconds with the clock's resolution: "46.250000"; for identifiers."""
        return format(self.seconds.quantize(Decimal("0.000001")), "f")


DeviceTime = AbsoluteTime | BaseOffsetTime | RelativeTime

ABSOLUTE_TIME: Codec[AbsoluteTime] = record(AbsoluteTime, bcd=octets(8))
BASE_OFFSET_TIME = record(BaseOffsetTime, seconds=U32, fraction=U16, offset_min=I16)
RELATIVE_TIME: Codec[RelativeTime] = Codec(
    lambda cursor: RelativeTime(U32.read(cursor)), lambda value: U32.write(value.ticks)
)
_U64 = integer(8)
HIGH_RESOLUTION_TIME: Codec[RelativeTime] = Codec(
    lambda cursor: RelativeTime(_U64.read(cursor), 1_000_000),
    lambda value: _U64.write(value.ticks),
)
