"""A sender by MLLP: a message is sent until its own acknowledgement says that it is kept.

Spec: HL7 v2.6 chapter 2, section 2.9.2 (original and enhanced mode)

An acknowledgement belongs to a message by MSA-2. On a time-out the connection is closed, so that a
late acknowledgement meets no other message.
"""

import contextlib
import socket
import ssl
import time
from dataclasses import dataclass

from fhirserver_device_bridge.framing.mllp import MllpDeframer
from fhirserver_device_bridge.simulator.faults import Transmission
from fhirserver_device_bridge.simulator.monitor import Message

_LIMIT_BYTES = 1024 * 1024
_KEPT = frozenset({"AA", "CA"})
_NEVER = frozenset({"AR", "CR"})
_PAUSE_S = 0.2


class RejectedError(Exception):
    """The receiver will never take the message, or did not in all attempts."""


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where to send.

    Attributes:
        timeout_s: for connecting, and for an acknowledgement.
        attempts: how often one message is sent before the sender gives up.
    """

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    timeout_s: float = 10.0
    attempts: int = 20

    def connect(self) -> socket.socket:
        """Connect. Raises OSError."""
        plain = socket.create_connection((self.host, self.port), self.timeout_s)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return plain if self.tls is None else self.tls.wrap_socket(plain, server_hostname=self.host)


class MllpClient:
    """One sender, one connection at a time.

    Attributes:
        sent: messages and repetitions that went out.
    """

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._socket: socket.socket | None = None
        self._deframer = MllpDeframer(_LIMIT_BYTES)
        self._acknowledgements: list[bytes] = []
        self.sent = 0

    def deliver(self, message: Message, transmission: Transmission) -> None:
        """Send a message until it is kept; with a dropped acknowledgement, once and unheard.

        Raises:
            RejectedError: it is refused for good, or the attempts are used up.
        """
        if transmission.drop_ack:
            self._lose(transmission)
            return
        for _ in range(self._receiver.attempts):
            code = self._attempt(message, transmission)
            if code in _KEPT:
                return
            if code in _NEVER:
                break
            time.sleep(_PAUSE_S)
        raise RejectedError(f"message {message.control_id}: last acknowledgement {code or 'none'}")

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None
        self._deframer = MllpDeframer(_LIMIT_BYTES)
        self._acknowledgements.clear()

    def _lose(self, transmission: Transmission) -> None:
        with contextlib.suppress(OSError):
            self._send(transmission)
        self.close()

    def _attempt(self, message: Message, transmission: Transmission) -> str | None:
        try:
            self._send(transmission)
            return self._code_for(message.control_id)
        except OSError:
            self.close()
            return None

    def _send(self, transmission: Transmission) -> None:
        opened = self._opened()
        self.sent += 1
        transmission.send(opened)

    def _opened(self) -> socket.socket:
        if self._socket is None:
            self._socket = self._receiver.connect()
        return self._socket

    def _code_for(self, control_id: str) -> str:
        """Wait for the acknowledgement of a message; others are of earlier ones, and dropped."""
        assert self._socket is not None
        while True:
            while self._acknowledgements:
                code, of = _msa(self._acknowledgements.pop(0))
                if of == control_id:
                    return code
            received = self._socket.recv(64 * 1024)
            if not received:
                raise ConnectionResetError
            self._acknowledgements += [each.content for each in self._deframer.feed(received)]


def _msa(acknowledgement: bytes) -> tuple[str, str]:
    """Give MSA-1 and MSA-2; the simulator's own separators come back to it."""
    for segment in acknowledgement.decode("utf-8", "replace").split("\r"):
        if segment.startswith("MSA|"):
            _, code, of = (*segment.split("|"), "", "")[:3]
            return code, of
    return "", ""
