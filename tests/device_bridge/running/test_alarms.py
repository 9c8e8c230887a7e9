"""From the frame to the channel and to the server, with real processes. DEV-15, DEV-30."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from fhirserver_device_bridge.journal.alarms import watched
from tests.client import Client
from tests.device_bridge.alarm_receiver import SECRET, AlarmReceiver
from tests.device_bridge.bridge_process import HOSPITAL, BridgeProcess, command, journal
from tests.device_bridge.gate import Gate
from tests.device_bridge.sender_by_hand import ByHand, heart_rate, oru
from tests.server import ServerProcess
from tests.waiting import wait_for

NOWHERE = "http://127.0.0.1:9/fhir"
TOKEN = "of the front"
NO_ID = "0" * 64
TAKEN = f"/alarms/{NO_ID}/acknowledge"
JSON = {"Content_Type": "application/json"}
_CONFIG = """\
server: {{base: "{base}", timeout_s: 20}}
journal: {{folder: journal}}
delivery: {{longest_pause_s: 0.2, held_retry_s: 0.1, attempts: 3}}
metrics: {{port: 0{metrics}}}
alarms:
  limits:
    - {{name: fast, code: "147842", unit: /min, high: "150", reference: "Ward 7, 2026"}}
  channels:
    ward: {{webhook: "{ward}", secret_file: secret, longest_pause_s: 0.3, attempts: 2}}
    doctor: {{webhook: "{doctor}", secret_file: secret, longest_pause_s: 0.3}}
  escalation:
    - {{channels: [ward]}}
    - {{channels: [doctor], after_s: {after_s}, priority: high}}
