"""An agent's connection to its manager: each measurement is sent until it is confirmed.

Spec: IEEE 11073-20601, "Connection state machine", of the agent

    agent                               manager
    AARQ                                AARE
    own configuration, where asked for  confirmation
    answer                              get: attributes of the device
    report                              confirmation
    RLRQ                                RLRE

Whatever else happens, a time-out too, the agent connects and associates anew, and reports again
what was not confirmed.
"""

import contextlib
import socket
import struct
import time
from datetime import UTC, datetime

from fhirserver_device_bridge.simulator.agent import (
    AARE,
    ABRT,
    ACCEPTED,
    ACCEPTED_UNKNOWN_CONFIG,
    CONFIRMATION,
    GET,
    PRST,
    RELEASE,
    RLRE,
    Agent,
    Heard,
    Pressures,
    heard,
)
from fhirserver_device_bridge.simulator.faults import Chances, Transmission
from fhirserver_device_bridge.simulator.mllp_client import Receiver, RejectedError

_PAUSE_S = 0.05
_INVOKE_LIMIT = 0x10000


class AgentClient:
    """One agent, one connection at a time.

    Attributes:
        sent: reports that went out, repetitions too.
    """

    def __init__(self, receiver: Receiver, agent: Agent, chances: Chances) -> None:
        self._receiver = receiver
        self._agent = agent
        self._chances = chances
        self._socket: socket.socket | None = None
        self._stream = b""
        self._invoke = 0
        self.sent = 0

    def deliver(self, measured: Pressures) -> None:
        """Report a measurement until it is confirmed.

        Raises:
            RejectedError: the attempts are used up.
        """
        for transmission in self._chances.lost(self._report(measured)):
            with contextlib.suppress(OSError):
                self._send(transmission)
            self.close()
        for _ in range(self._receiver.attempts):
            try:
                self._send(self._chances.answer(self._report(measured)))
                self._until(CONFIRMATION)
            except (OSError, struct.error):
                self.close()
                time.sleep(_PAUSE_S)
            else:
                return
        raise RejectedError(f"measurement {measured.at.isoformat()}: not confirmed")

    def release(self) -> None:
        """End the association in order, if there is one."""
        if self._socket is None:
            return
        with contextlib.suppress(OSError, struct.error):
            self._socket.sendall(RELEASE)
            while self._next().kind != RLRE:
                pass
        self.close()

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None
        self._stream = b""

    def _report(self, measured: Pressures) -> bytes:
        self._invoke = self._invoke % (_INVOKE_LIMIT - 1) + 1
        return self._agent.report(self._invoke, measured)

    def _send(self, transmission: Transmission) -> None:
        if self._socket is None:
            self._associate()
        assert self._socket is not None
        self.sent += 1
        transmission.send(self._socket)

    def _associate(self) -> None:
        self._socket = self._receiver.connect()
        self._socket.sendall(self._agent.association())
        answer = self._next()
        if answer.kind != AARE or answer.result not in (ACCEPTED, ACCEPTED_UNKNOWN_CONFIG):
            raise ConnectionRefusedError
        if answer.result == ACCEPTED_UNKNOWN_CONFIG:
            self._socket.sendall(self._agent.configuration(0))
            self._until(CONFIRMATION)
        self._until(GET)

    def _until(self, choice: int) -> None:
        """Wait for what the manager is to say; a question about the device is answered.

        Raises:
            OSError: the manager ended the association, or the connection.
        """
        while (told := self._next()).choice != choice:
            self._answer(told)
        self._answer(told)

    def _answer(self, told: Heard) -> None:
        if told.kind == ABRT:
            raise ConnectionAbortedError
        if told.kind == PRST and told.choice == GET:
            assert self._socket is not None
            self._socket.sendall(self._agent.description(told.invoke, datetime.now(UTC)))

    def _next(self) -> Heard:
        """Wait for one APDU."""
        header = self._read(4)
        return heard(header + self._read(int.from_bytes(header[2:], "big")))

    def _read(self, size: int) -> bytes:
        assert self._socket is not None
        while len(self._stream) < size:
            received = self._socket.recv(4096)
            if not received:
                raise ConnectionResetError
            self._stream += received
        taken, self._stream = self._stream[:size], self._stream[size:]
        return taken
