"""Names, addresses and telephones of HL7 v2 as those of FHIR; each a pure function of a piece.

Spec: HL7 v2.6 chapter 2A, XPN, XAD, XTN; https://hl7.org/fhir/R4/datatypes.html#HumanName
"""

from fhirserver_device_bridge.fhir.json_text import JsonObject
from fhirserver_device_bridge.protocols.hl7v2.values import read_number
from fhirserver_device_bridge.v2fhir.datatypes import (
    Around,
    date_range,
    period,
    written,
)
from fhirserver_device_bridge.v2fhir.pieces import Piece

_BY_MAIL = ("internet", "x.400")


def xpn(piece: Piece, around: Around) -> JsonObject | None:
    """Read an XPN as a HumanName."""
    valid = piece.within(10)
    told = date_range(valid, around) if valid else None
    return human_name(piece, 1, around, 7, told)


def human_name(
    piece: Piece, family: int, around: Around, kind: int, valid: JsonObject | None = None
) -> JsonObject | None:
    """Write the name of an XPN, XCN or CNN.

    Args:
        piece: with the name.
        around: as of every reader.
        family: component of the family name; given names, suffix, prefix and degree follow it.
        kind: component of the name's type, of table 0200.
        valid: when it is used, where the datatype has another place for it than 12 and 13.
    """
    first, second, suffix, prefix, degree = (piece.part(family + offset) for offset in range(1, 6))
    inner = piece.within(family)
    name = written(
        use=around.tables["0200"].codes.get(piece.part(kind)),
        family=inner.part(1) if inner else "",
        given=[each for each in (first, second) if each],
        prefix=[prefix] if prefix else [],
        suffix=[each for each in (suffix, degree) if each],
    )
    if name is None or set(name) == {"use"}:
        return None
    valid = valid or period(piece.within(kind + 5), piece.within(kind + 6), around)
    return {**name, "period": valid} if valid else name


def xad(piece: Piece, around: Around) -> JsonObject | None:
    """Read an XAD as an Address; the parts of a street address are one line."""
    kind = piece.part(7)
    address = written(
        line=[each for each in (_street(piece), piece.part(2)) if each],
        city=piece.part(3),
        district=piece.part(9),
        state=piece.part(4),
        postalCode=piece.part(5),
        country=piece.part(6),
    )
    if address is None:
        return None
    used = written(
        use=around.tables["0190-use"].codes.get(kind),
        type=around.tables["0190-type"].codes.get(kind),
        period=period(piece.within(13), piece.within(14), around),
    )
    return {**(used or {}), **address}


def _street(piece: Piece) -> str:
    inner = piece.within(1)
    if inner is None:
        return ""
    whole, name, number = [*inner.parts(), *[""] * 3][:3]
    more = [each for each in (number, name) if each and each not in whole]
    return " ".join(each for each in (whole, *more) if each)


def xtn(piece: Piece, around: Around) -> JsonObject | None:
    """Read an XTN as a ContactPoint; None without a number or an address."""
    use, kind, mail = piece.part(2), piece.part(3), piece.part(4)
    by_mail = kind.lower() in _BY_MAIL or ("@" in mail and not kind)
    value = (mail if by_mail else "") or piece.part(12) or _number(piece) or piece.part(1) or mail
    if not value:
        return None
    rank = piece.part(18)
    point = written(
        system="email" if by_mail else around.tables["0202"].codes.get(kind, "phone"),
        value=value,
        use="mobile" if kind == "CP" else around.tables["0201"].codes.get(use),
        rank=int(read_number(rank, piece.place)) if rank else None,
        period=period(piece.within(13), piece.within(14), around),
    )
    assert point is not None
    return point


def _number(piece: Piece) -> str:
    """Assemble country, area, local number and extension."""
    country, area, local, extension = (piece.part(number) for number in (5, 6, 7, 8))
    if not local:
        return ""
    shown = (f"+{country}" if country else "", f"({area})" if area else "", local)
    said = " ".join(each for each in shown if each)
    return f"{said} x{extension}" if extension else said
