"""Codings, quantities and times of readings as datatypes of FHIR.

Spec: https://hl7.org/fhir/R4/datatypes.html
"""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from msgspec.structs import replace

from fhirserver_device_bridge.fhir.identity import uri
from fhirserver_device_bridge.fhir.json_text import JsonObject
from fhirserver_device_bridge.mapping.table import Metric, Table
from fhirserver_device_bridge.mapping.units import to_ucum
from fhirserver_device_bridge.moments import TO_THE_SECOND, later
from fhirserver_device_bridge.reading import UCUM, Coding, Moment, Quantity, Samples

ABSENT = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
_RANGE = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*-\s*(-?\d+(?:\.\d+)?)\s*")


def coding(sent: Coding, source: str) -> JsonObject:
    """Write a Coding; a system without a URI becomes one of its source, one not sent stays away."""
    written: JsonObject = {}
    if sent.system:
        written["system"] = uri(sent.system, source)
    if sent.code:
        written["code"] = sent.code
    if sent.display:
        written["display"] = sent.display
    return written


def concept(codings: Iterable[Coding], source: str, text: str | None = None) -> JsonObject:
    """Write a CodeableConcept; a coding without a code is only its text."""
    codings = list(codings)
    written: JsonObject = {}
    coded = [coding(sent, source) for sent in codings if sent.code]
    if coded:
        written["coding"] = coded
    text = text or next((sent.display for sent in codings if not sent.code), None)
    if text:
        written["text"] = text
    return written


def quantity(sent: Quantity, metric: Metric | None, table: Table, source: str) -> JsonObject:
    """Write a Quantity: UCUM where the unit is known, else the unit as it was sent."""
    written: JsonObject = {"value": sent.value}
    if sent.comparator:
        written["comparator"] = sent.comparator
    return {**written, **_unit(sent.unit, metric, table, source)}


def _unit(unit: Coding | None, metric: Metric | None, table: Table, source: str) -> JsonObject:
    code = to_ucum(unit, metric, table)
    if code:
        return {"unit": code, "system": UCUM, "code": code}
    if unit is None:
        return {}
    written: JsonObject = {"unit": unit.display or unit.code}
    if unit.system:
        written.update(system=uri(unit.system, source), code=unit.code)
    return written


def sampled_data(sent: Samples, metric: Metric | None, table: Table, source: str) -> JsonObject:
    """Write SampledData; a gap is `E`."""
    written: JsonObject = {
        "origin": {"value": sent.offset, **_unit(sent.unit, metric, table, source)},
        "period": sent.period_ms,
        "factor": sent.factor,
    }
    for name, limit in (("lowerLimit", sent.lower), ("upperLimit", sent.upper)):
        if limit is not None:
            written[name] = limit
    samples = ("E" if value is None else format(value, "f") for value in sent.values)
    return {**written, "dimensions": 1, "data": " ".join(samples)}


ALARM_LIMITS = Coding("http://hl7.org/fhir/uv/pocd/CodeSystem/reference-range-type", "alarm-limits")
"""What OBX-7 of a device is: the limits of its alarm."""


def reference_range(text: str, unit: JsonObject, kind: Coding | None) -> JsonObject:
    """Write a range, e.g. "50-120".

    Args:
        text: as sent; what is no range of two numbers stays text.
        unit: the elements of the value's Quantity but its value.
        kind: what the range is; None for what is normal.
    """
    written: JsonObject = {}
    found = _RANGE.fullmatch(text)
    if found:
        written["low"] = {"value": Decimal(found[1]), **unit}
        written["high"] = {"value": Decimal(found[2]), **unit}
    if kind is not None:
        written["type"] = {"coding": [{"system": kind.system, "code": kind.code}]}
    return {**written, "text": text}


def effective(time: Moment | None, duration_s: Decimal | None, received: datetime) -> JsonObject:
    """Write the time of a measurement: a dateTime, or a Period.

    An hour that exists twice is a Period from its first instant to its second. A measurement
    without a time was made when it was received, as far as anyone knows.

    Raises:
        OverflowError: it ends after the year 9999.
    """
    if time is None:
        return {"effectiveDateTime": received.isoformat(timespec="milliseconds")}
    end = replace(time, text=time.latest or time.text, latest=None)
    if duration_s and time.precision in TO_THE_SECOND:
        end = later(end, timedelta(seconds=float(duration_s)))
    if end.text != time.text:
        return {"effectivePeriod": {"start": time.text, "end": end.text}}
    return {"effectiveDateTime": time.text}
