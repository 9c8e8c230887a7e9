r"""Frames as they were journaled become records.

Spec: ASTM E1394-97, chapters 5 and 6

    H|\^&|…     header; the characters behind H part fields, repetitions, components, and escape
    P|1|…        patient             O|1|…   order, of the patient above
    R|1|…        result, of the order above
    C|1|…        comment on what is above
    M S Q        manufacturer's, scientific and request records
    L|1|N        terminator

Fields are counted as the standard does: the record's type is field 1. A header is H and its own
separators, so the sender's name is field 5.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from fhirserver_device_bridge.framing.astm import FRAME, STX, is_whole
from fhirserver_device_bridge.protocols.plain_text import plain_text

_ESCAPES = {"F": "field", "R": "repetition", "S": "component", "E": "escape"}
_DROPPED = ("H", "N")
"""Highlighted text, as printers have it."""


class AstmError(ValueError):
    """What cannot be read; its text names record and field, the rule and the remedy."""


@dataclass(frozen=True, slots=True)
class Separators:
    """The characters that a header names."""

    field: str
    repetition: str
    component: str
    escape: str


@dataclass(frozen=True, slots=True)
class Record:
    """One record.

    Attributes:
        type: H, P, O, R, C, M, S, Q or L, in capitals.
        fields: as sent, field 1 first.
    """

    type: str
    fields: tuple[str, ...]
    separators: Separators

    def text(self, number: int) -> str:
        """Give a field with escapes resolved, as `plain_text`; "" if not sent."""
        return self._plain(self._field(number))

    def components(self, number: int) -> tuple[str, ...]:
        """Give the components of a field's first repetition; never empty."""
        first = self._field(number).split(self.separators.repetition)[0]
        return tuple(self._plain(part) for part in first.split(self.separators.component))

    def _field(self, number: int) -> str:
        return self.fields[number - 1] if number <= len(self.fields) else ""

    def _plain(self, text: str) -> str:
        escape = self.separators.escape
        if escape in text:
            mark = re.escape(escape)
            text = re.sub(f"{mark}([A-Z])([0-9A-Fa-f]*){mark}", self._escaped, text)
        return plain_text(text)

    def _escaped(self, found: "re.Match[str]") -> str:
        letter, digits = found[1], found[2]
        if letter == "X" and digits and len(digits) % 2 == 0:
            return bytes.fromhex(digits).decode("latin-1")
        if letter in _ESCAPES and not digits:
            return str(getattr(self.separators, _ESCAPES[letter]))
        return "" if letter in _DROPPED and not digits else found[0]


def records(raw: bytes, codec: str) -> Iterator[Record]:
    """Read the records of a message.

    Args:
        raw: its frames one after the other, or its bare text.
        codec: of Python, for its text.

    Raises:
        AstmError: a frame is not whole, a byte is not of the character set, or there is no header
            before the first record.
    """
    separators: Separators | None = None
    for line in re.split("[\r\n]+", _decoded(_text(raw), codec)):
        if line[:1].upper() == "H":
            separators = _separators(line)
        if not line.strip():
            continue
        if separators is None:
            raise AstmError("the first record is no header (H): it says how to read the others")
        fields = line.split(separators.field)
        yield Record(fields[0].strip().upper(), tuple(fields), separators)


def _text(raw: bytes) -> bytes:
    if not raw.startswith(STX):
        return raw
    found = list(FRAME.finditer(raw))
    if not found or not all(map(is_whole, found)):
        raise AstmError("a frame is not whole: its checksum is that of another content")
    return b"".join(each[2] for each in found)


def _decoded(text: bytes, codec: str) -> str:
    try:
        return text.decode(codec)
    except UnicodeDecodeError as error:
        raise AstmError(
            f"byte {error.start} is not {codec}: correct the source's character_set"
        ) from None


def _separators(header: str) -> Separators:
    named = header[1:5]
    if len(set(named)) < len(named) or len(named) < 4:
        raise AstmError("H.2 names four different characters that separate, such as |\\^&")
    return Separators(*named)
