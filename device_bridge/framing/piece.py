"""What is cut out of the stream of a device that waits for no answer."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Piece:
    """One packet or line.

    Attributes:
        raw: as received.
        refused: why it can never be read; None if it may be.
    """

    raw: bytes
    refused: str | None = None


class Deframer(Protocol):
    """Cuts a stream into pieces, however it arrives.

    Attributes:
        noise_bytes: dropped between pieces.
    """

    noise_bytes: int

    def feed(self, received: bytes) -> list[Piece]:
        """Take some bytes, and give what is whole with them."""

    def end(self) -> list[Piece]:
        """Give what was begun when the stream ended."""
