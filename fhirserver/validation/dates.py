"""Dates and times: syntax, and days that exist.

Spec: https://hl7.org/fhir/R4/datatypes.html#date, #dateTime, #instant and #time

    date       YYYY, YYYY-MM or YYYY-MM-DD; years 0001 to 9999
    dateTime   a date, or YYYY-MM-DDThh:mm:ss[.fff] with an offset of at most 14 hours
    instant    the long form only
    time       hh:mm:ss[.fff] without offset; 24:00 does not exist, a leap second (60) does
"""

import re
from calendar import monthrange

from fhirserver.model.json import JsonValue
from fhirserver.validation.findings import Problem, quoted, wrong_kind

_DATE = r"(?!0000)\d{4}(?:-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12]\d|3[01]))?)?"
_DAY = r"(?!0000)\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])"
_TIME = r"(?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d+)?"
_OFFSET = r"(?:Z|[+-](?:(?:0\d|1[0-3]):[0-5]\d|14:00))"

_match_date = re.compile(_DATE, re.ASCII).fullmatch
_match_instant = re.compile(f"{_DAY}T{_TIME}{_OFFSET}", re.ASCII).fullmatch
_match_time = re.compile(_TIME, re.ASCII).fullmatch
_match_without_offset = re.compile(rf"{_DAY}T[\d:.]*", re.ASCII).fullmatch


def check_date(value: JsonValue) -> Problem | None:
    """Check a date."""
    if value.__class__ is not str:
        return wrong_kind(value, "a string (date)")
    if _match_date(value):
        return _day_problem(value)
    return "value", f"{quoted(value)} is not a date such as 2024, 2024-02 or 2024-02-29."


def check_date_time(value: JsonValue) -> Problem | None:
    """Check a dateTime."""
    if value.__class__ is not str:
        return wrong_kind(value, "a string (dateTime)")
    if _match_instant(value) or _match_date(value):
        return _day_problem(value)
    if _match_without_offset(value):
        return "value", f"{quoted(value)}: a time needs seconds and an offset, e.g. 10:30:00Z."
    return "value", (
        f"{quoted(value)} is not a dateTime such as 2024-02-29 or 2024-02-29T10:30:00+01:00."
    )


def check_instant(value: JsonValue) -> Problem | None:
    """Check an instant."""
    if value.__class__ is not str:
        return wrong_kind(value, "a string (instant)")
    if _match_instant(value):
        return _day_problem(value)
    return "value", (
        f"{quoted(value)} is not an instant such as 2024-02-29T10:30:00Z;"
        " it needs date, time with seconds and offset."
    )


def check_time(value: JsonValue) -> Problem | None:
    """Check a time of day."""
    if value.__class__ is not str:
        return wrong_kind(value, "a string (time)")
    if _match_time(value):
        return None
    return "value", f"{quoted(value)} is not a time such as 10:30:00."


def _day_problem(text: str) -> Problem | None:
    """Refuse a day that its month does not have; every month has 28."""
    day = text[8:10]
    if day <= "28" or int(day) <= monthrange(int(text[:4]), int(text[5:7]))[1]:
        return None
    return "value", f"{quoted(text)}: the month {text[:7]} has no day {day}."
