"""Devices that are asked, on real lines: what every driver has to bear. DEV-20, DEV-27."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from fhirserver_device_bridge.config.read import read_config
from fhirserver_device_bridge.config.settings import Bridge
from fhirserver_device_bridge.journal.entries import waiting
from fhirserver_device_bridge.journal.layout import open_journal
from fhirserver_device_bridge.protocols.modbus.recording import Polled, read
from fhirserver_device_bridge.running.bridge import RunningBridge
from tests.client import Client
from tests.device_bridge.bridge_process import BridgeProcess
from tests.device_bridge.modbus_device import UNIT, SerialPlug, TcpPlug, Trace, device
from tests.server import ServerProcess
from tests.waiting import wait_for

LAYOUT = """\
name: vent
version: "1"
measures:
- code: {code: "151562", display: MDC_RESP_RATE}
  table: holding
  address: 0
  scale: "0.1"
  unit: /min
  absent: [0x8000]
- {code: {code: "1", system: "urn:vent"}, table: holding, address: 40}
"""
ALARM = """\
- {code: {code: "2", system: "urn:vent"}, table: holding, address: 1,
   alarms: {1: {code: {code: "199680", display: MDC_EVT_APNEA}, priority: high}}}
"""
CONFIG = """\
server: {{base: "{base}"}}
journal: {{folder: journal}}
delivery: {{longest_pause_s: 0.2, held_retry_s: 0.1}}
sources:
  vent:
    protocol: modbus
    {line}
    unit: {unit}
    poll_s: 0.05
    timeout_s: 0.3
    registers: vent.yaml
    device: {{system: "urn:serial", value: V-7}}
    systems: {{device-user: "urn:user"}}
