"""Lines of text: each ends with CR, LF or both, and empty ones are none.

What is beyond the limit is given as refused with its beginning, and the rest of it dropped up to
the next end of a line: from there on lines are whole again.
"""

import re

from fhirserver_device_bridge.framing.piece import Piece

LONGEST_LINE_BYTES = 64 * 1024

_END = re.compile(rb"[\r\n]")
_TOO_LONG = "a line that is too long: only its beginning is here"
_CUT_OFF = "the line ended before the end of this line of text"


class TextLineDeframer:
    """One device's stream.

    Args:
        size_limit_bytes: of one line, as configured.
        longest_bytes: what no line exceeds, whatever is configured.

    Attributes:
        noise_bytes: dropped of lines that are too long.
    """

    def __init__(self, size_limit_bytes: int, longest_bytes: int = LONGEST_LINE_BYTES) -> None:
        self.noise_bytes = 0
        self._limit = min(size_limit_bytes, longest_bytes)
        self._received = bytearray()
        self._is_skipping = False

    def feed(self, received: bytes) -> list[Piece]:
        """Take some bytes, and give the lines that are whole with them."""
        found = []
        for number, part in enumerate(_END.split(received)):
            if number:
                found += self._ended()
            found += self._added(part)
        return found

    def end(self) -> list[Piece]:
        """Give what was begun as refused."""
        return [Piece(piece.raw, _CUT_OFF) for piece in self._ended()]

    def _added(self, part: bytes) -> list[Piece]:
        if self._is_skipping:
            self.noise_bytes += len(part)
            return []
        self._received += part
        if len(self._received) <= self._limit:
            return []
        self._is_skipping = True
        self.noise_bytes += len(self._received) - self._limit
        beginning = bytes(self._received[: self._limit])
        self._received.clear()
        return [Piece(beginning, _TOO_LONG)]

    def _ended(self) -> list[Piece]:
        self._is_skipping = False
        line = bytes(self._received)
        self._received.clear()
        return [Piece(line)] if line.strip() else []
