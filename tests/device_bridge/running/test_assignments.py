"""Devices and beds given to patients: in FHIR, which the bridge follows, and by hand. DEV-23.

With a real bridge and server; a message that names nobody is held until somebody says whose it is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fhirserver_device_bridge.journal.journal import Journal
from tests.client import Client
from tests.device_bridge.admissions import BED_2, oru
from tests.device_bridge.bridge_process import HOSPITAL, BridgeProcess, command, configured
from tests.device_bridge.sender_by_hand import ByHand
from tests.server import ServerProcess
from tests.waiting import wait_for

FOLLOW = "assignments: {follow: [DeviceUseStatement, Encounter], poll_s: 0.1}\n"


def made(client: Client, kind: str, **elements: Any) -> dict[str, str]:
    """Create a resource, and refer to it."""
    answer = client.post(kind, {"resourceType": kind, **elements})
    assert answer.status == 201, answer.text
    return {"reference": f"{kind}/{answer.json['id']}"}


def test_what_is_assigned_is_charted_on_whoever_had_it_then(
    tmp_path: Path, server: ServerProcess, client: Client, clean: None
) -> None:
    patients = [
        made(client, "Patient", identifier=[{"system": HOSPITAL, "value": number}])
        for number in ("1", "2", "3")
    ]
    config = configured(tmp_path, server.base)
    config.write_text(config.read_text("utf-8") + FOLLOW, "utf-8")

    def of(number: int) -> int:
        subject = patients[number]["reference"]
        return len(client.search(f"Observation?subject={subject}"))

    with BridgeProcess(config) as bridge, ByHand(bridge.address) as line:
        line.ask(oru("20260504090000+0000", ""))
        bridge.wait_for(held=1)
        listed = wait_for(lambda: command("devices", "list", "--config", config).stdout)
        system, value = listed.decode("utf-8").split("\t")[1].split("|")
        used = {
            "status": "active",
            "subject": patients[0],
            "device": made(client, "Device", identifier=[{"system": system, "value": value}]),
            "timingPeriod": {"start": "2026-05-04T08:00:00Z"},
        }
        statement = made(client, "DeviceUseStatement", **used)
        bridge.wait_for(done=1)
        assert of(0) == 1

        # Where it is deleted, it has never been.
        assert client.delete(statement["reference"]).status in (200, 204)
        minutes = iter(range(1, 60))
        wait_for(
            lambda: (
                line.ask(oru(f"2026050409{next(minutes):02}00+0000", ""))
                and bridge.states().get("held")
            )
        )
        sent = next(minutes)

        # By hand, for the same time.
        done = command(
            *("devices", "assign", "M1", "--to", f"{HOSPITAL}|2", "--by", "Joy"),
            *("--from", "2026-05-04T08:00+00:00", "--config", config),
        )
        assert done.returncode == 0, done.stderr
        wait_for(lambda: "held" not in bridge.states() and "received" not in bridge.states())
        assert of(1) > 0
        assert of(0) + of(1) == sent
        listed = command("devices", "list", "--config", config).stdout.decode("utf-8")
        assert "|M1\t" in listed
        assert listed.rstrip().endswith(f"\t{HOSPITAL}|2")
        command("devices", "release", "M1", "--config", config)
        assert command("devices", "release", "M1", "--config", config).returncode == 1

        # A bed, by the stay.
        bed = made(client, "Location", identifier=[{"value": BED_2}])
        made(
            client,
            "Encounter",
            status="in-progress",
            **{"class": {"code": "IMP"}},
            subject=patients[2],
            location=[{"location": bed, "period": {"start": "2026-05-04T10:00:00Z"}}],
        )
        line.ask(oru("20260504110000+0000", BED_2, device="M2"))
        wait_for(lambda: of(2) == 1)
        listed = command("devices", "list", "--config", config).stdout.decode("utf-8")
        assert [each.split("\t")[1].split("|")[1] for each in listed.splitlines()] == ["M1", "M2"]
    assert "Joy" not in bridge.log.read_text("utf-8")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("assign", "M1", "--to", "12345", "--by", "Joy"), "SYSTEM|VALUE"),
        (("assign", "M1", "--to", "urn:x|1", "--by", " "), "--by"),
        (("assign", "M1", "--to", "urn:x|1", "--by", "J", "--from", "2026-05-04"), "offset"),
        (("assign", "M1", "--to", "urn:x|1", "--by", "J", "--from", "2026-05-04T08:00Z",
          "--until", "2026-05-04T08:00Z"), "after --from"),
        (("assign", "M1", "--to", "urn:x|1", "--by", "J"), "it was not heard; write SYSTEM|VALUE"),
        (("release", " "), "no identifier"),
    ],
)  # fmt: skip
def test_what_cannot_be_assigned(tmp_path: Path, words: tuple[str, ...], reason: str) -> None:
    config = configured(tmp_path, "http://127.0.0.1:9/fhir")
    Journal(tmp_path / "journal").close()
    done = command("devices", *words, "--config", config)
    assert done.returncode == 2
    assert reason in done.stderr.decode("utf-8")
