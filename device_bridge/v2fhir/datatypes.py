"""Datatypes of HL7 v2 as datatypes of FHIR, each a pure function of a piece.

Spec: HL7 v2.6 chapter 2A; https://hl7.org/fhir/R4/datatypes.html; the datatype maps of
https://build.fhir.org/ig/HL7/v2-to-fhir

Who assigned a number, and what a code system is called, becomes a URI: that of the source's
`systems`, else the one that the piece itself names, else one of the source's own. What is empty is
None. A date, time or number that is none is an error of the message: it names the field.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from fhirserver_device_bridge.fhir.identity import business, uri
from fhirserver_device_bridge.fhir.json_text import JsonObject
from fhirserver_device_bridge.fhir.terms import concept
from fhirserver_device_bridge.protocols.hl7v2.containment import authority
from fhirserver_device_bridge.protocols.hl7v2.times import parse_time
from fhirserver_device_bridge.protocols.hl7v2.values import codings, read_number
from fhirserver_device_bridge.reading import Coding, Identifier, Moment
from fhirserver_device_bridge.source import Source
from fhirserver_device_bridge.v2fhir.pieces import Piece

_HL7_TABLE = re.compile(r"HL7(\d{4})")
_V2 = "http://terminology.hl7.org/CodeSystem/v2-"
_INSTANT = ("minute", "second", "fraction")


@dataclass(frozen=True, slots=True)
class CodeTable:
    """Codes of HL7 v2 in FHIR's.

    Attributes:
        system: of FHIR's codes; "" for an element of type code.
    """

    codes: Mapping[str, str]
    system: str = ""


@dataclass(frozen=True, slots=True)
class Around:
    """What a message is read by, and what reading it brings to light.

    Attributes:
        systems: URIs of code systems and authorities by name; the source's go first.
        unmapped: codes that their table does not have.
        table: by which the codes of a piece are read; None for none.
        parties: entries of people, organizations and places, by fullUrl.
    """

    source: Source
    tables: Mapping[str, CodeTable]
    systems: Mapping[str, str]
    unmapped: list[Coding] = field(default_factory=list)
    parties: dict[str, JsonObject] = field(default_factory=dict)
    table: CodeTable | None = None


Read = Callable[[Piece, Around], object]


def text(piece: Piece, _: Around) -> str | None:
    """Read a text: a first component as it stands."""
    return piece.part(1) or None


def code(piece: Piece, around: Around) -> str | None:
    """Read a code by a table; one that the table does not have is noted, and is None."""
    assert around.table is not None
    sent = piece.part(1)
    found = around.table.codes.get(sent)
    if found is None and sent:
        around.unmapped.append(Coding(piece.place, sent))
    return found


def boolean(piece: Piece, _: Around) -> bool | None:
    """Read an ID of table 0136: Y or N."""
    return {"Y": True, "N": False}.get(piece.part(1).upper())


def positive_int(piece: Piece, _: Around) -> int | None:
    """Read a whole number above 0; None for one that is not above 0."""
    return number if (number := int(read_number(piece.part(1), piece.place))) > 0 else None


def moment(piece: Piece, around: Around) -> Moment | None:
    """Read a time at its precision."""
    sent = piece.part(1)
    return parse_time(sent, around.source.zone, piece.place) if sent else None


def date(piece: Piece, around: Around) -> str | None:
    """Read a date; a time of day is left out."""
    found = moment(piece, around)
    return found.text[:10] if found else None


def date_time(piece: Piece, around: Around) -> str | None:
    """Read a dateTime; of an hour that a change of clocks repeats the first."""
    found = moment(piece, around)
    return found.text if found else None


def instant(piece: Piece, around: Around) -> str | None:
    """Read an instant; None for what tells less than the minute."""
    found = moment(piece, around)
    return found.text if found and found.precision in _INSTANT else None


def period(start: Piece | None, end: Piece | None, around: Around) -> JsonObject | None:
    """Write a Period of what is there of its ends."""
    ends = (("start", start), ("end", end))
    told = {name: date_time(piece, around) for name, piece in ends if piece is not None}
    return {name: value for name, value in told.items() if value} or None


def date_range(piece: Piece, around: Around) -> JsonObject | None:
    """Read a DR as a Period."""
    return period(piece.within(1), piece.within(2), around)


def written(**elements: object) -> JsonObject | None:
    """Write a complex datatype of the elements that are there."""
    return {name: value for name, value in elements.items() if value} or None


def sent_codings(piece: Piece, around: Around) -> list[Coding]:
    """Read the codings of a CWE, and of a second alternative at its end; systems are URIs."""
    parts = piece.parts()
    # The name "" is that of an authority: a code without a system has none.
    systems = {name: known for name, known in around.systems.items() if name}
    found = [*codings(parts, systems), *codings(parts[9:12], systems)]
    return [Coding(system_of(each.system, around), each.code, each.display) for each in found]


def system_of(name: str, around: Around) -> str:
    """Give a code system as a URI; "" where none was sent."""
    table = _HL7_TABLE.fullmatch(name)
    if table is not None:
        return _V2 + table[1]
    return uri(name, around.source.name) if name else ""


def coded(piece: Piece, around: Around) -> JsonObject | None:
    """Read a CWE, CE or a bare code as a CodeableConcept; a table's code goes first."""
    found = sent_codings(piece, around)
    mapped = _mapped(piece, around, found)
    own = [each for each in found if each.system]
    # A code without a system says nothing beside the one that the table makes of it.
    shown = [*mapped, *(own if mapped else found)]
    sent = [*piece.parts(), *[""] * 9]
    words = sent[8] or ("" if sent[0] else sent[1])
    return concept(dict.fromkeys(shown), around.source.name, words or None) or None


