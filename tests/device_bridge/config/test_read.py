"""A configuration is used as it says, or refused with the line at fault. DEV-29 for this file."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from fhirserver_device_bridge.config.document import ConfigError
from fhirserver_device_bridge.config.read import read_config
from fhirserver_device_bridge.config.settings import Bridge, Delivery, Desk, Smart

SMALLEST = """\
server:
  base: http://127.0.0.1:8080/fhir
journal:
  folder: journal
sources:
  icu:
    protocol: mllp
    listen: 127.0.0.1:2575
"""


def read(folder: Path, text: str) -> Bridge:
    file = folder / "bridge.yaml"
    file.write_text(text, "utf-8")
    return read_config(file)


def test_the_smallest(tmp_path: Path) -> None:
    bridge = read(tmp_path, SMALLEST)
    (listener,) = bridge.listeners
    assert bridge.server.base == "http://127.0.0.1:8080/fhir"
    assert bridge.journal.folder == tmp_path / "journal"
    assert (listener.host, listener.port, listener.tls) == ("127.0.0.1", 2575, None)
    assert listener.source.name == "icu"
    assert listener.size_limit_bytes == 16 * 1024 * 1024
    assert bridge.delivery == Delivery()
    assert bridge.desk is None


def test_everything(tmp_path: Path) -> None:
    bridge = read(
        tmp_path,
        """\
server: {base: "https://fhir.example/r4/", token_file: token, ca_file: /etc/ca.pem, timeout_s: 5}
journal: {folder: /var/j, retention_days: 7, minimum_free_bytes: 10, backlog_limit: 20}
delivery: {attempts: 3, longest_pause_s: 9, held_retry_s: 8}
metrics: {port: 9464}
sources:
  "icu-3.a":
    protocol: mllp
    listen: "[::1]:2575"
    tls: {certificate: c.pem, key: k.pem, client_ca: a.pem}
    size_limit_bytes: 2048
    connection_limit: 3
    idle_s: 60
    mapping: other
    character_set: LATIN1
    zone: Europe/Berlin
    acknowledgement: enhanced
    sentinels: ["-1", "-99.9"]
    waveform_s: 2.5
    systems: {Hospital: "urn:oid:1.2.3"}
""",
    )
    (listener,) = bridge.listeners
    source = listener.source
    assert bridge.server.base == "https://fhir.example/r4"
    assert bridge.server.token_file == tmp_path / "token"
    assert bridge.journal.folder == Path("/var/j")
    assert bridge.delivery == Delivery(3, 9, 8)
    assert bridge.desk == Desk(9464)
    assert listener.host == "::1"
    assert listener.tls is not None
    assert listener.tls.client_ca == tmp_path / "a.pem"
    assert source.mapping == str(tmp_path / "other")
    assert source.character_set == "iso8859-1"
    assert source.acknowledgement == "enhanced"
    assert source.sentinels == {"-1", "-99.9"}
    assert source.waveform_s == Decimal("2.5")
    assert source.systems == (("Hospital", "urn:oid:1.2.3"),)
    assert datetime(2026, 7, 1, tzinfo=source.zone).utcoffset() == timedelta(hours=2)


ANALYZER = """\
    protocol: astm
    serial: {port: ttyS0}
    specimen_component: 3
    device: {system: "urn:s", value: A7}
"""


def test_an_analyzer_on_a_serial_line(tmp_path: Path) -> None:
    bridge = read(tmp_path, SMALLEST[: SMALLEST.index("    protocol")] + ANALYZER)
    (heard,) = bridge.line_listeners
    assert (heard.line.port, heard.line.baud, heard.line.parity) == (
        tmp_path / "ttyS0",
        9600,
        "none",
    )
    assert (heard.source.specimen_component, heard.source.device) == (3, ("urn:s", "A7"))
    assert bridge.sources == (heard.source,)


def test_mappings_of_messages_are_names_or_files(tmp_path: Path) -> None:
    bridge = read(tmp_path, SMALLEST + "    messages: [ADT, maps/own.yaml]\n")
    assert bridge.sources[0].messages == ("ADT", str(tmp_path / "maps/own.yaml"))


SMART = "{client_id: b, key_file: k.pem, key_id: k1}"


def test_a_backend_service(tmp_path: Path) -> None:
    text = SMALLEST.replace("server:\n", f"server:\n  smart: {SMART}\n")
    expected = Smart("b", tmp_path / "k.pem", "k1", "system/*.cruds")
    assert read(tmp_path, text).server.smart == expected


def change(old: str, new: str) -> str:
    assert old in SMALLEST
    return SMALLEST.replace(old, new)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        pytest.param("", None, "not of type 'object'", id="empty"),
        pytest.param(change("base:", "url:"), 1, "'base' is a required property", id="missing"),
        pytest.param(change("http:", "ftp:"), 2, "does not match", id="no http"),
        pytest.param(change("folder: journal", "folder: 7"), 4, "not of type 'string'", id="type"),
        pytest.param(SMALLEST + "    colour: red\n", 9, "'colour' was unexpected", id="unknown"),
        pytest.param(change("mllp", "smtp"), 7, "sources.icu.protocol", id="protocol"),
        pytest.param(change("icu:", "'i c u':"), 6, "does not match", id="name of a source"),
        pytest.param(change(":2575", ":99999"), 8, "above 65535", id="port"),
        pytest.param(SMALLEST + "    zone: Mars/Base\n", 9, "no time zone", id="zone"),
        pytest.param(SMALLEST + "    zone: ../../etc/passwd\n", 9, "no time zone", id="zone path"),
        pytest.param(
            SMALLEST + "    character_set: runes\n", 9, "no character set", id="characters"
        ),
        pytest.param(SMALLEST + "    sentinels: [-1]\n", 9, "not of type 'string'", id="digits"),
        pytest.param(SMALLEST + "    waveform_s: 0.5\n", 9, "minimum of 1", id="waveform"),
        pytest.param(SMALLEST + "server: {base: x}\n", 9, "given twice", id="a key twice"),
        pytest.param(SMALLEST + "  icu: }\n", 9, "no YAML", id="no YAML"),
        pytest.param(
            change("server:\n", f"server:\n  token_file: t\n  smart: {SMART}\n"),
            2,
            "leave one away",
            id="two ways to log in",
        ),
        pytest.param(
            change("mllp", "astm") + "    serial: {port: ttyS0}\n",
            6,
            "valid under each of",
            id="two lines",
        ),
        pytest.param("a: !!python/name:os.system\n", 1, "no YAML", id="unsafe tag"),
    ],
)
def test_faults_name_their_line(tmp_path: Path, text: str, line: int | None, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    place = tmp_path / "bridge.yaml"
    assert str(caught.value).startswith(f"{place}:{line}: " if line else f"{place}: ")
    assert words in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_config(tmp_path / "none.yaml")


ALARMS = """\
alarms:
  limits:
    - {name: fast, code: "147842", unit: /min, low: "40", high: "150", reference: r,
       from_age: 28 d, to_age: 18 a, priority: medium, sources: [icu]}
  channels:
    ward: {webhook: "https://pager.example/a", secret_file: s}
  escalation: [{channels: [ward], after_s: 5, priority: low}]
