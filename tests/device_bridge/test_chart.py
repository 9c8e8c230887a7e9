"""What is charted on a real server: valid, once, and never older over newer."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from fhirserver_device_bridge.config.settings import Server
from fhirserver_device_bridge.fhir.json_text import encode
from fhirserver_device_bridge.sender.judgement import Judgement
from fhirserver_device_bridge.sender.lane import Lane
from fhirserver_device_bridge.source import Source
from tests.client import Client
from tests.device_bridge.messages import HOSPITAL, WARD, converted, obx, oru
from tests.server import ServerProcess

WILD = Source(
    "wild",
    systems=tuple((name, HOSPITAL) for name in ("PID", "NIST", "Hospital", "Philips")),
)
pytestmark = pytest.mark.usefixtures("patients")
MMHG = "266016^MDC_DIM_MMHG^MDC"
EVERYTHING = oru(
    obx("150021^MDC_PRESS_BLD_NONINV_SYS^MDC", "1.1.1.1", "120", unit=MMHG),
    obx("150022^MDC_PRESS_BLD_NONINV_DIA^MDC", "1.1.1.2", "80", unit=MMHG),
    obx(place="1.3.1.1", f7="50-120", f8="DEMO~H", f17="1^auto^99M", f20="4^left ear^SCT"),
    "NTE|1||a note",
    obx(place="1.3.1.2", f8="NAV", f11="X"),
    obx("108^PAUSES^99MINE", "1.3.1.3", unit="q^furlong^99U"),
    obx("184327^MDC_ECG_STAT_RHY^MDC", "1.3.1.4", "147474^MDC_ECG_SINUS_RHY^MDC", kind="CWE"),
    obx("1^x^MDC", "1.3.1.5", "words", kind="ST"),
    obx("131329^MDC_ECG_ELEC_POTL_I^MDC", "1.1.1.9", "1^-2.50^^32767", kind="NA"),
    obx("0^MDC_ATTR_SAMP_RATE^MDC", "1.1.1.9.1", "250", unit="264608^x^MDC"),
    obx(place="1.3.1.6", f14="202605"),
    obx(place="1.3.1.7", f14="20261025003000"),
    "OBX|9|ST|531969^MDC_ID_MODEL_NUMBER^MDC|1.0.0.0.1|MX-9||||||F",
)


def chart(lane: Lane, raw: bytes, source: Source = WARD, sequence: int = 1) -> Judgement:
    (judgement,) = lane.deliver([converted(raw, source, sequence)])
    return judgement


def stored(client: Client, **query: str) -> list[dict[str, Any]]:
    return client.search(
        "Observation?" + "&".join(f"{name}={value}" for name, value in query.items())
    )


def everything(client: Client) -> set[tuple[str, str, str]]:
    """Give type, id and version of all that a bridge writes."""
    return {
        (kind, found["id"], found["meta"]["versionId"])
        for kind in ("Device", "DeviceMetric", "Observation", "Provenance")
        for found in client.search(f"{kind}?_count=500")
    }


def identifier_of(raw: bytes, source: Source = WARD) -> str:
    bundle = converted(raw, source).bundle
    assert bundle is not None
    kinds = {entry["resource"]["resourceType"]: entry["resource"] for entry in bundle["entry"]}
    found = kinds["Observation"]["identifier"][0]
    return f"{found['system']}|{found['value']}"


def faults(client: Client, raw: bytes, source: Source) -> list[Any]:
    """Give what the server's own validation finds wrong with what a message becomes."""
    bundle = converted(raw, source).bundle
    assert bundle is not None
    resources = [entry["resource"] for entry in bundle["entry"]]
    found = []
    for resource in resources:
        if "subject" in resource:
            # A search in place of a reference works in a transaction only.
            resource["subject"] = {"reference": "Patient/1"}
        answer = client.post(f"{resource['resourceType']}/$validate", encode(resource))
        assert answer.status == 200, answer.text
        found += [each for each in answer.json["issue"] if each["severity"] in ("error", "fatal")]
    assert len(resources) > 4
    return found


