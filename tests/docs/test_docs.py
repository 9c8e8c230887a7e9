"""The documentation names everything there is, and nothing that is not.

Settings, commands, options, modifiers, prefixes, limits, errors: each stands in `docs/`. Shell
lines are parsed by the real argument parsers, relative links lead somewhere, and the tests that
`docs/requirements.md` names exist.
"""

import argparse
import ast
import re
import shlex
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

from fhirserver import errors
from fhirserver.cli import COMMANDS, INTERNAL_COMMANDS, load_command
from fhirserver.config import RANGES, Settings
from fhirserver.fhirpath.compiler import FUNCTIONS
from fhirserver.http.binary_upload import LengthRequiredError
from fhirserver.interactions.patch_formats import PATCH_FORMATS
from fhirserver.operations import OPERATIONS
from fhirserver.search.context import Limits
from fhirserver.search.criteria import COLUMNS
from fhirserver.search.params.prefix import PREFIXES
from fhirserver.search.results import RESULT_PARAMETERS

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    (*ROOT.glob("docs/**/*.md"), *(ROOT / name for name in ("README.md", "CONTRIBUTING.md")))
)
EVERY_COMMAND = (*COMMANDS, *INTERNAL_COMMANDS)
TYPES = (
    "string", "token", "date", "number", "quantity", "reference", "uri", "composite", "special",
)  # fmt: skip
OF_TESTS = {"FHIRSERVER_TEST_DATA", "FHIRSERVER_ORACLE_EXAMPLES", "FHIRSERVER_FUZZ_REQUESTS"}
"""Variables that the tests read, not the server."""
NOBODY_RAISES = {401}
"""Statuses that the tree of errors holds ready."""
REQUIRED = {
    "STO": {f"{number:02}" for number in range(1, 16)},
    "SEA": {f"{number:02}" for number in range(1, 17)} - {"15"},
    "REL": {"01", "02", "03", "04", "05", "06", "07"},
    "VAL": {"01", "02"},
    "UCM": {"01"},
    "FP": {"01"},
    "UX": {"01"},
    "PER": {"03"},
    "DEV": {f"{number:02}" for number in range(1, 32)},
    "CON": {"01", "02", "03", "04", "05", "06", "07"},
    "SEC": {"S1", "S2", "S3", "S4", "S5", "S6", "S7", "S8"}
    | {f"E{number}" for number in range(20)}
    | {"E21", "E23", "E24", "E25", "O2", "N2", "N5"}
    | {"U1", "U2", "U3", "U4", "U5", "A8", "A9", "X6"}
    | {"B1", "B2", "B3", "B4", "B5", "B6", "B7", "E20", "G1", "G3", "T2", "O3", "X1"}
    | {"D1", "D2", "D3", "D4", "D5", "D6", "A1", "A2", "A3", "A4", "A5", "A6", "A7", "A10"}
    | {"L1", "L2", "L3", "L4", "L5", "L6", "T1", "T3", "R1", "R2", "R3", "R4", "R5"}
    | {"I1", "I2", "O1", "E26", "K1"}
    | {"T10", "T11", "T12", "T13", "N4", "N6"}
    | {"I3", "N7"},
}


@cache
def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text("utf-8")


def section(name: str, title: str) -> str:
    """Give what stands below a heading, up to the next one of its rank or above."""
    match = re.search(rf"^(#+) {re.escape(title)}$", page(name), re.MULTILINE)
    assert match, f"docs/{name} has no heading {title!r}"
    rest = page(name)[match.end() :]
    following = re.search(rf"^#{{1,{len(match[1])}}} ", rest, re.MULTILINE)
    return rest[: following.start()] if following else rest


def rows(text: str) -> list[list[str]]:
    """Give the cells of every table row; an escaped bar is no border."""
    lines = (line for line in text.splitlines() if line.startswith("|") and "---" not in line)
    return [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().removesuffix("|"))[1:]]
        for line in lines
    ]


def marked(text: str, pattern: str) -> set[str]:
    """Find what is written as code and fits."""
    return set(re.findall(rf"`({pattern})`", text))


