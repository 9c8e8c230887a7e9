"""From messages of HL7 v2 on a port to the chart, by the bridge's one way of delivery. DEV-31."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from fhirserver_device_bridge.config.settings import Server
from fhirserver_device_bridge.sender.lane import Lane
from tests.client import Client
from tests.device_bridge.bridge_process import BridgeProcess, command, configured
from tests.device_bridge.sender_by_hand import ByHand
from tests.device_bridge.v2fhir.feed import HOSPITAL, PID, PV1, made, message
from tests.device_bridge.v2fhir.samples import LAB, OTHERS
from tests.server import ServerProcess
from tests.waiting import wait_for

SOURCE = """\
    messages: [ADT, ORU, ORDERS, VXU, SIU, MDM]
"""
SYSTEMS = f'{{HOSP: "{HOSPITAL}", VISIT: "urn:oid:1.2.4", LAB: "urn:lab"}}'
KINDS = ("Patient", "Encounter", "Observation", "DiagnosticReport", "ServiceRequest", "Specimen")
KINDS += ("Immunization", "Appointment", "DocumentReference", "Practitioner", "Location")


def config_of(tmp_path: Path, base: str) -> Path:
    config = configured(tmp_path, base, source=SOURCE)
    text = config.read_text("utf-8").replace('{Hospital: "urn:oid:1.2.3"}', SYSTEMS, 1)
    config.write_text(text, "utf-8")
    return config


def tell(bridge: BridgeProcess, *messages: bytes) -> None:
    with ByHand(bridge.address) as by_hand:
        for each in messages:
            assert by_hand.ask(each)[0] == "AA"


def versions(client: Client) -> dict[str, str]:
    return {
        f"{kind}/{found['id']}": found["meta"]["versionId"]
        for kind in (*KINDS, "Provenance")
        for found in client.search(f"{kind}?_count=200")
    }


def one(client: Client, query: str) -> dict[str, Any]:
    (found,) = client.search(query)
    return found


def test_a_feed_becomes_a_chart(
    tmp_path: Path, server: ServerProcess, client: Client, clean: None
) -> None:
    """Results wait for their patient; what is newer amends; a replay of all writes nothing."""
    config = config_of(tmp_path, server.base)
    with BridgeProcess(config) as bridge:
        tell(bridge, message("ORU^R01", *LAB))
        wait_for(lambda: bridge.states().get("held") == 1)
        assert client.search("Observation") == []
        named = PID + "|||1 Main St^^Town"
        tell(bridge, message("ADT^A01", named, PV1))
        bridge.wait_for(done=2)
        stay = one(client, "Encounter")
        assert (stay["status"], one(client, "Patient")["address"][0]["city"]) == (
            "in-progress",
            "Town",
        )
        tell(
            bridge,
            message("ADT^A03", PID, PV1 + "|20260506", sent="20260506090000+0000"),
            message("ADT^A08", PID.replace("|F", '|""'), PV1, sent="20260507090000+0000"),
            message("ADT^A08", PID.replace("Jane", "Late"), sent="20260503090000+0000"),
            *(message(kind, *rows, sent="20260504000000+0000") for kind, rows in OTHERS.items()),
            message("ORU^R01", *LAB, sent="20260504100000+0000").replace(b"|6.10|", b"|6.30|"),
            message(
                "ADT^A40", PID.replace("|F", ""), "MRG|P0^^^HOSP^MR", sent="20260508090000+0000"
            ),
        )
        bridge.wait_for(done=11)
        patient = one(client, f"Patient?identifier={HOSPITAL}|P1")
        assert patient["name"][0]["given"][0] == "Jane"
        assert patient["address"][0]["city"] == "Town"
        assert "gender" not in patient, "PID-8 was null, and is not said again"
        stay = one(client, "Encounter")
        assert (stay["status"], stay["subject"]["reference"]) == (
            "finished",
            f"Patient/{patient['id']}",
        )
        assert stay["period"] == {"start": "2026-05-04T08:00:00+00:00", "end": "2026-05-06"}
        prior = one(client, f"Patient?identifier={HOSPITAL}|P0")
        assert prior["link"][0]["other"]["reference"] == f"Patient/{patient['id']}"
        glucose = one(client, "Observation?code=2345-7")
        assert str(glucose["valueQuantity"]["value"]) == "6.30"
        assert glucose["specimen"]["reference"] == f"Specimen/{one(client, 'Specimen')['id']}"
        request = one(client, "ServiceRequest")
        assert request["note"][0]["text"] == "please hurry", "an order tells more than its results"
        before = versions(client)
        assert {each.partition("/")[0] for each in before} == {*KINDS, "Provenance"}
    replayed = command("journal", "replay", "--config", config)
    assert replayed.returncode == 0, replayed.stderr
    with BridgeProcess(config) as bridge:
        bridge.wait_for(done=11)
        assert versions(client) == before


def test_bridges_that_race_make_everything_once(
    server: ServerProcess, client: Client, clean: None
) -> None:
    said = [message("ADT^A01", PID, PV1), message("ORU^R01", *LAB)]

    def deliver(_: int) -> None:
        lane = Lane(Server(server.base))
        for each in said:
            wait_for(lambda each=each: lane.deliver([made(each)])[0].verdict == "done")
        lane.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(deliver, range(4)))
    counted = {kind: len(client.search(f"{kind}?_count=200")) for kind in KINDS}
    once = ("Patient", "Encounter", "DiagnosticReport", "ServiceRequest", "Specimen")
    assert {kind: counted[kind] for kind in once} == dict.fromkeys(once, 1)
    assert counted["Observation"] == 10
    assert counted["Practitioner"] == 3


def test_a_patient_of_others_is_left_alone_and_a_poison_blocks_nobody(
    tmp_path: Path, server: ServerProcess, client: Client, clean: None
) -> None:
    theirs = {"resourceType": "Patient", "identifier": [{"system": HOSPITAL, "value": "P1"}]}
    assert client.post("Patient", {**theirs, "gender": "other"}).status == 201
    with BridgeProcess(config_of(tmp_path, server.base)) as bridge:
        tell(
            bridge,
            message("ADT^A01", PID.replace("19800229", "19809999")),
            message("ADT^A01", PID, PV1),
        )
        bridge.wait_for(done=1, dead=1)
    patient = one(client, "Patient")
    assert (patient["gender"], patient["meta"]["versionId"]) == ("other", "1")
    assert one(client, "Encounter")["subject"]["reference"] == f"Patient/{patient['id']}"
