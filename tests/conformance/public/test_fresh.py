"""A fresh server: it is empty, knows none of our settings, and is gone afterwards."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fhirserver_conformance.public import fresh
from fhirserver_conformance.public.fresh import ServerError, fresh_server
from fhirserver_conformance.public.guard import environment
from fhirserver_conformance.transport import Request, Transport
from tests.waiting import wait_for

HOLD = """
import sys
from fhirserver_conformance.public.fresh import fresh_server
with fresh_server() as base:
    print(base, flush=True)
    sys.stdin.read()
"""


def answers(base: str) -> bool:
    transport = Transport(timeout_s=60)
    try:
        return transport.send(Request("GET", f"{base}/metadata")).status == 200
    finally:
        transport.close()


def test_nothing_is_left_when_the_command_is_killed(tmp_path: Path) -> None:
    command = subprocess.Popen(
        [sys.executable, "-c", HOLD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "TMPDIR": str(tmp_path), "FHIRSERVER_DATABASE_URL": "postgresql://no"},
    )
    assert command.stdout is not None
    base = command.stdout.readline().decode().strip()
    assert answers(base)
    assert list(tmp_path.iterdir())
    command.send_signal(signal.SIGKILL)
    command.communicate()
    wait_for(lambda: not list(tmp_path.iterdir()))
    assert not answers(base)


def test_settings_of_the_caller_do_not_reach_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FHIRSERVER_DATABASE_URL", "postgresql://in.use")
    monkeypatch.setenv("LANG", "C.UTF-8")
    found = environment()
    assert "FHIRSERVER_DATABASE_URL" not in found
    assert found["LANG"] == "C.UTF-8"


def test_a_server_that_does_not_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fresh, "_GUARD", (sys.executable, "-c", "raise SystemExit('no room')"))
    with pytest.raises(ServerError, match="did not start: no room"), fresh_server():
        pass
