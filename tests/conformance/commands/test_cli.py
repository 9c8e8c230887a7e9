"""The command line: exit codes, who gets credentials, what a wrong word is answered with."""

import base64
import json
import os
import re
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fhirserver.model.json import parse_json
from fhirserver_conformance.cli import COMMANDS, main
from fhirserver_conformance.script.discover import read_suite
from fhirserver_conformance.suites import SUITES
from tests.conformance.login import keys
from tests.conformance.login.authorization_server import AuthorizationServer
from tests.conformance.lying_server import LyingServer, Received, Wire, answer, lying_server
from tests.waiting import wait_for

METADATA = {
    "resourceType": "CapabilityStatement",
    "status": "active",
    "date": "2026-01-01",
    "kind": "instance",
    "fhirVersion": "4.0.1",
    "format": ["json"],
    "rest": [
        {
            "mode": "server",
            "resource": [
                {"type": "Substance", "interaction": [{"code": "read"}, {"code": "create"}]}
            ],
        }
    ],
}
JSON = {"Content-Type": "application/fhir+json"}
HANGS = "/fhir/Substance/hangs"
SECRET = "s3cret.token"


def tell(request: Received, wire: Wire) -> None:
    """Answer every address but one."""
    if request.target == HANGS:
        wire.hang()
    wire.send(answer(200, json.dumps(METADATA).encode(), JSON))


@pytest.fixture(scope="module")
def opened() -> Iterator[LyingServer]:
    with lying_server(tell) as running:
        yield running


@pytest.fixture
def told(opened: LyingServer) -> LyingServer:
    """A server whose list of requests is empty."""
    opened.received.clear()
    return opened


@pytest.fixture
def base(told: LyingServer) -> str:
    return f"{told.origin}/fhir"


def script(name: str, code: str, destination: int = 1, **expected: Any) -> bytes:
    """Write a TestScript that reads the metadata and expects a status."""
    operation = {
        "type": {"code": "capabilities"},
        "destination": destination,
        "encodeRequestUrl": True,
    }
    expectation = {"responseCode": code, "warningOnly": False, **expected}
    actions = [{"operation": operation}, {"assert": expectation}]
    return json.dumps(
        {
            "resourceType": "TestScript",
            "url": f"http://test.example/TestScript/{name}",
            "name": name,
            "status": "active",
            "test": [{"name": f"test of {name}", "action": actions}],
        }
    ).encode()


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """A folder with scripts that pass, fail, warn and are broken; beside it more."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "passes.json").write_bytes(script("Passes", "200"))
    (folder / "fails.json").write_bytes(script("Fails", "404"))
    (folder / "warns.json").write_bytes(script("Warns", "404", warningOnly=True))
    (tmp_path / "skips.json").write_bytes(script("Skips", "200", destination=2))
    (tmp_path / "asks.json").write_bytes(script("Asks", "${code}"))
    (folder / "broken.json").write_bytes(b'{"resourceType": "TestScript", "test": [')
    return folder


Run = Callable[..., int]


@pytest.fixture
def run(base: str, suite: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run scripts of the folder against the server; words name files of it by their stems."""
    monkeypatch.delenv("FHIR_CONFORMANCE_TOKEN", raising=False)

    def ran(*words: str) -> int:
        named = (f"{suite / word}.json" if (suite / f"{word}.json").exists() else word
                 for word in words)  # fmt: skip
        return main(["run", *named, "--base", base])

    return ran


