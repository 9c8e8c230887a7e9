"""DEV-22: each line of a gateway is answered once the disk holds it, and then charted."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fhirserver_device_bridge.protocols.bluetooth.notification import MAGIC
from tests.client import Client
from tests.device_bridge.bridge_process import BridgeProcess, journal
from tests.device_bridge.protocols.bluetooth.lines import line
from tests.server import ServerProcess
from tests.waiting import wait_for

CONFIG = """\
server: {{base: "{base}"}}
journal: {{folder: journal{journal}}}
delivery: {{longest_pause_s: 0.2, held_retry_s: 0.1}}
sources:
  home:
    protocol: bluetooth
    listen: "127.0.0.1:0"
    size_limit_bytes: 1024
    systems: {{device-user: "urn:user"}}
"""
NOWHERE = "http://127.0.0.1:9/fhir"
PULSE = line(0x2A37, "0055")
PRESSURE = line(0x2A35, "0A 7800 5000 5D00 EA07 05 04 09 3B 00 01")
KEPT = {"kept": True}


@contextmanager
def gateway(
    folder: Path, base: str, settings: str = ""
) -> Iterator[tuple[BridgeProcess, socket.socket]]:
    """Give a bridge and a connection to it."""
    config = folder / "bridge.yaml"
    config.write_text(CONFIG.format(base=base, journal=settings), "utf-8")
    with BridgeProcess(config) as bridge, socket.create_connection(bridge.addresses["home"]) as end:
        end.settimeout(30)
        yield bridge, end


def asked(end: socket.socket, *lines: bytes) -> list[dict[str, object]]:
    """Send lines, and give their answers."""
    end.sendall(b"".join(each + b"\n" for each in lines))
    with end.makefile("rb") as answers:
        return [json.loads(answers.readline()) for _ in lines]


def test_dev_22_what_is_answered_survives(tmp_path: Path) -> None:
    """Killed right after the answers: what is understood waits, what is not is a dead letter."""
    with gateway(tmp_path, NOWHERE) as (bridge, end):
        end.sendall(PULSE[:20])
        answers = asked(
            end, PULSE[20:], PRESSURE, PULSE, b"{}", b"\xff" * 2000, line(0x2A37, "E000")
        )
        bridge.kill()
    assert [each["kept"] for each in answers] == [True] * 6
    assert answers[:3] == [KEPT] * 3
    assert ["fault" in each for each in answers] == [False] * 3 + [True] * 3
    with journal(bridge.config) as reader:
        rows = reader.execute(
            "SELECT raw, state FROM entry JOIN progress USING (id) ORDER BY id"
        ).fetchall()
    assert [(raw.removeprefix(MAGIC), state) for raw, state in rows] == [
        (PULSE, "received"),
        (PRESSURE, "received"),
        (b"{}", "dead"),
        (b"\xff" * 1024, "dead"),
        (line(0x2A37, "E000"), "dead"),
    ]


def test_dev_22_without_room_nothing_is_kept_and_the_gateway_is_told(tmp_path: Path) -> None:
    full = f", minimum_free_bytes: {2**60}"
    with gateway(tmp_path, NOWHERE, full) as (bridge, end):
        (answer,) = asked(end, PULSE)
        assert answer["kept"] is False
        assert bridge.states() == {}


def test_dev_22_a_device_at_home_is_charted(
    tmp_path: Path, server: ServerProcess, client: Client, clean: None
) -> None:
    """Held until somebody has the device's user as an identifier; then that patient's."""
    with gateway(tmp_path, server.base) as (bridge, end):
        assert asked(end, PRESSURE) == [KEPT]
        wait_for(lambda: bridge.states() == {"held": 1})
        identifier = [{"system": "urn:user", "value": "00-1C-05-FF-E8-74.1"}]
        patient = client.post("Patient", {"resourceType": "Patient", "identifier": identifier}).json
        (made,) = wait_for(lambda: client.search("Observation?code=http://loinc.org|85354-9"))
    assert made["subject"]["reference"] == f"Patient/{patient['id']}"
    assert [each["valueQuantity"]["code"] for each in made["component"]] == ["mm[Hg]"] * 3
