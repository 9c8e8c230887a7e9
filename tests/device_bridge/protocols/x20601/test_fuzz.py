"""No octets make a decoder fail with anything but its named error, and no session fails at all.

A few hundred examples here; FHIRSERVER_FUZZ_EXAMPLES asks for more.
"""

import json
import os
import random
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhirserver_device_bridge.convert import convert
from fhirserver_device_bridge.protocols.x20601 import apdu, recording
from fhirserver_device_bridge.protocols.x20601.mder import MderError
from fhirserver_device_bridge.protocols.x20601.recording import Received, write
from fhirserver_device_bridge.protocols.x20601.session import Keep, Session
from fhirserver_device_bridge.source import Source

EXAMPLES = int(os.environ.get("FHIRSERVER_FUZZ_EXAMPLES", "200"))
NOW = datetime(2026, 3, 14, 9, 30, tzinfo=UTC)
SOURCE = Source("home", systems=(("device-user", "urn:oid:1.2.3"),))
EXCHANGES = [
    [bytes.fromhex(raw) for raw in each["apdus"]]
    for each in json.loads((Path(__file__).parent / "specialisations.json").read_bytes())
]


@given(st.binary(max_size=200))
@settings(max_examples=EXAMPLES, deadline=None)
def test_any_octets(raw: bytes) -> None:
    for prefix in (b"", b"\xe7\x00" + len(raw).to_bytes(2, "big")):
        try:
            decoded = apdu.decode(prefix + raw)
        except MderError:
            continue
        assert apdu.encode(decoded) == prefix + raw


@given(st.binary(max_size=200))
@settings(max_examples=EXAMPLES, deadline=None)
def test_any_recording(raw: bytes) -> None:
    assert convert(recording.MAGIC + raw, SOURCE, NOW, 1).rejected is not None


@pytest.mark.parametrize("number", range(len(EXCHANGES)))
def test_mutated_exchanges(number: int) -> None:
    """Octets changed, cut, doubled and set to their limits, anywhere in an exchange."""
    chance = random.Random(number)
    for _ in range(EXAMPLES):
        apdus = [
            mutated(raw, chance) if chance.random() < 0.5 else raw for raw in EXCHANGES[number]
        ]
        heard(apdus)
        whole = recording.MAGIC + mutated(
            write(Received(NOW, raw) for raw in EXCHANGES[number])[len(recording.MAGIC) :], chance
        )
        convert(whole, SOURCE, NOW, 1)


@given(st.lists(st.sampled_from([raw for apdus in EXCHANGES for raw in apdus]), max_size=8))
@settings(max_examples=EXAMPLES, deadline=None)
def test_apdus_in_any_order(apdus: list[bytes]) -> None:
    heard(apdus)


def heard(apdus: list[bytes]) -> None:
    """Let a session hear APDUs, and convert all that it keeps."""
    session = Session()
    effects = [effect for raw in apdus for effect in session.receive(raw, NOW)]
    for effect in [*effects, *session.lose()]:
        if isinstance(effect, Keep):
            conversion = convert(effect.raw, SOURCE, NOW, 1)
            assert effect.refused is None or conversion.rejected is not None


def mutated(raw: bytes, chance: random.Random) -> bytes:
    octets = bytearray(raw)
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(octets)) if octets else 0
        match chance.randrange(5):
            case 0:
                octets[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                octets[at : at + 2] = chance.choice(
                    (b"\x00\x00", b"\xff\xff", b"\x7f\xff", b"\x80\x00")
                )
            case 2:
                del octets[at:]
            case 3:
                octets[at:at] = octets[at : at + chance.randrange(1, 16)]
            case _:
                del octets[at : at + chance.randrange(1, 16)]
    return bytes(octets)
