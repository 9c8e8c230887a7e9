"""What can go wrong on the way, drawn from a seed.

slow        a message, or an answer, leaves in pieces with pauses between them
split       in pieces, without pauses
duplicate   it is sent twice
garbage     noise before it
drop-ack    the connection ends before the acknowledgement is read; the message is sent again

and with devices that are asked

silent      an answer never comes
unplug      the connection ends instead of an answer; a serial line is dead for a while
refuse      the device answers with an exception code
frozen      its values stand still, and so does its heartbeat
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from fhirserver_device_bridge.framing.mllp import block

Fault = Literal[
    "slow", "split", "duplicate", "garbage", "drop-ack", "silent", "unplug", "refuse", "frozen"
]
_OF_ALL: tuple[Fault, ...] = ("slow", "split", "duplicate", "garbage")
FAULTS: tuple[Fault, ...] = (*_OF_ALL, "drop-ack")
"""Of senders."""
ASKED_FAULTS: tuple[Fault, ...] = (*_OF_ALL, "silent", "unplug", "refuse", "frozen")
"""Of devices that are asked."""

_SHARE = 0.3
_PAUSE_S = 0.02
_PIECES = 5
_NOISE = bytes(each for each in range(256) if each != 0x0B)


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
        """Give one message's way over the line; twice for a duplicate, the lost one first."""
        framed = self._after_noise(block(message))
        if self.drawn("drop-ack"):
            yield Transmission((framed,), drop_ack=True)
        yield self._in_pieces(framed)
        if self.drawn("duplicate"):
            yield Transmission((framed,))

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