metrics: {port: 0}
"""


def test_alarms(tmp_path: Path) -> None:
    alarms = read(tmp_path, SMALLEST + "    silence_s: 60\n" + ALARMS).alarms
    (limit,), (channel,), (step,) = alarms.limits, alarms.channels, alarms.escalation
    assert (limit.low, limit.high, limit.sources) == (Decimal(40), Decimal(150), {"icu"})
    assert [limit.holds_at(days) for days in (27.9, 28.0, 6574.4, 6574.5)] == [
        *(False, True, True, False)
    ]
    assert (channel.name, channel.secret_file, channel.attempts) == ("ward", tmp_path / "s", 8)
    assert (step.channels, step.after_s, step.priority) == (("ward",), 5, "low")


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        pytest.param("/min, low", "furlong/x, low", 11, "no unit of UCUM", id="unit"),
        pytest.param('low: "40"', 'low: "150"', 11, "above low", id="bounds"),
        pytest.param('low: "40", high: "150", ', "", 11, "valid under any", id="no-bound"),
        pytest.param(" reference: r,", "", 11, "'reference' is a required", id="no-reference"),
        pytest.param("28 d", "216 mo", 12, "above from_age", id="ages"),
        pytest.param("28 d", "28 years", 12, "does not match", id="unit-of-age"),
        pytest.param("[icu]", "[or]", 12, "no source 'or'", id="source"),
        pytest.param("https", "http", 14, "to this machine only", id="plain-http"),
        pytest.param("channels: [ward]", "channels: [bed]", 15, "no channel 'bed'", id="channel"),
        pytest.param("port: 0", "port: 0, host: 0.0.0.0", 16, "token_file and tls", id="open-port"),
    ],
)
def test_faults_of_alarms_name_their_line(
    tmp_path: Path, old: str, new: str, line: int, words: str
) -> None:
    assert old in ALARMS
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, SMALLEST + ALARMS.replace(old, new, 1))
    assert str(caught.value).startswith(f"{tmp_path / 'bridge.yaml'}:{line}: ")
    assert words in str(caught.value)


ASKED = """\
  {name}:
    protocol: modbus
    serial: {{port: ttyS0, baud: {baud}}}
    unit: {unit}
    registers: generic-monitor
    device: {{system: "urn:s", value: "{device}"}}
"""
FIRST = {"name": "first", "baud": 9600, "unit": 1, "device": "M1"}


def of_lines(*sources: dict[str, object]) -> str:
    head = SMALLEST[: SMALLEST.index("  icu:")]
    return head + "".join(ASKED.format(**FIRST | source) for source in sources)


def test_dev_20_devices_of_one_line_are_sources_with_the_same_line(tmp_path: Path) -> None:
    text = of_lines({}, {"name": "second", "unit": 2, "device": "M2"}, {"name": "again"})
    polls = read(tmp_path, text).polls
    assert len({each.line for each in polls}) == 1
    assert [each.unit for each in polls] == [1, 2, 1]
    assert {each.source.registers for each in polls} == {"generic-monitor"}


HEARD = """\
  lab:
    protocol: astm
    serial: {port: ttyS0}
    device: {system: "urn:s", value: A7}
"""


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        pytest.param(
            of_lines({}, {"name": "b", "unit": 2, "baud": 19200}),
            14,
            "source first has other settings of this port",
            id="settings",
        ),
        pytest.param(
            of_lines({}, {"name": "b", "device": "M2"}), 17, "is another device", id="unit"
        ),
        pytest.param(of_lines({}) + HEARD, 8, "source lab is heard on this port", id="heard"),
        pytest.param(
            of_lines({}).partition("  first:")[0] + HEARD + HEARD.replace("lab", "lab2"),
            12,
            "source lab is heard on this port",
            id="heard by two",
        ),
    ],
)
def test_dev_20_sources_must_agree_on_their_line(
    tmp_path: Path, text: str, line: int, said: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    assert f"bridge.yaml:{line}: " in str(caught.value)
    assert said in str(caught.value)
