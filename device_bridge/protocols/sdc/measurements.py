"""An update becomes readings.

Spec: IEEE 11073-10207, "MeasurementValidity", "GenerationMode"; IEEE 11073-20702 for its transport

device    MDS, VMD and channel of the containment tree, numbered by their handles; the MDS has the
          endpoint reference of its provider as identifier
handle    of the metric
time      the determination time, by the device's clock; else when the consumer had it
patient   of the associated patient context; else whoever has the device or the bed
"""

import re
from decimal import Decimal

from fhirserver_device_bridge.protocols.measurement_status import absence, status
from fhirserver_device_bridge.protocols.sdc.update import (
    Code,
    Component,
    Metric,
    Update,
    Validity,
    read,
)
from fhirserver_device_bridge.reading import (
    MDC,
    AbsentReason,
    Coded,
    Coding,
    Flag,
    Identifier,
    Level,
    Location,
    Moment,
    Quantity,
    Reading,
    Rejected,
    Value,
)
from fhirserver_device_bridge.source import Source

URI = "urn:ietf:rfc:3986"
"""The system of identifiers that are URIs."""

_MDC_NAMES = frozenset({"", "urn:oid:1.2.840.10004.1.1.1.0.0.1", MDC})
_NUMBER = re.compile(r"[+-]?[0-9]{1,64}(\.[0-9]{0,64})?")
_FLAGS: dict[Validity, Flag] = {
    "Vldated": "validated",
    "Ong": "ongoing",
    "Qst": "questionable",
    "Calib": "calibrating",
    "Inv": "invalid",
    "NA": "not-available",
}
_MODES: dict[str, Flag] = {"Demo": "demo", "Test": "test"}
_OUT_OF_RANGE = ("Oflw", "Uflw")
_NO_NUMBER = "the number is none: decimal digits with a point at most"


def measurements(raw: bytes, source: Source, sequence: int) -> list[Reading | Rejected]:
    """Read an update. Pure.

    Args:
        raw: a line, as the journal keeps it.
        source: its name.
        sequence: of the line in the journal.

    Returns:
        One reading for each metric, in their order; rejected where its number is none.

    Raises:
        SdcError: the line is no update.
    """
    update = read(raw)
    return [_reading(metric, update, source, sequence) for metric in update.metrics]


def _reading(metric: Metric, update: Update, source: Source, sequence: int) -> Reading | Rejected:
    flags = _flags(metric)
    value = _value(metric)
    absent = _absent(metric, value, flags)
    received = _moment(update, None)
    reading = Reading(
        source=source.name,
        sequence=sequence,
        codes=(_coding(metric.code),),
        path=tuple(_level(each, update) for each in metric.path),
        handle=metric.handle,
        value=None if absent else value,
        absent=absent,
        status=status(flags),
        flags=flags,
        time=_moment(update, metric),
        sent=received,
        patient=tuple(Identifier(each.system, each.value) for each in update.patient if each.value),
        location=_location(update),
    )
    is_none = metric.number is not None and value is None
    return Rejected(reading, _NO_NUMBER) if is_none else reading


def _flags(metric: Metric) -> frozenset[Flag]:
    said = (_FLAGS.get(metric.validity), _MODES.get(metric.mode))
    return frozenset(flag for flag in said if flag is not None)


def _absent(metric: Metric, value: Value | None, flags: frozenset[Flag]) -> AbsentReason | None:
    if metric.validity in _OUT_OF_RANGE:
        return "error"
    return absence(flags) or ("unknown" if value is None else None)


def _value(metric: Metric) -> Value | None:
    if metric.number is not None:
        if not _NUMBER.fullmatch(metric.number):
            return None
        number = Decimal(metric.number)
        unit = _coding(metric.unit) if metric.unit else None
        return Quantity(number, format(number, "f"), unit)
    if metric.concept is not None:
        return Coded((_coding(metric.concept),), metric.text)
    return metric.text or None


def _coding(code: Code) -> Coding:
    return Coding(MDC if code.system in _MDC_NAMES else code.system, code.code, code.name)


def _level(component: Component, update: Update) -> Level:
    is_whole = component.kind == "mds"
    named = component.identifier
    return Level(
        kind=component.kind,
        number=component.handle,
        code=_coding(component.code) if component.code else None,
        identifiers=(Identifier(URI, named),) if named else (),
        model=update.model if is_whole else None,
        manufacturer=update.manufacturer if is_whole else None,
        serial_number=update.serial_number if is_whole else None,
    )


def _moment(update: Update, metric: Metric | None) -> Moment:
    at = metric.determined if metric and metric.determined else update.received
    return Moment(at.isoformat(timespec="milliseconds"), "fraction")


def _location(update: Update) -> Location | None:
    at = update.location
    return Location(at.point_of_care, at.room, at.bed, at.facility) if at else None
