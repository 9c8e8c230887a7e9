"""The commands of `fhir-bridge`, in processes of their own, on journals that no bridge runs on."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fhirserver_device_bridge.cli import COMMANDS, main
from fhirserver_device_bridge.framing.mllp import block
from fhirserver_device_bridge.journal.changes import Arrival, append
from fhirserver_device_bridge.journal.journal import Journal
from fhirserver_device_bridge.journal.layout import FILE_NAME
from fhirserver_device_bridge.protocols.modbus.layouts import layout_of
from fhirserver_device_bridge.source import REGISTERS
from tests.device_bridge.bridge_process import command, configured
from tests.device_bridge.sender_by_hand import heart_rate, oru
from tests.device_bridge.v2fhir.feed import PID, message

NOWHERE = "http://127.0.0.1:9/fhir"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration whose journal has one entry that waits and one dead letter."""
    file = configured(tmp_path / "b", NOWHERE)
    journal = Journal(file.parent / "journal")
    for raw, refused in ((oru("1"), None), (b"noise", "no MSH")):
        arrival = Arrival("icu", "127.0.0.1:9", datetime.now(UTC), "1", raw, refused)
        journal.ask(append(arrival)).result()
    journal.close()
    return file


def run(*words: object) -> tuple[int, str, str]:
    done = command(*words)
    return done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8")


def test_help_lists_every_command() -> None:
    code, told, _ = run("--help")
    assert code == 0
    assert all(f"\n    {name}" in told for name in COMMANDS)


@pytest.mark.parametrize("words", ["run --config x", "status --config x", "maps"])
def test_without_its_extra_it_says_what_to_install(words: str) -> None:
    without = "import sys; sys.modules['yaml'] = None; from fhirserver_device_bridge import cli"
    script = f"{without}; sys.exit(cli.main({words.split()}))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert done.returncode == 2
    remedy = "it is of the extra bridge, pip install 'fhirserver[bridge]'"
    assert done.stderr.decode("utf-8") == f"fhir-bridge: yaml is not installed: {remedy}\n"


def test_status(config: Path) -> None:
    code, told, _ = run("status", "--config", config)
    head, row = (line.split("\t") for line in told.splitlines())
    assert code == 0
    assert head == ["source", "received", "held", "done", "dead", "replaced", "lag_s"]
    assert row[:6] == ["icu", "1", "0", "0", "1", "0"]
    assert float(row[6]) > 0


def test_verify_names_what_is_damaged(config: Path) -> None:
    assert run("journal", "verify", "--config", config)[:2] == (0, "the journal is whole\n")
    with closing(sqlite3.connect(config.parent / "journal" / FILE_NAME)) as hand, hand:
        hand.execute("UPDATE entry SET raw = x'00' WHERE id = 2")
    code, told, _ = run("journal", "verify", "--config", config)
    assert (code, told) == (1, "entry 2: its content is not what was received\n")


def test_replay_says_how_many(config: Path) -> None:
    told = "{} entries wait for delivery again\n".format
    assert run("journal", "replay", "--config", config)[:2] == (0, told(0))
    assert run("journal", "replay", "--dead", "--config", config)[:2] == (0, told(1))


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        pytest.param(("dead-letters", "show", 99), 1, "no entry 99", id="show: no such entry"),
        pytest.param(("dead-letters", "replay", 1), 1, "no dead letter", id="replay: not dead"),
        pytest.param(("dead-letters", "edit", 2, "none"), 2, "No such file", id="edit: no file"),
        pytest.param(("run", "--check"), 0, "", id="run --check"),
    ],
)
def test_refusals(config: Path, words: tuple[object, ...], code: int, said: str) -> None:
    exit_code, _, errors = run(*words, "--config", config)
    assert exit_code == code
    assert said in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize("name", ["status", "run"])
def test_a_bad_configuration_is_refused_with_its_line(config: Path, name: str) -> None:
    config.write_text(config.read_text("utf-8").replace("mllp", "smtp"), "utf-8")
    code, _, errors = run(name, "--config", config)
    assert code == 2
    assert f"{config}:7: sources.icu.protocol" in errors


