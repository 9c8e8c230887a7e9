"""Bits of registers that are alarms: what polls say of them. DEV-15, DEV-20."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fhirserver_device_bridge.config.document import ConfigError
from fhirserver_device_bridge.convert import convert
from fhirserver_device_bridge.hearing import Receipt, hear
from fhirserver_device_bridge.protocols.modbus.layouts import layout_of
from fhirserver_device_bridge.protocols.modbus.recording import Polled, Recording, write
from fhirserver_device_bridge.reading import Identifier
from fhirserver_device_bridge.source import Source

START = datetime(2026, 5, 4, 10, tzinfo=UTC)
ALARMS = "alarms: {0: {code: {code: '199680', display: MDC_EVT_APNEA}, priority: high, type: SP}"
MAP = f"""\
name: vent
version: '1'
bytes: little
measures:
- {{code: {{code: a, system: 'urn:a'}}, table: holding, address: 0, bytes: big,
   {ALARMS}, 9: {{code: {{code: leak, system: 'urn:a'}}}}}},
   bits: {{1: {{code: b, system: 'urn:a'}}}}}}
- {{code: {{code: a, system: 'urn:a'}}, table: discrete, address: 5, {ALARMS}}}}}
"""


def source(folder: Path, text: str = MAP) -> Source:
    (folder / "map.yaml").write_text(text, "utf-8")
    return Source("s", registers=str(folder / "map.yaml"), device=("urn:d", "V-7"))


def poll(second: int, holding: int | None, discrete: int = 0, *, stale: bool = False) -> bytes:
    """Write a poll; None for a register that is refused."""
    refused = Polled("holding", 0, exception=6)
    blocks = (
        refused if holding is None else Polled("holding", 0, (holding,)),
        Polled("discrete", 5, (discrete,)),
    )
    return write(Recording(START + timedelta(seconds=second), blocks, stale))


APNEA, LEAK, INPUT = (
    "bit|urn:d|V-7|holding.0.0",
    "bit|urn:d|V-7|holding.0.9",
    "bit|urn:d|V-7|discrete.5.0",
)


@pytest.mark.parametrize(
    ("polls", "said"),
    [
        pytest.param([poll(1, 0)], [], id="nothing: an end is told of what is open only"),
        pytest.param([poll(1, 1), poll(2, 1)], [(1, "start", APNEA)], id="told once"),
        pytest.param(
            [poll(1, 1), poll(2, 0), poll(3, 1)],
            [(1, "start", APNEA), (2, "end", APNEA), (3, "start", APNEA)],
            id="again",
        ),
        pytest.param(
            [poll(1, 0x201, 1), poll(2, 0x200, 0)],
            [
                (1, "start", APNEA),
                (1, "start", LEAK),
                (1, "start", INPUT),
                (2, "end", APNEA),
                (2, "end", INPUT),
            ],
            id="each of its own",
        ),
        pytest.param([poll(1, 2)], [], id="an answer is no alarm"),
        pytest.param(
            [poll(1, 1), poll(2, None), poll(3, 0, stale=True), poll(4, 0)],
            [(1, "start", APNEA), (4, "end", APNEA)],
            id="what is refused or stale says nothing",
        ),
        pytest.param([poll(1, 1, stale=True)], [], id="stale: no start either"),
    ],
)
def test_dev_15_starts_and_ends(
    tmp_path: Path, polls: list[bytes], said: list[tuple[int, str, str]]
) -> None:
    sender, open_ = source(tmp_path), set[str]()
    found = []
    for number, raw in enumerate(polls, 1):
        heard = hear(Receipt(raw, sender, START, number), (), open_)
        assert heard.devices == {Identifier("urn:d", "V-7")}
        found += [(number, each.phase, each.key) for each in heard.reports]
    assert found == said


def test_dev_15_what_is_open_after_a_restart_ends(tmp_path: Path) -> None:
    (report,) = hear(Receipt(poll(9, 0), source(tmp_path), START, 9), (), {APNEA}).reports
    assert (report.phase, report.at) == ("end", "2026-05-04T10:00:09.000+00:00")


def test_dev_15_what_an_alarm_says(tmp_path: Path) -> None:
    """A dry run shows it too; and no Observation is made of an alarm."""
    made = convert(poll(1, 1), source(tmp_path), START, 1)
    told = made.reports[0]
    assert [each.phase for each in made.reports] == ["start", "end", "end"]
    assert (told.kind, told.at) == ("device", "2026-05-04T10:00:01.000+00:00")
    condition = told.condition
    assert (condition.codes[0].code, condition.text) == ("199680", "MDC_EVT_APNEA")
    assert (condition.priority, condition.type, condition.state) == ("high", "SP", "active")
    assert condition.path[0].identifiers == (Identifier("urn:d", "V-7"),)
    assert condition.patient[0].value == "V-7"
    assert made.reports[1].condition.priority is None
    assert [each.codes[0].code for each in made.readings] == ["b"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(
            "table: input, address: 0, alarms: {16: {code: {code: x}}}", "within", id="bit"
        ),
        pytest.param(
            "table: coil, address: 0, alarms: {1: {code: {code: x}}}", "within", id="coil"
        ),
        pytest.param(
            "table: input, address: 0, bits: {3: {code: x}}, alarms: {3: {code: {code: y}}}",
            "an answer or an alarm",
            id="both",
        ),
        pytest.param(
            "table: input, address: 0, alarms: {3: {code: {code: y}, priority: urgent}}",
            "is not one of",
            id="priority",
        ),
    ],
)
def test_dev_20_alarms_that_cannot_be(tmp_path: Path, text: str, said: str) -> None:
    sender = source(
        tmp_path, f"name: a\nversion: '1'\nmeasures:\n- {{code: {{code: m}}, {text}}}\n"
    )
    with pytest.raises(ConfigError, match=f"map.yaml:4: .*{said}"):
        layout_of(sender.registers or "")
