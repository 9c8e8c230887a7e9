"""Mappings of a bridge at work: tried over HTTP, and taken up when their files change. DEV-29."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.client import Client
from tests.device_bridge.bridge_process import HOSPITAL, BridgeProcess
from tests.device_bridge.sender_by_hand import ByHand, heart_rate, oru
from tests.server import ServerProcess
from tests.waiting import wait_for

TOKEN = "s3cret"
CONFIG = """\
server: {{base: "{base}"}}
journal: {{folder: journal}}
metrics: {{port: 0, token_file: token}}
sources:
  icu:
    protocol: mllp
    listen: "127.0.0.1:0"
    systems: {{Hospital: "{hospital}"}}
    mapping: own.yaml
  scale:
    protocol: line
    listen: "127.0.0.1:0"
    lines: scale.yaml
    device: {{system: "urn:serial", value: D-7}}
    systems: {{device-user: "urn:user"}}
"""
OWN = """\
name: own
version: "{version}"
metrics:
  "147842": {{refid: MDC_ECG_HEART_RATE, ucum: {unit}, possible: ["0", "{highest}"]}}
"""
SCALE = """\
name: scale
version: "1"
forms:
- {pattern: '^W ([0-9.]+)$', measures: [{field: 1, code: {code: "188736"}, unit: kg}]}
"""
HL7 = "application/hl7-v2"


@pytest.fixture(scope="module")
def bridge(
    tmp_path_factory: pytest.TempPathFactory, server: ServerProcess
) -> Iterator[BridgeProcess]:
    """A bridge whose port asks for a token."""
    folder = tmp_path_factory.mktemp("mappings")
    write_own(folder, "1", "150")
    (folder / "token").write_text(TOKEN, "utf-8")
    (folder / "scale.yaml").write_text(SCALE, "utf-8")
    config = folder / "bridge.yaml"
    config.write_text(CONFIG.format(base=server.base, hospital=HOSPITAL), "utf-8")
    with BridgeProcess(config) as made:
        yield made


def write_own(folder: Path, version: str, highest: str, unit: str = "/min") -> None:
    text = OWN.format(version=version, highest=highest, unit=unit)
    (folder / "own.yaml").write_text(text, "utf-8")


def tried(
    bridge: BridgeProcess,
    source: str,
    body: bytes,
    kind: str = HL7,
    token: str = TOKEN,
    size: int | None = None,
) -> tuple[int, Any]:
    """Try a message, said to be of a size; gives the status and what is answered."""
    with closing(http.client.HTTPConnection("127.0.0.1", urlsplit(bridge.metrics).port)) as opened:
        headers = {"Content-Type": kind, "Authorization": f"Bearer {token}"}
        headers["Content-Length"] = str(len(body) if size is None else size)
        opened.request("POST", f"/convert?source={source}", body, headers)
        answer = opened.getresponse()
        return answer.status, json.loads(answer.read())


def mapping_of(bundle: Any) -> str:
    """Give name and version of the mapping that a transaction's Provenance names."""
    [told] = [
        each["resource"]
        for each in bundle["entry"]
        if each["resource"]["resourceType"] == "Provenance"
    ]
    return str(told["entity"][1]["what"]["identifier"]["value"])


def test_a_message_is_shown_with_its_readings_and_fhir(
    bridge: BridgeProcess, client: Client, clean: None
) -> None:
    status, shown = tried(bridge, "icu", oru("1", heart_rate("70.0")))
    [message] = shown["messages"]
    assert status == 200
    assert message["message"][-1].startswith("OBX|1|NM|147842")
    assert message["readings"][0]["value"]["text"] == "70.0"
    assert mapping_of(message["bundle"]) == "own|1"
    assert (bridge.states(), client.search("Observation")) == ({}, [])


def test_lines_are_shown_each(bridge: BridgeProcess) -> None:
    _, shown = tried(bridge, "scale", b"W 70.5\r\nhello\n", "application/octet-stream")
    good, bad = shown["messages"]
    assert good["bundle"]["type"] == "transaction"
    assert "no form" in bad["rejected"]


FAULTS = {
    "no token": (("icu", b"MSH", HL7, "x"), 401, "token"),
    "a form's type": (("icu", b"MSH", "text/plain"), 415, "application/hl7-v2"),
    "no such source": (("x", b"MSH"), 404, "`source`"),
    "nothing": (("icu", b""), 400, "body"),
    "too many": (("scale", b"W 1\n" * 101), 413, "100 messages"),
    "too much": (("icu", b"", HL7, TOKEN, 1024 * 1024 + 1), 413, "/convert 1048576"),
}


@pytest.mark.parametrize(
    ("asked", "status", "word"),
    [pytest.param(*row, id=name) for name, row in FAULTS.items()],
)
def test_faults_are_told(
    bridge: BridgeProcess, asked: tuple[Any, ...], status: int, word: str
) -> None:
    answered, outcome = tried(bridge, *asked)
    assert answered == status
    assert word in outcome["issue"][0]["diagnostics"]


def test_a_message_that_can_never_be_charted_says_so(bridge: BridgeProcess) -> None:
    status, shown = tried(bridge, "icu", b"\xff\x00")
    assert status == 200
    assert shown["messages"][0]["rejected"]


def test_a_changed_mapping_is_taken_up_when_it_is_sound(
    bridge: BridgeProcess, client: Client, clean: None
) -> None:
    """With a fault the one before stays, the log names the line; what is charted names which."""
    identifier = [{"system": HOSPITAL, "value": "12345"}]
    client.post("Patient", {"resourceType": "Patient", "identifier": identifier})
    folder = bridge.config.parent
    message = oru("7", heart_rate("170"))

    def shown() -> Any:
        return tried(bridge, "icu", message)[1]["messages"][0]

    write_own(folder, "2", "200", unit="beats")
    wait_for(lambda: "own.yaml:4: metrics.147842.ucum" in bridge.log.read_text("utf-8"))
    assert "within 0 to 150" in shown()["quarantined"][0]["reason"]
    write_own(folder, "3", "200")
    wait_for(lambda: shown()["bundle"])
    # Senders have files of their own.
    wait_for(lambda: "version 3 is taken up" in bridge.log.read_text("utf-8"))
    with ByHand(bridge.addresses["icu"]) as sender:
        assert sender.ask(message) == ("CA", "7")
    [provenance] = wait_for(lambda: client.search("Provenance"))
    assert provenance["entity"][1]["what"]["identifier"]["value"] == "own|3"
