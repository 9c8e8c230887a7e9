"""HL7 v2 times: `YYYY[MM[DD[HH[MM[SS[.f…]]]]]][±ZZZZ]` become FHIR dateTimes at their precision.

Spec: HL7 v2.6 chapter 2A, DTM; https://hl7.org/fhir/R4/datatypes.html#dateTime

Also read: 17 digits (milliseconds without a point), `Z`, an offset of two digits. FHIR wants
minutes
and seconds beside the hour: a time to the minute gets `:00`, an hour alone is read as its day.

A time without an offset is of the source's zone. In the hour that a change of clocks repeats both
instants are given; in the hour that it skips, the clock of the sender had not been changed yet.
"""

import re
from datetime import datetime, timedelta, tzinfo
from functools import lru_cache

from fhirserver_device_bridge.moments import in_zone, render_offset
from fhirserver_device_bridge.protocols.hl7v2.errors import MessageError
from fhirserver_device_bridge.reading import Moment, Precision

_DTM = re.compile(
    r"(\d{4})(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:\.(\d+)|(\d{3}))?)?)?)?)?)?"
    r"(?:(Z)|([+-])(\d\d)(\d\d)?)?"
)
_LARGEST_OFFSET = timedelta(hours=14)
_REMEMBERED = 1000
"""The rows of a message have one time, or two."""


@lru_cache(_REMEMBERED)
def parse_time(text: str, zone: tzinfo, field: str = "time") -> Moment:
    """Read one DTM.

    Args:
        text: e.g. "20110602045842+0000".
        zone: of a text without an offset.
        field: that the text stands in, for the error.

    Raises:
        MessageError: not of the form, or a day, time or offset that does not exist.
    """
    found = _DTM.fullmatch(text.strip())
    moment = _moment(found, zone) if found else None
    if moment is None:
        raise MessageError(
            f"{field} is no HL7 time: YYYYMMDDHHMMSS[.SSSS][+ZZZZ] or a beginning of it"
        )
    return moment


def _moment(found: re.Match[str], zone: tzinfo) -> Moment | None:
    year, month, day, hour, minute, second = found.groups()[:6]
    fraction = found[7] or found[8]
    try:
        clock = _clock(found)
        offset = _sent_offset(found)
    except ValueError:
        return None
    if minute is None:
        return _date(year, month, day)
    local = f"{year}-{month}-{day}T{hour}:{minute}:{second or '00'}" + (
        f".{fraction}" if fraction else ""
    )
    precision: Precision = "fraction" if fraction else "second" if second else "minute"
    if offset is not None:
        return Moment(local + render_offset(offset), precision)
    return in_zone(local, clock, precision, zone)


def _clock(found: re.Match[str]) -> datetime:
    """Give the time without an offset; a leap second counts as the one before it."""
    second = "59" if found[6] == "60" else found[6]
    defaults = zip((*found.groups()[:5], second), (1, 1, 1, 0, 0, 0), strict=True)
    year, month, day, hour, minute, seconds = (int(part or default) for part, default in defaults)
    # No zone: what it is, the text or the source says.
    return datetime(year, month, day, hour, minute, seconds)  # noqa: DTZ001


def _date(year: str, month: str | None, day: str | None) -> Moment:
    text = "-".join(part for part in (year, month, day) if part)
    return Moment(text, "day" if day else "month" if month else "year")


def _sent_offset(found: re.Match[str]) -> timedelta | None:
    if found[9]:
        return timedelta()
    if not found[10]:
        return None
    size = timedelta(hours=int(found[11]), minutes=int(found[12] or 0))
    if size > _LARGEST_OFFSET or int(found[12] or 0) > 59:
        raise ValueError("no such offset")
    return -size if found[10] == "-" else size