def test_a_journal_that_is_not_there(tmp_path: Path) -> None:
    code, _, errors = run("status", "--config", configured(tmp_path, NOWHERE))
    assert code == 1
    assert "holds no journal" in errors


def test_convert_shows_message_readings_and_fhir(config: Path, tmp_path: Path) -> None:
    file = tmp_path / "two.hl7"
    adt = oru("2").replace(b"ORU^R01", b"ADT^A04")
    file.write_bytes(block(oru("1", heart_rate("70.0"))) + block(adt))
    words = ("convert", "--config", config, "--source", "icu", file)
    code, told, _ = run(*words)
    assert code == 1, "one of them cannot be charted"
    assert "  OBX|1|NM|147842^MDC_ECG_HEART_RATE^MDC|1.1.1.1|70.0|" in told
    reading = "  1.1.1.1  MDC_ECG_HEART_RATE  70.0  final  -  2026-01-01T12:00:00+00:00\n"
    assert f"readings\n{reading}" in told
    assert '"value": 70.0' in told
    code, lines, _ = run(*words, "--json")
    good, bad = map(json.loads, lines.splitlines())
    assert good["readings"][0]["value"]["text"] == "70.0"
    assert good["bundle"]["type"] == "transaction"
    assert "MSH-9" in bad["rejected"]


def test_convert_shows_what_a_mapping_makes_and_what_it_cannot(
    config: Path, tmp_path: Path
) -> None:
    text = config.read_text("utf-8")
    config.write_text(text.replace("    systems:", "    messages: [ADT]\n    systems:"), "utf-8")
    file = tmp_path / "adt.hl7"
    file.write_bytes(message("ADT^A01", PID.replace("HOSP", "Hospital"), "PV1|1|I"))
    words = ("convert", "--config", config, "--source", "icu", file)
    code, told, _ = run(*words)
    assert code == 0
    assert "omitted\n  no Encounter (encounter): PV1-19 is needed\n" in told
    assert '"resourceType": "Patient"' in told
    told = json.loads(run(*words, "--json")[1])
    assert told["omitted"] == ["no Encounter (encounter): PV1-19 is needed"]


def test_a_bad_mapping_of_messages_is_refused_with_its_line(config: Path, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("name: own\nversion: 1\n", "utf-8")
    text = config.read_text("utf-8")
    config.write_text(
        text.replace("    systems:", "    messages: [own.yaml]\n    systems:"), "utf-8"
    )
    code, _, errors = run("run", "--check", "--config", config)
    assert code == 2
    assert "own.yaml:" in errors


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(("--to", "nowhere"), "HOST:PORT", id="address"),
        pytest.param(("--to", "h:1", "--faults", "fire"), "slow, split", id="fault"),
        pytest.param(("--to", "h:1", "--start", "noon"), "no time", id="start"),
    ],
)
def test_simulate_refuses(words: tuple[str, ...], said: str) -> None:
    code, _, errors = run("simulate", "mllp", *words)
    assert code == 2
    assert said in errors


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(("--map", "nowhere.yaml"), "nowhere.yaml: cannot be read", id="map"),
        pytest.param(("--map", "generic-monitor", "--units", "1-"), "1,2,10-20", id="units"),
        pytest.param(("--map", "generic-monitor", "--units", "256"), "0 to 255", id="unit"),
        pytest.param(("--map", "generic-monitor", "--faults", "drop-ack"), "frozen", id="fault"),
        pytest.param(("--map", "generic-monitor", "--serial", "p"), "not allowed", id="both"),
    ],
)
def test_simulate_modbus_refuses(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    try:
        code = main(("simulate", "modbus", "--listen", "127.0.0.1:0", *words))
    except SystemExit as refused:
        code = int(refused.code or 0)
    assert code == 2
    assert said in capsys.readouterr().err


def test_dev_20_maps_that_are_shipped_are_listed_and_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is shown is a map: a source that names the file has the same."""
    assert main(("maps",)) == 0
    listed = capsys.readouterr().out
    assert [line.split()[0] for line in listed.splitlines()] == [*REGISTERS]
    for name in REGISTERS:
        own = tmp_path / f"{name}.yaml"
        assert main(("maps", name)) == 0
        own.write_text(capsys.readouterr().out, "utf-8")
        assert layout_of(str(own)).measures == layout_of(name).measures
