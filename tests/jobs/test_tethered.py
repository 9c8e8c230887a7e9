"""A tethered command: bounded, without our secrets, and gone with whoever started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fhirserver.jobs.tethered import FILE_BYTES, Tethered
from tests.waiting import PATIENCE_S, wait_for

_CHILD = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {grandchild!r}]);"
_SAY = "import os; open('{name}.pid', 'w').write(str(os.getpid()) + '\\n');"
_WAIT = "import time; time.sleep(600)"
_STUBBORN = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN);"
TREE = _CHILD.format(grandchild=_SAY.format(name="grandchild") + _WAIT) + _SAY.format(name="child")

STARTER = """
import sys, time
from pathlib import Path
from fhirserver.jobs.tethered import Tethered
tool = Tethered((sys.executable, "-c", sys.argv[1]), Path(sys.argv[2]), "messages.txt")
time.sleep(600)
"""


def python(code: str, folder: Path) -> Tethered:
    return Tethered((sys.executable, "-c", code), folder, "messages.txt")


def pid(folder: Path, name: str) -> int:
    path = folder / f"{name}.pid"
    wait_for(lambda: path.exists() and path.read_text().endswith("\n"))
    return int(path.read_text())


def alive(number: int) -> bool:
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("habit", ["", _STUBBORN], ids=["obedient", "ignores-the-request"])
def test_nothing_is_left_after_an_end(
    tmp_path: Path, habit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fhirserver.jobs.tethered._PATIENCE_S", 0.5)
    tool = python(habit + TREE + _WAIT, tmp_path)
    pids = [pid(tmp_path, name) for name in ("child", "grandchild")]
    assert tool.wait(0) is None
    tool.end()
    wait_for(lambda: not any(map(alive, pids)))


def test_nothing_is_left_when_the_starter_is_killed(tmp_path: Path) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    starter = subprocess.Popen([sys.executable, "-c", STARTER, TREE + _WAIT, str(folder)])
    pids = [pid(folder, name) for name in ("child", "grandchild")]
    assert all(map(alive, pids))
    starter.send_signal(signal.SIGKILL)
    starter.wait()
    wait_for(lambda: not any(map(alive, pids)))
    assert not folder.exists()


def test_a_command_may_clean_up_before_it_ends(tmp_path: Path) -> None:
    code = (
        _SAY.format(name="child") + "import time\n"
        "try: time.sleep(600)\n"
        "except KeyboardInterrupt: open('cleaned', 'w').close()"
    )
    tool = python(code, tmp_path)
    pid(tmp_path, "child")
    tool.end()
    assert (tmp_path / "cleaned").exists()


def test_the_exit_code_and_the_messages_are_kept(tmp_path: Path) -> None:
    tool = python("import sys; sys.stderr.write('why'); sys.exit(7)", tmp_path)
    assert tool.wait(PATIENCE_S) == 7
    tool.end()
    assert (tmp_path / "messages.txt").read_text() == "why"


def test_no_secret_is_in_its_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FHIRSERVER_DATABASE_URL", "postgresql://u:secret@h/d")
    monkeypatch.setenv("PGPASSWORD", "secret")
    tool = python("import os, sys; sys.stderr.write(repr(dict(os.environ)))", tmp_path)
    assert tool.wait(PATIENCE_S) == 0
    tool.end()
    said = (tmp_path / "messages.txt").read_text()
    assert "PATH" in said
    assert "secret" not in said


@pytest.mark.parametrize(
    "code",
    [
        pytest.param(
            f"with open('big', 'wb') as big: big.write(bytes({FILE_BYTES + 1}))", id="file"
        ),
        pytest.param(
            "bytearray(3 * 1024**3)",
            id="memory",
            marks=pytest.mark.skipif(sys.platform != "linux", reason="counted on Linux only"),
        ),
    ],
)
def test_bounds(tmp_path: Path, code: str) -> None:
    tool = python(code, tmp_path)
    assert tool.wait(PATIENCE_S) not in (None, 0)
    tool.end()
    assert not (tmp_path / "big").exists() or (tmp_path / "big").stat().st_size <= FILE_BYTES


def test_it_starts_in_its_folder_with_nothing_to_read(tmp_path: Path) -> None:
    tool = python("import os, sys; sys.stderr.write(os.getcwd() + sys.stdin.read())", tmp_path)
    assert tool.wait(PATIENCE_S) == 0
    tool.end()
    assert (tmp_path / "messages.txt").read_text() == os.path.realpath(tmp_path)
