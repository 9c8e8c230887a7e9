"""From the wire to the search, with real processes: nothing is lost, nothing is there twice.

DEV-01, 02, 04, 23 to 27. The bridge is killed with SIGKILL, the server is a real one.
"""

from __future__ import annotations

import shutil
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fhirserver_device_bridge.simulator.faults import FAULTS
from fhirserver_device_bridge.simulator.monitor import METRICS, messages
from tests.client import Client
from tests.device_bridge.bridge_process import (
    COMMAND,
    HOSPITAL,
    BridgeProcess,
    command,
    configured,
    holds,
)
from tests.device_bridge.gate import Gate
from tests.device_bridge.sender_by_hand import ByHand, heart_rate, oru
from tests.server import ServerProcess
from tests.waiting import wait_for

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
WRITTEN = ("Device", "DeviceMetric", "Observation", "Provenance")


@pytest.fixture
def empty(client: Client, clean: None) -> Client:
    """A server with nothing but one patient."""
    patient(client, "12345")
    return client


@pytest.fixture
def gate(server: ServerProcess) -> Iterator[Gate]:
    with Gate(server.base) as made:
        yield made


def patient(client: Client, number: str) -> str:
    identifier = [{"system": HOSPITAL, "value": number}]
    created = client.post("Patient", {"resourceType": "Patient", "identifier": identifier})
    assert created.status == 201
    return str(created.json["id"])


def observations(client: Client) -> list[Any]:
    return client.search("Observation?_count=1000")


def versions(client: Client) -> dict[str, set[str]]:
    """Give the versions of all that a bridge writes, as type/id/version, by type."""
    return {
        each: {
            f"{found['id']}/{found['meta']['versionId']}"
            for found in client.search(f"{each}?_count=1000")
        }
        for each in WRITTEN
    }


def simulate(bridge: BridgeProcess, seed: int, count: int, *faults: str) -> None:
    done = command(
        *("simulate", "mllp", "--to", "{}:{}".format(*bridge.address), "--rate", 0),
        *("--messages", count, "--seed", seed, "--start", START.isoformat()),
        *(("--faults", ",".join(faults)) if faults else ()),
    )
    assert done.returncode == 0, done.stderr


def test_what_a_monitor_says_is_found_by_search(
    tmp_path: Path, server: ServerProcess, empty: Client
) -> None:
    """Whatever happens on the line, every value is there, once, with the digits that were sent."""
    with BridgeProcess(configured(tmp_path, server.base)) as bridge:
        simulate(bridge, 3, 12, *FAULTS)
        bridge.wait_for(done=12)
        scraped = urllib.request.urlopen(bridge.metrics).read().decode("utf-8")
    temperatures = [
        segment.split("|")[5]
        for message in messages(3, 12, START, "12345^^^Hospital^MR")
        for segment in message.raw.decode("utf-8").split("\r")
        if METRICS[-1].code in segment
    ]
    found = empty.search("Observation?code=urn:iso:std:iso:11073:10101|150344&_sort=date")
    assert [str(each["valueQuantity"]["value"]) for each in found] == temperatures
    assert len(empty.search("Observation?code=http://loinc.org|85354-9")) == 12
    assert len(observations(empty)) == 12 * (len(METRICS) - 2)
    assert 'fhir_bridge_frames_total{source="icu",outcome="received"} 12\n' in scraped
    assert 'fhir_bridge_delivered_total{source="icu",outcome="done"} 12\n' in scraped
    assert 'fhir_bridge_waiting{source="icu"} 0\n' in scraped
    assert "12345" not in scraped
    assert "12345" not in bridge.log.read_text("utf-8")


def test_a_journal_replayed_twice_and_at_once_makes_no_new_version(
    tmp_path: Path, server: ServerProcess, gate: Gate, empty: Client
) -> None:
    """DEV-24. Two bridges with the same journal race from the beginning, then replay it."""
    with BridgeProcess(configured(tmp_path / "a", gate.base)) as bridge:
        simulate(bridge, 5, 8)
        with ByHand(bridge.address) as by_hand:
            by_hand.ask(oru("c1", heart_rate("70", "R")))
            by_hand.ask(oru("c2", heart_rate("71", "C"), at="20260101120001+0000"))
    config = configured(tmp_path / "a", server.base)
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    configs = (config, tmp_path / "b" / "bridge.yaml")
    drained_at_once(configs)
    before = versions(empty)
    assert {each.rpartition("/")[2] for kind in before.values() for each in kind} == {"1"}
    assert len(before["Observation"]) == 8 * (len(METRICS) - 2) + 2
    for _ in range(2):
        for each in configs:
            assert command("journal", "replay", "--config", each).returncode == 0
        drained_at_once(configs)
        assert versions(empty) == before


