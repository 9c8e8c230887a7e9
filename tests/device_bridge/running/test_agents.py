"""DEV-16, DEV-02: a personal health device over TCP, from association to the search.

The agent is a script of octets as the examples of the standard have them, and knows no bridge.
"""

from __future__ import annotations

import re
import socket
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.client import Client
from tests.device_bridge.bridge_process import BridgeProcess, configured, journal
from tests.server import ServerProcess
from tests.waiting import wait_for

NOWHERE = "http://127.0.0.1:9/fhir"
USERS = "urn:oid:1.2.3.4"
SOURCE = f"""\
  home:
    protocol: x20601
    listen: "127.0.0.1:0"
    zone: Europe/Berlin
    systems: {{device-user: "{USERS}"}}
"""

# A blood pressure monitor with its standard configuration 0x02BC.
ASSOCIATE = (
    "e2000032 80000000 0001002a 5079 0026 80000000 a000 80000000 00000000 00800000"
    "0008 1122334455667707 02bc 0000 01 01 0000 0000"
)
# Its model and serial number; it does not show its clock.
DESCRIBE = (
    "e7000044 0042 {id} 0203 003c 0000 0004 0036"
    "0a5a 0008 0001 0004 1007 0001"
    "0928 0012 0008 54686542504d2020 0006 4d4f44454c31"
    "0984 000a 0008 1122334455667707"
    "0a44 0002 02bc"
)
# Its clock: 1 February 2007, 12:05.
DESCRIBE_CLOCK = "e700001a 0018 {id} 0203 0012 0000 0001 000c 0987 0008 2007020112050000"
# 120/80, mean 100, on 12 June 2007 at 12:10; pulse 60.0.
REPORT = (
    "e700003e 003c {id} 0101 0036 0000 ffffffff 0d1d 002c f000 0000 0002 0024"
    "0001 0012 0003 0006 0078 0050 0064 2007061212100000"
    "0002 000a f258 2007061212100000"
)
CONFIRMED = "e7000012 0010 {id} 0201 000a 0000 ffffffff 0d1d 0000"


