"""Date rows by datatype: half-open intervals of epoch microseconds.

Spec: https://hl7.org/fhir/R4/search.html#date (the table of datatypes)

    date, dateTime   as wide as the precision      instant   a point, one microsecond wide
    Period           start to end, open where one is missing
    Timing           from the first to the last limit: events and bounds period together;
                     nothing where it has neither
"""

from collections.abc import Mapping
from functools import lru_cache

from fhirserver.model.instant import MAX_US, MIN_US, interval_us
from fhirserver.model.json import JsonObject
from fhirserver.search.extract.rows import Emit, Sink, Target


def date(value: str, sink: Sink, target: Target) -> None:
    """Emit the interval of a date or dateTime."""
    low, high = _interval(value)
    _emit(low, high, sink, target)


def instant(value: str, sink: Sink, target: Target) -> None:
    """Emit a point in time."""
    low, _ = _interval(value)
    _emit(low, low + 1, sink, target)


def period(value: JsonObject, sink: Sink, target: Target) -> None:
    """Emit a period; one without start and end says nothing."""
    if "start" in value or "end" in value:
        _emit(*_span(value), sink, target)


def timing(value: JsonObject, sink: Sink, target: Target) -> None:
    """Emit the outer limits of a schedule."""
    spans = [_interval(event) for event in value.get("event") or () if event]
    bounds = value.get("repeat", {}).get("boundsPeriod")
    if bounds and ("start" in bounds or "end" in bounds):
        spans.append(_span(bounds))
    if spans:
        _emit(min(low for low, _ in spans), max(high for _, high in spans), sink, target)


EMITTERS: Mapping[str, Emit] = {
    "date": date,
    "dateTime": date,
    "instant": instant,
    "Period": period,
    "Timing": timing,
}

_interval = lru_cache(maxsize=4096)(interval_us)


def _span(value: JsonObject) -> tuple[int, int]:
    start, end = value.get("start"), value.get("end")
    return _interval(start)[0] if start else MIN_US, _interval(end)[1] if end else MAX_US


def _emit(low: int, high: int, sink: Sink, target: Target) -> None:
    for sp in target.sps:
        sink.date.append((sp, low, high))