def drained_at_once(configs: tuple[Path, ...]) -> None:
    running = [subprocess.Popen([*COMMAND, "run", "--drain", "--config", each]) for each in configs]
    assert [each.wait(120) for each in running] == [0] * len(configs)
    for config in configs:
        status = command("status", "--config", config).stdout.decode("utf-8")
        assert status.splitlines()[1].split("\t")[:6] == ["icu", "0", "0", "10", "0", "0"]


def test_killed_before_the_acknowledgement_is_read_nothing_is_lost_or_doubled(
    tmp_path: Path, server: ServerProcess, empty: Client
) -> None:
    """DEV-02. What is in the journal at the kill is delivered; the resend is the same entry."""
    config = configured(tmp_path, server.base)
    for number in range(3):
        with BridgeProcess(config) as bridge, ByHand(bridge.address) as by_hand:
            message = oru(f"k{number}", at=f"2026010112000{number}+0000")
            by_hand.send(message)
            wait_for(lambda: holds(config, f"k{number}"))  # noqa: B023 - called here only
            bridge.kill()
        with BridgeProcess(config) as bridge, ByHand(bridge.address) as by_hand:
            assert by_hand.ask(message) == ("CA", f"k{number}")
            assert holds(config, f"k{number}") == 1
            bridge.wait_for(done=number + 1)
    assert len(observations(empty)) == 3


def test_kills_under_load_lose_nothing_that_was_acknowledged(
    tmp_path: Path, server: ServerProcess, empty: Client
) -> None:
    """Three senders resend until they are told; the bridge is killed while they do."""
    config = configured(tmp_path, server.base)
    with BridgeProcess(config) as first:
        port = first.address[1]
    config = configured(tmp_path, server.base, port=port)
    told: set[str] = set()
    senders = [threading.Thread(target=send_until_told, args=(port, n, told)) for n in range(3)]
    for sender in senders:
        sender.start()
    for enough in (10, 30, 50):
        with BridgeProcess(config) as bridge:
            wait_for(lambda: len(told) >= enough)  # noqa: B023 - called here only
            bridge.kill()
            acknowledged = set(told)
            assert [holds(config, each) for each in acknowledged] == [1] * len(acknowledged)
    with BridgeProcess(config) as bridge:
        for sender in senders:
            sender.join()
        bridge.wait_for(done=75)
    assert len(told) == 75
    values = sorted(int(each["valueQuantity"]["value"]) for each in observations(empty))
    assert values == sorted(60 + number for number in range(25) for _ in range(3))


def send_until_told(port: int, sender: int, told: set[str]) -> None:
    for number in range(25):
        control_id = f"{sender}-{number}"
        at = f"2026010112{number:02}{sender:02}+0000"
        message = oru(control_id, heart_rate(str(60 + number)), at=at)
        wait_for(lambda: acknowledged(port, message, control_id))  # noqa: B023 - called here only
        told.add(control_id)


def acknowledged(port: int, message: bytes, control_id: str) -> bool:
    try:
        with ByHand(("127.0.0.1", port)) as by_hand:
            return by_hand.ask(message) == ("CA", control_id)
    except OSError:
        return False


def test_a_server_that_is_away_is_waited_for(tmp_path: Path, gate: Gate, empty: Client) -> None:
    """DEV-27. Senders go on; what waited arrives in its order, also after a restart."""
    config = configured(tmp_path, gate.base)
    with BridgeProcess(config) as bridge:
        simulate(bridge, 1, 5)
        assert bridge.states() == {"received": 5}
    with BridgeProcess(config) as bridge:
        simulate(bridge, 2, 5)
        gate.open()
        bridge.wait_for(done=10)
        gate.shut()
        simulate(bridge, 4, 5)
        gate.open()
        bridge.wait_for(done=15)
    assert len(observations(empty)) == 15 * (len(METRICS) - 2)


