"""Documents that an OBX holds, as Attachments: of OBX-2 ED, RP, and lines of text.

Spec: HL7 v2.6 chapter 2A, ED and RP; https://hl7.org/fhir/R4/datatypes.html#Attachment
"""

import base64
import binascii
from collections.abc import Iterable

from fhirserver_device_bridge.fhir.json_text import JsonObject
from fhirserver_device_bridge.protocols.hl7v2.errors import MessageError
from fhirserver_device_bridge.v2fhir.datatypes import Around, lines, written
from fhirserver_device_bridge.v2fhir.pieces import Piece

_TEXT = ("TX", "FT", "ST")


def encapsulated(piece: Piece, _: Around) -> JsonObject | None:
    """Read an ED; without data it tells its type alone.

    Raises:
        MessageError: its data is not of the encoding that it names.
    """
    kind, sub, encoding, data = [*piece.parts()[1:5], *[""] * 4][:4]
    if piece.segment.field(2) != "ED":
        return None
    octets = _as_base64(encoding.lower(), data) if data else None
    return written(contentType=_media(kind, sub), data=octets)


def pointer(piece: Piece, _: Around) -> JsonObject | None:
    """Read an RP as the address of a document."""
    address, _application, kind, sub = [*piece.parts(), *[""] * 4][:4]
    if piece.segment.field(2) != "RP" or not address:
        return None
    return written(contentType=_media(kind, sub), url="".join(address.split()))


def plain(pieces: Iterable[Piece], around: Around) -> JsonObject | None:
    """Read the lines of text of several OBX as one document."""
    said = lines((each for each in pieces if each.segment.field(2) in _TEXT), around)
    if said is None:
        return None
    data = base64.b64encode(said.encode("utf-8")).decode("ascii")
    return {"contentType": "text/plain", "data": data}


def _media(kind: str, sub: str) -> str | None:
    return f"{kind}/{sub}".lower() if kind and sub else None


def _as_base64(encoding: str, data: str) -> str:
    """Give the data of an ED in Base64, whatever its encoding: A none, Hex, Base64."""
    try:
        if encoding == "base64":
            octets = base64.b64decode("".join(data.split()), validate=True)
        elif encoding == "hex":
            octets = bytes.fromhex(data)
        else:
            octets = data.encode("utf-8")
    except (binascii.Error, ValueError):
        raise MessageError("OBX-5.5 is not of the encoding that OBX-5.4 names") from None
    return base64.b64encode(octets).decode("ascii")