@pytest.mark.parametrize("field", fields(Settings), ids=lambda field: field.name)
def test_every_setting_is_documented_with_its_default(field: object) -> None:
    name, default = field.name, field.default  # type: ignore[attr-defined]
    found = [row for row in rows(page("settings.md")) if f"`FHIRSERVER_{name.upper()}`" in row[0]]
    assert len(found) == 1, "one row in docs/settings.md"
    if name in ("public_url", "data_dir"):
        return  # made of something else
    shown = str(default).lower() if isinstance(default, bool) else str(default).removesuffix(".0")
    assert shown in found[0][1:3]
    if name in RANGES:
        assert "{} to {}".format(*RANGES[name]) in found[0][-1]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_variable_named_is_a_setting(path: Path) -> None:
    settings = {f"FHIRSERVER_{field.name.upper()}" for field in fields(Settings)}
    assert set(re.findall(r"FHIRSERVER_[A-Z_]+\b", path.read_text("utf-8"))) <= settings | OF_TESTS


@cache
def parser(command: str) -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog=command, exit_on_error=False)
    load_command(command).add_arguments(made)
    return made


def options(command: str) -> set[str]:
    """Give the options that `--help` shows."""
    return set(options_of(parser(command))) - {"-h", "--help"}


def options_of(of: argparse.ArgumentParser) -> Iterator[str]:
    """Give the options of a parser and of the actions below it."""
    for action in of._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from options_of(below)
        elif action.help != argparse.SUPPRESS:
            yield from action.option_strings


@pytest.mark.parametrize("command", EVERY_COMMAND)
def test_every_command_is_documented_with_its_options(command: str) -> None:
    named = set(re.findall(r"`[^`]*?(--[a-z][a-z-]*)", section("commands.md", command)))
    for code in re.findall(r"`([^`\n]+)`", section("commands.md", command)):
        named |= set(re.findall(r"--[a-z][a-z-]*", code))
    assert options(command) <= named, "not documented"
    anywhere = {option for each in EVERY_COMMAND for option in options(each)} | {"--help"}
    assert named <= anywhere, "no option of any command"


def test_no_section_is_about_a_command_that_does_not_exist() -> None:
    assert set(re.findall(r"^## (.+)$", page("commands.md"), re.MULTILINE)) == set(EVERY_COMMAND)


def shell_lines() -> Iterator[tuple[str, str]]:
    """Give page and line of every shell line that calls the program, and those of `--help`."""
    for path in PAGES:
        for block in re.findall(r"```sh\n(.*?)```", path.read_text("utf-8"), re.DOTALL):
            for line in block.replace("\\\n", " ").splitlines():
                yield path.name, line
    for command in EVERY_COMMAND:
        examples = getattr(load_command(command), "EXAMPLES", "") or ""
        for line in re.sub(r"\\\n *", " ", examples).splitlines():
            if line.startswith("  fhirserver"):
                yield command, re.split(r" {4,}", line.strip())[0]


CALLS = [
    pytest.param(words, id=f"{source}: {' '.join(words)}")
    for source, line in shell_lines()
    for part in line.split("|")
    if "fhirserver " in part
    if (words := shlex.split(part, comments=True))
    if words[0].endswith("fhirserver")
]


@pytest.mark.parametrize("words", CALLS)
def test_shell_lines_are_commands_that_exist(words: list[str]) -> None:
    command, *arguments = words[1:]
    if command in ("--help", "--version"):
        return
    assert command in EVERY_COMMAND
    if "--help" not in arguments:
        parser(command).parse_args(arguments)


def test_shell_lines_are_found() -> None:
    """The test above cannot pass because it sees nothing."""
    assert len(CALLS) > 30


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_commands_in_the_text_exist(path: Path) -> None:
    for code in re.findall(r"`fhirserver ([a-z][^`\n]*)`", path.read_text("utf-8")):
        command, *arguments = code.split()
        assert command in EVERY_COMMAND, code
        named = {argument for argument in arguments if argument.startswith("--")}
        assert named <= options(command) | {"--help"}, code


