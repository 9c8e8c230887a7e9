"""The simulator says the same for the same seed, and meets faults as it is told. DEV-03."""

from __future__ import annotations

import socket
import threading
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhirserver_device_bridge.convert import convert
from fhirserver_device_bridge.framing.mllp import MllpDeframer, block
from fhirserver_device_bridge.reading import Quantity
from fhirserver_device_bridge.simulator.faults import (
    ASKED_FAULTS,
    FAULTS,
    Chances,
    Fault,
    Transmission,
)
from fhirserver_device_bridge.simulator.mllp_client import MllpClient, Receiver, RejectedError
from fhirserver_device_bridge.simulator.monitor import METRICS, Message, messages
from fhirserver_device_bridge.source import Source

START = datetime(2026, 1, 1, tzinfo=UTC)
PATIENT = "1^^^&1.2.3&ISO^MR"


def test_the_same_seed_says_the_same() -> None:
    first, again, other = (list(messages(seed, 5, START, PATIENT)) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert len({message.control_id for message in first}) == 5


def test_what_it_says_can_be_charted_and_is_what_a_body_can_do() -> None:
    for message in messages(7, 50, START, PATIENT):
        conversion = convert(message.raw, Source("s"), START, 1)
        assert (conversion.rejected, conversion.held) == (None, None)
        assert (conversion.quarantined, conversion.unmapped) == ((), ())
        values = [each.value for each in conversion.readings]
        assert len(values) == len(METRICS)
        assert all(isinstance(each, Quantity) for each in values)


@given(seed=st.integers(0, 1000), faults=st.frozensets(st.sampled_from(FAULTS)))
def test_every_fault_leaves_the_message_whole(seed: int, faults: frozenset[Fault]) -> None:
    whole = block(b"MSH|^~\\&|whole\r")
    for transmission in Chances(seed, faults).transmissions(b"MSH|^~\\&|whole\r"):
        sent = b"".join(transmission.pieces)
        is_cut_off = transmission.drop_ack and "unplug" in faults
        assert sent.endswith(whole) or is_cut_off
        assert sent == whole or "garbage" in faults or is_cut_off
        assert not transmission.drop_ack or faults & {"drop-ack", "unplug"}
        assert not transmission.pause_s or "slow" in faults


@given(seed=st.integers(0, 1000), faults=st.frozensets(st.sampled_from(ASKED_FAULTS)))
def test_every_fault_leaves_an_answer_whole(seed: int, faults: frozenset[Fault]) -> None:
    """Of a duplicate both are, and they come together."""
    answer = b"\x11\x03\x02\x00\x96\xf8\x29"
    way = Chances(seed, faults).answer(answer)
    sent = b"".join(way.pieces)
    assert sent.endswith(answer)
    assert sent == answer or faults & {"garbage", "duplicate"}
    assert sent.count(answer) == 1 or "duplicate" in faults
    assert len(way.pieces) == 1 or faults & {"slow", "split"}


class Answering:
    """Takes connections, one after the other; on each it answers with these, then closes.

    Args:
        turns: for each connection, the acknowledgements of its messages, as "AA|1"; "" for none.
    """

    def __init__(self, turns: list[list[str]]) -> None:
        self._turns = turns
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = self._listening.getsockname()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        self._thread.join()
        self._listening.close()

    def _serve(self) -> None:
        for turn in self._turns:
            connection, _ = self._listening.accept()
            with connection:
                deframer = MllpDeframer(10_000)
                for answers in turn:
                    while not deframer.feed(connection.recv(4096)):
                        pass
                    for answer in answers.split():
                        connection.sendall(block(f"MSH|^~\\&|\rMSA|{answer}\r".encode()))
                connection.recv(1)


@pytest.mark.parametrize(
    ("turns", "sent", "timeout_s"),
    [
        pytest.param([["AA|1"]], 1, 20, id="accepted"),
        pytest.param([["CA|1"]], 1, 20, id="committed"),
        pytest.param([["AE|1", "AA|1"]], 2, 20, id="error: sent again"),
        pytest.param([["AA|0 AA|1"]], 1, 20, id="another's acknowledgement is none"),
        pytest.param([[""], ["AA|1"]], 2, 1, id="time-out: a new connection"),
        pytest.param([["AA|0"], ["AA|1"]], 2, 1, id="only another's: time-out, a new connection"),
        pytest.param([["AR|1"]], -1, 20, id="rejected: never again"),
    ],
)
def test_it_sends_until_its_own_acknowledgement(
    turns: list[list[str]], sent: int, timeout_s: float
) -> None:
    peer = Answering(turns)
    client = MllpClient(Receiver(*peer.address, timeout_s=timeout_s))
    message = Message("1", b"MSH|^~\\&|\r")
    transmission = Transmission((block(message.raw),))
    try:
        if sent < 0:
            with pytest.raises(RejectedError, match="AR"):
                client.deliver(message, transmission)
        else:
            client.deliver(message, transmission)
            assert client.sent == sent
    finally:
        client.close()
        peer.close()
