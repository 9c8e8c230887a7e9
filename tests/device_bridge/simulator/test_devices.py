"""An analyzer and agents that are played, with all faults at once, to the real bridge and server.

What they made is found as they made it: nothing is lost, nothing is there twice. DEV-16, DEV-21.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fhirserver_device_bridge.journal.layout import State
from fhirserver_device_bridge.simulator.agent import Agent, Pressures, pressures
from fhirserver_device_bridge.simulator.analyzer import samples
from fhirserver_device_bridge.simulator.faults import FAULTS, Chances
from tests.client import Client
from tests.device_bridge.bridge_process import BridgeProcess, command, configured
from tests.server import ServerProcess
from tests.waiting import wait_for

SEED, COUNT = 5, 6
START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
SOURCE = """\
  lab:
    protocol: astm
    listen: "127.0.0.1:0"
    systems: {practice: "urn:practice", tests: "urn:tests", specimens: "urn:specimens"}
  home:
    protocol: x20601
    listen: "127.0.0.1:0"
    systems: {device-user: "urn:user"}
"""
SKEW = Chances(SEED, frozenset(FAULTS)).skew()
MDC = "urn:iso:std:iso:11073:10101"
SECOND = timedelta(seconds=1)


def address(bridge: BridgeProcess, name: str) -> str:
    host, port = bridge.addresses[name]
    return f"{host}:{port}"


def settled(states: dict[State, int]) -> bool:
    return states.get("held") == 3 and not states.get("received")


def played(bridge: BridgeProcess, kind: str, name: str, *words: object) -> None:
    """Play a device with every fault until all is acknowledged."""
    given = ("--messages", COUNT, "--seed", SEED, "--start", START.isoformat(), "--rate", 0)
    faults = ("--faults", ",".join(FAULTS))
    done = command("simulate", kind, "--to", address(bridge, name), *given, *faults, *words)
    kept, _, sent = done.stdout.decode().partition(" messages kept, ")
    assert (done.returncode, kept) == (0, str(COUNT)), done.stderr
    assert int(sent.split()[0]) > COUNT


def test_what_is_played_is_found(
    tmp_path: Path, server: ServerProcess, client: Client, clean: None
) -> None:
    user = Agent(SEED).system_id.hex("-").upper()
    persons = [
        {"system": "urn:practice", "value": "12345"},
        {"system": "urn:user", "value": user},
    ]
    client.post("Patient", {"resourceType": "Patient", "identifier": persons})
    with BridgeProcess(configured(tmp_path, server.base, source=SOURCE)) as bridge:
        played(bridge, "astm", "lab")
        played(bridge, "20601", "home")
        once = ("--messages", 3, "--rate", 0, "--own-configuration")
        done = command("simulate", "20601", "--to", address(bridge, "home"), *once)
        assert done.stdout == b"3 messages kept, 3 sent\n"
        # Its user is nobody whom the server knows.
        wait_for(lambda: settled(bridge.states()))
    _is_what_the_analyzer_made(client)
    _is_what_the_agent_measured(client)


def _is_what_the_analyzer_made(client: Client) -> None:
    found = client.search("Observation?category=laboratory&_count=500")
    assert Counter(
        (
            each["specimen"]["identifier"]["value"],
            each["code"]["coding"][0]["code"],
            str(each["valueQuantity"]["value"]),
            datetime.fromisoformat(each["effectiveDateTime"]),
        )
        for each in found
    ) == Counter(
        (sample.specimen, code, value, sample.at)
        for sample in samples(SEED, COUNT, START + SKEW, "12345")
        for code, value in sample.values.items()
    )


def _is_what_the_agent_measured(client: Client) -> None:
    """By a clock that is hours wrong; the bridge measures by how much, to the second."""
    found = client.search("Observation?code=http://loinc.org|85354-9&_sort=date&_count=500")
    made = list(pressures(SEED, COUNT, START))
    assert len(found) == len(made)
    for each, measured in zip(found, made, strict=True):
        values = [part["valueQuantity"]["value"] for part in each["component"]]
        assert values == [measured.systolic, measured.diastolic, measured.mean]
        assert abs(datetime.fromisoformat(each["effectiveDateTime"]) - measured.at) <= 2 * SECOND
    pulses = client.search(
        "Observation?code=urn:iso:std:iso:11073:10101|149546&_sort=date&_count=99"
    )
    assert [each["valueQuantity"]["value"] for each in pulses] == [each.pulse for each in made]


def test_the_agent_writes_what_the_standard_shows() -> None:
    """The example of a blood pressure monitor, octet by octet."""
    written = Agent(SEED).report(1, Pressures(START, 120, 80, 100, 60)).hex()
    assert written == (
        "e700003e003c0001010100360000ffffffff0d1d002cf000000100020024"
        "000100120003000600780050006420260302080000000002000a003c2026030208000000"
    )
