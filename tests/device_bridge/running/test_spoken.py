"""Devices that speak unasked, on real lines: what every driver has to bear. DEV-21, DEV-27."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.request import urlopen

import pytest

from fhirserver_device_bridge.config.read import read_config
from fhirserver_device_bridge.config.settings import Bridge
from fhirserver_device_bridge.journal.layout import open_journal
from fhirserver_device_bridge.protocols.spoken.recording import LINE, NONIN, read
from fhirserver_device_bridge.running.bridge import RunningBridge
from fhirserver_device_bridge.simulator.cable import cable
from tests.client import Client
from tests.device_bridge.bridge_process import BridgeProcess
from tests.device_bridge.nonin import packet
from tests.server import ServerProcess
from tests.waiting import wait_for

LAYOUT = """\
name: scale
version: "1"
forms:
- pattern: '^W (?P<weight>[0-9.]+) kg$'
  measures:
  - {field: weight, code: {code: "188736", display: MDC_MASS_BODY_ACTUAL}, unit: kg}
"""
CONFIG = """\
server: {{base: "{base}"}}
journal: {{folder: journal}}
delivery: {{longest_pause_s: 0.2, held_retry_s: 0.1}}
metrics: {{port: 0}}
sources:
  dev:
    protocol: {protocol}
    {line}
    device: {{system: "urn:serial", value: D-7}}
    systems: {{device-user: "urn:user"}}
"""
SCALE = """\
    device: {system: "urn:serial", value: D-7}
    systems: {device-user: "urn:user"}
  scale:
    protocol: line
    listen: "127.0.0.1:0"
    lines: scale.yaml
"""
NOWHERE = "http://127.0.0.1:9/fhir"
MAGIC = {"nonin": NONIN, "line": LINE}
SETTINGS = {"nonin": "every_s: 0", "line": "lines: scale.yaml"}
SAID = {
    "nonin": (packet(72, 97), packet(73, 96), packet(74, 95)),
    "line": (b"W 70.5 kg", b"W 70.6 kg", b"W 70.6 kg"),
}
ENDS = {"nonin": b"", "line": b"\r\n"}
NOISE = b"\x81noise"
READ: dict[str, list[bytes]] = {"nonin": [], "line": [NOISE]}
"""Where packets are looked for noise is none; a line of it is a line."""
CUT_OFF = {"nonin": 0, "line": 1}


class SerialPlug:
    """A cable; the name of its end at the bridge goes away with it."""

    def __init__(self, folder: Path) -> None:
        self._name = folder / "ttyUSB0"
        self._stack = contextlib.ExitStack()
        self.setting = f"serial: {{port: {self._name}}}"

    def open(self) -> int:
        """Plug in; gives the device's end."""
        near, far = self._stack.enter_context(cable())
        self._name.symlink_to(near)
        self._stack.callback(self._name.unlink)
        return self._stack.enter_context(Path(far).open("r+b", buffering=0)).fileno()

    def close(self) -> None:
        """Pull it out."""
        self._stack.close()


class GatewayPlug:
    """A gateway that listens, and that the bridge connects to."""

    def __init__(self, _folder: Path) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.settimeout(30)
        self._connected: socket.socket | None = None
        self.setting = f'connect: "127.0.0.1:{self._listening.getsockname()[1]}"'

    def open(self) -> int:
        """Wait for the bridge; gives the device's end."""
        self._connected = self._listening.accept()[0]
        return self._connected.fileno()

    def close(self) -> None:
        """End the connection."""
        if self._connected is not None:
            self._connected.close()


def configured(folder: Path, protocol: str, line: str) -> Path:
    (folder / "scale.yaml").write_text(LAYOUT, "utf-8")
    file = folder / "bridge.yaml"
    file.write_text(CONFIG.format(base=NOWHERE, protocol=protocol, line=line), "utf-8")
    return file


def kept(bridge: Bridge) -> list[tuple[bytes, bool]]:
    """Give what is in the journal, in its order, and whether it is a dead letter."""
    asked = "SELECT raw, state = 'dead' FROM entry JOIN progress USING (id) ORDER BY id"
    with closing(open_journal(bridge.journal.folder)) as reader:
        return [(raw, bool(dead)) for raw, dead in reader.execute(asked)]