"""
PLUGS = {"tcp": TcpPlug, "rtu": SerialPlug}
WHOLE = (Polled("holding", 0, (150,)), Polled("holding", 40, exception=2))


def configured(folder: Path, line: str, base: str = "http://127.0.0.1:9/fhir") -> Path:
    (folder / "vent.yaml").write_text(LAYOUT, "utf-8")
    file = folder / "bridge.yaml"
    file.write_text(CONFIG.format(base=base, line=line, unit=UNIT), "utf-8")
    return file


def kept(bridge: Bridge) -> list[tuple[Polled, ...]]:
    """Give the polls in the journal."""
    with closing(open_journal(bridge.journal.folder)) as reader:
        return [read(each.raw).blocks for each in waiting(reader, "vent", 1000)]


async def polled(bridge: Bridge, count: int) -> list[tuple[Polled, ...]]:
    """Wait until there are as many polls more."""
    before = len(kept(bridge))
    await asyncio.to_thread(wait_for, lambda: len(kept(bridge)) >= before + count)
    return kept(bridge)[before:]


def plain(_sending: bool, told: bytes) -> bytes:
    return told


def noisy(sending: bool, told: bytes) -> bytes:
    return b"\x11\x03\xff\x00noise" + told if sending else told


def silent_once() -> Trace:
    left = [1]

    def trace(sending: bool, told: bytes) -> bytes:
        if sending and left:
            left.clear()
            return b""
        return told

    return trace


def away_once() -> Trace:
    """Answer first as a gateway does whose device is away (exception code 11)."""
    left = [1]

    def trace(sending: bool, told: bytes) -> bytes:
        if sending and left:
            left.clear()
            return told[:4] + bytes((0, 3, UNIT, 0x83, 11))
        return told

    return trace


@pytest.mark.parametrize(
    ("kind", "trace"),
    [
        pytest.param("tcp", lambda: plain, id="tcp"),
        pytest.param("rtu", lambda: plain, id="rtu"),
        pytest.param("rtu", lambda: noisy, id="rtu, noise before each answer"),
        pytest.param("tcp", silent_once, id="tcp, an answer that never comes"),
        pytest.param("tcp", away_once, id="tcp, a gateway whose device is away"),
        pytest.param("rtu", silent_once, id="rtu, an answer that never comes"),
    ],
)
def test_what_a_driver_bears(tmp_path: Path, kind: str, trace: Callable[[], Trace]) -> None:
    """Polls go on, through time-outs and after the device was away; no poll holds other values."""
    plug = PLUGS[kind](tmp_path)
    bridge = read_config(configured(tmp_path, plug.configured))

    async def scenario() -> None:
        running, stop = RunningBridge(bridge), asyncio.Event()
        task = asyncio.create_task(running.run(stop, lambda _line: None))
        try:
            async with plug.plugged(device(150), trace()):
                assert set(await polled(bridge, 3)) == {WHOLE}
            async with plug.plugged(device(160), trace()):
                await polled(bridge, 2)
                assert (await polled(bridge, 1))[-1][0].values == (160,)
        finally:
            stop.set()
            await task
            await asyncio.to_thread(running.close)
        assert {blocks[1] for blocks in kept(bridge)} == {WHOLE[1]}
        assert {blocks[0].values for blocks in kept(bridge)} == {(150,), (160,)}

    asyncio.run(scenario())


def test_what_a_device_holds_is_found_by_search(
    tmp_path: Path, server: ServerProcess, client: Client, clean: None
) -> None:
    """From the register to the search; its patient is the one who has the device's identifier."""
    patient = {"resourceType": "Patient", "identifier": [{"system": "urn:user", "value": "V-7"}]}
    named = f"Patient/{client.post('Patient', patient).json['id']}"
    plug = TcpPlug(tmp_path)
    config = configured(tmp_path, plug.configured, server.base)

    async def scenario() -> None:
        async with plug.plugged(device(150), plain):
            await asyncio.to_thread(found)

    def found() -> None:
        with BridgeProcess(config):
            rates = "Observation?code=http://loinc.org|9279-1"
            wait_for(lambda: len(client.search(rates)) >= 2)
            made = client.search(rates)
        assert {str(each["valueQuantity"]["value"]) for each in made} == {"15.0"}
        assert {each["subject"]["reference"] for each in made} == {named}
        refused = client.search("Observation?code=urn:vent|1")
        assert {each["dataAbsentReason"]["coding"][0]["code"] for each in refused} == {"error"}

    asyncio.run(scenario())


def test_dev_15_a_bit_is_one_alarm_from_its_start_to_its_end(
    tmp_path: Path, server: ServerProcess, client: Client, clean: None
) -> None:
    """The bridge is killed while it is open, and the bit cleared before it runs again."""
    patient = {"resourceType": "Patient", "identifier": [{"system": "urn:user", "value": "V-7"}]}
    named = f"Patient/{client.post('Patient', patient).json['id']}"
    plug = TcpPlug(tmp_path)
    config = configured(tmp_path, plug.configured, server.base)
    (tmp_path / "vent.yaml").write_text(LAYOUT + ALARM, "utf-8")

    def charted(status: str) -> list[dict[str, Any]]:
        return [each for each in client.search("DetectedIssue") if each["status"] == status]

    def begun() -> None:
        with BridgeProcess(config) as bridge:
            wait_for(lambda: charted("preliminary"))
            bridge.kill()

    def over() -> None:
        with BridgeProcess(config):
            wait_for(lambda: charted("final"))

    async def scenario() -> None:
        async with plug.plugged(device(150, 0b10), plain):
            await asyncio.to_thread(begun)
        async with plug.plugged(device(150, 0), plain):
            await asyncio.to_thread(over)

    asyncio.run(scenario())
    (issue,) = client.search("DetectedIssue")
    assert issue["code"]["coding"][0]["code"] == "199680"
    assert (issue["severity"], issue["patient"]["reference"]) == ("high", named)
    period = issue["identifiedPeriod"]
    assert period["start"] < period["end"]
    assert not client.search("Observation?code=199680")
