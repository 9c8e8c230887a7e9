"""ASTM E1381 (CLSI LIS01-A2), the receiver's side: bytes go in, effects come out.

    sender                                      receiver
    ENQ                                         ACK; NAK while it is busy
    STX number text ETB|ETX checksum CR LF      ACK; NAK where it is not as it should be
    EOT                                         nothing: neutral again

A message is a row of frames, up to one that ends with a terminator record (L). `Keep` comes before
the acknowledgement of that frame, so that a sender which was told that all arrived may forget it. A
frame that comes again, because its ACK was lost, is acknowledged and not taken twice.

What was refused, or was given up before its terminator, is kept as refused at the end of a session:
somebody has to see it. Bytes outside of frames are counted.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

ENQ, ACK, NAK, EOT = b"\x05", b"\x06", b"\x15", b"\x04"
STX, ETX, ETB = b"\x02", b"\x03", b"\x17"

FRAME = re.compile(rb"\x02([0-7])([^\x02-\x05\x17]*)([\x03\x17])([0-9A-Fa-f]{2})\r?\n?")
"""Number, text, end, checksum."""

RECEIVER_TIMEOUT_S = 30.0
"""How long a receiver waits within a session for the next frame, or for EOT."""

_WHOLE = re.compile(rb"\x02[^\x02\x04\x05\n]*\n")
_CUT_OFF = re.compile(rb"\x02[^\x02\x04\x05\n]*(?=[\x02\x04\x05])")
_FRAME_LIMIT_BYTES = 64 * 1024
_TERMINATOR = re.compile(rb"(?:^|[\r\n])L(?:\|[^\r\n]*)?[\r\n]*\Z")
_TERMINATOR_BYTES = 256
_CONTROLS = re.compile(rb"[\x02\x04\x05]")

_TOO_LONG = "longer than size_limit_bytes of its source: only its beginning is here"
_GIVEN_UP = "its sender ended before a terminator record (L): it was given up"
_BROKEN = "a frame whose checksum or number is wrong, and that was not sent again as it should be"


@dataclass(frozen=True, slots=True)
class Send:
    """Write these octets to the sender."""

    raw: bytes


@dataclass(frozen=True, slots=True)
class Keep:
    """Journal frames and wait for the disk; `refused` says why they are no message."""

    raw: bytes
    refused: str | None = None


Effect = Send | Keep


def checksum(numbered: bytes) -> bytes:
    """Give two hexadecimal digits for what stands between STX and the checksum."""
    return b"%02X" % (sum(numbered) % 256)


def frame(number: int, text: bytes, *, last: bool = True) -> bytes:
    """Make a frame.

    Args:
        number: of the frame within its session, from 1; 8 becomes 0.
        text: a record, or a part of one.
        last: False for a part that another follows.
    """
    numbered = b"%d%b%b" % (number % 8, text, ETX if last else ETB)
    return STX + numbered + checksum(numbered) + b"\r\n"


@dataclass(slots=True)
class AstmReceiver:
    """One sender's sessions, one after the other.

    Args:
        size_limit_bytes: of one message, with its frames.

    Attributes:
        noise_bytes: dropped outside of frames and sessions.
        refused_frames: frames that were not as they should be.
        in_session: whether the sender has the word: between ENQ and EOT.
    """

    size_limit_bytes: int
    noise_bytes: int = 0
    refused_frames: int = 0
    in_session: bool = False
    _received: bytearray = field(default_factory=bytearray)
    _message: bytearray = field(default_factory=bytearray)
    _text: bytearray = field(default_factory=bytearray)
    _refused: bytes = b""
    _taken: int = 0

    def feed(self, received: bytes, *, busy: bool = False) -> Iterator[Effect]:
        """Take some bytes; what follows them is to be done in its order.

        Args:
            received: as they came.
            busy: nothing can be kept now.
        """
        self._received += received
        while self._received:
            control = self._received[:1]
            if control == STX:
                raw = self._next_frame()
                if raw is None:
                    return
                yield from self._framed(raw)
            elif control == ENQ:
                self._take(1)
                yield from self._ended()
                self.in_session = not busy
                yield Send(NAK if busy else ACK)
            elif control == EOT:
                self._take(1)
                yield from self._ended()
            else:
                found = _CONTROLS.search(self._received)
                self._drop(found.start() if found else len(self._received))

    def end(self) -> Iterator[Keep]:
        """End the session: time is over, or the line is gone."""
        self._drop(len(self._received))
        yield from self._ended()

    def _ended(self) -> Iterator[Keep]:
        self.in_session = False
        if self._message:
            yield Keep(bytes(self._message), _GIVEN_UP)
        if self._refused:
            yield Keep(self._refused, _BROKEN)
        self._message.clear()
        self._text.clear()
        self._refused = b""
        self._taken = 0

    def _next_frame(self) -> bytes | None:
        """Take what begins with STX, whole or not; None where its end is still to come."""
        found = _WHOLE.match(self._received) or _CUT_OFF.match(self._received)
        if found is not None:
            return self._take(found.end())
        too_long = len(self._received) > _FRAME_LIMIT_BYTES
        return self._take(len(self._received)) if too_long else None

    def _framed(self, raw: bytes) -> Iterator[Effect]:
        if not self.in_session:
            self.noise_bytes += len(raw)
            return
        found = FRAME.fullmatch(raw)
        number = int(found[1]) if found is not None and is_whole(found) else None
        if found is not None and number == (self._taken + 1) % 8:
            yield from self._accepted(raw, found)
        elif self._taken and number == self._taken % 8:
            yield Send(ACK)
        else:
            self.refused_frames += 1
            self._refused = raw
            yield Send(NAK)

    def _accepted(self, raw: bytes, found: "re.Match[bytes]") -> Iterator[Effect]:
        self._message += raw
        self._text += found[2]
        if len(self._message) > self.size_limit_bytes:
            yield Keep(bytes(self._message[: self.size_limit_bytes]), _TOO_LONG)
            self._message.clear()
            yield from self._ended()
            yield Send(NAK)
            return
        self._taken += 1
        self._refused = b""
        if self._is_terminated(found[2], found[3]):
            yield Keep(bytes(self._message))
            self._message.clear()
            self._text.clear()
        yield Send(ACK)

    def _is_terminated(self, text: bytes, end: bytes) -> bool:
        """Tell whether the last record is a whole terminator."""
        if end != ETX and not text.endswith((b"\r", b"\n")):
            return False
        tail = bytes(self._text[-_TERMINATOR_BYTES:])
        return _TERMINATOR.search(tail, int(len(self._text) > _TERMINATOR_BYTES)) is not None

    def _drop(self, size: int) -> None:
        """Drop what is no frame; line ends between frames are no noise."""
        self.noise_bytes += len(self._take(size).translate(None, b"\r\n"))

    def _take(self, size: int) -> bytes:
        taken = bytes(self._received[:size])
        del self._received[:size]
        return taken


def is_whole(found: "re.Match[bytes]") -> bool:
    """Tell whether a frame's checksum is that of its content."""
    return checksum(b"".join(found.group(1, 2, 3))) == found[4].upper()
