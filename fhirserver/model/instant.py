"""Instants as epoch microseconds, and FHIR dates as half-open intervals of them.

Spec: https://hl7.org/fhir/R4/datatypes.html#dateTime and https://hl7.org/fhir/R4/search.html#date

    2013         [2013-01-01T00:00Z, 2014-01-01T00:00Z)
    2013-03      [2013-03-01T00:00Z, 2013-04-01T00:00Z)
    ...T10:00    one minute     ...T10:00:00   one second     ...:00.5   a tenth of one

A value without an offset is read in the zone given, UTC unless the server is set otherwise.
"""

import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo

MIN_US = -62_135_596_800_000_000
"""0001-01-01T00:00:00Z, also the start of a period that has none."""
MAX_US = 253_402_300_800_000_000
"""10000-01-01T00:00:00Z, also the end of a period that has none."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAIVE_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - UTC throughout, and three times as fast
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_PATTERN = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?"
    r"(Z|[+-]\d\d:\d\d)?)?)?)?",
    re.ASCII,
)


def to_us(moment: datetime) -> int:
    """Turn an aware datetime into epoch microseconds."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def to_moment(us: int) -> datetime:
    """Turn epoch microseconds into an aware datetime, the nearest that there is."""
    return _EPOCH + timedelta(microseconds=min(max(us, MIN_US), MAX_US - 1))


def format_instant(us: int) -> str:
    """Write epoch microseconds as a FHIR instant in UTC, e.g. 2026-01-02T03:04:05.000678Z."""
    moment = _NAIVE_EPOCH + timedelta(microseconds=us)
    return moment.isoformat(timespec="microseconds") + "Z"


def format_http_date(us: int) -> str:
    """Write epoch microseconds as an HTTP date, whole seconds, rounded down."""
    moment = _NAIVE_EPOCH + timedelta(microseconds=us)
    return (
        f"{_DAYS[moment.weekday()]}, {moment.day:02d} {_MONTHS[moment.month - 1]}"
        f" {moment.year:04d} {moment.hour:02d}:{moment.minute:02d}:{moment.second:02d} GMT"
    )


def interval_us(text: str, zone: tzinfo = UTC) -> tuple[int, int]:
    """Give the half-open interval that a FHIR date, dateTime or instant spans.

    Args:
        text: e.g. "2013", "2013-03", "2013-03-14T10:00+01:00"; seconds may be missing.
        zone: zone of a value that carries no offset.

    Returns:
        (lower, upper) in epoch microseconds, lower < upper.

    Raises:
        ValueError: not a date, or a day, hour or offset that does not exist.
    """
    match = _PATTERN.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a FHIR date or dateTime")
    year, month, day, hour, minute, second, fraction, offset = match.groups()
    if hour is None:
        return _calendar_interval(int(year), month, day, zone)
    moment = datetime(
        int(year), int(month), int(day), int(hour), int(minute),
        min(int(second or 0), 59), tzinfo=_offset(offset, zone),
    )  # fmt: skip
    if int(second or 0) > 60:
        raise ValueError(f"{text!r} has no such second")
    lower = to_us(moment)
    if second is None:
        return lower, lower + 60_000_000
    if fraction is None:
        return lower, lower + 1_000_000
    digits = fraction[:6]
    return lower + int(digits.ljust(6, "0")), lower + int(digits.ljust(6, "0")) + 10 ** (
        6 - len(digits)
    )


def _calendar_interval(
    year: int, month: str | None, day: str | None, zone: tzinfo
) -> tuple[int, int]:
    if year == 0:
        raise ValueError("year 0000 does not exist")
    first = date(year, int(month or 1), int(day or 1))
    if day is not None:
        return _midnight(first, zone), _midnight_after(first, zone)
    last_month = 12 if month is None else first.month
    last = (
        date(year, last_month, 31)
        if last_month == 12
        else (date(year, last_month + 1, 1) - timedelta(days=1))
    )
    return _midnight(first, zone), _midnight_after(last, zone)


def _midnight(day: date, zone: tzinfo) -> int:
    return to_us(datetime(day.year, day.month, day.day, tzinfo=zone))


def _midnight_after(day: date, zone: tzinfo) -> int:
    if day == date.max:
        return MAX_US
    return _midnight(day + timedelta(days=1), zone)


def _offset(text: str | None, zone: tzinfo) -> tzinfo:
    if text is None:
        return zone
    if text == "Z":
        return UTC
    hours, minutes = int(text[1:3]), int(text[4:6])
    if hours > 14 or minutes > 59:
        raise ValueError(f"offset {text} does not exist")
    delta = timedelta(hours=hours, minutes=minutes)
    return timezone(-delta if text[0] == "-" else delta)
