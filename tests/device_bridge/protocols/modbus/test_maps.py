"""Maps that are shipped: sound, known to the mapping, and played as they are read. DEV-20."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.resources import files

import pytest

from fhirserver_device_bridge.convert import convert
from fhirserver_device_bridge.protocols import modbus
from fhirserver_device_bridge.protocols.modbus.layouts import layout_of
from fhirserver_device_bridge.protocols.modbus.plan import blocks
from fhirserver_device_bridge.protocols.modbus.recording import Polled, Recording, write
from fhirserver_device_bridge.reading import Quantity
from fhirserver_device_bridge.simulator.registers import PlayedDevice
from fhirserver_device_bridge.source import REGISTERS, Source

NOW = datetime(2026, 5, 4, 10, tzinfo=UTC)


def test_each_file_has_its_name() -> None:
    found = files(modbus).joinpath("maps").iterdir()
    assert {each.name for each in found} == {f"{name}.yaml" for name in REGISTERS}
    assert [layout_of(name).name for name in REGISTERS] == [*REGISTERS]


@pytest.mark.parametrize("name", REGISTERS)
def test_what_a_map_plays_is_charted_whole(name: str) -> None:
    """Every measure is a number within what is possible, with a unit, by a code that is known."""
    layout, device = layout_of(name), PlayedDevice(layout_of(name), 1)
    source = Source("s", registers=name, device=("urn:d", "1"), systems=(("device-user", "urn:u"),))
    seen = set()
    for _ in range(50):
        polled = tuple(
            Polled(
                each.table,
                each.address,
                tuple(device.registers[each.table][each.address + at] for at in range(each.count)),
            )
            for each in blocks(layout)
        )
        made = convert(write(Recording(NOW, polled)), source, NOW, 1)
        assert (made.rejected, made.held, made.quarantined, made.unmapped) == (None, None, (), ())
        assert len(made.readings) == sum(not each.alarms for each in layout.measures)
        for each in made.readings:
            assert isinstance(each.value, Quantity), each.handle
            assert each.value.unit is not None, each.handle
            seen.add((each.handle, each.value.text))
        device.step()
    assert len(seen) > 2 * len(layout.measures)


def test_no_two_measures_of_a_map_share_a_register() -> None:
    for name in REGISTERS:
        layout = layout_of(name)
        taken = [
            (each.table, each.address + at) for each in layout.measures for at in range(each.width)
        ]
        assert layout.heartbeat is not None
        taken.append((layout.heartbeat.table, layout.heartbeat.address))
        assert len(set(taken)) == len(taken)
