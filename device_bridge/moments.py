"""Local times and their zones, and the instants of times.

In the hour that a change of clocks repeats, both instants are given; in the hour that it skips, the
clock of the sender had not been changed yet.
"""

from datetime import UTC, datetime, timedelta, tzinfo

from msgspec.structs import replace

from fhirserver_device_bridge.reading import Moment, Precision

TO_THE_SECOND: tuple[Precision, ...] = ("second", "fraction")
"""Precisions of times that a duration can be added to."""


def in_zone(local: str, clock: datetime, precision: Precision, zone: tzinfo) -> Moment:
    """Place a local time without offset.

    Args:
        local: the time as a FHIR dateTime without its offset, e.g. "2010-07-21T15:35:53".
        clock: the same time, naive.
        precision: the last part that was sent.
        zone: of the source.
    """
    first, second = (clock.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
    first, second = first or timedelta(), second or timedelta()
    text = local + render_offset(first)
    if second < first:
        return Moment(text, precision, False, True, local + render_offset(second))
    return Moment(text, precision, offset_known=False)


def render_offset(offset: timedelta) -> str:
    """Write an offset, e.g. "+02:00"."""
    minutes = round(offset.total_seconds() / 60)
    sign, size = ("-", -minutes) if minutes < 0 else ("+", minutes)
    return f"{sign}{size // 60:02}:{size % 60:02}"


_YEARS = range(2000, 9000)


def is_within_reason(instant: datetime) -> bool:
    """Tell whether a time has an offset, and a year from which the calendar can be computed on."""
    return instant.tzinfo is not None and instant.year in _YEARS


def first_instant(text: str) -> datetime:
    """Give the first instant of a FHIR dateTime at any precision, aware.

    A leap second counts as the one before it.
    """
    whole = text + "-01-01"[len(text) - 4 :] if len(text) < 10 else text
    moment = datetime.fromisoformat(whole.replace(":60", ":59"))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def later(moment: Moment, by: timedelta) -> Moment:
    """Give the moment that is later by so much, with the same offset.

    Args:
        moment: to the second or finer.
        by: not negative; 0 gives the moment itself.

    Raises:
        OverflowError: it is after the year 9999.
    """
    if not by:
        return moment
    texts = [_later(text, by) for text in (moment.text, moment.latest) if text]
    precision: Precision = "fraction" if "." in texts[0] else moment.precision
    latest = texts[1] if moment.latest else None
    return replace(moment, text=texts[0], precision=precision, latest=latest)


def _later(text: str, by: timedelta) -> str:
    moved = first_instant(text) + by
    if moved.microsecond == 0:
        return moved.isoformat()
    return moved.isoformat(timespec="microseconds" if moved.microsecond % 1000 else "milliseconds")