def test_every_resource_is_valid(client: Client) -> None:
    assert faults(client, EVERYTHING, WARD) == []


NASTY = (
    obx(value=r"\X00\ \X07\x", kind="ST", place="1.9.1.1"),
    obx(value=r"\X00\ ", kind="ST", place="1.9.1.2"),
    obx("A  B^ ^L", "1.9.1.3"),
    obx(place="1.9.1.4", value="9" * 40),
    obx("1^x^99X", "1.9.1.5", "0." + "0" * 30 + "1"),
    obx(place="1.9.1.6", f14="00010101"),
    obx(place="1.9.1.7", f14="99991231235959+0000"),
    obx(place="1.9.1.8", f8="H^High^L~~ALERT  X", unit=" ^ ^ "),
    obx(place="1.9.1.9", f18="7^a:b c|d", f20="^\x01", f17="\x02^\x03"),
    obx(place="1.9.1.10", f14="20261231235960+1400"),
    "NTE|1||\x01 ~ ~<script>&amp;",
    "OBX|1|ST|531969^MDC_ID_MODEL_NUMBER^MDC|1.0.0.0.1| ||||||F",
)


@pytest.mark.parametrize("row", NASTY)
def test_no_row_spoils_a_transaction(lane: Lane, row: str) -> None:
    assert chart(lane, oru(row, obx(place="1.9.2.1"))) == Judgement("done")


def test_what_is_sent_is_what_is_found(client: Client, lane: Lane) -> None:
    assert chart(lane, EVERYTHING) == Judgement("done")
    raw = oru(obx(place="1.3.1.9", value="61.50", f14="20260504090000+0000"))
    assert chart(lane, raw) == Judgement("done")
    (made,) = stored(client, identifier=identifier_of(raw))
    assert str(made["valueQuantity"]["value"]) == "61.50"
    patient = client.get(made["subject"]["reference"]).json
    assert patient["identifier"][0]["value"] == "P-7"
    metric = client.get(made["device"]["reference"]).json
    channel = client.get(metric["parent"]["reference"]).json
    virtual = client.get(channel["parent"]["reference"]).json
    system = client.get(virtual["parent"]["reference"]).json
    assert system["identifier"][0]["value"] == "00-11-22-33-44-55-66-77"
    assert metric["source"]["reference"] == f"Device/{system['id']}"
    told = client.get(f"Provenance?target=Observation/{made['id']}").json["entry"]
    assert len(told) == 1
    found = stored(
        client, code="http://loinc.org|8867-4", **{"subject.identifier": f"{HOSPITAL}|P-7"}
    )
    assert made["id"] in {each["id"] for each in found}


@pytest.mark.parametrize(
    "name",
    [
        "01_ge_b40_cyrillic_pcd01.hl7",
        "02_acme_gateway_ucum_nibp.hl7",
        "03_mindray_vs900_demo.hl7",
        "09_philips_mx500_fhir_mapped.hl7",
        "10_nist_pulse_ox_dual_coded.hl7",
    ],
)
def test_messages_of_real_devices(client: Client, lane: Lane, test_data: Path, name: str) -> None:
    raw = (test_data / "devices/pcd-wild" / name).read_bytes()
    assert converted(raw, WILD).quarantined == ()
    assert faults(client, raw, WILD) == []
    assert chart(lane, raw, WILD) == Judgement("done")
    before = everything(client)
    assert chart(lane, raw, WILD) == Judgement("done")
    assert everything(client) == before


