r"""Splitting messages: separators, escapes, repetitions; nothing is split before it is asked for.

Spec: HL7 v2.6 chapter 2, sections 2.5 to 2.7

    segment    CR, LF or CRLF ends it; empty lines are none
    field      MSH-1, usually |
    component  first of MSH-2, ^;  repetition ~;  escape \;  subcomponent &
    escapes    \F\ \S\ \T\ \R\ \E\ separators, \Xdd..\ bytes, \.br\ line; others stay as they are

`""` is HL7's null, "there is none", and is read as empty; `is_null` tells it apart.
"""

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

from fhirserver_device_bridge.protocols.hl7v2.characters import decode
from fhirserver_device_bridge.protocols.hl7v2.errors import MessageError
from fhirserver_device_bridge.protocols.plain_text import plain_text

_LINE = re.compile(r"[\r\n]+")
_BYTE_LINE = re.compile(rb"[\r\n]")
_NULL = '""'
_NONE = ("",)
_REMEMBERED = 5000
_SHORT = 200
"""Characters of a field that is remembered; a waveform never comes again."""


class Separators(NamedTuple):
    """MSH-1 and the characters of MSH-2; "" for one that is not declared."""

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"


@dataclass(frozen=True)
class Segment:
    """One segment. Numbers are HL7's: the first field, repetition and component is 1."""

    text: str
    separators: Separators

    @property
    def name(self) -> str:
        """Three characters, e.g. "OBX"."""
        return self.text[:3]

    @cached_property
    def _fields(self) -> list[str]:
        fields = self.text.split(self.separators.field)
        return [fields[0], self.separators.field, *fields[1:]] if self.name == "MSH" else fields

    def field(self, number: int) -> str:
        """Give a field as it stands, "" if it is absent or null."""
        text = self._fields[number] if number < len(self._fields) else ""
        return "" if text == _NULL else text

    def is_null(self, number: int) -> bool:
        """Tell whether a field says that there is none."""
        return number < len(self._fields) and self._fields[number] == _NULL

    def repetitions(self, number: int) -> list[str]:
        """Give a field's repetitions as they stand, none for an empty field."""
        return [text for text in _split(self.field(number), self.separators.repetition) if text]

    def components(self, number: int) -> tuple[str, ...]:
        """Give the components of a field's first repetition, unescaped."""
        text = self.field(number)
        if not text:
            return _NONE
        read = _first_components if len(text) <= _SHORT else _first_components.__wrapped__
        return read(text, self.separators)

    def component(self, number: int, component: int = 1) -> str:
        """Give one component of a field's first repetition, unescaped; "" if it is absent."""
        found = self.components(number)
        return found[component - 1] if component <= len(found) else ""


@dataclass(frozen=True)
class Message:
    """One message.

    Attributes:
        segments: in order; the first is MSH.
    """

    segments: tuple[Segment, ...]

    @property
    def header(self) -> Segment:
        """MSH."""
        return self.segments[0]

    def first(self, name: str) -> Segment | None:
        """Give the first segment of a name."""
        return next((segment for segment in self.segments if segment.name == name), None)

    def by_patient(self) -> "list[Message]":
        """Part it at each further PID, for what follows that is another patient's."""
        parts = [[self.header]]
        for segment in self.segments[1:]:
            if segment.name == "PID" and any(each.name == "PID" for each in parts[-1]):
                parts.append([self.header])
            parts[-1].append(segment)
        return [Message(tuple(part)) for part in parts]


def parse(raw: bytes, fallback: str = "utf-8") -> Message:
    """Split a message into segments.

    Args:
        raw: without the framing of MLLP.
        fallback: codec of messages that name none.

    Raises:
        MessageError: no MSH at the beginning, separators that are not distinct, or undecodable.
    """
    header = header_of(raw)
    text = decode(raw, header.component(18), fallback)
    lines = [line for line in _LINE.split(text) if line]
    return Message(tuple(Segment(line, header.separators) for line in lines))


def header_of(raw: bytes) -> Segment:
    """Read MSH alone, whatever the character set: each byte becomes one character (Latin-1).

    Raises:
        MessageError: no MSH at the beginning, or separators that are not distinct.
    """
    line = _BYTE_LINE.split(raw.lstrip(b"\r\n"), maxsplit=1)[0].decode("latin-1")
    if not line.startswith("MSH") or len(line) < 8:
        raise MessageError("no MSH segment at the beginning: the frame is no HL7 v2 message")
    return Segment(line, _separators(line))


def _separators(header: str) -> Separators:
    field = header[3]
    declared = header[4:].split(field, 1)[0]
    characters = field + declared[:4]
    if len(characters) < 3 or len(set(characters)) < len(characters) or characters.isalnum():
        raise MessageError("MSH-1 and MSH-2 must hold distinct separators, such as |^~\\&")
    return Separators(*characters, *[""] * (5 - len(characters)))


@lru_cache(_REMEMBERED)
def _first_components(text: str, separators: Separators) -> tuple[str, ...]:
    """Take a field apart; most fields of a device's messages are the same in each."""
    return components(_split(text, separators.repetition)[0], separators)


def components(text: str, separators: Separators) -> tuple[str, ...]:
    """Split one repetition into components and resolve their escapes.

    White space around them goes, and control characters, which FHIR forbids, become U+FFFD.
    """
    if not text:
        return _NONE
    parts = (part.strip() for part in _split(text, separators.component))
    return tuple("" if part == _NULL else plain_text(unescape(part, separators)) for part in parts)


def _split(text: str, separator: str) -> list[str]:
    return text.split(separator) if separator else [text]


def unescape(text: str, separators: Separators) -> str:
    """Resolve escapes; what is no known escape stays as it is."""
    mark = separators.escape
    if not mark or mark not in text:
        return text
    pattern = f"{re.escape(mark)}([^{re.escape(mark)}]*){re.escape(mark)}"
    return re.sub(pattern, lambda match: _meaning(match, separators), text)


def _meaning(match: re.Match[str], separators: Separators) -> str:
    code = match[1]
    known = {
        "F": separators.field,
        "S": separators.component,
        "T": separators.subcomponent,
        "R": separators.repetition,
        "E": separators.escape,
        ".br": "\n",
        "H": "",
        "N": "",
    }
    if code in known:
        return known[code]
    if re.fullmatch(r"X(?:[0-9A-Fa-f]{2})+", code):
        return _characters(bytes.fromhex(code[1:]))
    return match[0]


def _characters(escaped: bytes) -> str:
    try:
        return escaped.decode("utf-8")
    except UnicodeDecodeError:
        return escaped.decode("latin-1")
