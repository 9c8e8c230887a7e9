"""What can go wrong on the way, drawn from a seed.

slow        a message, or an answer, leaves in pieces with pauses between them
split       in pieces, without pauses
duplicate   it is sent twice
garbage     noise before it
unplug      the connection ends in the middle of it, or instead of an answer; a serial line is dead
            for a while

with devices that speak

drop-ack    the connection ends before the acknowledgement is read; the message is sent again
reorder     a message is sent after the one that follows it
skew        the clock of the device is wrong, by as much for the whole run

and with devices that are asked

silent      an answer never comes
refuse      the device answers with an exception code
frozen      its values stand still, and so does its heartbeat
"""

import random
import socket
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, TypeVar

from fhirserver_device_bridge.framing.mllp import block

T = TypeVar("T")

Fault = Literal[
    "slow",
    "split",
    "duplicate",
    "garbage",
    "unplug",
    "drop-ack",
    "reorder",
    "skew",
    "silent",
    "refuse",
    "frozen",
]
_OF_ALL: tuple[Fault, ...] = ("slow", "split", "duplicate", "garbage", "unplug")
FAULTS: tuple[Fault, ...] = (*_OF_ALL, "drop-ack", "reorder", "skew")
"""Of senders."""
ASKED_FAULTS: tuple[Fault, ...] = (*_OF_ALL, "silent", "refuse", "frozen")
"""Of devices that are asked."""

_SHARE = 0.3
_PAUSE_S = 0.02
_PIECES = 5
_NOISE = bytes(each for each in range(256) if each not in b"\x0b\x02\x04\x05")
"""Nothing that begins or ends something: VT of MLLP, STX, EOT and ENQ of ASTM."""
_LARGEST_SKEW_S = 6 * 3600


@dataclass(frozen=True, slots=True)
class Transmission:
    """How one message goes over the line.

    Attributes:
        pieces: what is sent, in order.
        pause_s: between pieces.
        drop_ack: close without reading the acknowledgement.
    """

    pieces: tuple[bytes, ...]
    pause_s: float = 0.0
    drop_ack: bool = False

    def send(self, opened: socket.socket) -> None:
        """Send it. Raises OSError."""
        for number, piece in enumerate(self.pieces):
            if number and self.pause_s:
                time.sleep(self.pause_s)
            opened.sendall(piece)


class Chances:
    """Draws the faults of each message; of those named, each meets three messages of ten.

    Args:
        faults: which there are.
    """

    def __init__(self, seed: int, faults: frozenset[Fault]) -> None:
        # A game of chance that can be played again; no secret hangs on it.
        self._chance = random.Random(seed)  # noqa: S311
        self._faults = faults

    def transmissions(self, message: bytes) -> Iterator[Transmission]:
        """Give one message's way over the line; twice for a duplicate, lost ones first."""
        framed = self._after_noise(block(message))
        yield from self.lost(framed)
        yield self._in_pieces(framed)
        if self.drawn("duplicate"):
            yield Transmission((framed,))

    def lost(self, framed: bytes) -> Iterator[Transmission]:
        """Give the ways on which it is lost, before it goes its own: cut off, or unheard of."""
        if self.drawn("unplug"):
            yield Transmission((framed[: self._chance.randrange(1, len(framed))],), drop_ack=True)
        if self.drawn("drop-ack"):
            yield Transmission((framed,), drop_ack=True)

    def ordered(self, made: Iterable[T]) -> Iterator[T]:
        """Give messages in the order in which they are sent."""
        late: list[T] = []
        for each in made:
            if not late and self.drawn("reorder"):
                late.append(each)
                continue
            yield each
            yield from late
            late.clear()
        yield from late

    def skew(self) -> timedelta:
        """Draw by how much a clock is ahead, in whole seconds; none without that fault."""
        if "skew" not in self._faults:
            return timedelta()
        return timedelta(seconds=self._chance.randint(-_LARGEST_SKEW_S, _LARGEST_SKEW_S))

    def answer(self, framed: bytes) -> Transmission:
        """Give the way of a device's answer over the line; a duplicate follows at once."""
        framed = self._after_noise(framed)
        return self._in_pieces(framed * 2 if self.drawn("duplicate") else framed)

    def drawn(self, fault: Fault) -> bool:
        """Draw whether a fault is met now."""
        return fault in self._faults and self._chance.random() < _SHARE

    def _after_noise(self, framed: bytes) -> bytes:
        if not self.drawn("garbage"):
            return framed
        return bytes(self._chance.choices(_NOISE, k=self._chance.randint(1, 20))) + framed

    def _in_pieces(self, framed: bytes) -> Transmission:
        slow = self.drawn("slow")
        pieces = self._pieces(framed) if slow or self.drawn("split") else (framed,)
        return Transmission(pieces, _PAUSE_S if slow else 0.0)

    def _pieces(self, framed: bytes) -> tuple[bytes, ...]:
        cuts = sorted(self._chance.randrange(1, len(framed)) for _ in range(_PIECES - 1))
        bounds = zip((0, *cuts), (*cuts, len(framed)), strict=True)
        return tuple(framed[start:end] for start, end in bounds)
