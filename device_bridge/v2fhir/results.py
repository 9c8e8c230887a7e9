"""OBX-5 as value[x], and OBX-7 in its unit.

Spec: HL7 v2.6 chapter 7, OBX-2 and OBX-5; https://hl7.org/fhir/R4/observation.html; the segment map
OBX[Observation] of https://build.fhir.org/ig/HL7/v2-to-fhir

    NM                    Quantity in the unit of OBX-6, of UCUM where it is one
    SN                    Quantity with its comparator; a-b a Range, a:b and a/b a Ratio
    CWE CE CNE CF IS ID   CodeableConcept
    DT TS DTM  TM  DR     dateTime, time, Period
    others                text: of several repetitions and components the lines

A value that repeats, and is no text, is one component for each repetition: none is lost.
"""

import re
from collections.abc import Callable

from fhirserver_device_bridge.fhir.json_text import JsonObject
from fhirserver_device_bridge.fhir.terms import quantity as quantity_of
from fhirserver_device_bridge.fhir.terms import reference_range
from fhirserver_device_bridge.mapping.table import standard
from fhirserver_device_bridge.protocols.hl7v2.errors import MessageError
from fhirserver_device_bridge.protocols.hl7v2.values import codings, read_number, unit
from fhirserver_device_bridge.reading import Comparator, Quantity
from fhirserver_device_bridge.v2fhir.datatypes import Around, coded, date_range, date_time
from fhirserver_device_bridge.v2fhir.pieces import Piece, path_of, pieces

Value = dict[str, object]
"""One element, named as its type asks, e.g. {"valueString": "x"}."""

_TIME = re.compile(r"([01]\d|2[0-3])([0-5]\d)([0-5]\d)?(\.\d+)?([+-]\d{4})?")
_COMPARATORS: dict[str, Comparator] = {"<": "<", ">": ">", "<=": "<=", ">=": ">="}
_RATIO = (":", "/")


def value(piece: Piece, around: Around) -> Value | None:
    """Read OBX-5 by the type that OBX-2 names; None where it has several values.

    Raises:
        MessageError: it is not of that type.
    """
    return None if _repeats(piece) else _value(piece, around)


def component(piece: Piece, around: Around) -> JsonObject | None:
    """Read one of several values of OBX-5 as a component; None for the only one."""
    codes = next(pieces(piece.segment, path_of("OBX-3")), None)
    if codes is None or not _repeats(piece):
        return None
    return {"code": coded(codes, around), **(_value(piece, around) or {})}


def _value(piece: Piece, around: Around) -> Value | None:
    read = _READERS.get(piece.segment.field(2).strip())
    return read(piece, around) if read else _text(piece)


def _repeats(piece: Piece) -> bool:
    several = len(piece.segment.repetitions(5)) > 1
    return several and piece.segment.field(2).strip() in _READERS


def normal_range(piece: Piece, around: Around) -> JsonObject | None:
    """Read OBX-7 as what is normal, in the unit of OBX-6."""
    in_unit = _quantity(piece, "0", around)
    del in_unit["value"]
    return reference_range(piece.part(1), in_unit, None)


def dose(piece: Piece, around: Around) -> JsonObject | None:
    """Read RXA-6, a number, in the unit of RXA-7."""
    units = codings(piece.segment.components(7), around.systems)
    number = read_number(piece.part(1), piece.place)
    sent = Quantity(number, piece.part(1), next(iter(units), None))
    return quantity_of(sent, None, standard(), around.source.name)


def amount(piece: Piece, _: Around) -> JsonObject | None:
    """Read a CQ, a number and the name of its unit, or an NM."""
    number, inner = piece.part(1), piece.within(2)
    if not number:
        return None
    name = (inner.part(1) or inner.part(2)) if inner else ""
    told = {"value": read_number(number, piece.place)}
    return {**told, "unit": name} if name else told


def _quantity(
    piece: Piece, number: str, around: Around, comparator: Comparator | None = None
) -> JsonObject:
    sent_unit = unit(piece.segment, around.systems)
    sent = Quantity(read_number(number, piece.place), number, sent_unit, comparator)
    return quantity_of(sent, None, standard(), around.source.name)


def _number(piece: Piece, around: Around) -> Value:
    return {"valueQuantity": _quantity(piece, piece.part(1), around)}


def _structured(piece: Piece, around: Around) -> Value | None:
    comparator, first, between, second = [*piece.parts(), *[""] * 4][:4]
    known = comparator in ("", "=", *_COMPARATORS)
    if first and known and not between:
        return {"valueQuantity": _quantity(piece, first, around, _COMPARATORS.get(comparator))}
    if first and second and comparator in ("", "=") and between in ("-", *_RATIO):
        low, high = (_quantity(piece, number, around) for number in (first, second))
        if between == "-":
            return {"valueRange": {"low": low, "high": high}}
        return {"valueRatio": {"numerator": low, "denominator": high}}
    return _text(piece, " ")


def _coded(piece: Piece, around: Around) -> Value | None:
    found = coded(piece, around)
    return {"valueCodeableConcept": found} if found else None


def _date_time(piece: Piece, around: Around) -> Value | None:
    found = date_time(piece, around)
    return {"valueDateTime": found} if found else None


def _time(piece: Piece, _: Around) -> Value:
    found = _TIME.fullmatch(piece.part(1))
    if found is None:
        raise MessageError("OBX-5 is no time of day, which OBX-2 says it is: write HHMM[SS]")
    hour, minute, second, fraction = found.groups()[:4]
    return {"valueTime": f"{hour}:{minute}:{second or '00'}{fraction or ''}"}


def _period(piece: Piece, around: Around) -> Value | None:
    found = date_range(piece, around)
    return {"valuePeriod": found} if found else None


def _text(piece: Piece, between: str = "\n") -> Value | None:
    """Give the words of all repetitions."""
    said = (each.parts() for each in pieces(piece.segment, path_of("OBX-5")))
    lines = [between.join(part for part in parts if part) for parts in said]
    return {"valueString": "\n".join(lines)} if any(lines) else None


_READERS: dict[str, Callable[[Piece, Around], Value | None]] = {
    "NM": _number,
    "SN": _structured,
    **dict.fromkeys(("CWE", "CE", "CNE", "CF", "IS", "ID"), _coded),
    **dict.fromkeys(("DT", "TS", "DTM"), _date_time),
    "TM": _time,
    "DR": _period,
}
