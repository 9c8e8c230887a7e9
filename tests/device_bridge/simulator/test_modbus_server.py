"""Devices with registers that are played: the real bridge reads them right. DEV-20."""

from __future__ import annotations

import contextlib
import re
import subprocess
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhirserver_device_bridge.journal.entries import waiting
from fhirserver_device_bridge.protocols.modbus.layout import WIDTHS, Layout, Measure, Order, Type
from fhirserver_device_bridge.protocols.modbus.layouts import layout_of
from fhirserver_device_bridge.protocols.modbus.recording import Polled, read
from fhirserver_device_bridge.protocols.modbus.values import (
    bits_for,
    bits_of,
    number_of,
    registers_of,
)
from fhirserver_device_bridge.reading import Coding
from fhirserver_device_bridge.simulator.faults import Chances
from fhirserver_device_bridge.simulator.modbus_server import Played
from fhirserver_device_bridge.simulator.registers import PlayedDevice
from tests.device_bridge.bridge_process import COMMAND, BridgeProcess, journal
from tests.waiting import wait_for

SEED, STEPS = 3, 600
MAP = """\
name: played
version: "1"
gap: 0
heartbeat: {table: input, address: 0, stale_s: 60}
measures:
- {code: {code: "151562"}, table: input, address: 1, scale: "0.1"}
- {code: {code: "1", system: "urn:a"}, table: input, address: 2, type: float32, words: little}
"""
MORE = """\
- {code: {code: "2", system: "urn:a"}, table: holding, address: 40, type: int32, bytes: little}
- {code: {code: "5", system: "urn:a"}, table: holding, address: 50,
   states: {1: {code: a, system: "urn:a"}, 7: {code: b, system: "urn:a"}}}
- {code: {code: "6", system: "urn:a"}, table: holding, address: 51,
   bits: {0: {code: c, system: "urn:a"}, 9: {code: d, system: "urn:a"}}}
- {code: {code: "3", system: "urn:a"}, table: coil, address: 17}
- {code: {code: "4", system: "urn:a"}, table: discrete, address: 3}
"""
CONFIG = """\
server: {base: "http://127.0.0.1:9/fhir"}
journal: {folder: journal}
sources:
"""
SOURCE = """\
  unit{unit}:
    protocol: modbus
    {line}
    unit: {unit}
    poll_s: 0.05
    timeout_s: 0.2
    registers: map.yaml
    device: {{system: "urn:serial", value: V-{unit}}}
    systems: {{device-user: "urn:user"}}
"""
PLAYED, ABSENT = (1, 2), 3


@contextlib.contextmanager
def simulated(folder: Path, *words: str) -> Iterator[str]:
    """Run `simulate modbus`; gives how a source is told of it."""
    given_ = ["--map", str(folder / "map.yaml"), "--seed", str(SEED), "--rate", "20", *words]
    given_ += ["--units", ",".join(map(str, PLAYED))]
    with subprocess.Popen(
        [*COMMAND, "simulate", "modbus", *given_], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            kind, _, where = process.stdout.readline().strip().rpartition(" ")
            if kind == "listening":
                yield f'connect: "{where}"'
            else:
                yield f"serial: {{port: {where}, baud: 115200, parity: none}}"
        finally:
            process.terminate()


def kept(config: Path, unit: int) -> list[tuple[Polled, ...]]:
    with journal(config) as reader:
        return [read(each.raw).blocks for each in waiting(reader, f"unit{unit}", 1000)]


LINES = {
    "tcp": ("--listen", "127.0.0.1:0"),
    "rtu": ("--serial", "pty"),
}


@pytest.mark.parametrize(
    ("line", "faults", "met", "more"),
    [
        pytest.param("tcp", "slow,split,refuse,unplug", {6, "EOFError"}, "", id="tcp"),
        pytest.param("rtu", "garbage,silent", set(), "", id="rtu"),
        pytest.param("rtu", "split,duplicate", set(), MORE, id="rtu, several requests a poll"),
    ],
)
def test_dev_20_devices_on_one_line_are_polled_as_they_are_played(
    tmp_path: Path, line: str, faults: str, met: set[object], more: str
) -> None:
    """Each block of each poll is as its own device had it at some step, whatever happens.

    A third device is silent, and the others are asked all the same.
    """
    (tmp_path / "map.yaml").write_text(MAP + more, "utf-8")
    layout = layout_of(str(tmp_path / "map.yaml"))
    config = tmp_path / "bridge.yaml"
    with simulated(tmp_path, *LINES[line], "--faults", faults) as told:
        sources = [SOURCE.format(unit=unit, line=told) for unit in (ABSENT, *PLAYED)]
        config.write_text(CONFIG + "".join(sources), "utf-8")
        with BridgeProcess(config):
            wait_for(lambda: all(len(kept(config, unit)) >= 4 for unit in PLAYED))
    assert not kept(config, ABSENT)
    polls = {unit: kept(config, unit) for unit in PLAYED}
    for unit, found in polls.items():
        read_well = {each for poll in found for each in poll if not each.exception}
        assert read_well <= steps(layout, SEED + unit - 1, found)
        assert len({each for each in read_well if each.table == "input"}) > 1
    refused = {each.exception for found in polls.values() for poll in found for each in poll} - {0}
    failed = set(re.findall(r"no answer \((.*)\)", (tmp_path / "bridge.log").read_text("utf-8")))
    assert refused | failed == met | {"TimeoutError"}


def steps(layout: Layout, seed: int, polls: list[tuple[Polled, ...]]) -> set[Polled]:
    """Give what these blocks hold at each step."""
    device, expected = PlayedDevice(layout, seed), set()
    shapes = {(each.table, each.address, len(each.values)) for poll in polls for each in poll}
    for _ in range(STEPS):
        for table, first, count in shapes:
            held = device.registers[table]
            words = (held.get(address, 0) for address in range(first, first + count))
            expected.add(Polled(table, first, tuple(words)))
        device.step()
    return expected


def test_what_is_frozen_stands_still_with_its_heartbeat(tmp_path: Path) -> None:
    (tmp_path / "map.yaml").write_text(MAP, "utf-8")
    device = PlayedDevice(layout_of(str(tmp_path / "map.yaml")), SEED)
    played = Played({1: device}, Chances(SEED, frozenset({"frozen"})))
    stood = 0
    for _ in range(100):
        before = dict(device.registers["input"])
        played.step()
        is_frozen = device.registers["input"] == before
        assert is_frozen == (device.registers["input"][0] == before[0])
        stood += is_frozen
    assert 0 < stood < 100


@given(
    kind=st.sampled_from([each for each in WIDTHS if each != "bool"]),
    orders=st.tuples(st.sampled_from(["big", "little"]), st.sampled_from(["big", "little"])),
    number=st.integers(0, 300).map(lambda tenths: Decimal(tenths) / 10),
)
def test_what_is_written_is_what_is_read(
    kind: Type, orders: tuple[Order, Order], number: Decimal
) -> None:
    measure = Measure(
        Coding("urn:a", "1"), "input", 0, kind, *orders, scale=Decimal("0.1"), offset=Decimal(-5)
    )
    registers = registers_of(bits_for(number, measure), measure)
    assert len(registers) == measure.width
    assert number_of(bits_of(registers, measure), measure) == number
