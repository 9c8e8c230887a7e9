"""A piece of a message: a repetition of a field, a component, a subcomponent.

Spec: HL7 v2.6 chapter 2, section 2.5.3

    PID-5      every repetition of the field, in every PID of a group
    PID-5.1    its component, whose own components are what & divides
    PID-5.1.2  its subcomponent

A component of a datatype that has components itself is read as that datatype: so one reader of a
family name, an identifier or a number serves wherever it stands.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from fhirserver_device_bridge.protocols.hl7v2.message import Segment, Separators, components

_REMEMBERED = 5000
_SHORT = 200
"""Characters of a piece that is remembered: a message is read at most of its places twice."""

_PATH = re.compile(r"([A-Z][A-Z0-9]{2})-(\d{1,3})(?:\.(\d{1,2}))?(?:\.(\d{1,2}))?")


class Piece(NamedTuple):
    """A piece that is not empty.

    Attributes:
        text: as it stands, with its escapes.
        separators: what divides it: its `component`, then its `subcomponent`.
        segment: that it stands in.
        place: where, for errors, e.g. "PID-7".
    """

    text: str
    separators: Separators
    segment: Segment
    place: str

    def part(self, number: int) -> str:
        """Give a component, unescaped; "" if it is absent."""
        found = self.parts()
        return found[number - 1] if number <= len(found) else ""

    def parts(self) -> tuple[str, ...]:
        """Give all components, unescaped."""
        if len(self.text) > _SHORT:
            return components(self.text, self.separators)
        return _parts(self.text, self.separators)

    def within(self, number: int) -> "Piece | None":
        """Give a component as a piece of its own; None if it is empty."""
        outer = self.separators
        divided = self.text.split(outer.component) if outer.component else [self.text]
        text = divided[number - 1].strip() if number <= len(divided) else ""
        if text in ("", '""'):
            return None
        inner = outer._replace(component=outer.subcomponent, subcomponent="")
        return Piece(text, inner, self.segment, self.place)


@lru_cache(_REMEMBERED)
def _parts(text: str, separators: Separators) -> tuple[str, ...]:
    return components(text, separators)


class Path(NamedTuple):
    """Where pieces stand: segment, field, and the components inside it."""

    segment: str
    field: int
    inside: tuple[int, ...]


@lru_cache(_REMEMBERED)
def path_of(text: str) -> Path:
    """Read a path, e.g. "PID-5.1".

    Raises:
        ValueError: it is none.
    """
    found = _PATH.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no place in a message; write one such as PID-5 or PID-5.1")
    return Path(found[1], int(found[2]), tuple(int(each) for each in found.groups()[2:] if each))


def pieces(segment: Segment, path: Path) -> Iterator[Piece]:
    """Give what stands at a path in one segment, repetition by repetition; what is empty is not."""
    place = f"{path.segment}-{path.field}"
    for text in segment.repetitions(path.field):
        piece: Piece | None = Piece(text, segment.separators, segment, place)
        for number in path.inside:
            piece = piece.within(number) if piece else None
        if piece and any(piece.parts()):
            yield piece
