"""One measurement becomes one Observation.

Spec: https://hl7.org/fhir/R4/observation.html, https://hl7.org/fhir/R4/observation-vitalsigns.html
and the Point-of-Care Device guide's mapping of PCD-01 (measurement status to security labels,
reasons of absence
and interpretation)

The sender's codes stay, LOINC is added before them where the table knows it. `SEQUENCE` is an
extension
that tells when the message was made and its number in the journal: what is older never replaces
what is
newer (`precedence`).
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from fhirserver_device_bridge.fhir import clock, identity
from fhirserver_device_bridge.fhir.json_text import JsonObject
from fhirserver_device_bridge.fhir.terms import (
    ABSENT,
    ALARM_LIMITS,
    coding,
    concept,
    effective,
    quantity,
    reference_range,
    sampled_data,
)
from fhirserver_device_bridge.mapping.grouping import Measurement
from fhirserver_device_bridge.mapping.table import Table
from fhirserver_device_bridge.moments import first_instant
from fhirserver_device_bridge.reading import (
    Coded,
    Coding,
    Flag,
    Identifier,
    Quantity,
    Reading,
    Samples,
    Status,
)

SEQUENCE = f"{identity.SYSTEM}:sequence"
_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
_MEASUREMENT_STATUS = "http://hl7.org/fhir/uv/pocd/CodeSystem/measurement-status"
_TEST = Coding("http://terminology.hl7.org/CodeSystem/v3-ActReason", "HTEST", "test health data")
_OBSERVATION_VALUE = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue"
_RELIABLE = Coding(_OBSERVATION_VALUE, "RELIABLE", "reliable")
_REMEMBERED = 10_000
_UNCERTAIN = Coding(_OBSERVATION_VALUE, "UNCERTREL", "uncertain reliability")

_SECURITY: dict[Flag, Coding] = {
    "invalid": Coding(_OBSERVATION_VALUE, "UNRELIABLE", "unreliable"),
    "questionable": _UNCERTAIN,
    "calibrating": _UNCERTAIN,
    "test": _TEST,
    "demo": _TEST,
    "validated": Coding(_OBSERVATION_VALUE, "HRELIABLE", "highly reliable"),
}

_INTERPRETATION: dict[Flag, str] = {
    "questionable": "questionable",
    "calibrating": "calibration-ongoing",
    "validated": "validated-data",
    "early-estimate": "early-indication",
    "ongoing": "msmt-ongoing",
    "alarm": "in-alarm",
    "alarm-inhibited": "alarm-inhibited",
}

RANK: dict[Status, int] = {
    "unknown": 0,
    "registered": 1,
    "preliminary": 2,
    "cancelled": 3,
    "final": 4,
    "amended": 5,
    "corrected": 5,
    "entered-in-error": 6,
}
"""Which of two messages of the same time has the last word, by its status."""


class Circumstances(NamedTuple):
    """What an Observation takes from outside its readings.

    Attributes:
        table: the mapping.
        subjects: references to the patient of each Observation, by its identifier, e.g.
            "Patient?identifier=urn:x|1".
        received: when the message was received, aware.
    """

    table: Table
    subjects: Mapping[Identifier, str]
    received: datetime


def observation(
    found_by: Identifier, measurement: Measurement, around: Circumstances
) -> JsonObject:
    """Make the Observation of a measurement.

    Args:
        found_by: of `identity.observation`.
        measurement: what was measured.
        around: mapping, patient, time of receipt.
    """
    first = measurement.parts[0]
    written: JsonObject = {
        "resourceType": "Observation",
        "meta": _meta(measurement.parts),
        "extension": [_told(first, around.received), *clock.reference(first)],
        "identifier": [{"system": found_by.system, "value": found_by.value}],
        "status": min((part.status for part in measurement.parts), key=RANK.__getitem__),
        "category": _category(measurement.parts, around.table),
        "code": _code(_codes(measurement), first.source, around.table),
        "subject": {"reference": around.subjects[found_by]},
        **effective(first.time, first.duration_s, around.received),
        **_said_of_it(measurement, around.table),
        **_circumstances(measurement),
    }
    return {name: value for name, value in written.items() if value}


def _codes(measurement: Measurement) -> tuple[Coding, ...]:
    return (measurement.panel,) if measurement.panel else measurement.parts[0].codes


def _said_of_it(measurement: Measurement, table: Table) -> JsonObject:
    if measurement.panel is None:
        return _value(measurement.parts[0], table)
    return {"component": [_component(part, table) for part in measurement.parts]}


def _category(parts: Iterable[Reading], table: Table) -> list[JsonObject]:
    parts = list(parts)
    metrics = (table.metric(part.codes) for part in parts)
    found = {
        "laboratory": any(part.laboratory for part in parts),
        "vital-signs": any(metric is not None and metric.vital for metric in metrics),
    }
    return [
        {"coding": [{"system": _CATEGORY, "code": code}]}
        for code, is_one in found.items()
        if is_one
    ]


def _meta(parts: tuple[Reading, ...]) -> JsonObject:
    labels = [coding(label, parts[0].source) for label in _labels(parts)]
    return {"security": labels} if labels else {}


def _labels(parts: Iterable[Reading]) -> list[Coding]:
    """Give the labels of all parts, each once; RELIABLE where nothing else is said of a value."""
    parts = list(parts)
    labels = dict.fromkeys(
        _SECURITY[flag] for part in parts for flag in sorted(part.flags) if flag in _SECURITY
    )
    if all(part.value is not None and not part.flags for part in parts):
        return [_RELIABLE]
    return list(labels)


def sequence(sent: str, number: int) -> JsonObject:
    """Write when it was told, a dateTime, and by which entry of the journal."""
    return {
        "url": SEQUENCE,
        "extension": [
            {"url": "sent", "valueDateTime": sent},
            {"url": "journal", "valueDecimal": number},
        ],
    }


def _told(reading: Reading, received: datetime) -> JsonObject:
    """Tell when it was sent: never after it was received, whatever a clock says."""
    at = received.isoformat(timespec="milliseconds")
    sent = reading.sent.text if reading.sent else at
    return sequence(min(sent, at, key=first_instant), reading.sequence)


@lru_cache(_REMEMBERED)
def _code(codes: tuple[Coding, ...], source: str, table: Table) -> JsonObject:
    """Write a code: LOINC of the table, then what was sent; no code twice."""
    metric = table.metric(codes)
    added = [
        known
        for known in (metric.loinc if metric else ())
        if (known.system, known.code) not in {(sent.system, sent.code) for sent in codes}
    ]
    return concept([*added, *codes], source)


def _component(reading: Reading, table: Table) -> JsonObject:
    return {"code": _code(reading.codes, reading.source, table), **_value(reading, table)}


def _value(reading: Reading, table: Table) -> JsonObject:
    """Write the value or why there is none, its interpretation and the range of its alarm."""
    if reading.value is None:
        return {
            "dataAbsentReason": {
                "coding": [{"system": ABSENT, "code": reading.absent or "unknown"}]
            }
        }
    written = _valued(reading, table)
    interpretation = [
        concept([sent], reading.source, sent.code if not sent.system else None)
        for sent in _said(reading)
    ]
    if interpretation:
        written["interpretation"] = interpretation
    if reading.range:
        unit = {
            name: part for name, part in written.get("valueQuantity", {}).items() if name in _UNIT
        }
        kind = None if reading.laboratory else ALARM_LIMITS
        written["referenceRange"] = [reference_range(reading.range, unit, kind)]
    return written


_UNIT = ("unit", "system", "code")


def _valued(reading: Reading, table: Table) -> JsonObject:
    metric, value = table.metric(reading.codes), reading.value
    match value:
        case Quantity():
            return {"valueQuantity": quantity(value, metric, table, reading.source)}
        case Samples():
            return {"valueSampledData": sampled_data(value, metric, table, reading.source)}
        case Coded():
            return {"valueCodeableConcept": concept(value.codings, reading.source, value.text)}
        case _:
            return {"valueString": value}


def _said(reading: Reading) -> list[Coding]:
    """Give the interpretation: what OBX-8 says of the value, then of the measurement."""
    status = [_INTERPRETATION[flag] for flag in sorted(reading.flags) if flag in _INTERPRETATION]
    return [*reading.interpretation, *(Coding(_MEASUREMENT_STATUS, code) for code in status)]


def _circumstances(measurement: Measurement) -> JsonObject:
    """Write notes, site, method and device, which are those of the whole measurement."""
    first = measurement.parts[0]
    written: JsonObject = {
        "note": [
            {"text": text} for part in measurement.parts for text in part.notes if text.strip()
        ]
    }
    for name, sent in (("bodySite", first.body_site), ("method", first.method)):
        if sent:
            written[name] = concept([sent], first.source)
    if first.specimen:
        known = identity.business(first.specimen, first.source)
        written["specimen"] = {"identifier": {"system": known.system, "value": known.value}}
    if first.path:
        found_by = (
            identity.device(first.path, first.source)
            if measurement.panel
            else identity.metric(first)
        )
        written["device"] = {"reference": identity.full_url(found_by)}
    return written
