"""A sender by ASTM E1381: a message is sent until its last frame is acknowledged.

Spec: ASTM E1381-95, chapters 6.2 to 6.5

What is refused (NAK) is sent again, six times at most; then, as after a time-out or the end of the
connection, the sender begins the whole message anew. Faults meet one frame of a message, and noise
and pieces any.
"""

import contextlib
import random
import socket
import time

from fhirserver_device_bridge.framing.astm import ACK, ENQ, EOT, frame
from fhirserver_device_bridge.simulator.analyzer import Sample
from fhirserver_device_bridge.simulator.faults import Chances, Transmission
from fhirserver_device_bridge.simulator.mllp_client import Receiver, RejectedError

_REPEATS = 6
_PAUSE_S = 0.05


class _RefusedError(OSError):
    """The receiver took a frame not even after repeats, or has no time now."""


class AstmClient:
    """One analyzer, one connection at a time.

    Attributes:
        sent: messages that were begun, repetitions too.
    """

    def __init__(self, receiver: Receiver, seed: int, chances: Chances) -> None:
        self._receiver = receiver
        self._chances = chances
        # Which frame a fault meets; no secret hangs on it.
        self._chance = random.Random(seed)  # noqa: S311
        self._socket: socket.socket | None = None
        self.sent = 0

    def deliver(self, sample: Sample) -> None:
        """Send a message until it is kept.

        Raises:
            RejectedError: the attempts are used up.
        """
        frames = [frame(number, each) for number, each in enumerate(sample.records, 1)]
        lost_at = self._chance.randrange(len(frames))
        for transmission in self._chances.lost(frames[lost_at]):
            with contextlib.suppress(OSError):
                self._begin()
                self._send(frames[:lost_at])
                transmission.send(self._opened())
            self.close()
        for _ in range(self._receiver.attempts):
            try:
                self._begin()
                self._send(frames)
                self._opened().sendall(EOT)
            except OSError:
                self.close()
                time.sleep(_PAUSE_S)
            else:
                return
        raise RejectedError(f"specimen {sample.specimen}: not acknowledged")

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None

    def _begin(self) -> None:
        """Ask for the word."""
        self.sent += 1
        self._opened().sendall(ENQ)
        if self._answer() != ACK:
            raise _RefusedError

    def _send(self, frames: list[bytes]) -> None:
        for each in frames:
            for _ in range(_REPEATS):
                if self._is_taken(each, self._chances.answer(each)):
                    break
            else:
                raise _RefusedError

    def _is_taken(self, raw: bytes, transmission: Transmission) -> bool:
        """Send a frame, once or twice, and read as many answers: the last one counts."""
        transmission.send(self._opened())
        answers = [self._answer() for _ in range(b"".join(transmission.pieces).count(raw))]
        return answers[-1] == ACK

    def _answer(self) -> bytes:
        answer = self._opened().recv(1)
        if not answer:
            raise ConnectionResetError
        return answer

    def _opened(self) -> socket.socket:
        if self._socket is None:
            self._socket = self._receiver.connect()
        return self._socket
