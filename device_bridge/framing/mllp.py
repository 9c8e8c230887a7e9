"""MLLP: `<VT> message <FS><CR>`, in whatever pieces it arrives.

Spec: HL7 Transport Specification, Minimal Lower Layer Protocol (MLLP), release 1

    VT  0x0B   begins a block          FS  0x1C, CR 0x0D   end it

What real senders do, and what becomes of it:

    bytes between blocks (line ends, noise)   dropped; what is no line end is counted
    FS without CR                             ends the block
    VT inside a block                         the block before was cut off, a new one begins
    a block beyond the limit                  its beginning is kept, the rest dropped up to its end

Messages in character sets that use these bytes for other things (UTF-16) cannot travel by MLLP.
"""

from dataclasses import dataclass, field
from typing import Literal

VT, FS, CR = b"\x0b", b"\x1c", b"\x0d"

HEAD_BYTES = 64 * 1024
"""What is kept of a block beyond the limit: enough to see who sent it."""

Fault = Literal["too long", "cut off"]


@dataclass(frozen=True, slots=True)
class Frame:
    """One block.

    Attributes:
        content: between VT and FS; the beginning of it where there is a fault.
        fault: why it is not a whole message.
    """

    content: bytes
    fault: Fault | None = None


def block(message: bytes) -> bytes:
    """Wrap a message."""
    return b"".join((VT, message, FS, CR))


@dataclass(slots=True)
class MllpDeframer:
    """Takes bytes as they come, gives blocks.

    Args:
        size_limit_bytes: of one message.

    Attributes:
        noise_bytes: dropped between blocks.
    """

    size_limit_bytes: int
    noise_bytes: int = 0
    _inside: bool = False
    _too_long: bool = False
    _held: bytearray = field(default_factory=bytearray)

    def feed(self, received: bytes) -> list[Frame]:
        """Take some bytes, and give the blocks that they end, in order."""
        frames: list[Frame] = []
        position = 0
        while position < len(received):
            step = self._within if self._inside else self._between
            position = step(received, position, frames)
        return frames

    def _between(self, received: bytes, position: int, _frames: list[Frame]) -> int:
        start = received.find(VT, position)
        end = len(received) if start < 0 else start
        self.noise_bytes += len(received[position:end].translate(None, b"\r\n"))
        self._inside = start >= 0
        return end + 1

    def _within(self, received: bytes, position: int, frames: list[Frame]) -> int:
        end = received.find(FS, position)
        end = len(received) if end < 0 else end
        again = received.find(VT, position, end)
        if again >= 0:
            end = again
        self._hold(received[position:end])
        if again >= 0:
            frames.append(self._taken("cut off"))
        elif end < len(received):
            frames.append(self._taken(None))
            self._inside = False
        return end + 1

    def _hold(self, piece: bytes) -> None:
        if self._too_long:
            return
        self._held += piece
        if len(self._held) > self.size_limit_bytes:
            self._too_long = True
            del self._held[min(HEAD_BYTES, self.size_limit_bytes) :]

    def _taken(self, fault: Fault | None) -> Frame:
        frame = Frame(bytes(self._held), "too long" if self._too_long else fault)
        self._held = bytearray()
        self._too_long = False
        return frame
