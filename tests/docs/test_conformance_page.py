"""docs/conformance.md names every command and option of fhir-conformance, and nothing else."""

import argparse
import re
import shlex
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from fhirserver_conformance.cli import COMMANDS
from fhirserver_conformance.engine.asserts import JUDGES
from fhirserver_conformance.login.bearer import VARIABLE
from fhirserver_conformance.login.client_file import _FIELDS, FLOWS
from fhirserver_conformance.report.page_data import BODY_LIMIT_BYTES

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "conformance.md").read_text("utf-8")
MADE_HERE = {"response_body"}
"""What public suites have and R4 has not."""


def section(title: str) -> str:
    """Give what stands below a heading, up to the next."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, title
    return found[1]


@cache
def parser(command: str) -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog=command, exit_on_error=False)
    module(command).add_arguments(made)
    return made


def module(command: str) -> ModuleType:
    return import_module(f"fhirserver_conformance.{COMMANDS[command][0]}")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_documented(command: str) -> None:
    options = {each for action in parser(command)._actions for each in action.option_strings}
    rows = [line.split("|")[1] for line in section(command).splitlines() if line[:1] == "|"]
    named = {each for row in rows for each in re.findall(r"--[a-z][a-z-]*", row)}
    assert named == options - {"-h", "--help"}


def calls() -> list[str]:
    shown = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
             for line in block.splitlines()]  # fmt: skip
    for command in COMMANDS:
        examples = module(command).EXAMPLES.splitlines()
        shown += [re.split(r" {4,}", line.strip())[0] for line in examples if "fhir-conf" in line]
    return shown


@pytest.mark.parametrize("line", calls())
def test_command_lines_are_understood(line: str) -> None:
    program, command, *words = shlex.split(line)
    assert program == "fhir-conformance"
    parser(command).parse_args(words)


def test_command_lines_are_found() -> None:
    """The test above cannot pass because it sees nothing."""
    assert len(calls()) > 12


@pytest.mark.parametrize("name", [*_FIELDS, *FLOWS, VARIABLE, f"{BODY_LIMIT_BYTES // 1024} KiB"])
def test_the_log_in_and_the_limit_are_documented(name: str) -> None:
    assert name in PAGE


@pytest.mark.parametrize("kind", sorted(JUDGES.keys() - MADE_HERE))
def test_every_assert_is_documented(kind: str) -> None:
    first, *rest = kind.split("_")
    name = first + "".join("URL" if each == "url" else each.title() for each in rest)
    assert f"`{name}`" in section("What is understood of TestScript")
