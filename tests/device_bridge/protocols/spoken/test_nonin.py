"""A packet of an oximeter becomes a saturation and a pulse, or says why not. DEV-21."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from fhirserver_device_bridge.convert import convert
from fhirserver_device_bridge.protocols.spoken.recording import NONIN, Spoken, write
from fhirserver_device_bridge.reading import Quantity, Reading
from fhirserver_device_bridge.source import Source
from tests.device_bridge.nonin import NOTHING_MEASURED, packet

AT = datetime(2026, 5, 4, 10, 0, 0, 250, tzinfo=UTC)
SOURCE = Source("ox", device=("urn:serial", "N-1"), systems=(("device-user", "urn:user"),))


def read(raw: bytes) -> tuple[Reading, ...]:
    return convert(write(NONIN, Spoken(AT, raw)), SOURCE, AT, 1).readings


def shown(reading: Reading) -> tuple[str, str, list[str]]:
    value = reading.value
    text = value.text if isinstance(value, Quantity) else str(reading.absent)
    return reading.codes[0].display or "", text, sorted(reading.flags)


ROWS = {
    "format 2": (packet(72, 97), "97", "72", []),
    "format 7": (packet(72, 97, layout=7), "97", "72", []),
    "a pulse of eight bits and more": (packet(300, 100), "100", "300", []),
    "127 and 511 are no values": (packet(*NOTHING_MEASURED), "unknown", "unknown", []),
    "no pulse alone": (packet(511, 97), "97", "unknown", []),
    "an artifact": (packet(72, 97, status=0x20), "97", "72", ["questionable"]),
    "out of track": (packet(72, 97, status=0x10), "97", "72", ["questionable"]),
    "low perfusion says nothing against it": (packet(72, 97, status=0x04), "97", "72", []),
    "the sensor is off": (packet(72, 97, status=0x40), "error", "error", []),
    "nothing usable": (packet(72, 97, status=0x08, layout=7), "error", "error", []),
}


@pytest.mark.parametrize(
    ("raw", "saturation", "pulse", "flags"),
    [pytest.param(*row, id=name) for name, row in ROWS.items()],
)
def test_a_packet(raw: bytes, saturation: str, pulse: str, flags: list[str]) -> None:
    assert list(map(shown, read(raw))) == [
        ("MDC_PULS_OXIM_SAT_O2", saturation, flags),
        ("MDC_PULS_OXIM_PULS_RATE", pulse, flags),
    ]


def test_what_stands_around_a_value() -> None:
    (reading, _) = read(packet(72, 97))
    assert reading.time is not None
    assert reading.time.text == "2026-05-04T10:00:00.000250+00:00"
    assert [(each.system, each.value) for each in reading.patient] == [("urn:user", "N-1")]
    assert reading.path[0].identifiers[0].value == "N-1"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        pytest.param(write(NONIN, Spoken(AT, packet(72, 97)[1:])), "25 frames", id="cut"),
        pytest.param(NONIN + b"yesterday\n" + packet(72, 97), "its time", id="no time"),
    ],
)
def test_what_is_no_packet_is_a_dead_letter(raw: bytes, reason: str) -> None:
    assert reason in str(convert(raw, SOURCE, AT, 1).rejected)
