"""Dates, times and instants of partial precision.

Spec: http://hl7.org/fhirpath/N1/index.html#datetime and #datetime-arithmetic

Values of different precision are comparable as far as both go: 2012 < 2013-01, while 2012 = 2012-01
is unknown. Seconds and milliseconds are one precision. Offsets count where both sides have them.
"""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Literal

from fhirserver.fhirpath.errors import FhirPathError

Kind = Literal["date", "dateTime", "time"]
Component = int | Decimal

TEMPORAL_KINDS: dict[str, Kind] = {
    "date": "date",
    "dateTime": "dateTime",
    "instant": "dateTime",
    "time": "time",
}
"""Kind by FHIR type."""

_TIME = r"(\d\d)(?::(\d\d)(?::(\d\d(?:\.\d+)?))?)?"
_DATE_TIME = re.compile(
    rf"(\d{{4}})(?:-(\d\d)(?:-(\d\d))?)?(?:(T)(?:{_TIME}(Z|[+-]\d\d:\d\d)?)?)?", re.ASCII
)
_LONGEST = 100
"""Characters of a date or time; fractions of a second have as many digits as they please."""
_CLOCK = re.compile(rf"T?{_TIME}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Temporal:
    """A Date, DateTime or Time.

    Attributes:
        parts: year, month, day, hour, minute, second of a date; hour, minute, second of a time;
            as many as it is precise. Seconds are Decimal.
        offset: minutes east of UTC, or None.
    """

    kind: Kind
    parts: tuple[Component, ...]
    offset: int | None = None

    def __str__(self) -> str:
        if self.kind == "time":
            return _format_clock(self.parts)
        text = "-".join(
            f"{part:0{width}d}"
            for part, width in zip(map(int, self.parts[:3]), (4, 2, 2), strict=False)
        )
        if self.kind == "dateTime":
            text += "T" if len(self.parts) <= 3 else f"T{_format_clock(self.parts[3:])}"
        if self.offset is not None:
            hours, minutes = divmod(abs(self.offset), 60)
            sign = "-" if self.offset < 0 else "+"
            text += f"{sign}{hours:02d}:{minutes:02d}" if self.offset else "Z"
        return text


def parse_literal(text: str, position: int) -> Temporal:
    """Parse a literal without its @."""
    value = parse_temporal(text, "time" if text.startswith("T") else None)
    if value is None:
        raise FhirPathError(f"@{text} is not a date or time", position)
    return value


def parse_temporal(text: str, kind: Kind | None = None) -> Temporal | None:
    """Parse a date or time.

    Args:
        text: e.g. "2015-02", "2015-02-04T14:34Z", "14:34:28".
        kind: what it must be; None takes a date, or a dateTime where a T stands.

    Returns:
        None if it is not one, or names a day or hour that does not exist.
    """
    return None if len(text) > _LONGEST else _parse_kept(text, kind)


@lru_cache(maxsize=4096)
def _parse_kept(text: str, kind: Kind | None) -> Temporal | None:
    if kind == "time":
        match = _CLOCK.fullmatch(text)
        parts = _parts(*match.groups()) if match else ()
        return Temporal("time", parts) if match and _is_clock(parts) else None
    match = _DATE_TIME.fullmatch(text)
    if match is None:
        return None
    year, month, day, separator, hour, minute, second, offset = match.groups()
    if kind == "date" and separator:
        return None
    parts = _parts(year, month, day)
    if hour is not None:
        if day is None:
            return None
        parts += _parts(hour, minute, second)
    if not _is_calendar(parts) or not _is_clock(parts[3:]):
        return None
    found: Kind = "dateTime" if separator or kind == "dateTime" else "date"
    return Temporal(found, parts, _parse_offset(offset))


def compare(left: Temporal, right: Temporal) -> int | None:
    """Compare to -1, 0 or 1; None where the precision does not tell."""
    if (left.kind == "time") != (right.kind == "time"):
        raise FhirPathError("a time of day cannot be compared with a date")
    if left.offset is right.offset or left.offset == right.offset:
        mine, theirs = left.parts, right.parts
    elif left.offset is None or right.offset is None:
        if min(len(left.parts), len(right.parts)) > 3:
            return None
        mine, theirs = left.parts, right.parts
    else:
        mine, theirs = in_utc(left), in_utc(right)
    for one, other in zip(mine, theirs, strict=False):
        if one != other:
            return -1 if one < other else 1
    return 0 if len(mine) == len(theirs) else None


def in_utc(value: Temporal) -> tuple[Component, ...]:
    """Give the parts in UTC; as they are where no offset or no minute is known."""
    if not value.offset or len(value.parts) < 5:
        return value.parts
    year, month, day, hour, minute = map(int, value.parts[:5])
    try:
        moment = datetime(year, month, day, hour, minute) - timedelta(minutes=value.offset)  # noqa: DTZ001 - the offset is subtracted here
    except (ValueError, OverflowError):
        return value.parts
    return (
        moment.year, moment.month, moment.day, moment.hour, moment.minute, *value.parts[5:],
    )  # fmt: skip


def _parts(first: str, second: str | None, third: str | None) -> tuple[Component, ...]:
    parts: list[Component] = [int(first)]
    if second is not None:
        parts.append(int(second))
        if third is not None:
            parts.append(Decimal(third) if len(first) == 2 else int(third))
    return tuple(parts)


def _is_calendar(parts: tuple[Component, ...]) -> bool:
    year, month, day = (*map(int, parts[:3]), 1, 1)[:3]
    return year >= 1 and 1 <= month <= 12 and 1 <= day <= monthrange(year, month)[1]


def _is_clock(parts: tuple[Component, ...]) -> bool:
    return all(part < limit for part, limit in zip(parts, (24, 60, 61), strict=False))


def _parse_offset(text: str | None) -> int | None:
    if text is None:
        return None
    if text == "Z":
        return 0
    minutes = int(text[1:3]) * 60 + int(text[4:6])
    return -minutes if text[0] == "-" else minutes


def _format_clock(parts: tuple[Component, ...]) -> str:
    texts = [f"{int(part):02d}" for part in parts[:2]]
    if len(parts) > 2:
        text = format(parts[2], "f") if isinstance(parts[2], Decimal) else str(parts[2])
        texts.append(text.rjust(2 if "." not in text else 3 + len(text.partition(".")[2]), "0"))
    return ":".join(texts)