@pytest.mark.parametrize(
    ("words", "code"),
    [
        pytest.param(("passes",), 0, id="all pass"),
        pytest.param(("passes", "fails"), 1, id="one fails"),
        pytest.param(("broken",), 1, id="one cannot be judged"),
        pytest.param(("warns",), 0, id="a warning"),
        pytest.param(("warns", "--fail-on", "warning"), 1, id="a warning that counts"),
        pytest.param(("passes", "--fail-on", "warning"), 0, id="no warning"),
        pytest.param(("{mine}", "--match", "mine/pass*"), 0, id="match by suite and file"),
        pytest.param(("passes", "fails", "--match", "F?ils"), 1, id="match by name"),
        pytest.param(("passes", "--parallel", "4", "--confine", "--quiet"), 0, id="other options"),
        pytest.param(("passes", "--fhirpath", "fhirpathpy"), 0, id="another engine"),
        pytest.param(("{mine}/../skips.json",), 2, id="nothing tried"),
        pytest.param(("passes", "{mine}/../skips.json"), 0, id="something tried"),
        pytest.param(("{mine}/../asks.json",), 1, id="a variable without a value"),
        pytest.param(
            ("{mine}/../asks.json", "--variable", "code=200"), 0, id="a variable of the run"
        ),
    ],
)
def test_exit_codes(words: tuple[str, ...], code: int, run: Run, suite: Path) -> None:
    assert run(*(word.format(mine=suite) for word in words)) == code


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(("nothere",), "none of our suites: interactions", id="no such suite"),
        pytest.param(("no/where",), "no/where: there is no such file or folder", id="no such path"),
        pytest.param(("passes", "--match", "x*"), "--match x*: none of 1 scripts fits", id="match"),
        pytest.param(("passes", "--report", "{mine}/passes.json"), "with --report", id="a file"),
        pytest.param(("passes", "--ca-file", "nowhere"), "nowhere: No such file", id="no CA"),
        pytest.param(
            ("passes", "--ca-file", "{mine}/fails.json"), "no certificate", id="CA is none"
        ),
        pytest.param(("passes", "--token", "two words"), "--token holds no bearer", id="no token"),
        pytest.param(("passes", "--token-file", "nowhere"), "nowhere: No such file", id="no file"),
        pytest.param(("passes", "--smart-client", "nowhere"), "nowhere: No such", id="no client"),
    ],
)
def test_what_cannot_start_says_why(
    words: tuple[str, ...],
    message: str,
    run: Run,
    told: LyingServer,
    suite: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The exit code is 2, and nothing was sent."""
    assert run(*(word.format(mine=suite) for word in words)) == 2
    written = capsys.readouterr()
    assert written.err.startswith("fhir-conformance run: ")
    assert message in written.err
    assert told.received == []


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        pytest.param("--base", "fhir.example/r4", "http://host/path", id="no scheme"),
        pytest.param("--base", "http://fhir.example:port/", "no address", id="no port"),
        pytest.param("--base", "http://user:pw@fhir.example/", "leave out", id="a user"),
        pytest.param("--base", "http://fhir.example/?a=b", "leave out", id="a query"),
        pytest.param("--timeout", "0", "between 0 and 3600", id="no time"),
        pytest.param("--timeout", "soon", "invalid", id="no number"),
        pytest.param("--parallel", "0", "from 1 to 64", id="none at a time"),
        pytest.param("--variable", "code", "NAME=VALUE", id="no value"),
        pytest.param("--variable", "=200", "NAME=VALUE", id="no name"),
        pytest.param("--validator", "x", "http://host/path", id="validator"),
        pytest.param("--fhirpath", "other", "invalid choice", id="no such engine"),
    ],
)
def test_options_are_checked(
    option: str, value: str, message: str, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        run("passes", option, value)
    assert end.value.code == 2
    assert message in capsys.readouterr().err


def test_results_go_to_standard_output_and_lines_to_standard_error(
    run: Run, suite: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(str(suite), "--report", str(tmp_path / "report")) == 1
    written = capsys.readouterr()
    assert written.out == (
        "suite  rate  passed  with a warning  skipped  failed  in error\n"
        "mine   50 %       1               1        0       1         1\n"
        f"reports: {tmp_path / 'report' / 'index.html'}\n"
    )
    assert [line.split()[:3] for line in written.err.splitlines() if "/4" in line] == [
        ["error", "1/4", "mine/broken.json"],
        ["fail", "2/4", "mine/fails.json"],
        ["pass", "3/4", "mine/passes.json"],
        ["warning", "4/4", "mine/warns.json"],
    ]
    lines = (tmp_path / "report" / "results.jsonl").read_bytes().splitlines()
    assert [parse_json(line)["verdict"] for line in lines] == ["error", "fail", "pass", "warning"]


@pytest.mark.parametrize(
    ("words", "variable"),
    [
        pytest.param(("--token", SECRET), "", id="--token"),
        pytest.param(("--token-file", "{folder}/token"), "", id="--token-file"),
        pytest.param((), SECRET, id="environment"),
        pytest.param(("--token", SECRET), "another", id="the command line wins"),
    ],
)
def test_credentials_go_to_the_first_server(
    words: tuple[str, ...], variable: str, run: Run, told: LyingServer, suite: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    if variable:
        monkeypatch.setenv("FHIR_CONFORMANCE_TOKEN", variable)
    (suite / "token").write_text(SECRET)
    second = json.loads(script("Second", "200"))
    second["test"][0]["action"][0]["operation"]["destination"] = 2
    (suite / "second.json").write_text(json.dumps(second))
    with lying_server(tell) as other:
        servers = ("--base", f"{told.origin}/fhir", "--base", f"{other.origin}/fhir")
        files = (str(suite / "second.json"), str(suite / "passes.json"))
        assert main(["run", *files, *servers, *(word.format(folder=suite) for word in words)]) == 0
        assert {each.headers.get("authorization") for each in other.received} == {None}
    assert {each.headers.get("authorization") for each in told.received} == {f"Bearer {SECRET}"}


def test_a_smart_client_logs_in(suite: Path) -> None:
    """The FHIR server names its authorization server; the run goes on with that one's token."""
    client = {"flow": "backend-services", "client_id": "P-384", "scope": "system/*.rs"}
    (suite / "key").write_bytes(keys.pem("P-384"))
    file = suite / "client.jsonc"
    file.write_text(json.dumps({**client, "private_key_file": "key", "key_id": "key-1"}))
    with AuthorizationServer(time.time, {"P-384": keys.key("P-384")}) as authority:

        def names_it(request: Received, wire: Wire) -> None:
            if request.target == "/fhir/.well-known/smart-configuration":
                wire.send(answer(200, json.dumps(authority.configuration()).encode(), JSON))
            else:
                tell(request, wire)

        with lying_server(names_it) as told:
            words = ("--base", f"{told.origin}/fhir", "--smart-client", str(file))
            assert main(["run", str(suite / "passes.json"), *words]) == 0
            assert told.received[-1].headers["authorization"] == "Bearer token-0"
            words = ("--base", f"{told.origin}/fhir", "--export", str(suite / "out"))
            assert main(["suites", "rest", *words, "--smart-client", str(file)]) == 0
            assert told.received[-1].headers["authorization"] == "Bearer token-1"


def test_credentials_are_not_shown(
    run: Run, suite: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("fails", "--token", SECRET, "--report", str(tmp_path / "report")) == 1
    files = [path for path in (tmp_path / "report").rglob("*") if path.is_file()]
    assert len(files) == 4
    page = (tmp_path / "report" / "index.html").read_text("utf-8")
    blocks = re.findall(r'<script type="text/plain" id="detail-0">(.*?)</script>', page)
    unpacked = [zlib.decompress(base64.b64decode(block)).decode() for block in blocks]
    assert "Authorization" in unpacked[0]
    shown = [*capsys.readouterr(), *(file.read_text("utf-8") for file in files), *unpacked]
    assert not any(SECRET in text for text in shown)


def test_a_run_that_is_told_to_end_reports_what_had_ended(
    base: str, suite: Path, tmp_path: Path
) -> None:
    """SIGTERM ends it as Ctrl-C does."""
    hanging = json.loads(script("Hangs", "200"))
    hanging["test"][0]["action"][0]["operation"] |= {"type": {"code": "read"}, "url": HANGS[5:]}
    (suite / "x-hangs.json").write_text(json.dumps(hanging))
    report = tmp_path / "report"
    words = ["run", str(suite), "--base", base, "--report", str(report), "--match", "*s.json"]
    process = subprocess.Popen(
        [sys.executable, "-m", "fhirserver_conformance.cli", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "mine/warns.json" in line:
            break
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "reports: " in out
    lines = [parse_json(line) for line in (report / "results.jsonl").read_bytes().splitlines()]
    assert [line["script"] for line in lines][:3] == ["fails.json", "passes.json", "warns.json"]


def test_a_second_signal_ends_a_run_at_once(opened: LyingServer, suite: Path) -> None:
    """The script under way waits for an answer, which a first signal gives some seconds."""
    hanging = json.loads(script("Hangs", "200"))
    hanging["test"][0]["action"][0]["operation"] |= {"type": {"code": "read"}, "url": HANGS[5:]}
    (suite / "hangs.json").write_text(json.dumps(hanging))
    opened.received.clear()
    words = ["run", str(suite / "hangs.json"), "--base", f"{opened.origin}/fhir"]
    command = [sys.executable, "-m", "fhirserver_conformance.cli", *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    wait_for(lambda: HANGS in [each.target for each in opened.received])
    process.send_signal(signal.SIGTERM)
    wait_for(lambda: process.send_signal(signal.SIGINT) or process.poll())
    out, _ = process.communicate()
    assert (process.returncode, out) == (130, b""), "nothing is reported any more"


def test_a_header_goes_along_and_stays_out_of_reports(
    told: LyingServer, run: Run, tmp_path: Path
) -> None:
    words = ("--header", f"X-Gateway-Key: {SECRET}", "--report", str(tmp_path / "report"))
    assert run("passes", *words) == 0
    assert {each.headers["x-gateway-key"] for each in told.received} == {SECRET}
    written = [file.read_text("utf-8") for file in (tmp_path / "report").rglob("*.json*")]
    assert written
    assert not any(SECRET in text for text in written)


def test_our_suites_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["suites"]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in listed] == [*SUITES]


def test_our_suites_can_be_written_down(
    base: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is written is a suite that can be read."""
    words = ["suites", "interactions", "--export", str(tmp_path), "--base", base]
    assert main(words) == 0
    written = read_suite(tmp_path / "interactions").scripts
    assert capsys.readouterr().out == f"{tmp_path / 'interactions'}: {len(written)} scripts\n"
    assert written


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(("other",), "other: none of our suites", id="no such suite"),
        pytest.param(("--export", "x"), "--export needs --base", id="no server"),
        pytest.param(
            ("rest", "--export", "x", "--base", "http://127.0.0.1:1"), "127.0.0.1:1", id="nobody"
        ),
    ],
)
def test_suites_that_are_not_to_be_had(
    words: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["suites", *words]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It has examples, and each of them is a command line that is understood."""
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])
    assert end.value.code == 0
    shown = capsys.readouterr().out
    assert f"  fhir-conformance {command}" in shown
