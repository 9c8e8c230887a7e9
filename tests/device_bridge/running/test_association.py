"""From ADT on one port and readings on another to the chart of whoever lay in the bed. DEV-23."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.client import Client
from tests.device_bridge.admissions import BED_1, BED_2, ONE, TWO, adt, oru
from tests.device_bridge.bridge_process import BridgeProcess, configured
from tests.device_bridge.sender_by_hand import ByHand
from tests.server import ServerProcess
from tests.waiting import wait_for

HOSPITAL = "urn:hosp"
SOURCE = """\
    systems: {HOSP: "urn:hosp"}
  his:
    protocol: mllp
    listen: "127.0.0.1:0"
    admissions: true
    systems: {HOSP: "urn:hosp"}
"""


@pytest.fixture
def ward(client: Client, clean: None) -> Client:
    for number in ("1", "2"):
        identifier = [{"system": HOSPITAL, "value": number}]
        patient = {"resourceType": "Patient", "id": f"p{number}", "identifier": identifier}
        assert client.put(f"Patient/p{number}", patient).status == 201
    return client


def tell(bridge: BridgeProcess, source: str, *messages: bytes) -> None:
    with ByHand(bridge.addresses[source]) as by_hand:
        for message in messages:
            assert by_hand.ask(message)[0] == "AA"


def charted(client: Client) -> dict[str, str]:
    """Give patients by the hour of what was measured on them."""
    return {
        each["effectiveDateTime"][11:13]: each["subject"]["reference"].rpartition("/")[2]
        for each in client.search("Observation?_count=100")
    }


def at(hour: int) -> str:
    return f"20260504{hour:02}3000+0000"


def test_readings_follow_the_bed_at_the_time_of_measurement(
    tmp_path: Path, server: ServerProcess, ward: Client
) -> None:
    """A transfer in mid-stream, late data, a restart; and what is not known waits until it is."""
    config = configured(tmp_path, server.base, source=SOURCE)
    text = config.read_text("utf-8").replace('    systems: {Hospital: "urn:oid:1.2.3"}\n', "", 1)
    config.write_text(text, "utf-8")
    with BridgeProcess(config) as bridge:
        tell(bridge, "icu", oru(at(9)))
        wait_for(lambda: bridge.states().get("held") == 1)
        assert charted(ward) == {}
        tell(bridge, "his", adt("A01", 8, (ONE, BED_1)))
        wait_for(lambda: charted(ward) == {"09": "p1"})
        moves = adt("A02", 10, (ONE, BED_2)), adt("A01", 11, (TWO, BED_1))
        tell(bridge, "his", *moves)
        bridge.wait_for(done=4)
    with BridgeProcess(config) as bridge:
        tell(bridge, "icu", oru(at(12)), oru(at(8)), oru(at(13), BED_2))
        bridge.wait_for(done=7)
    assert charted(ward) == {"09": "p1", "12": "p2", "08": "p1", "13": "p1"}