class Agent:
    """One connection of an agent."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._socket = socket.create_connection(address, 20)
        self._stream = self._socket.makefile("rb")

    def send(self, octets: str, **fields: str) -> None:
        self._socket.sendall(bytes.fromhex(octets.format(**fields)))

    def receive(self) -> str:
        """The next APDU; "" at the end."""
        header = self._stream.read(4)
        return (header + self._stream.read(int.from_bytes(header[2:], "big"))).hex()

    def associate(self, description: str = DESCRIBE) -> None:
        """Associate, and describe itself."""
        self.send(ASSOCIATE)
        answer = self.receive()
        assert (answer[:4], answer[8:12]) == ("e300", "0000")
        question = self.receive()
        assert question[16:] == "01030006000000000000"
        self.send(description, id=question[12:16])

    def close(self) -> None:
        self._stream.close()
        self._socket.close()


@contextmanager
def agent(bridge: BridgeProcess) -> Iterator[Agent]:
    one = Agent(bridge.addresses["home"])
    try:
        yield one
    finally:
        one.close()


def confirmed(number: str) -> str:
    return CONFIRMED.format(id=number).replace(" ", "")


@pytest.fixture
def empty(client: Client, clean: None) -> Client:
    """A server with nothing but the user of the device."""
    identifier = [{"system": USERS, "value": "11-22-33-44-55-66-77-07"}]
    assert (
        client.post("Patient", {"resourceType": "Patient", "identifier": identifier}).status == 201
    )
    return client


def test_what_a_device_measures_is_found_by_search(
    tmp_path: Path, server: ServerProcess, empty: Client
) -> None:
    with BridgeProcess(configured(tmp_path, server.base, source=SOURCE)) as bridge:
        for _ in range(2):
            with agent(bridge) as device:
                device.associate()
                device.send(REPORT, id="0054")
                assert device.receive() == confirmed("0054")
                device.send("e40000020000")
                assert device.receive() == "e50000020000"
        bridge.wait_for(done=2)
    [pressure] = empty.search("Observation?code=http://loinc.org|85354-9")
    parts = {
        each["code"]["coding"][0]["code"]: str(each["valueQuantity"]["value"])
        for each in pressure["component"]
    }
    assert parts == {"8480-6": "120", "8462-4": "80", "8478-0": "100"}
    assert pressure["effectiveDateTime"] == "2007-06-12T12:10:00+02:00"
    [pulse] = empty.search("Observation?code=urn:iso:std:iso:11073:10101|149546")
    assert str(pulse["valueQuantity"]["value"]) == "60.0"
    assert pulse["subject"]["reference"].startswith("Patient/")
    [device_resource] = empty.search("Device?identifier=11-22-33-44-55-66-77-07")
    # It was asked for its clock twice, and showed none.
    faults = empty.search(f"Observation?subject=Device/{device_resource['id']}")
    absent = [each["dataAbsentReason"]["coding"][0]["code"] for each in faults]
    assert absent == ["unknown", "unknown"]
    [(_, timed)] = [each["valueReference"].popitem() for each in pulse["extension"][1:]]
    assert timed in {f"Observation/{each['id']}" for each in faults}


def test_the_offset_of_a_clock_is_measured(tmp_path: Path) -> None:
    with BridgeProcess(configured(tmp_path, NOWHERE, source=SOURCE)) as bridge:
        with agent(bridge) as device:
            device.associate(DESCRIBE_CLOCK)
            device.send(REPORT, id="0001")
            assert device.receive() == confirmed("0001")
        bridge.wait_for(dead=1)

        def scrape() -> str:
            return str(urllib.request.urlopen(bridge.metrics).read().decode("utf-8"))

        # What it measured is later than its clock shows: dropped, and counted.
        dropped = 'quarantined_readings_total{source="home"} 4'
        wait_for(lambda: dropped in scrape())
        scraped = scrape()
    labels = '{source="home",device="11-22-33-44-55-66-77-07"}'
    [offset_s] = re.findall(rf"clock_offset_seconds{labels} (\S+)", scraped)
    shown = datetime(2007, 2, 1, 12, 5, tzinfo=ZoneInfo("Europe/Berlin"))
    assert 0 <= (datetime.now(UTC) - shown).total_seconds() - float(offset_s) < 600


def test_what_was_confirmed_survives_a_kill(tmp_path: Path) -> None:
    with BridgeProcess(configured(tmp_path, NOWHERE, source=SOURCE)) as bridge:
        with agent(bridge) as device:
            device.associate()
            for number in ("0001", "0002", "0003"):
                device.send(REPORT, id=number)
                assert device.receive() == confirmed(number)
            bridge.kill()
        assert len(kept(bridge)) == 3


def test_a_full_disk_confirms_nothing(tmp_path: Path) -> None:
    config = configured(tmp_path, NOWHERE, source=SOURCE, journal=f", minimum_free_bytes: {2**62}")
    with BridgeProcess(config) as bridge:
        with agent(bridge) as device:
            device.associate()
            device.send(REPORT, id="0001")
            assert device.receive() == ""
        assert kept(bridge) == []


NOISE = {
    "hl7": ("0b4d53487c5e7e5c260d1c0d", None),
    "malformed-apdu": ("e7000008000600010555 0000", "0x0555"),
}


@pytest.mark.parametrize(
    ("octets", "reason"), [pytest.param(*row, id=name) for name, row in NOISE.items()]
)
def test_noise_ends_one_connection_and_no_other(
    tmp_path: Path, octets: str, reason: str | None
) -> None:
    with BridgeProcess(configured(tmp_path, NOWHERE, source=SOURCE)) as bridge:
        with agent(bridge) as good, agent(bridge) as bad:
            good.associate()
            bad.associate()
            bad.send(octets)
            assert bad.receive() in ("", "e60000020000")
            good.send(REPORT, id="0001")
            assert good.receive() == confirmed("0001")
        wait_for(lambda: len(kept(bridge)) == (2 if reason else 1))
        refused = [why for state, why in kept(bridge) if state == "dead"]
    assert (reason in str(refused[0])) if reason else refused == []


def kept(bridge: BridgeProcess) -> list[tuple[str, Any]]:
    """State and reason of what the journal has."""
    with journal(bridge.config) as connection:
        return list(connection.execute("SELECT state, reason FROM progress ORDER BY id"))
