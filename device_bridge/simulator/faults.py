"""What can go wrong on the way, drawn from a seed.

slow        a message leaves in pieces with pauses between them
split       in pieces, without pauses
duplicate   a message is sent twice
garbage     noise between messages
drop-ack    the connection ends before the acknowledgement is read; the message is sent again
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from fhirserver_device_bridge.framing.mllp import block

Fault = Literal["slow", "split", "duplicate", "garbage", "drop-ack"]
FAULTS: tuple[Fault, ...] = ("slow", "split", "duplicate", "garbage", "drop-ack")

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
        framed = block(message)
        if self._drawn("garbage"):
            framed = bytes(self._chance.choices(_NOISE, k=self._chance.randint(1, 20))) + framed
        if self._drawn("drop-ack"):
            yield Transmission((framed,), drop_ack=True)
        slow = self._drawn("slow")
        pieces = self._pieces(framed) if slow or self._drawn("split") else (framed,)
        yield Transmission(pieces, _PAUSE_S if slow else 0.0)
        if self._drawn("duplicate"):
            yield Transmission((framed,))

    def _drawn(self, fault: Fault) -> bool:
        return fault in self._faults and self._chance.random() < _SHARE

    def _pieces(self, framed: bytes) -> tuple[bytes, ...]:
        cuts = sorted(self._chance.randrange(1, len(framed)) for _ in range(_PIECES - 1))
        bounds = zip((0, *cuts), (*cuts, len(framed)), strict=True)
        return tuple(framed[start:end] for start, end in bounds)