@pytest.mark.parametrize("type_name", TYPES)
def test_every_modifier_and_prefix_is_documented(type_name: str) -> None:
    (row,) = (row for row in rows(section("search.md", "Parameter types")) if row[0] == type_name)
    module = import_module(f"fhirserver.search.params.{type_name}")
    expected = {f":{modifier}" for modifier in (*module.MODIFIERS, "missing")}
    assert marked(row[1], r":[a-z-]+") == expected
    assert row[2] == ("all" if "split_prefix" in vars(module) or type_name == "quantity" else "")
    refused = section("search.md", "Not offered, or different from R4")
    for modifier in module.NOT_OFFERED:
        assert f"`:{modifier}`" in refused


def test_modifiers_of_columns_are_documented() -> None:
    line = "`_id` takes `:not`, and `_lastUpdated` only `:missing`."
    assert line in page("search.md")
    assert dict(COLUMNS) == {"_id": {"not"}, "_lastUpdated": set()}


def test_every_prefix_is_explained() -> None:
    cells = " ".join(row[0] for row in rows(section("search.md", "date")))
    assert set(re.findall(r"\b[a-z]{2}\b", cells)) - {"or"} == set(PREFIXES)


@pytest.mark.parametrize("parameter", sorted(RESULT_PARAMETERS - {"_format", "_pretty"}))
def test_every_result_parameter_is_documented(parameter: str) -> None:
    assert re.search(rf"`[^`]*{parameter}\b[^`]*`", page("search.md"))


@pytest.mark.parametrize("field", fields(Limits), ids=lambda field: field.name)
def test_every_limit_of_a_search_is_documented(field: object) -> None:
    numbers = {
        number.replace(",", "")
        for row in rows(section("search.md", "Limits"))
        for number in re.findall(r"[\d,]*\d", row[1])
    }
    assert str(field.default) in numbers  # type: ignore[attr-defined]


def test_every_status_is_documented() -> None:
    documented = {int(row[0]) for row in rows(section("writing.md", "Errors")) if row[0].isdigit()}
    raised = {LengthRequiredError.status} | {
        each.status
        for each in vars(errors).values()
        if isinstance(each, type) and issubclass(each, errors.FhirError)
    }
    assert documented == raised - NOBODY_RAISES - {500}


@pytest.mark.parametrize("name", [*PATCH_FORMATS, *(f"${code}" for code in OPERATIONS)])
def test_patch_formats_and_operations_are_documented(name: str) -> None:
    assert any(name in page(each) for each in ("writing.md", "fhirpath.md", "access.md"))


def test_every_function_of_fhirpath_is_documented() -> None:
    cells = [cell for row in rows(section("fhirpath.md", "Functions"))[1:] for cell in row[1:]]
    named = [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]
    assert sorted(named) == sorted({*FUNCTIONS, "as", "empty", "exists", "is", "ofType"})


def anchors(path: Path) -> set[str]:
    """Give the anchors of a page's headings, made as the usual viewers make them."""
    titles = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("path", [*PAGES, ROOT / "CHANGELOG.md"], ids=lambda path: path.name)
def test_relative_links_lead_somewhere(path: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", path.read_text("utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def requirements() -> list[list[str]]:
    return [row for row in rows(page("requirements.md")) if row[0] != "id"]


def test_every_requirement_has_a_row() -> None:
    named = {row[0].split(",")[0] for row in requirements()}
    assert named == {f"{group}-{each}" for group in REQUIRED for each in REQUIRED[group]}
    assert all(len(row) == 4 and row[1] and row[2] for row in requirements())


@pytest.mark.parametrize("row", requirements(), ids=lambda row: row[0])
def test_the_tests_that_requirements_name_exist(row: list[str]) -> None:
    named = marked(row[2], r"[a-z_0-9/]+\.py::[a-z_0-9]+")
    assert len(named) == row[2].count("`") // 2 > 0
    for each in named:
        file, _, function = each.partition("::")
        assert function in functions(ROOT / "tests" / file), each


@cache
def functions(path: Path) -> set[str]:
    tree = ast.parse(path.read_text("utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_page_is_in_the_index() -> None:
    index = page("README.md")
    for path in ROOT.glob("docs/*.md"):
        assert path.name == "README.md" or f"({path.name})" in index