def test_a_replay_of_all_in_parallel_makes_no_version(
    client: Client, server: ServerProcess
) -> None:
    messages = [
        oru(obx(place=f"1.4.1.{number}"), obx(place=f"1.4.2.{number}", value=str(50 + number)))
        for number in range(12)
    ]

    def replay(_: int) -> None:
        opened = Lane(Server(server.base))
        for number, raw in enumerate(messages):
            for _attempt in range(20):
                if chart(opened, raw, sequence=number) == Judgement("done"):
                    break
            else:
                pytest.fail("a message did not get through")
        opened.close()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(replay, range(4)))
    once = everything(client)
    made = [resource for resource in once if resource[0] == "Observation"]
    assert len(made) >= 24
    versions = {
        each["meta"]["versionId"]
        for raw in messages
        for each in stored(client, identifier=identifier_of(raw))
    }
    assert versions == {"1"}
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(replay, range(2)))
    assert everything(client) == once


SENT = "20260504100003+0000"
LATER = "20260504110000+0000"
EARLIER = "20260504090000+0000"
_places = itertools.count(1)


@pytest.mark.parametrize(
    ("value", "status", "sent", "sequence", "stays"),
    [
        pytest.param("62", "C", LATER, 2, ("62", "2"), id="a-correction-updates"),
        pytest.param("61", "F", LATER, 2, ("61", "2"), id="final-follows"),
        pytest.param("61.0", "R", LATER, 2, ("61.0", "2"), id="a-digit-more"),
        pytest.param("61", "W", LATER, 2, ("61", "2"), id="posted-as-wrong"),
        pytest.param("61", "R", LATER, 2, ("61", "1"), id="the-same-again"),
        pytest.param("62", "C", EARLIER, 2, ("61", "1"), id="an-older-message"),
        pytest.param("62", "R", SENT, 2, ("62", "2"), id="same-time-later-in-the-journal"),
        pytest.param("62", "R", SENT, 0, ("61", "1"), id="same-time-earlier-in-the-journal"),
        pytest.param("62", "F", SENT, 0, ("62", "2"), id="same-time-higher-rank"),
    ],
)
def test_newer_takes_the_place_of_older(
    request: pytest.FixtureRequest,
    value: str,
    status: str,
    sent: str,
    sequence: int,
    stays: tuple[str, str],
) -> None:
    client, lane = request.getfixturevalue("client"), request.getfixturevalue("lane")
    place = f"1.6.1.{next(_places)}"
    chart(lane, oru(obx(place=place, value="61", f11="R"), sent=SENT))
    raw = oru(obx(place=place, value=value, f11=status), sent=sent)
    assert chart(lane, raw, sequence=sequence) == Judgement("done")
    (made,) = stored(client, identifier=identifier_of(raw))
    assert (str(made["valueQuantity"]["value"]), made["meta"]["versionId"]) == stays


def test_what_another_client_changed_is_left_alone(client: Client, lane: Lane) -> None:
    raw = oru(obx(place="1.7.1.1"))
    chart(lane, raw)
    (made,) = stored(client, identifier=identifier_of(raw))
    edited = {**made, "extension": [], "status": "amended"}
    del edited["extension"]
    edited["valueQuantity"] = {**made["valueQuantity"], "value": 70}
    assert client.put(f"Observation/{made['id']}", edited).status == 200
    correction = oru(obx(place="1.7.1.1", value="62", f11="C"), sent=LATER)
    assert chart(lane, correction, sequence=2) == Judgement("done")
    (kept,) = stored(client, identifier=identifier_of(raw))
    assert kept["valueQuantity"]["value"] == 70


def test_a_patient_that_comes_later_releases_what_was_held(client: Client, lane: Lane) -> None:
    raw = oru(obx(place="1.8.1.1"), patient="NEW-1^^^HOSP^MR")
    assert chart(lane, raw).verdict == "held"
    assert stored(client, identifier=identifier_of(raw)) == []
    body = {"resourceType": "Patient", "identifier": [{"system": HOSPITAL, "value": "NEW-1"}]}
    patient = client.post("Patient", body).json["id"]
    assert chart(lane, raw) == Judgement("done")
    (made,) = stored(client, identifier=identifier_of(raw))
    assert made["subject"]["reference"] == f"Patient/{patient}"
