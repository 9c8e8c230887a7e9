"""Analyzers on real lines: what is acknowledged is kept, and charted once its specimen is known.

DEV-02, DEV-21, DEV-23.
"""

from __future__ import annotations

import os
import socket
import termios
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from fhirserver_device_bridge.framing.astm import ACK, ENQ, EOT, NAK, frame
from fhirserver_device_bridge.simulator.cable import cable
from tests.client import Client
from tests.device_bridge.bridge_process import BridgeProcess, journal
from tests.server import ServerProcess
from tests.waiting import wait_for

CONFIG = """\
server: {{base: "{base}"}}
journal: {{folder: journal}}
delivery: {{longest_pause_s: 0.2, held_retry_s: 0.1}}
metrics: {{port: 0}}
sources:
  lab:
    protocol: astm
    {line}
    systems: {{specimens: "urn:specimens", tests: "urn:tests"}}
"""
MESSAGE = "H|\\^&|||XP-100\rP|1\rO|1|S-1\rR|1|^^^WBC|5.50|10*3/uL||N||F||||20260506063000\rL|1|N\r"
FRAMES = [
    frame(n, f"{each}\r".encode()) for n, each in enumerate(MESSAGE.split("\r")[:-1], start=1)
]
HEARS = b'fhir_bridge_connections_total{source="lab"} 1'
NOWHERE = "http://127.0.0.1:9/fhir"


class Analyzer:
    """One end of a line, by hand."""

    def __init__(self, file: int) -> None:
        self._file = file

    def ask(self, told: bytes) -> bytes:
        """Say something, and wait for one octet."""
        os.write(self._file, told)
        return os.read(self._file, 1)

    def say(self, told: bytes) -> None:
        """Say something that has no answer."""
        os.write(self._file, told)


@contextmanager
def line(kind: str, folder: Path, base: str) -> Iterator[tuple[Path, Any]]:
    """Give a configuration, and what opens the analyzer's end once the bridge runs."""
    with ExitStack() as stack:
        if kind == "tcp":
            configured = 'listen: "127.0.0.1:0"'

            def opened(bridge: BridgeProcess) -> Analyzer:
                connected = stack.enter_context(socket.create_connection(bridge.addresses["lab"]))
                return Analyzer(connected.fileno())
        else:
            near, far = stack.enter_context(cable())
            configured = f"serial: {{port: {near}}}"

            def opened(bridge: BridgeProcess) -> Analyzer:
                # What was said before the port was open is lost, as on any line.
                wait_for(lambda: HEARS in urlopen(bridge.metrics, timeout=30).read())
                file = os.open(far, os.O_RDWR | os.O_NOCTTY)
                stack.callback(os.close, file)
                termios.tcflush(file, termios.TCIOFLUSH)
                return Analyzer(file)

        config = folder / "bridge.yaml"
        config.write_text(CONFIG.format(base=base, line=configured), "utf-8")
        yield config, opened


def kept(config: Path) -> list[tuple[bytes, bool]]:
    """Give what the journal holds: each message, and whether it is a dead letter."""
    with journal(config) as reader:
        rows = reader.execute("SELECT raw, state FROM entry JOIN progress USING (id)").fetchall()
    return [(raw, state == "dead") for raw, state in rows]


@pytest.mark.parametrize("kind", ["tcp", "serial"])
def test_what_is_acknowledged_survives(tmp_path: Path, kind: str) -> None:
    """The bridge is killed right after the last acknowledgement; noise and errors came before."""
    with line(kind, tmp_path, NOWHERE) as (config, opened), BridgeProcess(config) as bridge:
        analyzer = opened(bridge)
        analyzer.say(b"\xff\x00noise\r\n")
        assert analyzer.ask(ENQ) == ACK
        assert analyzer.ask(FRAMES[0][:-4] + b"00\r\n") == NAK
        assert [analyzer.ask(each) for each in FRAMES] == [ACK] * len(FRAMES)
        bridge.kill()
        assert kept(config) == [(b"".join(FRAMES), False)]


def test_a_message_that_is_given_up_is_a_dead_letter(tmp_path: Path) -> None:
    with line("tcp", tmp_path, NOWHERE) as (config, opened), BridgeProcess(config) as bridge:
        analyzer = opened(bridge)
        assert [analyzer.ask(each) for each in (ENQ, *FRAMES[:2])] == [ACK] * 3
        analyzer.say(EOT)
        assert wait_for(lambda: kept(config)) == [(b"".join(FRAMES[:2]), True)]


def test_a_result_waits_for_its_specimen(
    tmp_path: Path, server: ServerProcess, client: Client, clean: None
) -> None:
    """DEV-23: held until the server knows of whom the specimen is, and charted to nobody else."""
    with (
        line("tcp", tmp_path, server.base) as (config, opened),
        BridgeProcess(config) as bridge,
    ):
        analyzer = opened(bridge)
        assert [analyzer.ask(each) for each in (ENQ, *FRAMES)] == [ACK] * (1 + len(FRAMES))
        wait_for(lambda: bridge.states() == {"held": 1})
        other, patient = (client.post("Patient", {"resourceType": "Patient"}).json for _ in "12")
        for number, each in (("S-2", other), ("S-1", patient)):
            specimen = {
                "resourceType": "Specimen",
                "identifier": [{"system": "urn:specimens", "value": number}],
                "subject": {"reference": f"Patient/{each['id']}"},
            }
            assert client.post("Specimen", specimen).status == 201
        (made,) = wait_for(lambda: client.search("Observation?code=urn:tests|WBC"))
    assert made["subject"]["reference"] == f"Patient/{patient['id']}"
    assert made["valueQuantity"]["code"] == "10*3/uL"
    assert made["category"][0]["coding"][0]["code"] == "laboratory"
