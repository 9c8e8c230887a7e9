"""Dates as R4 compares them: ranges of time.

Spec: https://hl7.org/fhir/R4/search.html#date and https://hl7.org/fhir/R4/search.html#prefix

A range is a pair of seconds since the year 1 in UTC, as fractions; the upper end is outside. An
end that is open reaches as far as dates do, to the beginning of 0001 or the end of 9999.
Values without an offset are in UTC.
"""

import calendar
from datetime import date
from fractions import Fraction
from typing import Any

Range = tuple[Fraction, Fraction]
DAY = 86_400
MICROSECOND = Fraction(1, 1_000_000)


def range_of(text: str) -> tuple[Fraction, Fraction]:
    """Give the range that a date or dateTime means by its precision."""
    day_text, _, time_text = text.partition("T")
    if not time_text:
        return _days(day_text)
    clock, offset = _split_offset(time_text)
    fields = clock.split(":")
    start = _days(day_text)[0] + int(fields[0]) * 3600 + int(fields[1]) * 60 - offset
    if len(fields) == 2:
        return start, start + 60
    whole, _, digits = fields[2].partition(".")
    start += int(whole) + (Fraction(int(digits), 10 ** len(digits)) if digits else 0)
    return start, start + Fraction(1, 10 ** len(digits))


def ranges(value: Any, datatype: str) -> list[Range]:
    """Give the range of a value; none where it has no limits at all."""
    if datatype in ("date", "dateTime"):
        return [range_of(value)]
    if datatype == "instant":
        start = range_of(value)[0]
        return [(start, start + MICROSECOND)]
    if datatype == "Period":
        return _period(value)
    assert datatype == "Timing"
    limits = [range_of(event) for event in value.get("event", [])]
    limits += _period(value.get("repeat", {}).get("boundsPeriod", {}))
    return [(min(low for low, _ in limits), max(high for _, high in limits))] if limits else []


def compare(prefix: str, query: tuple[Fraction, Fraction], target: Range, now: Fraction) -> bool:
    """Compare a search value's range with that of a value in a resource."""
    low, high = query
    contained = low <= target[0] and target[1] <= high
    above, below = target[1] > high, target[0] < low
    if prefix == "ap":
        low, high = low - abs(now - low) / 10, high + abs(now - high) / 10
    overlap = target[0] < high and low < target[1]
    return {
        "eq": contained,
        "ne": not contained,
        "gt": above,
        "lt": below,
        "ge": above or contained,
        "le": below or contained,
        "sa": target[0] >= high,
        "eb": target[1] <= low,
        "ap": overlap,
        "po": overlap,
        "co": target[0] <= low and high <= target[1],
    }[prefix]


def _days(text: str) -> tuple[Fraction, Fraction]:
    numbers = [int(part) for part in text.split("-")]
    year, month, day = (*numbers, None, None)[:3]
    last_month = month or 12
    last_day = day or calendar.monthrange(year, last_month)[1]
    first = date(year, month or 1, day or 1).toordinal()
    after = date(year, last_month, last_day).toordinal() + 1
    return Fraction(first * DAY), Fraction(after * DAY)


def _split_offset(text: str) -> tuple[str, int]:
    """Split "10:00+02:00" into the clock's part and seconds east of UTC."""
    if text.endswith("Z"):
        return text[:-1], 0
    for sign, direction in (("+", 1), ("-", -1)):
        clock, found, offset = text.partition(sign)
        if found:
            hours, minutes = offset.split(":")
            return clock, direction * (int(hours) * 3600 + int(minutes) * 60)
    return text, 0


def _period(value: Any) -> list[Range]:
    if "start" not in value and "end" not in value:
        return []
    start = range_of(value.get("start", "0001"))[0]
    end = range_of(value.get("end", "9999"))[1]
    return [(start, end)]
