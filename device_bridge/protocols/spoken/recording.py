r"""What a device said and when, as the journal keeps it.

    "nonin" or "line"  0x00 0x01  time  LF  packet or line, as received

The time is that of receipt, by the bridge's clock, to the microsecond: these devices have no other,
or say it in the line.
"""

from dataclasses import dataclass
from datetime import datetime

NONIN = b"nonin\x00\x01"
LINE = b"line\x00\x01"


class SpokenError(ValueError):
    """What cannot be read; its text names the place, the rule and the remedy, and no values."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """One packet or line, and when it was received, aware."""

    at: datetime
    raw: bytes


def write(magic: bytes, spoken: Spoken) -> bytes:
    """Write a recording that begins with a magic: NONIN or LINE."""
    return b"%b%b\n%b" % (magic, spoken.at.isoformat(timespec="microseconds").encode(), spoken.raw)


def read(magic: bytes, recorded: bytes) -> Spoken:
    """Read a recording that begins with a magic.

    Raises:
        SpokenError: it has no time.
    """
    time, _, raw = recorded[len(magic) :].partition(b"\n")
    try:
        at = datetime.fromisoformat(time.decode("ascii"))
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise SpokenError("a recording begins with its time, with an offset, and a line feed")
    return Spoken(at, raw)
