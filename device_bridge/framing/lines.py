"""Lines: whatever ends in LF, in any pieces; CR before it and empty lines are no part of it.

A line beyond the limit is given with its beginning once, and passed over up to its end.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """One line, without its end."""

    content: bytes
    is_too_long: bool = False


class LineDeframer:
    """Finds lines.

    Args:
        limit_bytes: of a line.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._begun = bytearray()
        self._passing_over = False

    def feed(self, received: bytes) -> list[Line]:
        """Take what was received, and give the lines that end in it."""
        lines: list[Line] = []
        *ended, begun = received.split(b"\n")
        for piece in ended:
            lines += self._grow(piece)
            lines += self._end()
        return lines + self._grow(begun)

    def _grow(self, piece: bytes) -> list[Line]:
        if self._passing_over:
            return []
        self._begun += piece
        if len(self._begun) <= self._limit_bytes:
            return []
        beginning = bytes(self._begun[: self._limit_bytes])
        self._begun.clear()
        self._passing_over = True
        return [Line(beginning, is_too_long=True)]

    def _end(self) -> list[Line]:
        content = bytes(self._begun).removesuffix(b"\r")
        self._begun.clear()
        self._passing_over = False
        return [Line(content)] if content.strip() else []
