"""docs/device-bridge.md names every command, option, key, default and metric of fhir-bridge.

Keys of devices with registers stand in docs/modbus.md, which names every key of their maps too;
those of analyzers in docs/laboratory-analyzers.md, those of devices that only speak, and of their
layouts,
in docs/serial-devices.md, those of alarms in docs/alarms.md.
"""

import argparse
import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import MISSING, fields
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from fhirserver_device_bridge.cli import COMMANDS
from fhirserver_device_bridge.config.alarm_settings import Channel
from fhirserver_device_bridge.config.settings import (
    Delivery,
    Desk,
    Following,
    JournalSettings,
    Listener,
    Poll,
    SerialLine,
    Server,
    Smart,
)
from fhirserver_device_bridge.metrics import COUNTERS, GAUGES

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "device-bridge.md").read_text("utf-8")
ALARMS = (ROOT / "docs" / "alarms.md").read_text("utf-8")
ANALYZERS = (ROOT / "docs" / "laboratory-analyzers.md").read_text("utf-8")
SPOKEN = (ROOT / "docs" / "serial-devices.md").read_text("utf-8")
MODBUS = (ROOT / "docs" / "modbus.md").read_text("utf-8")
SDC = (ROOT / "docs" / "sdc.md").read_text("utf-8")
_GROUPS = ("server", "journal", "delivery", "assignments", "metrics", "alarms", "sources")
_KEYS = tuple(f"| `{each}." for each in _GROUPS)
SCHEMA = json.loads((ROOT / "device_bridge" / "config" / "bridge.schema.json").read_bytes())


def section(title: str) -> str:
    """Give what stands below a heading, up to the next."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, title
    return found[1]


def module(command: str) -> ModuleType:
    return import_module(f"fhirserver_device_bridge.commands.{command.replace('-', '_')}")


@cache
def parser(command: str) -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog=command, exit_on_error=False)
    module(command).add_arguments(made)
    return made


def options(parser_: argparse.ArgumentParser) -> Iterator[str]:
    """Give the options of a command and of its steps."""
    for action in parser_._actions:
        yield from action.option_strings
        if isinstance(action, argparse._SubParsersAction):
            for step in action.choices.values():
                yield from options(step)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_documented(command: str) -> None:
    rows = [line.split("|")[1] for line in section(command).splitlines() if line[:1] == "|"]
    named = {each for row in rows for each in re.findall(r"--[a-z][a-z-]*", row)}
    assert named == set(options(parser(command))) - {"-h", "--help"}


def calls() -> list[str]:
    shown = [
        line
        for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
        for line in block.splitlines()
    ]
    for command in COMMANDS:
        examples = module(command).EXAMPLES.splitlines()
        shown += [re.split(r" {4,}", line.strip())[0] for line in examples if "fhir-bri" in line]
    return shown


@pytest.mark.parametrize("line", calls())
def test_command_lines_are_understood(line: str) -> None:
    program, command, *words = shlex.split(re.split(r" [|>] ", line)[0])
    assert program == "fhir-bridge"
    parser(command).parse_args(words)


def test_command_lines_are_found() -> None:
    """The test above cannot pass because it sees nothing."""
    assert len(calls()) > 12


def keys(schema: dict[str, Any], path: str) -> Iterator[str]:
    """Give the keys of the configuration, as the page writes them."""
    if "$ref" in schema:
        schema = SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]]
    inside = schema.get("properties", {})
    for name, each in inside.items():
        yield from keys(each, f"{path}.{name}" if path else name)
    if isinstance(schema.get("additionalProperties"), dict) and "propertyNames" in schema:
        yield from keys(schema["additionalProperties"], f"{path}.NAME")
    elif not inside or path.endswith(".tls"):
        yield path


def documented() -> dict[str, str]:
    # Of two pages that tell a key's default the last counts: analyzers have lines of their own.
    sections = (section("Configuration"), section("Logging in"))
    told = "\n".join((SPOKEN, ANALYZERS, *sections, MODBUS, SDC, ALARMS))
    rows = [line.split("|") for line in told.splitlines() if line.startswith(_KEYS)]
    return {row[1].strip().strip("`"): row[2].strip() for row in rows}


def test_every_key_is_documented() -> None:
    known = {each for each in keys(SCHEMA, "") if ".tls." not in each}
    groups = {each for each in documented() if any(key.startswith(f"{each}.") for key in known)}
    assert set(documented()) - groups == known


@pytest.mark.parametrize(
    ("prefix", "settings"),
    [
        ("server", Server),
        ("journal", JournalSettings),
        ("delivery", Delivery),
        ("assignments", Following),
        ("server.smart", Smart),
        ("metrics", Desk),
        ("alarms.channels.NAME", Channel),
        ("sources.NAME", Listener),
        ("sources.NAME", Poll),
        ("sources.NAME.serial", SerialLine),
    ],
)
def test_every_default_is_documented(prefix: str, settings: Any) -> None:
    for each in fields(settings):
        if each.default not in (MISSING, None) and f"{prefix}.{each.name}" in documented():
            shown = str(each.default).removesuffix(".0")
            assert documented()[f"{prefix}.{each.name}"] == shown


def test_every_key_of_a_register_map_is_documented() -> None:
    folder = ROOT / "device_bridge" / "protocols" / "modbus"
    schema = json.loads((folder / "layout.schema.json").read_bytes())
    known = {*schema["properties"], *schema["$defs"]["measure"]["properties"]}
    _, _, told = MODBUS.partition("## Register maps")
    told = told.partition("\n## ")[0]
    rows = [line.split("|")[1] for line in told.splitlines() if line.startswith("| `")]
    assert {each for row in rows for each in re.findall(r"`(\w+)`", row)} == known


def test_every_key_of_a_layout_of_lines_is_documented() -> None:
    folder = ROOT / "device_bridge" / "protocols" / "spoken"
    schema = json.loads((folder / "layout.schema.json").read_bytes())
    inside = {*schema["properties"]} - {"checksum"}
    inside |= {f"checksum.{each}" for each in schema["properties"]["checksum"]["properties"]}
    form = schema["$defs"]["form"]["properties"]
    inside |= {*form} - {"time"} | {f"time.{each}" for each in form["time"]["properties"]}
    known = inside | {*schema["$defs"]["measure"]["properties"]}
    _, _, told = SPOKEN.partition("## Layouts of lines")
    rows = [line.split("|")[1] for line in told.splitlines() if line.startswith("| `")]
    assert {each for row in rows for each in re.findall(r"`([a-z.]+)`", row)} == known


@pytest.mark.parametrize("kind", ["limit", "step"])
def test_every_key_of_a_limit_and_a_step_is_documented(kind: str) -> None:
    _, _, told = ALARMS.partition(f"| key of a {kind} |")
    rows = [line.split("|")[1] for line in told.partition("\n\n")[0].splitlines() if "`" in line]
    named = {each for row in rows for each in re.findall(r"`(\w+)`", row)}
    assert named == set(SCHEMA["$defs"][kind]["properties"])


def test_every_metric_is_documented() -> None:
    rows = [line.split("|")[1] for line in section("Metrics").splitlines() if line[:3] == "| `"]
    named = {each for row in rows for each in re.findall(r"`(\w+)`", row)}
    assert named == {*(f"{name}_total" for name in COUNTERS), *GAUGES}