def coding(piece: Piece, around: Around) -> JsonObject | None:
    """Read a CWE as one Coding: the table's, else the first that was sent."""
    found = sent_codings(piece, around)
    shown = next(iter((*_mapped(piece, around, found), *found)), None)
    if shown is None:
        return None
    return written(system=shown.system, code=shown.code, display=shown.display)


def _mapped(piece: Piece, around: Around, found: list[Coding]) -> list[Coding]:
    table = around.table
    known = table.codes.get(piece.part(1)) if table is not None else None
    if table is None or known is None:
        return []
    display = next((each.display for each in found if each.code == known), None)
    return [Coding(table.system, known, display)]


def assigned(value: str, assigner: Piece | None, around: Around, kind: str = "") -> Identifier:
    """Make an identifier of a number and the HD of who assigned it."""
    names = assigner.parts() if assigner else ()
    sent = Identifier(authority(names, around.systems), value, kind or None)
    return business(sent, around.source.name)


def identifier(sent: Identifier, period_: JsonObject | None = None) -> JsonObject:
    """Write an Identifier."""
    kind = {"coding": [{"system": f"{_V2}0203", "code": sent.type}]} if sent.type else None
    made = written(type=kind, system=sent.system, value=sent.value, period=period_)
    assert made is not None
    return made


def cx_sent(piece: Piece, around: Around) -> Identifier | None:
    """Read a CX as it was sent: its authority may have no URI. None without a number."""
    value, assigner = piece.part(1), piece.within(4)
    names = assigner.parts() if assigner else ()
    return (
        Identifier(authority(names, around.systems), value, piece.part(5) or None)
        if value
        else None
    )


def cx(piece: Piece, around: Around) -> JsonObject | None:
    """Read a CX as an Identifier."""
    found = cx_sent(piece, around)
    if found is None:
        return None
    valid = period(piece.within(7), piece.within(8), around)
    return identifier(business(found, around.source.name), valid)


def ei_identifier(piece: Piece, around: Around) -> Identifier | None:
    """Read what an EI names; its second to fourth component are an HD."""
    value, *names = [*piece.parts()[:4], *[""] * 4][:4]
    if not value:
        return None
    sent = Identifier(authority(names, around.systems), value)
    return business(sent, around.source.name)


def ei(piece: Piece, around: Around) -> JsonObject | None:
    """Read an EI as an Identifier."""
    found = ei_identifier(piece, around)
    return identifier(found) if found else None


def annotation(piece: Piece, _: Around) -> JsonObject | None:
    """Read a repetition of NTE-3, or a text, as an Annotation."""
    said = "\n".join(part for part in piece.parts() if part)
    return {"text": said} if said else None


def lines(pieces: Iterable[Piece], _: Around) -> str | None:
    """Read the words of several pieces, a line for each."""
    return "\n".join("\n".join(filter(None, piece.parts())) for piece in pieces) or None