def heard(bridge: Bridge, protocol: str) -> list[bytes]:
    """Give what may be read; no two have the same time."""
    spoken = [read(MAGIC[protocol], raw) for raw, dead in kept(bridge) if not dead]
    times = [each.at for each in spoken]
    assert times == sorted(set(times))
    return [each.raw for each in spoken]


def during(bridge: Bridge, device: Callable[[Callable[[int], None]], None]) -> None:
    """Run a bridge while a device, told when its line was opened how often, does something."""

    async def scenario() -> None:
        running, stop = RunningBridge(bridge), asyncio.Event()
        urls: list[str] = []
        task = asyncio.create_task(running.run(stop, urls.append))

        def until_opened(times: int) -> None:
            [url] = wait_for(lambda: [each for each in urls if each.startswith("metrics ")])
            wanted = f'connections_total{{source="dev"}} {times}\n'.encode()
            wait_for(lambda: wanted in urlopen(url.split()[1], timeout=30).read())

        try:
            await asyncio.to_thread(device, until_opened)
        finally:
            stop.set()
            await task
            await asyncio.to_thread(running.close)

    asyncio.run(scenario())


@pytest.mark.parametrize(("kind", "protocol"), [(SerialPlug, "nonin"), (GatewayPlug, "line")])
def test_what_a_driver_bears(
    tmp_path: Path, kind: type[SerialPlug | GatewayPlug], protocol: str
) -> None:
    """Pieces, noise, the line gone in the middle and there again: each is kept once, in order."""
    plug, end = kind(tmp_path), ENDS[protocol]
    settings = f"{plug.setting}\n    {SETTINGS[protocol]}"
    bridge = read_config(configured(tmp_path, protocol, settings))
    first, second, third = SAID[protocol]

    def device(until_opened: Callable[[int], None]) -> None:
        file = plug.open()
        until_opened(1)
        for each in (NOISE + end, first[:4], first[4:] + end + second[:7]):
            os.write(file, each)
        wait_for(lambda: heard(bridge, protocol) == [*READ[protocol], first])
        plug.close()
        file = plug.open()
        until_opened(2)
        os.write(file, second + end + third + end)
        wait_for(lambda: heard(bridge, protocol) == [*READ[protocol], *SAID[protocol]])
        plug.close()

    during(bridge, device)
    assert sum(dead for _, dead in kept(bridge)) == CUT_OFF[protocol]


def test_a_gateway_that_falls_silent_is_connected_to_again(tmp_path: Path) -> None:
    plug = GatewayPlug(tmp_path)
    settings = f"{plug.setting}\n    idle_s: 0.1\n    lines: scale.yaml"
    bridge = read_config(configured(tmp_path, "line", settings))
    during(bridge, lambda _until_opened: (plug.open(), plug.open(), None)[-1])


def test_what_is_said_is_found_by_search(
    tmp_path: Path, server: ServerProcess, client: Client, clean: None
) -> None:
    """From the line to the search, of two sources; of packets within `every_s` one is enough."""
    user = {"system": "urn:user", "value": "D-7"}
    client.post("Patient", {"resourceType": "Patient", "identifier": [user]})
    config = configured(tmp_path, "nonin", "every_s: 3600\n    listen: '127.0.0.1:0'\n" + SCALE)
    config.write_text(config.read_text("utf-8").replace(NOWHERE, server.base), "utf-8")
    with BridgeProcess(config) as bridge:
        for name, said in (("dev", b"".join(SAID["nonin"])), ("scale", b"W 70.50 kg\n")):
            with socket.create_connection(bridge.addresses[name]) as device:
                device.sendall(said)
        [saturation] = wait_for(lambda: client.search("Observation?code=http://loinc.org|2708-6"))
        [weight] = wait_for(lambda: client.search("Observation?code=http://loinc.org|29463-7"))
        assert b'outcome="left_out"} 2' in urlopen(bridge.metrics, timeout=30).read()
    assert saturation["valueQuantity"]["value"] == 97
    assert str(weight["valueQuantity"]["value"]) == "70.50"
    assert saturation["subject"] == weight["subject"]