sources:
  icu:
    protocol: mllp
    listen: "127.0.0.1:0"
    systems: {{Hospital: "{hospital}"}}
{source}
"""


@pytest.fixture
def ward() -> Iterator[AlarmReceiver]:
    with AlarmReceiver() as made:
        yield made


@pytest.fixture
def doctor() -> Iterator[AlarmReceiver]:
    with AlarmReceiver() as made:
        yield made


def configured(
    folder: Path,
    ward: AlarmReceiver,
    doctor: AlarmReceiver,
    base: str = NOWHERE,
    **more: Any,
) -> Path:
    (folder / "secret").write_text(SECRET, "utf-8")
    (folder / "token").write_text(TOKEN, "utf-8")
    settings = {"after_s": 600, "source": "", "metrics": "", **more}
    text = _CONFIG.format(
        base=base, ward=ward.url, doctor=doctor.url, hospital=HOSPITAL, **settings
    )
    file = folder / "bridge.yaml"
    file.write_text(text, "utf-8")
    return file


def pulse(control_id: str, value: str, second: int, number: str = "12345") -> bytes:
    return oru(control_id, heart_rate(value), number=number, at=f"202601011200{second:02}+0000")


def ask(
    bridge: BridgeProcess, method: str, path: str, body: bytes | None = None, **headers: str
) -> tuple[int, Any]:
    address = urlsplit(bridge.metrics)
    with closing(http.client.HTTPConnection("127.0.0.1", address.port, timeout=20)) as opened:
        sent = {name.replace("_", "-"): text for name, text in headers.items()}
        opened.request(method, path, body, sent)
        answer = opened.getresponse()
        return answer.status, json.loads(answer.read())


@contextmanager
def stream(bridge: BridgeProcess, **headers: str) -> Iterator[Iterator[tuple[str, str, Any]]]:
    """Open /alarms/stream: its events as name, id and data."""
    port = urlsplit(bridge.metrics).port or 0
    with socket.create_connection(("127.0.0.1", port), 20) as opened:
        lines = [f"GET /alarms/stream HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n"]
        lines += [f"{name.replace('_', '-')}: {text}\r\n" for name, text in headers.items()]
        opened.sendall("".join([*lines, "\r\n"]).encode("ascii"))
        with opened.makefile("r", encoding="utf-8") as file:
            yield _events(file)


def _events(lines: Any) -> Iterator[tuple[str, str, Any]]:
    fields: dict[str, str] = {}
    for line in lines:
        name, _, text = line.rstrip("\n").partition(": ")
        if name:
            fields[name] = text
        elif "event" in fields:
            yield fields["event"], fields.get("id", ""), json.loads(fields["data"])
            fields = {}


def test_dev_30_with_the_server_away_a_critical_value_is_told_and_acknowledged(
    tmp_path: Path, ward: AlarmReceiver, doctor: AlarmReceiver
) -> None:
    """Webhook, stream, list, acknowledgement and end; whoever knows of it learns the rest."""
    config = configured(tmp_path, ward, doctor)
    with BridgeProcess(config) as bridge, ByHand(bridge.address) as by_hand:
        by_hand.ask(pulse("1", "150", 1))
        by_hand.ask(pulse("2", "151", 2))
        by_hand.ask(pulse("3", "180", 3))
        (told,) = ward.wait_for("started")
        alarm = told["alarm"]
        assert alarm["kind"] == "critical"
        assert alarm["condition"]["text"] == (
            "MDC_ECG_HEART_RATE 151 MDC_DIM_BEAT_PER_MIN is above 150 /min"
        )
        assert alarm["condition"]["reference"] == "Ward 7, 2026"
        assert alarm["started"] == "2026-01-01T12:00:02+00:00"
        assert [each["id"] for each in ask(bridge, "GET", "/alarms")[1]] == [alarm["id"]]
        wait_for(lambda: ask(bridge, "GET", "/alarms")[1][0].get("told"))
        with stream(bridge) as events:
            assert [next(events)[0], next(events)[0]] == ["open", "ready"]
            path = f"/alarms/{alarm['id']}/acknowledge"
            body = b'{"by": "Nurse Joy"}'
            status, taken = ask(bridge, "POST", path, body, **JSON)
            assert (status, taken["acknowledged_by"]) == (200, "Nurse Joy")
            other = b'{"by": "Somebody else"}'
            again = ask(bridge, "POST", path, other, **JSON)
            assert again == (200, taken)
            assert next(events)[0] == "acknowledged"
            assert errands(config, "doctor") == ["needless"]
            by_hand.ask(pulse("4", "90", 4))
            name, number, ended = next(events)
            assert (name, ended["ended"]) == ("ended", "2026-01-01T12:00:04+00:00")
        ward.wait_for("started", "acknowledged", "ended")
        with stream(bridge, Last_Event_ID=str(int(number) - 1)) as events:
            assert next(events)[:2] == ("ended", number)
        assert ask(bridge, "GET", "/alarms") == (200, [])
        assert len(ask(bridge, "GET", "/alarms?ended=true")[1]) == 1
    assert not ward.forged
    assert doctor.posts == []
    assert "12345" not in bridge.log.read_text("utf-8")


def test_dev_30_nobody_acknowledges_and_the_next_channel_is_told(
    tmp_path: Path, ward: AlarmReceiver, doctor: AlarmReceiver
) -> None:
    """Its time comes whether the channel before it answers or not; acknowledged by a command."""
    ward.status = 503
    config = configured(tmp_path, ward, doctor, after_s=0.5)
    with BridgeProcess(config) as bridge, ByHand(bridge.address) as by_hand:
        by_hand.ask(pulse("1", "190", 1))
        (told,) = doctor.wait_for("started")
        assert told["step"] == 1
        listed = command("alarms", "list", "--config", config).stdout.decode("utf-8")
        assert listed.split("\t")[1:4] == ["icu", "critical", "high"]
        taken = command("alarms", "acknowledge", listed[:12], "--by", "Dr X", "--config", config)
        assert taken.returncode == 0, taken.stderr
        shown = json.loads(command("alarms", "show", listed[:12], "--config", config).stdout)
        assert shown["acknowledged_by"] == "Dr X"
        doctor.wait_for("started", "acknowledged")
        ward.status = 204
        ward.wait_for("started", "acknowledged")


def test_dev_30_killed_between_alarm_and_delivery_none_is_lost(
    tmp_path: Path, ward: AlarmReceiver, doctor: AlarmReceiver
) -> None:
    """It is told at least once, and by its id whoever is told twice knows."""
    config = configured(tmp_path, ward, doctor)
    ward.status = 503
    for number in range(3):
        with BridgeProcess(config) as bridge, ByHand(bridge.address) as by_hand:
            asked = ward.asked
            by_hand.ask(pulse(f"k{number}", "170", number, number=f"P{number}"))
            # What is asked first may be an alarm of the run before.
            with journal(config) as connection:
                wait_for(lambda: watched(connection) > number)  # noqa: B023 - called here only
            wait_for(lambda: ward.asked > asked)  # noqa: B023 - called here only
            bridge.kill()
    ward.status = 204
    with BridgeProcess(config):
        wait_for(lambda: len({each["alarm"]["id"] for each in ward.posts}) == 3)
    ids = [each["webhook-id"] for each in ward.posts]
    assert len(set(ids)) == 3
    persons = {each["alarm"]["condition"]["patient"][0]["value"] for each in ward.posts}
    assert persons == {"P0", "P1", "P2"}


def test_dev_30_what_a_channel_refuses_is_given_up_and_holds_up_nothing(
    tmp_path: Path, ward: AlarmReceiver, doctor: AlarmReceiver
) -> None:
    config = configured(tmp_path, ward, doctor)
    ward.status = 422
    with BridgeProcess(config) as bridge, ByHand(bridge.address) as by_hand:
        by_hand.ask(pulse("1", "170", 1, number="P1"))
        wait_for(lambda: "is given up" in bridge.log.read_text("utf-8"))
        ward.status = 204
        by_hand.ask(pulse("2", "170", 2, number="P2"))
        ward.wait_for("started")
    assert ward.asked == 3


@pytest.mark.parametrize(
    ("request_", "headers", "status", "word"),
    [
        pytest.param("GET /alarms", {}, 401, "token", id="no-token"),
        pytest.param("GET /metrics", {}, 401, "token", id="metrics-too"),
        pytest.param("GET /alarms", {"Authorization": "Bearer x"}, 401, "token", id="wrong-token"),
        pytest.param("GET /alarms/x", {}, 404, "path", id="no-such-path"),
        pytest.param(f"GET /alarms/{NO_ID}", {}, 404, "id", id="no-such-alarm"),
        pytest.param(f"POST /alarms/{NO_ID} {{}}", {}, 404, "path", id="nothing-to-post"),
        pytest.param(f"POST {TAKEN} by=x", {}, 415, "json", id="a-form"),
        pytest.param(f'POST {TAKEN} {{"by":""}}', JSON, 400, "by", id="by-nobody"),
        pytest.param(f'POST {TAKEN} {{"who":"x"}}', JSON, 400, "by", id="another-key"),
        pytest.param(f'POST {TAKEN} {{"by":"x"}}', JSON, 404, "id", id="acknowledge-nothing"),
        pytest.param(f"POST {TAKEN}", {"Content_Length": "99999"}, 413, "Length", id="too-large"),
    ],
)
def test_dev_30_faults_are_told(
    guarded: BridgeProcess, request_: str, headers: dict[str, str], status: int, word: str
) -> None:
    method, path, body = [*request_.split(" "), ""][:3]
    known = {} if status == 401 else {"Authorization": f"Bearer {TOKEN}"}
    sent = body.encode("ascii") or None
    answered, outcome = ask(guarded, method, path, sent, **known, **headers)
    assert answered == status
    assert outcome["resourceType"] == "OperationOutcome"
    assert word in outcome["issue"][0]["diagnostics"]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BridgeProcess]:
    """A bridge whose port asks for a token."""
    with AlarmReceiver() as nobody:
        folder = tmp_path_factory.mktemp("guarded")
        config = configured(folder, nobody, nobody, metrics=", token_file: token")
        with BridgeProcess(config) as bridge:
            yield bridge


def test_dev_30_without_a_token_only_this_machine_is_served(
    tmp_path: Path, ward: AlarmReceiver, doctor: AlarmReceiver
) -> None:
    """A page whose name was made to lead here gets nothing."""
    with BridgeProcess(configured(tmp_path, ward, doctor)) as bridge:
        assert ask(bridge, "GET", "/alarms", Host="evil.example")[0] == 403
        assert ask(bridge, "GET", "/alarms", Host="localhost:1")[0] == 200


def test_dev_15_a_silent_device_raises_an_alarm_that_its_next_message_ends(
    tmp_path: Path, ward: AlarmReceiver, doctor: AlarmReceiver
) -> None:
    """Also after a restart; and an old message that is repeated is no sign of life."""
    config = configured(tmp_path, ward, doctor, source="    silence_s: 0.5")
    with BridgeProcess(config) as bridge, ByHand(bridge.address) as by_hand:
        by_hand.ask(pulse("1", "70", 1))
        (told,) = ward.wait_for("started")
        assert told["alarm"]["kind"] == "silence"
        device = told["alarm"]["condition"]["path"][0]["identifiers"][0]
        assert device["value"] == "00-00-00-00-00-00-00-01"
        by_hand.ask(pulse("1", "70", 1))
        by_hand.ask(pulse("2", "70", 2))
        ward.wait_for("started", "ended")
    with BridgeProcess(config):
        ward.wait_for("started", "ended", "started")


def test_dev_15_the_end_of_a_device_s_alarm_closes_what_its_start_opened(
    tmp_path: Path, server: ServerProcess, client: Client, clean: None, ward: AlarmReceiver,
    doctor: AlarmReceiver,
) -> None:  # fmt: skip
    """In the server too, whose time comes later; a replay writes nothing."""
    patient(client)
    with Gate(server.base) as gate:
        config = configured(tmp_path, ward, doctor, gate.base)
        with BridgeProcess(config) as bridge:
            to = ("--to", "{}:{}".format(*bridge.address), "--rate", 0, "--messages", 3)
            done = command("simulate", "alarms", *to, "--start", "2026-01-01T12:00:00Z")
            assert done.returncode == 0, done.stderr
            ward.wait_for("started", "changed", "ended")
            told = ward.posts[-1]["alarm"]
            path = f"/alarms/{told['id']}/acknowledge"
            body = b'{"by": "Nurse Joy"}'
            assert ask(bridge, "POST", path, body, **JSON)[0] == 200
            ward.wait_for("started", "changed", "ended", "acknowledged")
            gate.open()
            wait_for(lambda: set(bridge.states()) == {"done"})
            before = written(client)
            command("journal", "replay", "--config", config)
            wait_for(lambda: set(bridge.states()) == {"done"})
            assert written(client) == before
    (issue,) = client.search("DetectedIssue")
    assert issue["status"] == "final"
    assert issue["severity"] == "high"
    assert issue["identifiedPeriod"] == {
        "start": "2026-01-01T12:00:00+00:00",
        "end": "2026-01-01T12:00:02+00:00",
    }
    assert issue["mitigation"][0]["author"]["display"] == "Nurse Joy"
    (communication,) = client.search("Communication")
    assert communication["about"] == [{"reference": f"DetectedIssue/{issue['id']}"}]
    assert communication["recipient"] == [{"display": "ward"}]
    (device,) = client.search("Device")
    assert issue["author"] == {"reference": f"Device/{device['id']}"}
    (event,) = client.search(f"AuditEvent?entity=DetectedIssue/{issue['id']}")
    assert [each["name"] for each in event["agent"]] == ["Nurse Joy", "Device bridge"]
    assert event["entity"][0]["what"] == issue["patient"]
    checked = client.post("AuditEvent/$validate", event)
    assert {each["severity"] for each in checked.json["issue"]} <= {"information", "warning"}


def test_dev_30_a_critical_value_is_charted_beside_its_observation(
    tmp_path: Path, server: ServerProcess, client: Client, clean: None, ward: AlarmReceiver,
    doctor: AlarmReceiver,
) -> None:  # fmt: skip
    known = patient(client)
    with BridgeProcess(configured(tmp_path, ward, doctor, server.base)) as bridge:
        with ByHand(bridge.address) as by_hand:
            by_hand.ask(pulse("1", "160", 1))
        ward.wait_for("started")
        wait_for(lambda: client.search("Communication"))
    (issue,) = client.search(f"DetectedIssue?patient=Patient/{known}")
    (observation,) = client.search("Observation")
    assert issue["status"] == "preliminary"
    assert issue["code"]["coding"][0]["code"] == "HH"
    shown = [each["code"][0].get("text") for each in issue["evidence"]]
    assert shown[0] == "limit fast: Ward 7, 2026"
    (detail,) = issue["evidence"][-1]["detail"]
    assert detail["identifier"] == observation["identifier"][0]
    checked = client.post("DetectedIssue/$validate", issue)
    assert {each["severity"] for each in checked.json["issue"]} <= {"information", "warning"}


def errands(config: Path, channel: str) -> list[str]:
    """Give the states of what a channel was to be told, in order."""
    with journal(config) as connection:
        rows = connection.execute(
            "SELECT state FROM errand WHERE channel = ? ORDER BY number", (channel,)
        )
        return [state for (state,) in rows]


def patient(client: Client) -> str:
    identifier = [{"system": HOSPITAL, "value": "12345"}]
    created = client.post("Patient", {"resourceType": "Patient", "identifier": identifier})
    assert created.status == 201
    return str(created.json["id"])


def written(client: Client) -> set[str]:
    return {
        f"{kind}/{each['id']}/{each['meta']['versionId']}"
        for kind in ("DetectedIssue", "Communication", "Device", "AuditEvent")
        for each in client.search(kind)
    }


def test_what_was_received_before_is_not_news(
    tmp_path: Path, ward: AlarmReceiver, doctor: AlarmReceiver
) -> None:
    """A journal of an earlier bridge: its readings raise no alarms now."""
    config = configured(tmp_path, ward, doctor)
    with BridgeProcess(config) as bridge, ByHand(bridge.address) as by_hand:
        by_hand.ask(pulse("1", "70", 1))
    with journal(config) as connection:
        connection.executescript(
            "DROP TABLE errand; DROP TABLE notice; DROP TABLE alarm; DROP TABLE heard;"
            "DROP TABLE watched; DROP TABLE assignment; DROP TABLE followed;"
            "UPDATE entry SET raw = CAST(replace(raw, '|70|', '|170|') AS BLOB);"
            "PRAGMA user_version = 2"
        )
    with BridgeProcess(config) as bridge, ByHand(bridge.address) as by_hand:
        by_hand.ask(pulse("2", "180", 2))
        (told,) = ward.wait_for("started")
    assert told["alarm"]["started"] == "2026-01-01T12:00:02+00:00"
