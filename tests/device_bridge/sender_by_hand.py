"""A sender by MLLP that does what it is told, for tests."""

from __future__ import annotations

import socket
import ssl
from typing import Self

from fhirserver_device_bridge.framing.mllp import MllpDeframer, block

TIMEOUT_S = 20.0


class ByHand:
    """One connection. Sockets block until an answer or the time-out."""

    def __init__(
        self,
        address: tuple[str, int],
        tls: ssl.SSLContext | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        plain = socket.create_connection(address, timeout_s)
        self.socket = plain if tls is None else tls.wrap_socket(plain, server_hostname=address[0])
        self._deframer = MllpDeframer(1 << 20)
        self._received: list[bytes] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.socket.close()

    def send(self, message: bytes) -> None:
        """Send a message, framed."""
        self.socket.sendall(block(message))

    def acknowledgement(self) -> tuple[str, str]:
        """Wait for the next acknowledgement: MSA-1 and MSA-2; ("", "") at the end."""
        while not self._received:
            received = self.socket.recv(65536)
            if not received:
                return "", ""
            self._received += [each.content for each in self._deframer.feed(received)]
        segments = self._received.pop(0).decode("latin-1").split("\r")
        _, code, of, *_ = next(each for each in segments if each.startswith("MSA")).split("|")
        return code, of

    def ask(self, message: bytes) -> tuple[str, str]:
        """Send a message and wait for its acknowledgement."""
        self.send(message)
        return self.acknowledgement()


def oru(
    control_id: str,
    *rows: str,
    number: str = "12345",
    header: str = "|||AL|NE||UNICODE UTF-8",
    at: str = "20260101120000+0000",
) -> bytes:
    """Write an ORU^R01 with these OBX rows, about the patient with a number."""
    lines = (
        f"MSH|^~\\&|M^0000000000000001^EUI-64||||{at}||ORU^R01^ORU_R01|{control_id}|P|2.6{header}",
        f"PID|||{number}^^^Hospital^MR",
        f"OBR|1|||182777000^monitoring of patient^SCT|||{at}",
        *(rows or (heart_rate("70"),)),
    )
    return "".join(f"{line}\r" for line in lines).encode("utf-8")


def heart_rate(value: str, status: str = "F") -> str:
    """Write one OBX."""
    code = "147842^MDC_ECG_HEART_RATE^MDC"
    return f"OBX|1|NM|{code}|1.1.1.1|{value}|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||{status}"