def test_a_poison_message_blocks_nobody(
    tmp_path: Path, server: ServerProcess, empty: Client
) -> None:
    """DEV-25, DEV-26. It is a dead letter with its reason; edited, it is delivered."""
    config = configured(tmp_path, server.base)
    poison = oru("p").replace(b"ORU^R01", b"ADT^A04")
    with BridgeProcess(config) as bridge, ByHand(bridge.address) as by_hand:
        assert by_hand.ask(poison) == ("CA", "p")
        assert by_hand.ask(oru("after", at="20260101120100+0000")) == ("CA", "after")
        bridge.wait_for(dead=1, done=1)
        listed = dead_letters(config)
        assert listed.split("\t")[:2] == ["1", "icu"]
        assert "MSH-9" in listed
        assert command("dead-letters", "show", 1, "--config", config).stdout == poison
        assert command("dead-letters", "replay", 1, "--config", config).returncode == 0
        bridge.wait_for(dead=1, done=1)
        (tmp_path / "edited.hl7").write_bytes(oru("p"))
        edit = ("dead-letters", "edit", 1, tmp_path / "edited.hl7", "--config", config)
        assert command(*edit).returncode == 0
        bridge.wait_for(replaced=1, done=2)
    assert len(observations(empty)) == 2


def test_a_message_that_the_server_refuses_blocks_nobody(
    tmp_path: Path, server: ServerProcess, empty: Client
) -> None:
    """DEV-25. Two Observations have the identifier that it would update: 412, whatever is tried."""
    config = configured(tmp_path, server.base)
    with BridgeProcess(config) as bridge, ByHand(bridge.address) as by_hand:
        by_hand.ask(oru("first", f"{heart_rate('70')}|||20260101120000+0000"))
        bridge.wait_for(done=1)
        (found,) = observations(empty)
        assert empty.post("Observation", {**found, "id": "copy"}).status == 201
        correction = f"{heart_rate('71', 'C')}|||20260101120000+0000"
        by_hand.ask(oru("poison", correction, at="20260101120001+0000"))
        by_hand.ask(oru("after", at="20260101120002+0000"))
        bridge.wait_for(done=2, dead=1)
    assert "\tpoison\tHTTP 412" in dead_letters(config)
    assert len(observations(empty)) == 3


def dead_letters(config: Path) -> str:
    return command("dead-letters", "list", "--config", config).stdout.decode("utf-8")


def test_a_message_waits_for_its_patient_and_for_no_other(
    tmp_path: Path, server: ServerProcess, empty: Client
) -> None:
    """DEV-23. Never given to anybody else, and delivered when the patient is there."""
    with BridgeProcess(configured(tmp_path, server.base)) as bridge:
        with ByHand(bridge.address) as by_hand:
            by_hand.ask(oru("later", heart_rate("80"), number="999"))
            by_hand.ask(oru("now", heart_rate("70"), at="20260101120001+0000"))
        wait_for(lambda: bridge.states().get("done") == 1)
        assert [each["valueQuantity"]["value"] for each in observations(empty)] == [70]
        late = patient(empty, "999")
        bridge.wait_for(done=2)
    (found,) = empty.search(f"Observation?subject=Patient/{late}")
    assert found["valueQuantity"]["value"] == 80


def test_a_correction_updates_and_what_is_older_does_not(
    tmp_path: Path, server: ServerProcess, empty: Client
) -> None:
    """DEV-24. The value is no part of the identity; the time of the message decides."""
    row = f"{heart_rate('70')}|||20260101120000+0000"
    corrected = f"{heart_rate('7.10', 'C')}|||20260101120000+0000"
    with BridgeProcess(configured(tmp_path, server.base)) as bridge:
        with ByHand(bridge.address) as by_hand:
            by_hand.ask(oru("2", row, at="20260101120002+0000"))
            by_hand.ask(oru("3", corrected, at="20260101120003+0000"))
            by_hand.ask(oru("1", row, at="20260101120001+0000"))
        bridge.wait_for(done=3)
    (found,) = observations(empty)
    assert found["meta"]["versionId"] == "2"
    assert found["valueQuantity"]["value"] == Decimal("7.10")
    assert str(found["valueQuantity"]["value"]) == "7.10"
    assert found["status"] == "corrected"
