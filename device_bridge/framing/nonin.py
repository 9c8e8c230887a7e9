"""Nonin's serial data formats 2 and 7: packets are found in a stream that began at any time.

Spec: Nonin, OEM III Module Specification and Technical Information, "Serial data format #2" and
"#7"; the layouts agree with the drivers of the University of Oxford (format 7) and of the
Pufferfish ventilator (format 2), which are public.

    format 2    0x01    status  pleth   value   checksum
    format 7    status  pleth (high, low)       value   checksum

A frame has five bytes, a packet 25 frames, and there are three packets a second. Bit 7 is set in a
status and clear in a value; bit 0 of the status is set in the first frame of a packet alone. The
checksum is the sum of the four bytes before it, modulo 256. Which format it is shows in the first
byte.

A packet is one when all of its 25 frames are whole. Else a byte is dropped, and looked at from the
next one on: so noise costs the packet it falls into, and no other.
"""

from fhirserver_device_bridge.framing.piece import Piece

FRAME_BYTES = 5
FRAMES = 25
PACKET_BYTES = FRAMES * FRAME_BYTES
STATUS = {2: 1, 7: 0}
"""Where in a frame the status stands, by format."""

_START = 0x01
_SYNC = 0x01
_HIGH = 0x80


class NoninDeframer:
    """One oximeter's stream.

    Attributes:
        noise_bytes: dropped between packets.
    """

    def __init__(self) -> None:
        self.noise_bytes = 0
        self._received = bytearray()

    def feed(self, received: bytes) -> list[Piece]:
        """Take some bytes, and give the packets that are whole with them."""
        self._received += received
        found, position = [], 0
        while position < len(self._received):
            ahead = bytes(self._received[position : position + PACKET_BYTES])
            if not may_be_packet(ahead):
                position += 1
                self.noise_bytes += 1
            elif len(ahead) < PACKET_BYTES:
                break
            else:
                found.append(Piece(ahead))
                position += PACKET_BYTES
        del self._received[:position]
        return found

    def end(self) -> list[Piece]:
        """Drop what was begun: half a packet says nothing."""
        self.noise_bytes += len(self._received)
        self._received.clear()
        return []


def format_of(packet: bytes) -> int:
    """Tell 2 from 7 by the first byte."""
    return 2 if packet[0] == _START else 7


def may_be_packet(beginning: bytes) -> bool:
    """Tell whether these bytes, one at least, are a packet or the beginning of one."""
    status = STATUS[format_of(beginning)]
    frames = range(0, len(beginning), FRAME_BYTES)
    return all(
        _may_be_frame(beginning[start : start + FRAME_BYTES], status, is_first=start == 0)
        for start in frames
    )


def _may_be_frame(frame: bytes, status: int, *, is_first: bool) -> bool:
    if status and frame[0] != _START:
        return False
    if len(frame) > status:
        is_status = frame[status] & _HIGH and bool(frame[status] & _SYNC) == is_first
        if not is_status:
            return False
    if len(frame) < FRAME_BYTES:
        return True
    return frame[3] < _HIGH and sum(frame[:4]) % 256 == frame[4]
