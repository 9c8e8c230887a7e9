"""The command `public`: all suites on a fresh server, and what it says where the table differs."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fhirserver_conformance.cli import main
from fhirserver_conformance.public.deviations import read_table
from fhirserver_conformance.public.suites import suites_in
from tests.server import ServerProcess

PATCHES = """\
<tests xmlns="http://hl7.org/fhir"><case name="{name}">
<input><Patient><birthDate value="1920-01-01"/></Patient></input>
<diff><Parameters/></diff>
<output><Patient><birthDate value="{year}-01-01"/></Patient></output>
</case></tests>
"""


def made_up(folder: Path, name: str, year: str) -> str:
    """A folder with one patch that changes nothing."""
    suite = folder / "patch"
    suite.mkdir()
    (suite / "fhir-patch-tests.xml").write_text(PATCHES.format(name=name, year=year))
    (suite / "json-patch-tests.json").write_text("[]")
    (suite / "xml-patch-tests.xml").write_text("<tests/>")
    return str(folder)


def test_every_public_suite_is_as_the_table_says(test_data: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "fhirserver_conformance.cli", "public"]
    options = ["--data", str(test_data), "--report", str(tmp_path), "--quiet"]
    ended = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "failures stand in the table of deviations" in ended.stdout
    assert (tmp_path / "index.html").exists()
    rows = [json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()]
    assert {row["suite"] for row in rows} == set(suites_in(test_data))
    assert len(rows) > 2500
    assert all(row["reason"] for row in rows if row["verdict"] != "pass")


def test_a_failure_without_a_row_is_named(
    server: ServerProcess, clean: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = made_up(tmp_path, "made up", "1921")
    assert main(["public", "--data", data, "--base", server.base, "--quiet"]) == 1
    said = capsys.readouterr().out
    assert "no row of the table of deviations: patch/fhir-patch-tests.xml: made up – became" in said


def test_a_row_whose_cases_pass_is_to_be_taken_off(
    server: ServerProcess, clean: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = next(each.case for each in read_table() if each.suite == "patch").partition(": ")[2]
    data = made_up(tmp_path, name, "1920")
    assert main(["public", "--data", data, "--base", server.base, "--quiet"]) == 1
    said = capsys.readouterr().out
    assert f"nothing of it fails: patch, fhir-patch-tests.xml: {name}" in said


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("<tests", "fhir-patch-tests.xml cannot be read"),
        (
            '<tests xmlns="http://hl7.org/fhir"><case name="x"><input/></case></tests>',
            "holds a case without a resource",
        ),
    ],
    ids=["no XML", "no resource"],
)
def test_a_broken_suite_is_a_failure(
    server: ServerProcess,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    content: str,
    message: str,
) -> None:
    data = made_up(tmp_path, "x", "1920")
    (tmp_path / "patch" / "fhir-patch-tests.xml").write_text(content)
    assert main(["public", "--data", data, "--base", server.base, "--quiet"]) == 1
    assert message in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param(["--data", "{empty}"], "does not hold any suite", id="no suite"),
        pytest.param(
            ["--data", "{data}", "--only", "patch", "nonsense"],
            "does not hold nonsense; it has patch",
            id="an unknown name",
        ),
        pytest.param(
            ["--data", "{data}", "--base", "http://127.0.0.1:9/fhir"],
            "gives no CapabilityStatement at /metadata",
            id="no server",
        ),
        pytest.param(
            ["--data", "{data}", "--report", "/dev/null/x"],
            "name a folder that can be written",
            id="no folder for reports",
        ),
    ],
)
def test_wrong_use(
    options: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data").mkdir()
    places = {"data": made_up(tmp_path / "data", "x", "1920"), "empty": str(tmp_path)}
    assert main(["public", *(each.format(**places) for each in options)]) == 2
    assert message in capsys.readouterr().err


def test_ctrl_c_ends_the_run_and_its_server(test_data: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "fhirserver_conformance.cli", "public"]
    running = subprocess.Popen(
        [*command, "--data", str(test_data), "--only", "candle-search", "inferno-us-core"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert running.stderr is not None
    assert running.stderr.readline()
    running.send_signal(signal.SIGINT)
    output, _ = running.communicate()
    assert running.returncode == 130
    assert b"candle-search" in output
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["candle-search", "tx-ecosystem", "ignixa"])
def test_the_page_of_results_names_the_suites(name: str) -> None:
    page = Path(__file__).parents[3] / "docs" / "conformance" / "results.md"
    assert f"| {name} |" in page.read_text("utf-8")
